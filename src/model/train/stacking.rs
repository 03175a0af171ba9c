//! Fitting the second stage on what the first says of text that it has not seen.

use super::cross_fit::{Folds, cross_fit};
use super::samples::{Sample, Targets};
use super::solve::{Fitted, solve};
use super::{Event, Progress};
use crate::model::{ContextWindow, LabelSet, ModelError, Preset};
use linfa::dataset::DatasetBase;
use linfa_sparse_logistic::SparseRecords;
use ndarray::Array1;

/// Fits the second stage that `preset` asks for, over `window`. Gives the data back; `None` when there are not
/// at least two groups of documents.
pub(super) fn fit_stacked(
    data: Targets,
    samples: &[Sample<'_>],
    labels: usize,
    preset: &Preset,
    window: &ContextWindow,
    progress: &Progress,
) -> Result<(Targets, Option<Fitted>), ModelError> {
    let folds = Folds::new(samples, window.folds, preset.labels == LabelSet::Fine);
    if folds.count < 2 {
        return Ok((data, None));
    }
    let quick = Preset { max_iterations: window.fold_iterations, ..preset.clone() };
    let (data, probabilities) = cross_fit(data, samples, &folds, labels, &quick, progress)?;
    progress(&Event::Stage("second stage"));
    let mut rows = SparseRecords::new(window.n_features(labels));
    for sample in samples {
        let range = sample.rows.start * labels..sample.rows.end * labels;
        window.transform_into(&probabilities[range], labels, &mut rows).map_err(ModelError::Solver)?;
    }
    let weights: Array1<f32> =
        data.weights().map(|weights| weights.iter().copied().collect()).unwrap_or_default();
    let second = DatasetBase::new(rows, data.targets().clone()).with_weights(weights);
    let fitted = solve(&second, &Preset { l2: window.l2, stochastic: None, ..preset.clone() }, progress)?;
    Ok((data, Some(fitted)))
}
