//! Annotated documents to a model: labels, features, weights.

use super::cross_fit::{Folds, cross_fit};
use super::second_stage::fit_second_stage;
use super::{Event, Progress};
use crate::document::labels::{COLLAPSED_LABELS, collapse};
use crate::document::{Paragraph, Span};
use crate::features::{Features, Rows};
use crate::model::gold::{GoldDocument, label_index};
use crate::model::solver::{SolverError, SparseLogisticRegressionParams};
use crate::model::{DataSummary, LabelSet, Model, ModelInfo, Preset};
use crate::segment::segment;
use crate::{Error, Result};
use linfa::dataset::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::{MultiFittedLogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// Up to so many cells, unweighted data goes to linfa-logistic's own (dense) fit.
const DENSE_CELLS: usize = 1 << 18;
/// linfa's default, see [`SparseLogisticRegressionParams::gradient_tolerance`].
const GRADIENT_TOLERANCE: f64 = 1e-4;

/// What a model is to be called, for its description.
#[derive(Debug, Clone)]
pub struct Naming<'a> {
    /// The model's name.
    pub name: &'a str,
    /// The preset's name.
    pub preset_name: &'a str,
    /// Day of training.
    pub date: &'a str,
    /// Seed of the split.
    pub seed: u64,
}

/// Trains a model on `documents`.
///
/// # Errors
/// When fewer than two labels occur, or the solver cannot fit them.
pub fn fit(
    documents: &[&GoldDocument],
    preset: &Preset,
    naming: &Naming<'_>,
    temperature: f64,
    progress: &Progress,
) -> Result<Model> {
    let labels = labels(documents, preset);
    if labels.len() < 2 {
        return Err(Error::unusable(format!(
            "the training files hold {} label(s), but a model tells at least two apart; annotate more",
            labels.len()
        )));
    }
    let coarse = match &preset.coarse {
        Some(coarse) if self::labels(documents, coarse).len() > 1 => {
            progress(&Event::Stage("the model of the three labels"));
            // The temperature is applied to what both say together.
            Some(Arc::new(fit(documents, coarse, naming, 1.0, progress)?))
        }
        _ => None,
    };
    progress(&Event::Stage("features"));
    let (samples, paragraphs) = samples(documents, preset.segmented > 0.0);
    let counted = if preset.segmented_terms { paragraphs.len() } else { documents.len() };
    let features = Features::fit(preset.feature_params()?, &paragraphs[..counted]);
    let mut rows = Rows::new(features.n_features());
    for document in &paragraphs {
        features.transform_into(document, &mut rows);
    }
    drop(paragraphs);
    // Text outside of all blocks stays a row, so that rows and paragraphs keep in step, but weighs nothing.
    let cuts = || samples.iter().flat_map(|sample| &sample.cuts);
    let targets: Vec<Option<usize>> = cuts().map(|cut| label_index(&labels, cut.label.as_deref()?)).collect();
    let class_weight = |label: &String| preset.class_weights.get(label).copied().unwrap_or(1.0) as f32;
    let class_weights: Vec<f32> = labels.iter().map(class_weight).collect();
    let shares = samples.iter().flat_map(|sample| {
        let of_sample = if sample.segmented { preset.segmented as f32 } else { 1.0 };
        sample.cuts.iter().map(move |cut| of_sample * cut.weight(&preset.share_exponents))
    });
    let weights: Vec<f32> = targets
        .iter()
        .zip(shares)
        .map(|(target, share)| target.map_or(0.0, |target| share * class_weights[target]))
        .collect();
    let mut counts = vec![0; labels.len()];
    let gold: usize = documents.iter().map(|document| document.blocks.len()).sum();
    targets[..gold].iter().flatten().for_each(|&target| counts[target] += 1);

    let targets = targets.into_iter().map(|target| target.unwrap_or(0)).collect();
    let data = DatasetBase::new(rows, targets).with_weights(Array1::from(weights));
    let cannot = |error: SolverError| Error::unusable(format!("cannot train on these files: {error}"));
    let data = clean(data, &samples, &labels, preset, progress).map_err(cannot)?;
    let (data, decoder) = match &preset.decoder {
        Some(params) => {
            fit_second_stage(data, &samples, labels.len(), preset, params, progress).map_err(cannot)?
        }
        None => (data, None),
    };
    progress(&Event::Stage("solver"));
    let fitted = solve(&data, preset, progress).map_err(cannot)?;
    drop(data);

    let scale = if coarse.is_some() { 1.0 } else { 1.0 / temperature };
    let volumes: BTreeSet<&str> = documents.iter().map(|document| document.volume.as_str()).collect();
    let info = ModelInfo {
        name: naming.name.to_owned(),
        preset_name: naming.preset_name.to_owned(),
        preset: Preset {
            decoder: preset.decoder.clone().filter(|_| decoder.is_some()),
            coarse: preset.coarse.clone().filter(|_| coarse.is_some()),
            ..preset.clone()
        },
        data: DataSummary {
            files: documents.len(),
            volumes: volumes.into_iter().map(str::to_owned).collect(),
            paragraphs: labels.into_iter().zip(counts).collect(),
        },
        date: naming.date.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: naming.seed,
        temperature,
    };
    // The temperature belongs to the stage that has the last word.
    let own_scale = if decoder.is_some() { 1.0 } else { scale };
    let weights = fitted.params().iter().map(|weight| (weight * own_scale) as f32).collect();
    let intercept = fitted.intercept().iter().map(|bias| bias * own_scale).collect();
    let decoder = decoder.map(|decoder| decoder.scaled(scale));
    Model::from_parts(info, features, weights, intercept, decoder, coarse)
}

/// The data without paragraphs whose annotation is probably missing, if the preset asks for that.
fn clean(
    data: Targets,
    samples: &[Sample<'_>],
    labels: &[String],
    preset: &Preset,
    progress: &Progress,
) -> Result<Targets, SolverError> {
    let Some(params) = &preset.cleaning else { return Ok(data) };
    let folds = Folds::deal(samples, params.folds, false);
    if folds.count < 2 {
        return Ok(data);
    }
    let (data, probabilities) = cross_fit(data, samples, &folds, labels.len(), preset, progress)?;
    let mut weights: Vec<f32> = data.weights().map(<[f32]>::to_vec).unwrap_or_default();
    let targets: Vec<usize> = data.targets().to_vec();
    let left_out = params.clean(labels, &targets, &probabilities, &mut weights);
    progress(&Event::Stage(&format!("{left_out} paragraphs with doubtful labels are left out")));
    Ok(data.with_weights(Array1::from(weights)))
}

/// The labels to tell apart. Fine ones are ordered by frequency.
pub(super) fn labels(documents: &[&GoldDocument], preset: &Preset) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let blocks = documents.iter().flat_map(|document| &document.blocks);
    for label in blocks.filter_map(|block| block.label.as_deref()) {
        *counts.entry(label).or_default() += 1;
    }
    let three = |counts: &BTreeMap<&str, usize>| -> Vec<String> {
        let present: BTreeSet<&str> = counts.keys().map(|label| collapse(label)).collect();
        COLLAPSED_LABELS.into_iter().filter(|label| present.contains(label)).map(str::to_owned).collect()
    };
    match preset.labels {
        LabelSet::Three => three(&counts),
        LabelSet::Fine => {
            let (mut common, rare): (Vec<_>, BTreeMap<_, _>) = {
                let (common, rare): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    counts.into_iter().partition(|(_, count)| *count >= preset.min_paragraphs);
                (common.into_iter().collect(), rare)
            };
            common.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
            let mut labels: Vec<String> = common.into_iter().map(|(label, _)| label.to_owned()).collect();
            // A rare label's paragraphs go to one of the three, which therefore must be there.
            let needed = three(&rare);
            let missing: Vec<String> = needed.into_iter().filter(|label| !labels.contains(label)).collect();
            labels.extend(missing);
            labels
        }
    }
}

/// The rows of all samples, with target and weight of each.
pub(super) type Targets = DatasetBase<Rows, Array1<usize>>;

/// One document as it is trained on.
pub(super) struct Sample<'a> {
    pub document: &'a GoldDocument,
    /// Cut by the segmenter rather than by the annotator.
    pub segmented: bool,
    /// Its rows.
    pub rows: Range<usize>,
    cuts: Vec<Cut>,
}

/// One paragraph as it is trained on.
struct Cut {
    label: Option<String>,
    /// The part that it is of an annotated paragraph, so that one that the segmenter cuts into forty, like a
    /// table, does not weigh forty times as much.
    share: f32,
}

impl Cut {
    /// Its part of an annotated paragraph, to the power for its label, 1 where `exponents` has none.
    fn weight(&self, exponents: &BTreeMap<String, f64>) -> f32 {
        let exponent = self.label.as_ref().and_then(|label| exponents.get(label));
        exponent.map_or(self.share, |&exponent| self.share.powf(exponent as f32))
    }
}

/// The documents as annotated, then (if `segmented`) as the segmenter cuts them, each with its paragraphs.
fn samples<'a>(
    documents: &[&'a GoldDocument],
    segmented: bool,
) -> (Vec<Sample<'a>>, Vec<Vec<Paragraph<'a>>>) {
    let (mut samples, mut paragraphs) = (Vec::new(), Vec::new());
    let mut rows = 0;
    let mut add = |document: &'a GoldDocument, segmented, cuts: Vec<Cut>, cut: Vec<Paragraph<'a>>| {
        let end = rows + cuts.len();
        samples.push(Sample { document, segmented, rows: rows..end, cuts });
        paragraphs.push(cut);
        rows = end;
    };
    for document in documents {
        let cuts = document.blocks.iter().map(|block| Cut { label: block.label.clone(), share: 1.0 });
        add(document, false, cuts.collect(), document.paragraphs());
    }
    for document in documents.iter().filter(|_| segmented) {
        let spans = segment(&document.text);
        let cuts = majority(document, &spans);
        add(document, true, cuts, Paragraph::tile(&document.text, &spans).0);
    }
    (samples, paragraphs)
}

/// Each span with the label of most of its bytes (the earlier one of two that have as many), and the largest
/// part that it is of an annotated paragraph.
fn majority(document: &GoldDocument, spans: &[Span]) -> Vec<Cut> {
    let mut blocks = document.blocks.iter().peekable();
    spans
        .iter()
        .map(|span| {
            let mut bytes: Vec<(&Option<String>, usize)> = Vec::new();
            let mut share = 0.0_f32;
            while let Some(block) = blocks.peek() {
                let shared = block.span.end.min(span.end).saturating_sub(block.span.start.max(span.start));
                if shared > 0 {
                    share = share.max(shared as f32 / (block.span.end - block.span.start) as f32);
                    match bytes.iter_mut().find(|(label, _)| **label == block.label) {
                        Some((_, sum)) => *sum += shared,
                        None => bytes.push((&block.label, shared)),
                    }
                }
                if block.span.end > span.end {
                    break;
                }
                blocks.next();
            }
            let label = bytes.into_iter().rev().max_by_key(|(_, sum)| *sum);
            Cut { label: label.and_then(|(label, _)| label.clone()), share }
        })
        .collect()
}

/// The weights: by linfa-logistic's own fit where the data is small and unweighted, else by the sparse
/// one, which minimises the same objective, or by the stochastic one if the preset asks for it.
pub(super) fn solve(
    data: &Targets,
    preset: &Preset,
    progress: &Progress,
) -> Result<MultiFittedLogisticRegression<f64, usize>, SolverError> {
    let rows = data.records();
    let unweighted = data.weights().is_none_or(|weights| weights.iter().all(|&weight| weight == 1.0));
    if unweighted && rows.len() * rows.columns() <= DENSE_CELLS {
        let mut dense = Array2::zeros((rows.len(), rows.columns()));
        for i in 0..rows.len() {
            let (columns, values) = rows.row(i);
            columns.iter().zip(values).for_each(|(&j, &value)| dense[(i, j as usize)] = value);
        }
        return MultiLogisticRegression::default()
            .alpha(preset.l2)
            .max_iterations(preset.max_iterations)
            .gradient_tolerance(GRADIENT_TOLERANCE)
            .fit(&DatasetBase::new(dense, data.targets().clone()))
            .map_err(|error| SolverError::Optimiser(error.to_string()));
    }
    if let Some(stochastic) = &preset.stochastic {
        return stochastic.fit(data);
    }
    let (told, of) = (Arc::clone(progress), preset.max_iterations);
    SparseLogisticRegressionParams::new()
        .alpha(preset.l2)
        .max_iterations(preset.max_iterations)
        .gradient_tolerance(GRADIENT_TOLERANCE)
        .observer(Arc::new(move |iteration, loss| told(&Event::Iteration { iteration, of, loss })))
        .fit(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_weighs_its_part_to_the_power_for_its_label() {
        let cut = |label: &str| Cut { label: Some(label.to_owned()), share: 0.25 };
        let exponents = BTreeMap::from([("Key".to_owned(), 0.5), ("Table".to_owned(), 0.0)]);
        for (label, weight) in [("Key", 0.5), ("Table", 1.0), ("Figure", 0.25)] {
            assert_eq!(cut(label).weight(&exponents), weight, "{label}");
        }
        assert_eq!(Cut { label: None, share: 0.25 }.weight(&exponents), 0.25);
    }

    #[test]
    fn terms_that_only_the_segmenter_s_cuts_hold_are_counted_on_demand() {
        let annotated = "[@Notes on the cap of Amanita, seen in Ohio.#Misc-exposition*]\n\n\
            [@LITERATURE CITED\n\nZopf, W. 1877. On caps. Mycologia 1: 3-9.\n\n\
            Lloyd, C. 1900. On spores. Mycotaxon 2: 5-8.#Bibliography*]\n";
        let document = GoldDocument::parse("v/a.ann", "v", annotated);
        let naming = Naming { name: "m", preset_name: "p", date: "2000-01-01", seed: 0 };
        let names = |segmented_terms: bool| -> Vec<String> {
            let toml = format!(
                "[p]\nlabels = 'fine'\nmin_paragraphs = 1\nsegmented = 0.5\nsegmented_terms = {segmented_terms}\n\
                 [p.features]\ntokens = {{ vocabulary = 90, min_df = 1 }}\noutline = {{ min_df = 1 }}"
            );
            let preset = Preset::from_toml(&toml, "own.toml", "p").expect("possible");
            let silent: Progress = Arc::new(|_| ());
            let model = fit(&[&document], &preset, &naming, 1.0, &silent).expect("a model");
            let features = model.features();
            (0..features.n_features()).filter_map(|column| features.feature_name(column)).collect()
        };
        let under = "under two=literature cited".to_owned();
        assert!(!names(false).contains(&under));
        assert!(names(true).contains(&under));
    }
}
