//! The same model by stochastic gradient descent with a step size for each weight (AdaGrad).
//!
//! Duchi, Hazan and Singer (JMLR 12, 2011): a weight's step is `rate * g / sqrt(sum of g^2 so far)`. Rows are
//! taken one at a time in a seeded random order, a few times over, with a rate that falls to a fifth. There is
//! no penalty: stopping early is what holds the weights back, and it holds those of rare features back most, since a
//! weight that moved n times is at most about `2 rate sqrt(n)`. On text whose rare words are those of one
//! journal's fungi that generalises to other volumes better than an L2 penalty, which leaves rare weights large,
//! and it takes a tenth of the time of a batch optimiser.

use super::{SolverError, fitted_from_parts};
use crate::Rows;
use linfa::ParamGuard;
use linfa::dataset::{AsSingleTargets, DatasetBase};
use linfa::traits::Fit;
use linfa_logistic::MultiFittedLogisticRegression;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

/// The sum of squared gradients that each weight starts with.
const INITIAL_SQUARES: f32 = 1e-3;
/// The rate falls linearly to `1 - FALL` of itself.
const FALL: f32 = 0.8;
/// A row whose gradient is smaller than this in every class is passed over.
const NEGLIGIBLE: f32 = 1e-4;
const SEED: u64 = 20_111_207;

/// How a stochastic fit goes; checked by [`ParamGuard`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StochasticParams(StochasticValidParams);

/// [`StochasticParams`] that have passed the check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StochasticValidParams {
    /// How often all rows are seen.
    pub epochs: usize,
    /// The length of a first step, for a feature of value 1.
    pub rate: f32,
}

impl StochasticParams {
    /// So many times over all rows, with this rate.
    #[must_use]
    pub fn new(epochs: usize, rate: f32) -> Self {
        Self(StochasticValidParams { epochs, rate })
    }
}

impl ParamGuard for StochasticParams {
    type Checked = StochasticValidParams;
    type Error = SolverError;

    fn check_ref(&self) -> Result<&Self::Checked, SolverError> {
        if self.0.epochs == 0 {
            return Err(SolverError::NoIterations);
        }
        if !self.0.rate.is_finite() || self.0.rate <= 0.0 {
            return Err(SolverError::InvalidRate(self.0.rate));
        }
        Ok(&self.0)
    }

    fn check(self) -> Result<Self::Checked, SolverError> {
        self.check_ref()?;
        Ok(self.0)
    }
}

impl<C, T> Fit<Rows, T, SolverError> for StochasticValidParams
where
    C: Ord + Clone + serde::de::DeserializeOwned + serde::Serialize,
    T: AsSingleTargets<Elem = C>,
{
    type Object = MultiFittedLogisticRegression<f64, C>;

    /// Fits the rows to the targets. The dataset's weights, when there are any, multiply each row's gradient.
    /// Classes are sorted; the same data gives the same weights.
    ///
    /// # Errors
    /// When rows, targets and weights differ in number, when there are less than two classes or a value that is
    /// not finite.
    fn fit(&self, dataset: &DatasetBase<Rows, T>) -> Result<Self::Object, SolverError> {
        let rows = dataset.records();
        let labels = dataset.as_single_targets();
        let weights = dataset.weights();
        super::algorithm::validate(rows, labels.len(), weights)?;
        let mut classes: Vec<C> = labels.to_vec();
        classes.sort();
        classes.dedup();
        if classes.len() < 2 {
            return Err(SolverError::TooFewClasses(classes.len()));
        }
        let k = classes.len();
        let targets: Vec<usize> =
            labels.iter().map(|label| classes.partition_point(|class| class < label)).collect();

        // The intercept is one more feature, the last, of value 1.
        let mut descent = Descent {
            weights: vec![0.0; (rows.columns() + 1) * k],
            squares: vec![INITIAL_SQUARES; (rows.columns() + 1) * k],
        };
        let mut order: Vec<usize> =
            (0..rows.len()).filter(|&row| weights.is_none_or(|weights| weights[row] > 0.0)).collect();
        let mut random = StdRng::seed_from_u64(SEED);
        let mut slopes = vec![0.0_f32; k];
        for epoch in 0..self.epochs {
            let rate = self.rate * (1.0 - FALL * epoch as f32 / self.epochs as f32);
            order.shuffle(&mut random);
            for &row in &order {
                let weight = weights.map_or(1.0, |weights| weights[row]);
                descent.slopes(rows, row, targets[row], weight, &mut slopes);
                if slopes.iter().any(|slope| slope.abs() >= NEGLIGIBLE) {
                    descent.step(rows, row, rate, &slopes);
                }
            }
        }
        let mut weights: Vec<f64> = descent.weights.into_iter().map(f64::from).collect();
        let intercept = weights.split_off(rows.columns() * k);
        fitted_from_parts(intercept, weights, classes)
    }
}

struct Descent {
    /// Row-major: features x classes, the intercept last.
    weights: Vec<f32>,
    squares: Vec<f32>,
}

impl Descent {
    /// The derivative of the row's loss by the score of each class.
    fn slopes(&self, rows: &Rows, row: usize, target: usize, weight: f32, slopes: &mut [f32]) {
        let k = slopes.len();
        let (columns, values) = rows.row(row);
        slopes.copy_from_slice(&self.weights[rows.columns() * k..]);
        for (&column, &value) in columns.iter().zip(values) {
            let weights = &self.weights[column as usize * k..][..k];
            slopes.iter_mut().zip(weights).for_each(|(slope, w)| *slope += value as f32 * w);
        }
        let highest = slopes.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        slopes.iter_mut().for_each(|slope| *slope = (*slope - highest).exp());
        let total: f32 = slopes.iter().sum();
        slopes.iter_mut().for_each(|slope| *slope *= weight / total);
        slopes[target] -= weight;
    }

    fn step(&mut self, rows: &Rows, row: usize, rate: f32, slopes: &[f32]) {
        let k = slopes.len();
        let (columns, values) = rows.row(row);
        let intercept = (rows.columns(), 1.0);
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
    use super::*;
    use ndarray::{Array1, Array2};

    /// Three classes, each with a feature of its own and noise that all share.
    fn dataset(weights: Option<Array1<f32>>) -> DatasetBase<Rows, Array1<usize>> {
        let mut rows = Rows::new(8);
        let targets: Array1<usize> = (0..90).map(|i| i % 3).collect();
        for i in 0..90_u32 {
            rows.push(&mut [(i % 3, 1.0), (3 + i * 7 % 5, 1.0)]);
        }
        let dataset = DatasetBase::new(rows, targets);
        match weights {
            Some(weights) => dataset.with_weights(weights),
            None => dataset,
        }
    }

    #[test]
    fn learns_what_tells_the_classes_apart_and_the_same_each_time() {
        let fit = || StochasticParams::new(4, 0.5).fit(&dataset(None)).expect("a model");
        let (fitted, again) = (fit(), fit());
        assert_eq!(fitted.params(), again.params());
        for class in 0..3 {
            let mut row = Array2::zeros((1, 8));
            row[(0, class)] = 1.0;
            assert!(fitted.predict_probabilities(&row)[(0, class)] > 0.8);
        }
    }

    #[test]
    fn a_row_without_weight_teaches_nothing_but_keeps_its_class() {
        let weights = (0..90).map(|i| if i % 3 == 2 { 0.0 } else { 1.0 }).collect();
        let fitted = StochasticParams::new(4, 0.5).fit(&dataset(Some(weights))).expect("a model");
        assert_eq!(fitted.classes().len(), 3);
        let mut row = Array2::zeros((1, 8));
        row[(0, 2)] = 1.0;
        assert!(fitted.predict_probabilities(&row)[(0, 2)] < 0.3);
    }

    #[test]
    fn impossible_parameters_are_refused() {
        assert!(StochasticParams::new(0, 0.1).fit(&dataset(None)).is_err());
        assert!(StochasticParams::new(1, f32::NAN).fit(&dataset(None)).is_err());
        assert!(StochasticParams::new(1, 0.0).check().is_err());
    }
}
