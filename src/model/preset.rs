//! Presets: what a model is trained with, described wholly in `config/models.toml`.

use super::cleaning::CleaningParams;
use super::{ContextWindow, ModelError};
use crate::features::{FeatureParams, ValidFeatureParams};
use linfa::ParamGuard;
use linfa_sparse_logistic::{
    SparseLogisticRegression, SparseLogisticRegressionParams, StochasticLogisticRegression,
    StochasticLogisticRegressionParams,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The presets that the program brings along.
const BUILT_IN: &str = include_str!("../../config/models.toml");

/// Which labels a model tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelSet {
    /// `Nomenclature`, `Description`, and `Misc-exposition` for everything else.
    Three,
    /// Every label with at least [`Preset::min_paragraphs`] paragraphs in training.
    Fine,
}

/// A stochastic fit: see [`StochasticLogisticRegression`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StochasticPreset {
    /// How often all paragraphs are seen.
    pub epochs: usize,
    /// The length of a first step, for a feature of value 1.
    pub rate: f32,
}

impl StochasticPreset {
    /// The solver's parameters.
    pub(super) fn params(&self) -> StochasticLogisticRegressionParams {
        StochasticLogisticRegression::params().epochs(self.epochs).rate(self.rate)
    }
}

fn default_min_paragraphs() -> usize {
    50
}

fn default_l2() -> f64 {
    1.0
}

fn is_zero(weight: &f64) -> bool {
    *weight == 0.0
}

fn default_max_iterations() -> u64 {
    100
}

/// What a model is trained with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// One line for people.
    #[serde(default)]
    pub summary: String,
    /// Which labels there are.
    pub labels: LabelSet,
    /// With fine labels: a label with fewer paragraphs in training becomes one of the three.
    #[serde(default = "default_min_paragraphs")]
    pub min_paragraphs: usize,
    /// How much a paragraph of a label weighs in the loss; 1 for labels that are not named.
    #[serde(default)]
    pub class_weights: BTreeMap<String, f64>,
    /// L2 penalty, on the sum of the weighted losses.
    #[serde(default = "default_l2")]
    pub l2: f64,
    /// The most iterations of the solver.
    #[serde(default = "default_max_iterations")]
    pub max_iterations: u64,
    /// Fit by stochastic gradient descent instead; `l2` and `max_iterations` are then for the second stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stochastic: Option<StochasticPreset>,
    /// How much a paragraph weighs in the loss when the segmenter has cut it, in addition to the same text as the
    /// annotator cut it; 0: train on annotated paragraphs only. Its label is that of most of its bytes.
    #[serde(default)]
    pub segmented: f64,
    /// With `segmented`: count terms and observations in the paragraphs that the segmenter has cut as well, so that
    /// the features hold what only those show, such as a heading that the annotator left with what it is above.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub segmented_terms: bool,
    /// With `segmented`: a paragraph that is the part s of an annotated one weighs s to this power, per label; 1 for
    /// labels that are not named. At 1 all cuts of a paragraph weigh as much together as it does, at 0 each one does.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub share_exponents: BTreeMap<String, f64>,
    /// How much a paragraph weighs in the loss when its document is set in other lines (one line a paragraph, other
    /// widths, double spacing) and cut by the segmenter, in addition to the others; 0: no such samples.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub layouts: f64,
    /// How much a name weighs that is made of the annotated ones, under forms that are rare among them; 0: no such
    /// samples.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub names: f64,
    /// Leave out of training what is probably a missing annotation; without it nothing is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleaning: Option<CleaningParams>,
    /// Groups of features.
    pub features: FeatureParams,
    /// The second stage, if there is one. Model files of version 0.1 call it `decoder`.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "decoder")]
    pub context_window: Option<ContextWindow>,
    /// With fine labels: a preset of three labels, for an auxiliary model whose opinion of the three counts as much as
    /// this one's. A presets file gives its name. Model files of version 0.1 call it `coarse`.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "coarse")]
    pub auxiliary_model: Option<Box<Preset>>,
}

impl Preset {
    /// The preset called `name` among those that the program brings along.
    ///
    /// # Errors
    /// [`ModelError::Unknown`] when there is none; it names those that there are.
    pub fn built_in(name: &str) -> Result<Self, ModelError> {
        Self::from_toml(BUILT_IN, "config/models.toml", name)
    }

    /// The names of the presets that the program brings along, sorted.
    #[must_use]
    pub fn built_in_names() -> Vec<String> {
        toml::from_str::<toml::Table>(BUILT_IN)
            .map(|table| table.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// The preset called `name` in `text`, the contents of a presets file called `origin`, or else among those that the
    /// program brings along; likewise for its auxiliary model.
    ///
    /// # Errors
    /// When the file is no TOML, nothing has such a preset, or the preset is impossible.
    pub fn from_toml(text: &str, origin: &str, name: &str) -> Result<Self, ModelError> {
        let read = |text: &str| {
            let table = toml::from_str::<toml::Table>(text);
            table.map_err(|source| ModelError::PresetsFile {
                origin: origin.to_owned(),
                source: source.into(),
            })
        };
        let mut table = read(BUILT_IN)?;
        table.extend(read(text)?);
        let remedy = format!("or add it to {origin}");
        let mut found = take(&mut table, name, remedy)?;
        for key in ["auxiliary_model", "coarse"] {
            if let Some(auxiliary) = found.get_mut(key)
                && let Some(name) = auxiliary.as_str().map(str::to_owned)
            {
                *auxiliary = take(&mut table, &name, format!("which {key} names, or add it to {origin}"))?;
            }
        }
        let in_preset = || (origin.to_owned(), name.to_owned());
        let preset: Self = found.try_into().map_err(|source| {
            let (origin, name) = in_preset();
            ModelError::PresetForm { origin, name, source: source.into() }
        })?;
        preset.check().map_err(|error| {
            let (origin, name) = in_preset();
            ModelError::Preset { origin, name, source: error.into() }
        })?;
        Ok(preset)
    }

    /// The checked parameters of the features.
    pub(super) fn feature_params(&self) -> Result<&ValidFeatureParams, ModelError> {
        Ok(self.features.check_ref()?)
    }

    /// The parameters of the solver that finds the optimum.
    pub(super) fn lbfgs(&self) -> SparseLogisticRegressionParams {
        SparseLogisticRegression::params().alpha(self.l2).max_iterations(self.max_iterations)
    }

    fn check(&self) -> Result<(), ModelError> {
        if let Some((label, weight)) = self.class_weights.iter().find(|(_, w)| !w.is_finite() || **w <= 0.0) {
            return Err(ModelError::setting(
                format!("class_weights.{label}"),
                *weight,
                "a finite number above 0",
            ));
        }
        if !self.l2.is_finite() || self.l2 < 0.0 {
            return Err(ModelError::setting("l2".to_owned(), self.l2, "a finite number, at least 0"));
        }
        self.lbfgs().check().map_err(ModelError::Parts)?;
        if let Some(stochastic) = &self.stochastic {
            stochastic.params().check().map_err(ModelError::Parts)?;
        }
        let weights = [("segmented", self.segmented), ("layouts", self.layouts), ("names", self.names)];
        if let Some((name, weight)) = weights.iter().find(|(_, weight)| !weight.is_finite() || *weight < 0.0)
        {
            return Err(ModelError::setting((*name).to_owned(), *weight, "a finite number, at least 0"));
        }
        let exponent = self.share_exponents.iter().find(|(_, exponent)| !(0.0..=1.0).contains(*exponent));
        if let Some((label, exponent)) = exponent {
            return Err(ModelError::setting(format!("share_exponents.{label}"), *exponent, "from 0 to 1"));
        }
        self.cleaning.as_ref().map_or(Ok(()), CleaningParams::check)?;
        self.context_window.as_ref().map_or(Ok(()), ContextWindow::check)?;
        if let Some(auxiliary) = &self.auxiliary_model {
            let fits = self.labels == LabelSet::Fine
                && auxiliary.labels == LabelSet::Three
                && auxiliary.auxiliary_model.is_none();
            if !fits {
                return Err(ModelError::AuxiliaryPreset);
            }
            auxiliary.check().map_err(|error| match error {
                ModelError::Setting { setting, value, allowed } => {
                    ModelError::setting(format!("auxiliary_model.{setting}"), value, allowed)
                }
                other => other,
            })?;
        }
        self.feature_params().map(|_| ())
    }
}

/// Takes a preset out of a presets file's table.
fn take(table: &mut toml::Table, name: &str, remedy: String) -> Result<toml::Value, ModelError> {
    table.remove(name).ok_or_else(|| ModelError::Unknown {
        what: "preset",
        name: name.to_owned(),
        known: table.keys().cloned().collect(),
        remedy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_that_is_shipped_is_possible() {
        let names = Preset::built_in_names();
        assert!(names.contains(&"logistic_words_suffixes".to_owned()));
        for name in names {
            assert!(!Preset::built_in(&name).expect("valid").summary.is_empty(), "{name} has no summary");
        }
    }

    #[test]
    fn the_original_preset_is_as_it_was() {
        let preset = Preset::built_in("logistic_words_suffixes").expect("valid");
        assert_eq!(preset.labels, LabelSet::Three);
        assert_eq!(preset.class_weights.get("Nomenclature"), Some(&3.0));
        assert_eq!((preset.l2, preset.max_iterations), (1.0, 100));
    }

    #[test]
    fn a_preset_names_another_for_its_auxiliary_model() {
        let features = "features = { words = { vocabulary = 5 } }";
        let toml = format!(
            "[p]\nlabels = 'fine'\nauxiliary_model = 'q'\n{features}\n[q]\nlabels = 'three'\nl2 = 3.0\n{features}"
        );
        let preset = Preset::from_toml(&toml, "own.toml", "p").expect("possible");
        assert_eq!(
            preset.auxiliary_model.map(|auxiliary| (auxiliary.labels, auxiliary.l2)),
            Some((LabelSet::Three, 3.0))
        );
        let fine = Preset::built_in("context_fine").expect("valid");
        assert_eq!(fine.auxiliary_model.as_deref(), Some(&Preset::built_in("context").expect("valid")));
    }

    #[test]
    fn a_wrong_preset_is_named_with_the_reason() {
        let error = Preset::built_in("logistic_word_suffixes").expect_err("misspelt").to_string();
        assert!(error.contains("logistic_words_suffixes"), "{error}");
        let features = "features = { words = { vocabulary = 5 } }";
        let cases = [
            (format!("[p]\nlabels = 'three'\nl2 = -1.0\n{features}"), "-1"),
            (format!("[p]\nlabels = 'three'\nclass_weights = {{ X = 0.0 }}\n{features}"), "class_weights.X"),
            (
                format!("[p]\nlabels = 'three'\nshare_exponents = {{ X = nan }}\n{features}"),
                "share_exponents.X",
            ),
            (format!("[p]\nlabels = 'four'\n{features}"), "four"),
            ("[p]\nlabels = 'three'\nfeatures = {}".to_owned(), "without features"),
            (format!("[p]\nlabels = 'three'\niterations = 3\n{features}"), "iterations"),
            (
                format!("[p]\nlabels = 'fine'\nauxiliary_model = 'three'\n{features}"),
                "unknown preset \"three\"",
            ),
            (
                format!(
                    "[p]\nlabels = 'three'\nauxiliary_model = 'q'\n{features}\n[q]\nlabels = 'three'\n{features}"
                ),
                "auxiliary_model: must",
            ),
            (
                format!(
                    "[p]\nlabels = 'fine'\nauxiliary_model = 'q'\n{features}\n[q]\nlabels = 'fine'\n{features}"
                ),
                "auxiliary_model: must",
            ),
            (
                format!(
                    "[p]\nlabels = 'fine'\nauxiliary_model = 'q'\n{features}\n[q]\nlabels = 'three'\nl2 = -2.0\n{features}"
                ),
                "auxiliary_model.l2 = -2",
            ),
        ];
        for (toml, named) in cases {
            let error = Preset::from_toml(&toml, "own.toml", "p").expect_err(&toml);
            assert!(error.is_usage());
            let error = crate::Error::from(error);
            assert!(error.to_string().contains(named) && error.to_string().contains("own.toml"), "{error}");
        }
    }
}
