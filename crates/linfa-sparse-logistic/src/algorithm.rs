//! The fit: targets to classes, the optimiser, weights into linfa-logistic's fitted model.

use super::problem::SparseProblem;
use super::{Observer, SolverError, SparseLogisticRegressionValidParams, fitted_from_parts};
use crate::Rows;
use argmin::core::observers::{Observe, ObserverMode};
use argmin::core::{Executor, IterState, KV, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use linfa::dataset::{AsSingleTargets, DatasetBase};
use linfa::traits::Fit;
use linfa_logistic::MultiFittedLogisticRegression;
use ndarray::Array1;

/// Pairs of steps and gradient changes that L-BFGS remembers, as in linfa-logistic.
const MEMORY: usize = 10;

type Iteration = IterState<Array1<f64>, Array1<f64>, (), (), (), f64>;

impl<C, T> Fit<Rows, T, SolverError> for SparseLogisticRegressionValidParams
where
    C: Ord + Clone + serde::de::DeserializeOwned + serde::Serialize,
    T: AsSingleTargets<Elem = C>,
{
    type Object = MultiFittedLogisticRegression<f64, C>;

    /// Fits the rows to the targets. The dataset's weights, when there are any, multiply each row's
    /// loss; a class weight is the weight of all rows of the class. Classes are sorted.
    ///
    /// # Errors
    /// When rows, targets and weights differ in number, when there is less than two classes or a
    /// value that is not finite, and when the optimiser fails on its first step.
    fn fit(&self, dataset: &DatasetBase<Rows, T>) -> Result<Self::Object, SolverError> {
        let rows = dataset.records();
        let labels = dataset.as_single_targets();
        let weights = dataset.weights();
        validate(rows, labels.len(), weights)?;

        let mut classes: Vec<C> = labels.to_vec();
        classes.sort();
        classes.dedup();
        if classes.len() < 2 {
            return Err(SolverError::TooFewClasses(classes.len()));
        }
        // Each label was put among the classes above: searching for it finds its place.
        let targets: Vec<u32> =
            labels.iter().map(|label| classes.partition_point(|class| class < label) as u32).collect();

        let problem = SparseProblem::new(rows, &targets, weights, classes.len(), self.alpha);
        let start = Array1::zeros(problem.n_params());
        let optimiser = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
            .with_tolerance_grad(self.gradient_tolerance)
            .map_err(|error| SolverError::Optimiser(error.to_string()))?;
        let mut executor = Executor::new(problem, optimiser)
            .configure(|state: Iteration| state.param(start).max_iters(self.max_iterations))
            .timer(false);
        if let Some(observer) = &self.observer {
            executor = executor.add_observer(Told(observer.clone()), ObserverMode::Always);
        }
        let mut result = executor.run().map_err(|error| SolverError::Optimiser(error.to_string()))?;
        let params = result
            .state
            .take_best_param()
            .ok_or_else(|| SolverError::Optimiser("it found no weights with a finite loss".into()))?;

        let (mut weights, _) = params.into_raw_vec_and_offset();
        let intercept = weights.split_off(rows.columns() * classes.len());
        fitted_from_parts(intercept, weights, classes)
    }
}

pub(super) fn validate(rows: &Rows, n_targets: usize, weights: Option<&[f32]>) -> Result<(), SolverError> {
    let lengths = [("targets", Some(n_targets)), ("weights", weights.map(<[f32]>::len))];
    for (what, found) in lengths.into_iter().filter_map(|(what, found)| Some((what, found?))) {
        if found != rows.len() {
            return Err(SolverError::MismatchedLengths { rows: rows.len(), what, found });
        }
    }
    for row in 0..rows.len() {
        let weight = weights.map_or(1.0, |weights| f64::from(weights[row]));
        let bad_weight = Some(weight).filter(|weight| !weight.is_finite() || *weight < 0.0);
        let bad = bad_weight.or_else(|| rows.row(row).1.iter().copied().find(|value| !value.is_finite()));
        if let Some(value) = bad {
            return Err(SolverError::InvalidValue { row, value });
        }
    }
    Ok(())
}

/// Hands each iteration to the observer.
struct Told(Observer);

impl Observe<Iteration> for Told {
    fn observe_iter(&mut self, state: &Iteration, _: &KV) -> Result<(), argmin::core::Error> {
        (self.0)(state.get_iter() + 1, state.get_cost());
        Ok(())
    }
}
