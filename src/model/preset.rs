//! Presets: what a model is trained with, described wholly in `config/models.toml`.

use super::decode::DecoderParams;
use super::solver::StochasticParams;
use super::train::CleaningParams;
use crate::features::{FeatureParams, ValidFeatureParams};
use crate::{Error, Result};
use linfa::ParamGuard;
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

fn default_min_paragraphs() -> usize {
    50
}

fn default_l2() -> f64 {
    1.0
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
    /// At most so many iterations of the solver.
    #[serde(default = "default_max_iterations")]
    pub max_iterations: u64,
    /// Fit by stochastic gradient descent instead; `l2` and `max_iterations` are then for the second stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stochastic: Option<StochasticParams>,
    /// How much a paragraph weighs in the loss when the segmenter has cut it, beside the same text as the
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
    /// Leave out of training what is probably a missing annotation; without it nothing is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleaning: Option<CleaningParams>,
    /// Groups of features.
    pub features: FeatureParams,
    /// The second stage, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder: Option<DecoderParams>,
    /// With fine labels: a preset of three labels, for a model beside this one; see [`Coarse`](super::Coarse).
    /// A presets file gives its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coarse: Option<Box<Preset>>,
}

impl Preset {
    /// The preset called `name` among those that the program brings along.
    ///
    /// # Errors
    /// Usage error when there is none; it names those that there are.
    pub fn built_in(name: &str) -> Result<Self> {
        Self::from_toml(BUILT_IN, "config/models.toml", name)
    }

    /// The names of the presets that the program brings along, sorted.
    #[must_use]
    pub fn built_in_names() -> Vec<String> {
        toml::from_str::<toml::Table>(BUILT_IN)
            .map(|table| table.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// The preset called `name` in `text`, the contents of a presets file called `origin`.
    ///
    /// # Errors
    /// Usage error when the file cannot be read, has no such preset, or the preset is impossible.
    pub fn from_toml(text: &str, origin: &str, name: &str) -> Result<Self> {
        let mut table: toml::Table =
            toml::from_str(text).map_err(|error| Error::usage(format!("{origin}: {error}")))?;
        let Some(mut found) = table.remove(name) else {
            let known: Vec<&str> = table.keys().map(String::as_str).collect();
            return Err(super::catalog::unknown("preset", name, &known, &format!("or add it to {origin}")));
        };
        if let Some(coarse) = found.get_mut("coarse")
            && let Some(name) = coarse.as_str()
        {
            *coarse = table.remove(name).ok_or_else(|| {
                let known: Vec<&str> = table.keys().map(String::as_str).collect();
                super::catalog::unknown(
                    "preset",
                    name,
                    &known,
                    &format!("which coarse names, or add it to {origin}"),
                )
            })?;
        }
        let preset: Self =
            found.try_into().map_err(|error| Error::usage(format!("{origin}, preset {name}: {error}")))?;
        preset.check().map_err(|reason| Error::usage(format!("{origin}, preset {name}: {reason}")))?;
        Ok(preset)
    }

    /// The checked parameters of the features.
    ///
    /// # Errors
    /// Why they are impossible.
    pub(super) fn feature_params(&self) -> Result<&ValidFeatureParams> {
        self.features.check_ref().map_err(|error| Error::usage(error.to_string()))
    }

    fn check(&self) -> Result<(), String> {
        if let Some((label, weight)) = self.class_weights.iter().find(|(_, w)| !w.is_finite() || **w <= 0.0) {
            return Err(format!("class_weights.{label} = {weight}: must be a finite number above 0"));
        }
        let solver = super::solver::SparseLogisticRegressionParams::new()
            .alpha(self.l2)
            .max_iterations(self.max_iterations);
        solver.check().map_err(|error| format!("l2 = {}: {error}", self.l2))?;
        if let Some(stochastic) = &self.stochastic {
            stochastic.check_ref().map_err(|error| format!("stochastic: {error}"))?;
        }
        if !self.segmented.is_finite() || self.segmented < 0.0 {
            return Err(format!("segmented = {}: must be a finite number, at least 0", self.segmented));
        }
        if let Some((label, exponent)) = self.share_exponents.iter().find(|(_, e)| !(0.0..=1.0).contains(*e))
        {
            return Err(format!("share_exponents.{label} = {exponent}: must be from 0 to 1"));
        }
        self.cleaning.as_ref().map_or(Ok(()), CleaningParams::check)?;
        self.decoder.as_ref().map_or(Ok(()), DecoderParams::check)?;
        if let Some(coarse) = &self.coarse {
            if self.labels != LabelSet::Fine || coarse.labels != LabelSet::Three || coarse.coarse.is_some() {
                return Err(
                    "coarse: must be a preset with labels = \"three\", beside one with \"fine\"".into()
                );
            }
            coarse.check().map_err(|reason| format!("coarse: {reason}"))?;
        }
        self.features.check_ref().map(|_| ()).map_err(|error| error.to_string())
    }
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
    fn a_preset_names_another_for_the_model_beside() {
        let features = "features = { words = { vocabulary = 5 } }";
        let toml = format!(
            "[p]\nlabels = 'fine'\ncoarse = 'q'\n{features}\n[q]\nlabels = 'three'\nl2 = 3.0\n{features}"
        );
        let preset = Preset::from_toml(&toml, "own.toml", "p").expect("possible");
        assert_eq!(preset.coarse.map(|coarse| (coarse.labels, coarse.l2)), Some((LabelSet::Three, 3.0)));
        let fine = Preset::built_in("context_fine").expect("valid");
        assert_eq!(fine.coarse.as_deref(), Some(&Preset::built_in("context").expect("valid")));
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
            (format!("[p]\nlabels = 'fine'\ncoarse = 'three'\n{features}"), "unknown preset \"three\""),
            (
                format!("[p]\nlabels = 'three'\ncoarse = 'q'\n{features}\n[q]\nlabels = 'three'\n{features}"),
                "coarse: must",
            ),
            (
                format!("[p]\nlabels = 'fine'\ncoarse = 'q'\n{features}\n[q]\nlabels = 'fine'\n{features}"),
                "coarse: must",
            ),
            (
                format!(
                    "[p]\nlabels = 'fine'\ncoarse = 'q'\n{features}\n[q]\nlabels = 'three'\nl2 = -2.0\n{features}"
                ),
                "coarse: l2 = -2",
            ),
        ];
        for (toml, named) in cases {
            let error = Preset::from_toml(&toml, "own.toml", "p").expect_err(&toml);
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(named) && error.to_string().contains("own.toml"), "{error}");
        }
    }
}
