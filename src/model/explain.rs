//! Why a paragraph got its label: what each of its features adds to the scores.

use super::{Model, ModelError};
use crate::document::Paragraph;
use linfa_sparse_logistic::SparseRecords;
use std::sync::Arc;

/// How the features of the second stage are named, before their own name.
pub const AROUND: &str = "around: ";
/// How the opinion of the auxiliary model of the three labels is named.
pub const AUXILIARY: &str = "the auxiliary model of the three labels";

/// What one feature added to the score of each label.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Contribution {
    /// The feature: see [`Features::feature_name`](crate::features::Features::feature_name). Those of the second stage begin with `around: `.
    /// `the auxiliary model of the three labels` has half of the difference between its opinion and this model's.
    pub feature: String,
    /// What it added to the score of each label, in the order of [`Model::labels`].
    pub scores: Vec<f64>,
}

impl Model {
    /// Why the paragraph at `place` of `document` (given whole) got `label`: what each of its features adds to
    /// the scores, those first that speak most for or against the label compared with the mean of all. Where there
    /// is an auxiliary model, the scores are divided by [`ModelInfo::temperature`](super::ModelInfo) in the end.
    ///
    /// Empty if there is no such paragraph or label.
    ///
    /// # Errors
    /// When the features make no rows; never for a model that was loaded or trained.
    pub fn explain(
        self: &Arc<Self>,
        document: &[Paragraph<'_>],
        place: usize,
        label: usize,
    ) -> Result<Vec<Contribution>, ModelError> {
        let labels = self.labels().len();
        if place >= document.len() || label >= labels {
            return Ok(Vec::new());
        }
        let contribution = |feature: String, value: f64, weights: &[f32]| Contribution {
            feature,
            scores: weights.iter().map(|&weight| value * f64::from(weight)).collect(),
        };
        let rows = self.features().transform(document)?;
        let (columns, values) = rows.row(place);
        let mut found: Vec<Contribution> = columns
            .iter()
            .zip(values)
            .filter_map(|(&column, &value)| {
                let column = column as usize;
                let weights = self.linear().feature(column);
                Some(contribution(self.features().feature_name(column)?, value, weights))
            })
            .collect();
        if let Some(stacked) = self.stacked() {
            let window = stacked.window();
            let mut rows = SparseRecords::new(window.n_features(labels));
            let first_stage = self.first_stage(document);
            window.transform_into(&first_stage, labels, &mut rows).map_err(ModelError::Parts)?;
            let (columns, values) = rows.row(place);
            found.extend(columns.iter().zip(values).filter_map(|(&column, &value)| {
                let column = column as usize;
                let name = window.feature_name(column, self.labels())?;
                let weights = stacked.fitted().feature(column);
                Some(contribution(format!("{AROUND}{name}"), value, weights))
            }));
        }
        if let Some(auxiliary) = &self.auxiliary {
            let row = |probabilities: &[f32], labels: usize| {
                probabilities[place * labels..(place + 1) * labels].to_vec()
            };
            let own = Arc::new(Self { auxiliary: None, ..Self::clone(self) });
            let own = row(own.scorer().score(document).probabilities, labels);
            let own: Vec<f64> = own.into_iter().map(f64::from).collect();
            let three = &auxiliary.model;
            let three = row(three.scorer().score(document).probabilities, three.labels().len());
            found.push(Contribution {
                feature: AUXILIARY.to_owned(),
                scores: auxiliary.pool.adds(&own, &three),
            });
        }
        let says = |contribution: &Contribution| {
            let mean = contribution.scores.iter().sum::<f64>() / labels as f64;
            (contribution.scores[label] - mean).abs()
        };
        found.sort_by(|a, b| says(b).total_cmp(&says(a)).then_with(|| a.feature.cmp(&b.feature)));
        Ok(found)
    }
}
