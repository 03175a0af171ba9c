//! The fit by stochastic gradient descent with a step size for each weight (AdaGrad).

use crate::classes::Classes;
use crate::{
    Error, FittedSparseLogisticRegression, SparseRecords, StochasticLogisticRegressionValidParams, softmax,
};
use linfa::dataset::{AsSingleTargets, DatasetBase, Records};
use linfa::traits::Fit;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// The sum of squared gradients that each weight starts with.
const INITIAL_SQUARES: f32 = 1e-3;
/// The rate falls linearly to `1 - FALL` of itself.
const FALL: f32 = 0.8;
/// A sample whose gradient is smaller than this in every class is passed over.
const NEGLIGIBLE: f32 = 1e-4;

impl<C, T> Fit<SparseRecords, T, Error> for StochasticLogisticRegressionValidParams
where
    C: Ord + Clone,
    T: AsSingleTargets<Elem = C>,
{
    type Object = FittedSparseLogisticRegression<f64, C>;

    /// Fits the records to the targets. The dataset's weights, when there are any, multiply each sample's gradient.
    /// Classes are sorted; the same data and seed give the same weights.
    ///
    /// # Errors
    /// When samples, targets and weights differ in number, when there are less than two classes or a value that is not
    /// finite.
    fn fit(&self, dataset: &DatasetBase<SparseRecords, T>) -> Result<Self::Object, Error> {
        let records = dataset.records();
        let weights = dataset.weights();
        let Classes { classes, targets } = Classes::of(dataset)?;
        let (features, k) = (records.nfeatures(), classes.len());

        // The intercept is one more feature, the last, of value 1.
        let mut descent = Descent {
            weights: vec![0.0; (features + 1) * k],
            squares: vec![INITIAL_SQUARES; (features + 1) * k],
        };
        let counts = |sample: &usize| weights.is_none_or(|weights| weights[*sample] > 0.0);
        let mut order: Vec<usize> = (0..records.nsamples()).filter(counts).collect();
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut slopes = vec![0.0_f32; k];
        for epoch in 0..self.epochs {
            let rate = self.rate * (1.0 - FALL * epoch as f32 / self.epochs as f32);
            let mut loss = 0.0;
            order.shuffle(&mut random);
            for &sample in &order {
                let weight = weights.map_or(1.0, |weights| weights[sample]);
                loss +=
                    f64::from(descent.slopes(records, sample, targets[sample] as usize, weight, &mut slopes));
                if slopes.iter().any(|slope| slope.abs() >= NEGLIGIBLE) {
                    descent.step(records, sample, rate, &slopes);
                }
            }
            if let Some(observer) = &self.observer {
                observer(epoch as u64 + 1, loss / order.len().max(1) as f64);
            }
        }
        let mut weights: Vec<f64> = descent.weights.into_iter().map(f64::from).collect();
        let intercept = weights.split_off(features * k);
        FittedSparseLogisticRegression::from_parts(weights, intercept, classes)
    }
}

struct Descent {
    /// Row-major: features x classes, the intercept last.
    weights: Vec<f32>,
    squares: Vec<f32>,
}

impl Descent {
    /// The derivative of the sample's loss by the score of each class; gives the loss.
    fn slopes(
        &self,
        records: &SparseRecords,
        sample: usize,
        target: usize,
        weight: f32,
        slopes: &mut [f32],
    ) -> f32 {
        let k = slopes.len();
        let (columns, values) = records.row(sample);
        slopes.copy_from_slice(&self.weights[records.nfeatures() * k..]);
        for (&column, &value) in columns.iter().zip(values) {
            let weights = &self.weights[column as usize * k..][..k];
            slopes.iter_mut().zip(weights).for_each(|(slope, w)| *slope += value as f32 * w);
        }
        let own = slopes[target];
        let normalizer = softmax(slopes);
        slopes.iter_mut().for_each(|slope| *slope *= weight);
        slopes[target] -= weight;
        weight * (normalizer - own)
    }

    fn step(&mut self, records: &SparseRecords, sample: usize, rate: f32, slopes: &[f32]) {
        let k = slopes.len();
        let (columns, values) = records.row(sample);
        let intercept = (records.nfeatures(), 1.0);
        let entries = columns.iter().zip(values).map(|(&column, &value)| (column as usize, value as f32));
        for (column, value) in entries.chain([intercept]) {
            let at = column * k..(column + 1) * k;
            let weights = self.weights[at.clone()].iter_mut().zip(&mut self.squares[at]);
            for ((weight, squares), slope) in weights.zip(slopes) {
                let gradient = slope * value;
                *squares += gradient * gradient;
                *weight -= rate * gradient / squares.sqrt();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Error, SparseRecords, StochasticLogisticRegression};
    use linfa::ParamGuard;
    use linfa::dataset::DatasetBase;
    use linfa::traits::Fit;
    use ndarray::Array1;
    use std::sync::{Arc, Mutex};

    /// Three classes, each with a feature of its own and noise that all share.
    fn dataset(weights: Option<Array1<f32>>) -> DatasetBase<SparseRecords, Array1<usize>> {
        let mut rows = SparseRecords::new(8);
        let targets: Array1<usize> = (0..90).map(|i| i % 3).collect();
        for i in 0..90_u32 {
            rows.push(&mut [(i % 3, 1.0), (3 + i * 7 % 5, 1.0)]).expect("in range");
        }
        let dataset = DatasetBase::new(rows, targets);
        match weights {
            Some(weights) => dataset.with_weights(weights),
            None => dataset,
        }
    }

    #[test]
    fn learns_what_tells_the_classes_apart_and_the_same_each_time() {
        let fit = || {
            StochasticLogisticRegression::params().epochs(4).rate(0.5).fit(&dataset(None)).expect("a model")
        };
        let (fitted, again) = (fit(), fit());
        assert_eq!(fitted.params(), again.params());
        for class in 0..3 {
            let mut row = SparseRecords::new(8);
            row.push(&mut [(class, 1.0)]).expect("in range");
            assert!(fitted.predict_probabilities(&row)[(0, class as usize)] > 0.8);
        }
    }

    #[test]
    fn a_row_without_weight_teaches_nothing_but_keeps_its_class() {
        let weights = (0..90).map(|i| if i % 3 == 2 { 0.0 } else { 1.0 }).collect();
        let fitted = StochasticLogisticRegression::params()
            .epochs(4)
            .rate(0.5)
            .fit(&dataset(Some(weights)))
            .expect("a model");
        assert_eq!(fitted.classes().len(), 3);
        let mut row = SparseRecords::new(8);
        row.push(&mut [(2, 1.0)]).expect("in range");
        assert!(fitted.predict_probabilities(&row)[(0, 2)] < 0.3);
    }

    #[test]
    fn impossible_parameters_are_refused() {
        let params = StochasticLogisticRegression::params;
        assert!(matches!(params().epochs(0).fit(&dataset(None)), Err(Error::NoEpochs)));
        assert!(matches!(params().rate(f32::NAN).fit(&dataset(None)), Err(Error::InvalidRate(_))));
        assert!(matches!(params().rate(0.0).check(), Err(Error::InvalidRate(_))));
    }

    #[test]
    fn the_observer_sees_a_falling_loss() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let observer = Arc::clone(&seen);
        StochasticLogisticRegression::params()
            .epochs(5)
            .observer(Arc::new(move |epoch, loss| observer.lock().expect("not poisoned").push((epoch, loss))))
            .fit(&dataset(None))
            .expect("a model");
        let seen = seen.lock().expect("not poisoned");
        assert_eq!(seen.iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(seen.windows(2).all(|pair| pair[1].1 < pair[0].1), "{seen:?}");
    }
}
