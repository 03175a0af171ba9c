//! Fitting the second stage on what the first says of text that it has not seen.

use super::cross_fit::{Folds, cross_fit};
use super::fit::{Sample, Targets, solve};
use super::{Event, Progress};
use crate::features::Rows;
use crate::model::decode::{Decoder, DecoderParams};
use crate::model::solver::SolverError;
use crate::model::{LabelSet, Preset};
use linfa::dataset::DatasetBase;
use ndarray::Array1;

/// Fits the second stage that `preset` asks for, with `params`. Gives the data back; `None` when there are not
/// at least two groups of documents.
pub(super) fn fit_second_stage(
    data: Targets,
    samples: &[Sample<'_>],
    labels: usize,
    preset: &Preset,
    params: &DecoderParams,
    progress: &Progress,
) -> Result<(Targets, Option<Decoder>), SolverError> {
    let folds = Folds::deal(samples, params.folds, preset.labels == LabelSet::Fine);
    if folds.count < 2 {
        return Ok((data, None));
    }
    let quick = Preset { max_iterations: params.fold_iterations, ..preset.clone() };
    let (data, probabilities) = cross_fit(data, samples, &folds, labels, &quick, progress)?;
    progress(&Event::Stage("second stage"));
    let mut rows = Rows::new(params.n_features(labels));
    for sample in samples {
        let range = sample.rows.start * labels..sample.rows.end * labels;
        params.transform_into(&probabilities[range], labels, &mut rows);
    }
    let weights: Array1<f32> =
        data.weights().map(|weights| weights.iter().copied().collect()).unwrap_or_default();
    let second = DatasetBase::new(rows, data.targets().clone()).with_weights(weights);
    let fitted = solve(&second, &Preset { l2: params.l2, stochastic: None, ..preset.clone() }, progress)?;
    let decoder = Decoder::new(
        params.clone(),
        fitted.params().iter().map(|&weight| weight as f32).collect(),
        fitted.intercept().to_vec(),
    )?;
    Ok((data, Some(decoder)))
}
