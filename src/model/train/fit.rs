//! Annotated documents to a model: labels, features, weights.

use super::cross_fit::{Folds, cross_fit};
use super::labels::labels;
use super::samples::{Made, Sample, Targets, samples};
use super::solve::solve;
use super::stacking::fit_stacked;
use super::{Event, Progress};
use crate::features::Features;
use crate::model::file::linear;
use crate::model::gold::{GoldDocument, label_index};
use crate::model::stored::ModelParts;
use crate::model::{DataSummary, Model, ModelError, ModelInfo, Preset, StackedClassifier};
use linfa::dataset::DatasetBase;
use linfa_sparse_logistic::SparseRecords;
use ndarray::Array1;
use std::collections::BTreeSet;
use std::sync::Arc;

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
) -> Result<Model, ModelError> {
    let labels = labels(documents, preset);
    if labels.len() < 2 {
        return Err(ModelError::TooFewLabels(labels.len()));
    }
    let auxiliary = match &preset.auxiliary_model {
        Some(auxiliary) if self::labels(documents, auxiliary).len() > 1 => {
            progress(&Event::Stage("auxiliary model of the three labels"));
            // The temperature is applied to what both say together.
            Some(Arc::new(fit(documents, auxiliary, naming, 1.0, progress)?))
        }
        _ => None,
    };
    progress(&Event::Stage("features"));
    let made = Made::of(documents, preset, naming.seed);
    let (samples, paragraphs) = samples(documents, &made, preset);
    let annotated = if preset.segmented > 0.0 { 2 * documents.len() } else { documents.len() };
    let counted = if preset.segmented_terms { annotated } else { documents.len() };
    let features =
        Features::fit_with(preset.feature_params()?, &paragraphs[..counted], &paragraphs[annotated..]);
    let mut rows = SparseRecords::new(features.n_features());
    for document in &paragraphs {
        features.transform_into(document, &mut rows)?;
    }
    drop(paragraphs);
    // Text outside of all blocks stays a row, so that rows and paragraphs keep in step, but weighs nothing.
    let cuts = || samples.iter().flat_map(|sample| &sample.cuts);
    let targets: Vec<Option<usize>> = cuts().map(|cut| label_index(&labels, cut.label.as_deref()?)).collect();
    let class_weight = |label: &String| preset.class_weights.get(label).copied().unwrap_or(1.0) as f32;
    let class_weights: Vec<f32> = labels.iter().map(class_weight).collect();
    let shares = samples
        .iter()
        .flat_map(|sample| sample.cuts.iter().map(|cut| sample.weight * cut.weight(&preset.share_exponents)));
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
    let data = clean(data, &samples, &labels, preset, progress)?;
    let (data, stacked) = match &preset.context_window {
        Some(window) => fit_stacked(data, &samples, labels.len(), preset, window, progress)?,
        None => (data, None),
    };
    progress(&Event::Stage("solver"));
    let fitted = solve(&data, preset, progress)?;
    drop(data);

    let scale = if auxiliary.is_some() { 1.0 } else { 1.0 / temperature };
    let volumes: BTreeSet<&str> = documents.iter().map(|document| document.volume.as_str()).collect();
    let digests: BTreeSet<String> = documents.iter().map(|document| document.digest()).collect();
    let info = ModelInfo {
        name: naming.name.to_owned(),
        preset_name: naming.preset_name.to_owned(),
        preset: Preset {
            context_window: preset.context_window.clone().filter(|_| stacked.is_some()),
            auxiliary_model: preset.auxiliary_model.clone().filter(|_| auxiliary.is_some()),
            ..preset.clone()
        },
        data: DataSummary {
            files: documents.len(),
            volumes: volumes.into_iter().map(str::to_owned).collect(),
            paragraphs: labels.into_iter().zip(counts).collect(),
            documents: digests.into_iter().collect(),
        },
        date: naming.date.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: naming.seed,
        temperature,
        adapted_from: None,
    };
    // The temperature belongs to the stage that has the last word.
    let own_scale = if stacked.is_some() { 1.0 } else { scale };
    let weights = fitted.weights().iter().map(|weight| (weight * own_scale) as f32).collect();
    let linear = linear(weights, fitted.intercept().iter().map(|bias| bias * own_scale).collect())?;
    let stacked = match (stacked, &preset.context_window) {
        (Some(fitted), Some(window)) => {
            let fitted = fitted
                .cast(1.0, |weight| weight as f32)
                .and_then(|single| single.cast(scale, |weight| weight as f32));
            Some(StackedClassifier::new(window.clone(), fitted.map_err(ModelError::Solver)?)?)
        }
        _ => None,
    };
    Model::from_parts(ModelParts { info, features, linear, stacked, auxiliary })
}

/// The data without paragraphs whose annotation is probably missing, if the preset asks for that.
fn clean(
    data: Targets,
    samples: &[Sample<'_>],
    labels: &[String],
    preset: &Preset,
    progress: &Progress,
) -> Result<Targets, ModelError> {
    let Some(params) = &preset.cleaning else { return Ok(data) };
    let folds = Folds::new(samples, params.folds, false);
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

#[cfg(test)]
mod tests {
    use super::*;

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
