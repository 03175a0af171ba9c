//! Rows, targets and weights to a linear model.

use super::samples::Targets;
use super::{Event, Progress};
use crate::model::{ModelError, Preset};
use linfa::dataset::{DatasetBase, Records};
use linfa::traits::Fit;
use linfa_logistic::MultiLogisticRegression;
use linfa_sparse_logistic::FittedSparseLogisticRegression;
use std::sync::Arc;

/// Up to so many cells, unweighted data goes to linfa-logistic's own (dense) fit.
const DENSE_CELLS: usize = 1 << 18;
/// linfa's default.
const GRADIENT_TOLERANCE: f64 = 1e-4;

/// A linear model whose classes are indices into the labels.
pub(super) type Fitted = FittedSparseLogisticRegression<f64, usize>;

/// The weights: by stochastic gradient descent where the preset asks for it; else by linfa-logistic's own fit where
/// the data is small and unweighted, or by the sparse one, which finds the same optimum.
pub(super) fn solve(data: &Targets, preset: &Preset, progress: &Progress) -> Result<Fitted, ModelError> {
    if let Some(stochastic) = &preset.stochastic {
        return stochastic.params().fit(data).map_err(ModelError::Solver);
    }
    if is_dense(data) {
        let dense = DatasetBase::new(data.records().to_dense(), data.targets().clone());
        let fitted = MultiLogisticRegression::default()
            .alpha(preset.l2)
            .max_iterations(preset.max_iterations)
            .gradient_tolerance(GRADIENT_TOLERANCE)
            .fit(&dense)
            .map_err(ModelError::DenseSolver)?;
        return Fitted::try_from(&fitted).map_err(ModelError::Solver);
    }
    let (progress, of) = (Arc::clone(progress), preset.max_iterations);
    preset
        .lbfgs()
        .gradient_tolerance(GRADIENT_TOLERANCE)
        .observer(Arc::new(move |iteration, loss| progress(&Event::Iteration { iteration, of, loss })))
        .fit(data)
        .map_err(ModelError::Solver)
}

/// Whether linfa-logistic's own fit applies: it takes dense records and reads no weights.
fn is_dense(data: &Targets) -> bool {
    let unweighted = data.weights().is_none_or(|weights| weights.iter().all(|&weight| weight == 1.0));
    unweighted && data.records().nsamples() * data.records().nfeatures() <= DENSE_CELLS
}

#[cfg(test)]
mod tests {
    use super::*;
    use linfa_sparse_logistic::SparseRecords;
    use ndarray::Array1;

    fn small() -> Targets {
        let mut rows = SparseRecords::new(3);
        let targets: Array1<usize> = (0..30).map(|i| i % 2).collect();
        for i in 0..30_u32 {
            rows.push(&mut [(i % 2, 1.0), (2, f64::from(i % 5))]).expect("in range");
        }
        DatasetBase::new(rows, targets)
    }

    fn solved(data: &Targets, more: &str) -> Fitted {
        let toml = format!("[p]\nlabels = 'three'\n{more}\nfeatures = {{ words = {{ vocabulary = 5 }} }}");
        let preset = Preset::from_toml(&toml, "own.toml", "p").expect("possible");
        let silent: Progress = Arc::new(|_| ());
        solve(data, &preset, &silent).expect("a model")
    }

    #[test]
    fn small_unweighted_data_is_dense_and_weighted_is_not() {
        assert!(is_dense(&small()));
        assert!(is_dense(&small().with_weights(Array1::ones(30))));
        assert!(!is_dense(&small().with_weights(Array1::from_elem(30, 2.0))));
        let wide = DatasetBase::new(SparseRecords::new(DENSE_CELLS), Array1::zeros(0));
        assert!(is_dense(&wide));
        let mut wide = SparseRecords::new(DENSE_CELLS);
        for _ in 0..2 {
            wide.push(&mut []).expect("in range");
        }
        assert!(!is_dense(&DatasetBase::new(wide, Array1::zeros(2))));
    }

    #[test]
    fn a_stochastic_preset_is_fitted_so_however_small_the_data_is() {
        let stochastic = "stochastic = { epochs = 3, rate = 0.1 }";
        let by_program = solved(&small(), stochastic);
        let by_crate = linfa_sparse_logistic::StochasticLogisticRegression::params().epochs(3).rate(0.1);
        assert_eq!(by_program, by_crate.fit(&small()).expect("a model"));
        assert_ne!(by_program, solved(&small(), ""));
    }
}
