//! The second stage: a classifier over the first one's probabilities in a [`ContextWindow`].

use super::ModelError;
use super::context_window::{ContextWindow, Window};
use linfa_sparse_logistic::{FittedSparseLogisticRegression, softmax};

/// A fitted second stage.
#[derive(Debug, Clone, PartialEq)]
pub struct StackedClassifier {
    window: ContextWindow,
    fitted: FittedSparseLogisticRegression<f32, usize>,
}

/// Scratch for [`StackedClassifier::predict`].
#[derive(Debug, Default)]
pub(super) struct StackedScratch {
    window: Window,
    before: Vec<f64>,
}

impl StackedClassifier {
    /// A second stage out of its parts; its classes are indices into the model's labels.
    ///
    /// # Errors
    /// When `fitted` has other features than `window` makes.
    pub(super) fn new(
        window: ContextWindow,
        fitted: FittedSparseLogisticRegression<f32, usize>,
    ) -> Result<Self, ModelError> {
        let labels = fitted.classes().len();
        let features = window.n_features(labels);
        if labels < 2 || fitted.n_features() != features {
            return Err(ModelError::Invalid(format!(
                "a second stage with {labels} labels and {} features, where its context window has {features}",
                fitted.n_features()
            )));
        }
        Ok(Self { window, fitted })
    }

    /// What it sees.
    #[must_use]
    pub fn window(&self) -> &ContextWindow {
        &self.window
    }

    /// Its linear model, over the columns of the window; its classes are indices into the model's labels.
    #[must_use]
    pub fn fitted(&self) -> &FittedSparseLogisticRegression<f32, usize> {
        &self.fitted
    }

    /// Replaces a document's probabilities, row-major (paragraphs x labels), by those of the second stage.
    pub(super) fn predict(&self, probabilities: &mut [f64], scratch: &mut StackedScratch) {
        let k = self.fitted.classes().len();
        let StackedScratch { window, before } = scratch;
        before.clear();
        before.extend_from_slice(probabilities);
        window.read(before, k);
        for (place, scores) in probabilities.chunks_exact_mut(k).enumerate() {
            scores.copy_from_slice(self.fitted.intercept());
            self.window.visit(window, before, k, place, |column, value| {
                self.fitted.add_feature(column, value, scores);
            });
            softmax(scores);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linfa_sparse_logistic::SparseRecords;
    use proptest::prelude::*;

    fn window() -> ContextWindow {
        ContextWindow { neighbours: 2, means: vec![3], l2: 1.0, folds: 2, fold_iterations: 9 }
    }

    proptest! {
        #[test]
        fn its_probabilities_are_those_of_its_linear_model_on_the_transformed_rows(
            k in 2_usize..6, seed in prop::collection::vec(0.01_f64..1.0, 0..60), salt in 0_u32..1000,
        ) {
            let mut probabilities: Vec<f64> = seed[..seed.len() / k * k].to_vec();
            probabilities.chunks_exact_mut(k).for_each(|row| {
                let sum: f64 = row.iter().sum();
                row.iter_mut().for_each(|p| *p /= sum);
            });
            let features = window().n_features(k);
            let weight = |i: usize| ((i as u32).wrapping_mul(2_654_435_761).wrapping_add(salt) % 1000) as f32 / 500.0 - 1.0;
            let weights: Vec<f32> = (0..features * k).map(weight).collect();
            let intercept: Vec<f64> = (0..k).map(|label| label as f64 / 7.0).collect();
            let fitted =
                FittedSparseLogisticRegression::from_parts(weights, intercept, (0..k).collect()).expect("a model");
            let mut rows = SparseRecords::new(features);
            window().transform_into(&probabilities, k, &mut rows).expect("rows");
            let expected = fitted.predict_probabilities(&rows);
            let stacked = StackedClassifier::new(window(), fitted).expect("a second stage");
            stacked.predict(&mut probabilities, &mut StackedScratch::default());
            for (found, expected) in probabilities.iter().zip(expected.iter()) {
                prop_assert!((found - expected).abs() < 1e-9, "{found} {expected}");
            }
        }
    }

    #[test]
    fn a_model_of_another_window_is_refused() {
        let fitted = FittedSparseLogisticRegression::from_parts(vec![0.0; 4], vec![0.0; 2], vec![0, 1]);
        assert!(StackedClassifier::new(window(), fitted.expect("a model")).is_err());
    }
}
