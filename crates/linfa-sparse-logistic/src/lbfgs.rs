//! The fit by L-BFGS.

use crate::classes::Classes;
use crate::objective::SparseProblem;
use crate::{
    Error, FittedSparseLogisticRegression, Observer, SparseLogisticRegressionValidParams, SparseRecords,
};
use argmin::core::observers::{Observe, ObserverMode};
use argmin::core::{Executor, IterState, KV, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use linfa::dataset::{AsSingleTargets, DatasetBase, Records};
use linfa::traits::Fit;
use ndarray::Array1;

/// Pairs of steps and gradient changes that L-BFGS remembers, as in linfa-logistic.
const MEMORY: usize = 10;

type Iteration = IterState<Array1<f64>, Array1<f64>, (), (), (), f64>;

impl<C, T> Fit<SparseRecords, T, Error> for SparseLogisticRegressionValidParams
where
    C: Ord + Clone,
    T: AsSingleTargets<Elem = C>,
{
    type Object = FittedSparseLogisticRegression<f64, C>;

    /// Fits the records to the targets. The dataset's weights, when there are any, multiply each sample's loss; a class
    /// weight is the weight of all samples of the class. Classes are sorted.
    ///
    /// As in linfa-logistic, a fit that has not converged after all iterations is not an error: the best weights found
    /// are the model.
    ///
    /// # Errors
    /// When samples, targets and weights differ in number, when there are less than two classes or a value that is not
    /// finite, when the model to start from has another shape, and when the optimiser fails on its first step.
    fn fit(&self, dataset: &DatasetBase<SparseRecords, T>) -> Result<Self::Object, Error> {
        let records = dataset.records();
        let Classes { classes, targets } = Classes::of(dataset)?;
        let towards = self.towards.as_ref();
        if let Some(towards) = towards
            && (towards.features, towards.classes) != (records.nfeatures(), classes.len())
        {
            return Err(Error::MismatchedStart {
                features: records.nfeatures(),
                classes: classes.len(),
                found_features: towards.features,
                found_classes: towards.classes,
            });
        }

        let towards = towards.map(|towards| &*towards.params);
        let problem = SparseProblem::new(records, &targets, dataset.weights(), classes.len(), self.alpha);
        let problem = problem.towards(towards);
        let start = towards
            .map_or_else(|| Array1::zeros(problem.n_params()), |params| params.iter().copied().collect());
        let failed = |error: argmin::core::Error| Error::Optimiser(error.into());
        let optimiser = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
            .with_tolerance_grad(self.gradient_tolerance)
            .map_err(failed)?;
        let mut executor = Executor::new(problem, optimiser)
            .configure(|state: Iteration| state.param(start).max_iters(self.max_iterations))
            .timer(false);
        if let Some(observer) = &self.observer {
            executor = executor.add_observer(Forward(observer.clone()), ObserverMode::Always);
        }
        let mut result = executor.run().map_err(failed)?;
        let params = result.state.take_best_param().ok_or(Error::NoFiniteLoss)?;

        let (mut weights, _) = params.into_raw_vec_and_offset();
        let intercept = weights.split_off(records.nfeatures() * classes.len());
        FittedSparseLogisticRegression::from_parts(weights, intercept, classes)
    }
}

/// Hands each iteration to the observer.
struct Forward(Observer);

impl Observe<Iteration> for Forward {
    fn observe_iter(&mut self, state: &Iteration, _: &KV) -> Result<(), argmin::core::Error> {
        (self.0)(state.get_iter() + 1, state.get_cost());
        Ok(())
    }
}
