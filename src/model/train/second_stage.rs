//! Fitting the second stage on what the first says of text that it has not seen.
//!
//! The documents are dealt into folds, whole volumes together. For each fold a first stage is fitted on all
//! others and gives its probabilities for the fold; the second stage is fitted on those (cross-fitting).

use super::fit::{Sample, Targets, solve};
use super::{Event, Progress};
use crate::features::Rows;
use crate::model::decode::{Decoder, DecoderParams};
use crate::model::scorer::softmax;
use crate::model::solver::SolverError;
use crate::model::{LabelSet, Preset};
use linfa::dataset::DatasetBase;
use linfa_logistic::MultiFittedLogisticRegression;
use ndarray::Array1;
use std::collections::BTreeMap;

/// Fits the second stage that `preset` asks for, with `params`. Gives the data back; `None` when there are not
/// at least two groups of documents.
pub(super) fn fit_second_stage(
    mut data: Targets,
    samples: &[Sample<'_>],
    labels: usize,
    preset: &Preset,
    params: &DecoderParams,
    progress: &Progress,
) -> Result<(Targets, Option<Decoder>), SolverError> {
    let folds = deal(samples, params.folds, preset.labels);
    let count = folds.iter().max().map_or(0, |last| last + 1);
    if count < 2 {
        return Ok((data, None));
    }
    let weights: Vec<f32> = data.weights().map(<[f32]>::to_vec).unwrap_or_default();
    let mut probabilities = vec![0.0; data.records().len() * labels];
    for fold in 0..count {
        progress(&Event::Stage(&format!("second stage, fold {} of {count}", fold + 1)));
        let mut seen = weights.clone();
        for (sample, _) in samples.iter().zip(&folds).filter(|(_, of)| **of == fold) {
            seen[sample.rows.clone()].fill(0.0);
        }
        data = data.with_weights(Array1::from(seen));
        let quick = Preset { max_iterations: params.fold_iterations, ..preset.clone() };
        let fitted = solve(&data, &quick, progress)?;
        for (sample, _) in samples.iter().zip(&folds).filter(|(_, of)| **of == fold) {
            for row in sample.rows.clone() {
                predict(&fitted, data.records(), row, &mut probabilities[row * labels..(row + 1) * labels]);
            }
        }
    }
    progress(&Event::Stage("second stage"));
    let mut rows = Rows::new(params.n_features(labels));
    for sample in samples {
        let range = sample.rows.start * labels..sample.rows.end * labels;
        params.transform_into(&probabilities[range], labels, &mut rows);
    }
    let second = DatasetBase::new(rows, data.targets().clone()).with_weights(Array1::from(weights.clone()));
    let fitted = solve(&second, &Preset { l2: params.l2, stochastic: None, ..preset.clone() }, progress)?;
    let decoder = Decoder::new(
        params.clone(),
        fitted.params().iter().map(|&weight| weight as f32).collect(),
        fitted.intercept().to_vec(),
    )?;
    Ok((data.with_weights(Array1::from(weights)), Some(decoder)))
}

/// The fold of each sample: whole volumes, the largest first, each to the fold with the fewest rows so far. With
/// fine labels whole files, because some labels occur in one volume only.
fn deal(samples: &[Sample<'_>], folds: usize, labels: LabelSet) -> Vec<usize> {
    let group = |sample: &Sample<'_>| match labels {
        LabelSet::Three => sample.document.volume.clone(),
        LabelSet::Fine => sample.document.path.clone(),
    };
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    samples.iter().for_each(|sample| *sizes.entry(group(sample)).or_default() += sample.rows.len());
    let mut groups: Vec<(String, usize)> = sizes.into_iter().collect();
    groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut loads = vec![0; folds.min(groups.len())];
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (name, size) in groups {
        let lightest = loads.iter().enumerate().min_by_key(|(_, load)| **load).map_or(0, |(fold, _)| fold);
        loads[lightest] += size;
        places.insert(name, lightest);
    }
    samples.iter().map(|sample| places.get(&group(sample)).copied().unwrap_or(0)).collect()
}

/// The first stage's probabilities for one row.
fn predict(fitted: &MultiFittedLogisticRegression<f64, usize>, rows: &Rows, row: usize, into: &mut [f64]) {
    let (columns, values) = rows.row(row);
    let weights = fitted.params();
    into.iter_mut().zip(fitted.intercept()).for_each(|(score, bias)| *score = *bias);
    for (&column, &value) in columns.iter().zip(values) {
        for (score, weight) in into.iter_mut().zip(weights.row(column as usize)) {
            *score += value * weight;
        }
    }
    softmax(into);
}
