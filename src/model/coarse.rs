//! A model of the three labels beside a fine one.
//!
//! Fine labels cost a model certainty where it matters most: names, descriptions and everything else are told
//! apart best by a model that has nothing else to tell apart, with as many terms as that can use. So a fine
//! model can carry such a model along, and what both think of the three labels is brought together by their
//! geometric mean (a logarithmic opinion pool with equal weights: Genest and Zidek, Statistical Science 1, 1986):
//!
//! ```text
//! p(label) ~ fine(label) * sqrt(coarse(three) / fine(three))      fine(three) = sum of fine(label) that become it
//! ```
//!
//! Among the labels that become the same one of the three, the odds stay those of the fine model.

use super::Model;
use super::solver::SolverError;
use crate::document::labels::{COLLAPSED_LABELS, collapse};
use std::sync::Arc;

/// Probabilities below this count as this: a model that is sure must not forbid what the other is sure of.
const LEAST: f64 = 1e-9;

/// The model of the three labels that a fine model has beside it.
#[derive(Debug, Clone)]
pub struct Coarse {
    model: Arc<Model>,
    /// For each fine label the place of that one of the three which it becomes, in the coarse model.
    places: Vec<usize>,
    temperature: f64,
}

impl Coarse {
    /// `model` beside a fine model of `labels`, whose joint scores are divided by `temperature`.
    ///
    /// # Errors
    /// When a label becomes one that the model does not know.
    pub(super) fn new(model: Arc<Model>, labels: &[String], temperature: f64) -> Result<Self, SolverError> {
        let place = |label: &String| {
            let three = collapse(label);
            model.labels().iter().position(|known| known == three).ok_or_else(|| {
                SolverError::Optimiser(format!("the model beside it does not know {three}, which {label} becomes"))
            })
        };
        let places = labels.iter().map(place).collect::<Result<_, _>>()?;
        Ok(Self { model, places, temperature })
    }

    /// The model of the three labels.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Replaces a document's fine probabilities, row-major (paragraphs x fine labels), by the mean of both
    /// opinions, where `coarse` (paragraphs x labels of the coarse model) is the other one.
    pub(super) fn agree(&self, fine: &mut [f64], coarse: &[f32]) {
        let labels = self.model.labels().len();
        for (fine, coarse) in fine.chunks_exact_mut(self.places.len()).zip(coarse.chunks_exact(labels)) {
            let mut factors = [0.0; COLLAPSED_LABELS.len()];
            self.places.iter().zip(&*fine).for_each(|(&place, p)| factors[place] += p);
            for (factor, &opinion) in factors.iter_mut().zip(coarse) {
                *factor = (f64::from(opinion).max(LEAST) / factor.max(LEAST)).sqrt();
            }
            self.places.iter().zip(&mut *fine).for_each(|(&place, p)| {
                *p = (*p * factors[place]).powf(1.0 / self.temperature);
            });
            let sum: f64 = fine.iter().sum();
            fine.iter_mut().for_each(|p| *p /= sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scorer::tests::{PRESETS, model, paragraphs};
    use proptest::prelude::*;

    fn named(mut model: Arc<Model>, labels: &[&str]) -> Arc<Model> {
        Arc::make_mut(&mut model).labels = labels.iter().map(|&label| label.to_owned()).collect();
        model
    }

    fn coarse(temperature: f64) -> Coarse {
        let document = paragraphs(&[("Amanita rubra".to_owned(), "\n")]);
        let three = named(model(PRESETS[0], &document, 3, 1, false), &COLLAPSED_LABELS);
        let fine = ["Key", "Nomenclature", "Description", "Figure"].map(str::to_owned);
        Coarse::new(three, &fine, temperature).expect("all known")
    }

    fn row(count: usize) -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(0.001_f64..1.0, count).prop_map(|row| {
            let sum: f64 = row.iter().sum();
            row.iter().map(|p| p / sum).collect()
        })
    }

    proptest! {
        #[test]
        fn the_mean_is_geometric_and_leaves_the_odds_within_one_of_the_three(
            before in row(4), three in row(3), temperature in 0.5_f64..2.0,
        ) {
            let three: Vec<f32> = three.iter().map(|&p| p as f32).collect();
            let mut after = before.clone();
            coarse(temperature).agree(&mut after, &three);
            prop_assert!((after.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            // Key and Figure are both Misc-exposition, the third of the three.
            let own = ((after[0] / after[3]).ln() - (before[0] / before[3]).ln() / temperature).abs();
            prop_assert!(own < 1e-6, "{own}");
            let odds = |a: f64, b: f64| (a / b).ln();
            let place = |label| COLLAPSED_LABELS.iter().position(|three| *three == label).expect("one of them");
            let (name, description) = (three[place("Nomenclature")], three[place("Description")]);
            let mean = f64::midpoint(odds(before[1], before[2]), odds(f64::from(name), f64::from(description)));
            prop_assert!((odds(after[1], after[2]) - mean / temperature).abs() < 1e-5);
        }
    }

    #[test]
    fn two_that_agree_are_left_as_they_are_and_no_zero_is_divided_by() {
        let mut fine = [0.1, 0.5, 0.2, 0.2];
        let mut three = [0.0; 3];
        for (place, p) in coarse(1.0).places.iter().zip(fine) {
            three[*place] += p as f32;
        }
        coarse(1.0).agree(&mut fine, &three);
        fine.iter().zip([0.1, 0.5, 0.2, 0.2]).for_each(|(found, p)| assert!((found - p).abs() < 1e-6));
        let mut fine = [0.0, 1.0, 0.0, 0.0];
        coarse(1.0).agree(&mut fine, &[0.0, 0.0, 0.0]);
        assert!(fine.iter().all(|p| p.is_finite()));
    }

    #[test]
    fn a_label_that_the_model_beside_does_not_know_is_refused() {
        let document = paragraphs(&[("Amanita rubra".to_owned(), "\n")]);
        let two = named(model(PRESETS[0], &document, 2, 1, false), &["Nomenclature", "Description"]);
        let error = Coarse::new(two, &["Key".to_owned()], 1.0).expect_err("unknown").to_string();
        assert!(error.contains("Key") && error.contains("Misc-exposition"), "{error}");
    }
}
