//! Leaving out paragraphs whose annotation is probably missing.
//!
//! Annotators differ in what they mark: one journal's reference lists are `Bibliography`, in another most of
//! them were left [`MISC_EXPOSITION`], the label of everything else; one volume has no `Page-header` at all,
//! though it has page headers. Trained on such text, a model learns that what it should find is nothing. So
//! each volume is first labelled by a model that has not seen it, and a paragraph of the label of everything
//! else of which that model is sure that it is something in particular is not trained on (confident
//! learning: Northcutt, Jiang and Chuang, JAIR 70, 2021, pruned by the model's confidence). Nothing is left out
//! of what a model is measured on.

use super::ModelError;
use crate::document::labels::MISC_EXPOSITION;
use serde::{Deserialize, Serialize};

/// How sure a model must be, and how it is fitted; part of a preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CleaningParams {
    /// A paragraph of the label of everything else is left out when another label has at least this probability.
    pub confidence: f64,
    /// How many models give the probabilities, each for the volumes it has not seen.
    #[serde(default = "default_folds")]
    pub folds: usize,
}

fn default_folds() -> usize {
    5
}

impl CleaningParams {
    /// Why these parameters are impossible, if they are.
    pub(super) fn check(&self) -> Result<(), ModelError> {
        if !(0.5..1.0).contains(&self.confidence) {
            return Err(ModelError::setting(
                "cleaning.confidence",
                self.confidence,
                "at least 0.5 and below 1",
            ));
        }
        if self.folds < 2 {
            return Err(ModelError::setting("cleaning.folds", self.folds, "at least 2"));
        }
        Ok(())
    }

    /// Sets the weight of doubtful rows to zero, out of `probabilities`, row-major (rows x `labels`), and
    /// their `targets`. How many there were.
    pub(super) fn clean(
        &self,
        labels: &[String],
        targets: &[usize],
        probabilities: &[f64],
        weights: &mut [f32],
    ) -> usize {
        let Some(everything_else) = labels.iter().position(|label| label == MISC_EXPOSITION) else {
            return 0;
        };
        let rows = probabilities.chunks_exact(labels.len().max(1)).zip(targets).zip(weights);
        let mut left_out = 0;
        for ((row, &target), weight) in rows {
            let sure = |(label, &p): (usize, &f64)| label != everything_else && p >= self.confidence;
            if target == everything_else && *weight > 0.0 && row.iter().enumerate().any(sure) {
                *weight = 0.0;
                left_out += 1;
            }
        }
        left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_something_else_is_left_out() {
        let labels = ["Misc-exposition", "Key"].map(str::to_owned);
        let params = CleaningParams { confidence: 0.8, folds: 2 };
        let mut weights = [1.0, 1.0, 1.0, 0.0];
        let probabilities = [0.1, 0.9, 0.3, 0.7, 0.1, 0.9, 0.0, 1.0];
        assert_eq!(params.clean(&labels, &[0, 0, 1, 0], &probabilities, &mut weights), 1);
        assert_eq!(weights, [0.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn impossible_parameters_are_refused() {
        let params = CleaningParams { confidence: 0.8, folds: 2 };
        assert!(params.check().is_ok());
        assert!(CleaningParams { confidence: 1.0, ..params.clone() }.check().is_err());
        assert!(CleaningParams { confidence: f64::NAN, ..params.clone() }.check().is_err());
        assert!(CleaningParams { folds: 1, ..params }.check().is_err());
    }
}
