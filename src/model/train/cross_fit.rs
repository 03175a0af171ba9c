//! What the first stage says of text that it has not seen.
//!
//! The documents are split into folds, whole volumes together. For each fold a first stage is fitted on all
//! others and gives its probabilities for the fold (cross-fitting).

use super::samples::{Sample, Targets};
use super::solve::solve;
use super::{Event, Progress};
use crate::model::{ModelError, Preset};
use linfa::dataset::Records;
use ndarray::Array1;
use std::collections::{BTreeMap, BTreeSet};

/// Which samples are left out together: a fold for each sample, and how many folds there are.
pub(super) struct Folds {
    of: Vec<usize>,
    pub count: usize,
}

impl Folds {
    /// At most `folds` of whole volumes, the largest first, each to the fold with the fewest rows so far. A
    /// volume that alone holds a label is split file by file where `split` says so, because no model could
    /// know that label if the whole volume were left out.
    pub(super) fn new(samples: &[Sample<'_>], folds: usize, split: bool) -> Self {
        let alone = if split { alone_with_a_label(samples) } else { BTreeSet::new() };
        let group = |sample: &Sample<'_>| match sample.document.volume.as_str() {
            volume if alone.contains(volume) => sample.document.path.clone(),
            volume => volume.to_owned(),
        };
        let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
        samples.iter().for_each(|sample| *sizes.entry(group(sample)).or_default() += sample.rows.len());
        let mut groups: Vec<(String, usize)> = sizes.into_iter().collect();
        groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let mut loads = vec![0; folds.min(groups.len())];
        let mut indices: BTreeMap<String, usize> = BTreeMap::new();
        for (name, size) in groups {
            let lightest =
                loads.iter().enumerate().min_by_key(|(_, load)| **load).map_or(0, |(fold, _)| fold);
            loads[lightest] += size;
            indices.insert(name, lightest);
        }
        let of = samples.iter().map(|sample| indices.get(&group(sample)).copied().unwrap_or(0)).collect();
        Self { of, count: loads.len() }
    }

    fn samples<'a, 'b>(
        &'a self,
        fold: usize,
        samples: &'a [Sample<'b>],
    ) -> impl Iterator<Item = &'a Sample<'b>> {
        samples.iter().zip(&self.of).filter(move |(_, of)| **of == fold).map(|(sample, _)| sample)
    }
}

/// The volumes that hold a label which no other volume has.
fn alone_with_a_label<'a>(samples: &[Sample<'a>]) -> BTreeSet<&'a str> {
    let mut holders: BTreeMap<&str, BTreeSet<&'a str>> = BTreeMap::new();
    for sample in samples {
        let document = sample.document;
        for label in document.blocks.iter().filter_map(|block| block.label.as_deref()) {
            holders.entry(label).or_default().insert(document.volume.as_str());
        }
    }
    holders.into_values().filter(|volumes| volumes.len() == 1).flatten().collect()
}

/// For each row the probabilities of the labels, row-major (rows x `labels`), by a first stage that was
/// fitted on the other folds. Gives the data back.
pub(super) fn cross_fit(
    mut data: Targets,
    samples: &[Sample<'_>],
    folds: &Folds,
    labels: usize,
    preset: &Preset,
    progress: &Progress,
) -> Result<(Targets, Vec<f64>), ModelError> {
    let weights: Vec<f32> = data.weights().map(<[f32]>::to_vec).unwrap_or_default();
    let mut probabilities = vec![0.0; data.records().nsamples() * labels];
    for fold in 0..folds.count {
        progress(&Event::Stage(&format!("fold {} of {} of the first stage", fold + 1, folds.count)));
        let mut seen = weights.clone();
        folds.samples(fold, samples).for_each(|sample| seen[sample.rows.clone()].fill(0.0));
        data = data.with_weights(Array1::from(seen));
        let fitted = solve(&data, preset, progress)?;
        for row in folds.samples(fold, samples).flat_map(|sample| sample.rows.clone()) {
            let (columns, values) = data.records().row(row);
            let entries = columns.iter().map(|&column| column as usize).zip(values.iter().copied());
            fitted.probabilities_into(entries, &mut probabilities[row * labels..(row + 1) * labels]);
        }
    }
    Ok((data.with_weights(Array1::from(weights)), probabilities))
}
