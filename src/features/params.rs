//! What features there are: parameters, and the check that refuses impossible ones once, at the door.

use linfa::ParamGuard;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest word ending that can be asked for, in characters.
pub(crate) const LONGEST_ENDING: usize = 8;

/// A bag of terms weighted by TF-IDF: the vocabulary's size and the least frequency of its terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermParams {
    /// At most this many terms, the most frequent by document frequency.
    pub vocabulary: usize,
    /// A term must occur in at least this many paragraphs.
    #[serde(default = "default_min_df")]
    pub min_df: u32,
}

/// A bag of word endings weighted by TF-IDF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndingParams {
    /// Lengths of the endings in characters.
    pub lengths: Vec<usize>,
    /// At most this many endings, over all lengths, the most frequent by document frequency.
    pub vocabulary: usize,
    /// An ending must occur in at least this many paragraphs.
    #[serde(default = "default_min_df")]
    pub min_df: u32,
}

fn default_min_df() -> u32 {
    2
}

/// Which groups of features a model sees, checked: see [`FeatureParams`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidFeatureParams {
    /// Lower-cased words between white space.
    #[serde(default)]
    pub words: Option<TermParams>,
    /// Endings of those words.
    #[serde(default)]
    pub endings: Option<EndingParams>,
}

/// Which groups of features a model sees, as read; [`ParamGuard::check`] gives [`ValidFeatureParams`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeatureParams(ValidFeatureParams);

/// Why feature parameters were refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParamError {
    /// No group of features is switched on.
    #[error(
        "a preset without features: give at least one group (words, endings, ...) in [<preset>.features]"
    )]
    NoFeatures,
    /// A vocabulary of no terms.
    #[error("features.{0}.vocabulary = 0: must be at least 1, or leave the group out")]
    EmptyVocabulary(&'static str),
    /// An ending's length is out of range.
    #[error("features.endings.lengths holds {0}: an ending has 1 to {LONGEST_ENDING} characters")]
    EndingLength(usize),
    /// No ending lengths.
    #[error("features.endings.lengths is empty: give lengths in characters, or leave the group out")]
    NoEndingLengths,
}

impl ValidFeatureParams {
    fn verify(&self) -> Result<(), ParamError> {
        if self.words.is_none() && self.endings.is_none() {
            return Err(ParamError::NoFeatures);
        }
        if self.words.as_ref().is_some_and(|words| words.vocabulary == 0) {
            return Err(ParamError::EmptyVocabulary("words"));
        }
        if let Some(endings) = &self.endings {
            if endings.vocabulary == 0 {
                return Err(ParamError::EmptyVocabulary("endings"));
            }
            if endings.lengths.is_empty() {
                return Err(ParamError::NoEndingLengths);
            }
            if let Some(&length) = endings.lengths.iter().find(|&&n| n == 0 || n > LONGEST_ENDING) {
                return Err(ParamError::EndingLength(length));
            }
        }
        Ok(())
    }
}

impl ParamGuard for FeatureParams {
    type Checked = ValidFeatureParams;
    type Error = ParamError;

    fn check_ref(&self) -> Result<&ValidFeatureParams, ParamError> {
        self.0.verify()?;
        Ok(&self.0)
    }

    fn check(self) -> Result<ValidFeatureParams, ParamError> {
        self.0.verify()?;
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(toml: &str) -> Result<ValidFeatureParams, ParamError> {
        toml::from_str::<FeatureParams>(toml).expect("well-formed").check()
    }

    #[test]
    fn impossible_parameters_are_refused_with_the_reason() {
        assert_eq!(check(""), Err(ParamError::NoFeatures));
        assert_eq!(check("words = { vocabulary = 0 }"), Err(ParamError::EmptyVocabulary("words")));
        assert_eq!(check("endings = { lengths = [2, 9], vocabulary = 5 }"), Err(ParamError::EndingLength(9)));
        assert_eq!(check("endings = { lengths = [], vocabulary = 5 }"), Err(ParamError::NoEndingLengths));
        let valid = check("words = { vocabulary = 7 }").expect("valid");
        assert_eq!(valid.words, Some(TermParams { vocabulary: 7, min_df: 2 }));
    }

    #[test]
    fn a_misspelt_group_is_an_error() {
        assert!(toml::from_str::<FeatureParams>("word = { vocabulary = 7 }").is_err());
    }
}
