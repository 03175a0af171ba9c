//! What features there are: parameters, and the check that refuses impossible ones once, at the door.

use super::layout::MAX_TOKENS;
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

/// Layout and shape of the paragraph and of those around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayoutParams {
    /// How many paragraphs before and after are seen, 0 to 4.
    #[serde(default)]
    pub neighbours: usize,
    /// An observation must be made in at least this many paragraphs.
    #[serde(default = "default_min_df")]
    pub min_df: u32,
}

/// The place in the outline: the heading above, and the numbering that the paragraph goes on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutlineParams {
    /// An observation must be made in at least this many paragraphs.
    #[serde(default = "default_min_df")]
    pub min_df: u32,
}

fn default_min_df() -> u32 {
    2
}

/// Most paragraphs before and after that can be seen.
const MOST_NEIGHBOURS: usize = 4;

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
    /// Tokens, there or not: words without the marks around them, numbers by their length, marks.
    #[serde(default)]
    pub tokens: Option<TermParams>,
    /// Two such tokens in a row, there or not.
    #[serde(default)]
    pub pairs: Option<TermParams>,
    /// The place in the outline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outline: Option<OutlineParams>,
    /// Layout and shape.
    #[serde(default)]
    pub layout: Option<LayoutParams>,
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
    /// More tokens than can be told apart.
    #[error("features.tokens.vocabulary = {0}: at most {MAX_TOKENS}")]
    TooManyTokens(usize),
    /// Pairs, outline or layout without tokens.
    #[error("features.{0} needs features.tokens: give its vocabulary")]
    NeedsTokens(&'static str),
    /// The window is too wide.
    #[error("features.layout.neighbours = {0}: at most {MOST_NEIGHBOURS}")]
    TooManyNeighbours(usize),
    /// No ending lengths.
    #[error("features.endings.lengths is empty: give lengths in characters, or leave the group out")]
    NoEndingLengths,
}

impl ValidFeatureParams {
    fn verify(&self) -> Result<(), ParamError> {
        let Self { words, endings, tokens, pairs, outline, layout } = self;
        let needs_tokens =
            [("pairs", pairs.is_some()), ("outline", outline.is_some()), ("layout", layout.is_some())];
        let needs_tokens = needs_tokens.iter().find(|(_, asked)| *asked).map(|(name, _)| *name);
        if words.is_none() && endings.is_none() && tokens.is_none() {
            return Err(needs_tokens.map_or(ParamError::NoFeatures, ParamError::NeedsTokens));
        }
        for (name, terms) in [("words", words), ("tokens", tokens), ("pairs", pairs)] {
            if terms.as_ref().is_some_and(|terms| terms.vocabulary == 0) {
                return Err(ParamError::EmptyVocabulary(name));
            }
        }
        match tokens {
            Some(tokens) if tokens.vocabulary > MAX_TOKENS => {
                return Err(ParamError::TooManyTokens(tokens.vocabulary));
            }
            None => {
                if let Some(name) = needs_tokens {
                    return Err(ParamError::NeedsTokens(name));
                }
            }
            Some(_) => {}
        }
        if let Some(layout) = layout.as_ref().filter(|layout| layout.neighbours > MOST_NEIGHBOURS) {
            return Err(ParamError::TooManyNeighbours(layout.neighbours));
        }
        if let Some(endings) = endings {
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
        assert_eq!(check("pairs = { vocabulary = 9 }"), Err(ParamError::NeedsTokens("pairs")));
        assert_eq!(check("words = { vocabulary = 9 }\nlayout = {}"), Err(ParamError::NeedsTokens("layout")));
        assert_eq!(
            check("words = { vocabulary = 9 }\noutline = {}"),
            Err(ParamError::NeedsTokens("outline"))
        );
        assert_eq!(
            check("tokens = { vocabulary = 9 }\nlayout = { neighbours = 5 }"),
            Err(ParamError::TooManyNeighbours(5))
        );
        assert_eq!(check("tokens = { vocabulary = 999999 }"), Err(ParamError::TooManyTokens(999_999)));
        let valid = check("words = { vocabulary = 7 }").expect("valid");
        assert_eq!(valid.words, Some(TermParams { vocabulary: 7, min_df: 2 }));
    }

    #[test]
    fn a_misspelt_group_is_an_error() {
        assert!(toml::from_str::<FeatureParams>("word = { vocabulary = 7 }").is_err());
    }
}
