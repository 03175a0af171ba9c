//! What features there are: parameters, and the check that refuses impossible ones once, at the door.

use super::FeatureError;
use super::layout::MAX_TOKENS;
use linfa::ParamGuard;
use serde::{Deserialize, Serialize};

/// Longest word suffix that can be asked for, in characters.
pub(crate) const LONGEST_SUFFIX: usize = 8;

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

/// A bag of word suffixes weighted by TF-IDF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuffixParams {
    /// Lengths of the suffixes in characters.
    pub lengths: Vec<usize>,
    /// At most this many suffixes, over all lengths, the most frequent by document frequency.
    pub vocabulary: usize,
    /// An suffix must occur in at least this many paragraphs.
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
pub(crate) const MOST_NEIGHBOURS: usize = 4;

/// Which groups of features a model sees, checked: see [`FeatureParams`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidFeatureParams {
    /// Lower-cased words between white space.
    #[serde(default)]
    pub words: Option<TermParams>,
    /// Suffixes of those words. Model files of version 0.1 call them `endings`.
    #[serde(default, alias = "endings")]
    pub suffixes: Option<SuffixParams>,
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

impl ValidFeatureParams {
    fn verify(&self) -> Result<(), FeatureError> {
        let Self { words, suffixes, tokens, pairs, outline, layout } = self;
        let needs_tokens =
            [("pairs", pairs.is_some()), ("outline", outline.is_some()), ("layout", layout.is_some())];
        let needs_tokens = needs_tokens.iter().find(|(_, asked)| *asked).map(|(name, _)| *name);
        if words.is_none() && suffixes.is_none() && tokens.is_none() {
            return Err(needs_tokens.map_or(FeatureError::NoFeatures, FeatureError::NeedsTokens));
        }
        for (name, terms) in [("words", words), ("tokens", tokens), ("pairs", pairs)] {
            if terms.as_ref().is_some_and(|terms| terms.vocabulary == 0) {
                return Err(FeatureError::EmptyVocabulary(name));
            }
        }
        match tokens {
            Some(tokens) if tokens.vocabulary > MAX_TOKENS => {
                return Err(FeatureError::TooManyTokens(tokens.vocabulary));
            }
            None => {
                if let Some(name) = needs_tokens {
                    return Err(FeatureError::NeedsTokens(name));
                }
            }
            Some(_) => {}
        }
        if let Some(layout) = layout.as_ref().filter(|layout| layout.neighbours > MOST_NEIGHBOURS) {
            return Err(FeatureError::TooManyNeighbours(layout.neighbours));
        }
        if let Some(suffixes) = suffixes {
            if suffixes.vocabulary == 0 {
                return Err(FeatureError::EmptyVocabulary("suffixes"));
            }
            if suffixes.lengths.is_empty() {
                return Err(FeatureError::NoSuffixLengths);
            }
            if let Some(&length) = suffixes.lengths.iter().find(|&&n| n == 0 || n > LONGEST_SUFFIX) {
                return Err(FeatureError::SuffixLength(length));
            }
        }
        Ok(())
    }
}

impl ParamGuard for FeatureParams {
    type Checked = ValidFeatureParams;
    type Error = FeatureError;

    fn check_ref(&self) -> Result<&ValidFeatureParams, FeatureError> {
        self.0.verify()?;
        Ok(&self.0)
    }

    fn check(self) -> Result<ValidFeatureParams, FeatureError> {
        self.0.verify()?;
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(toml: &str) -> Result<ValidFeatureParams, String> {
        let params = toml::from_str::<FeatureParams>(toml).expect("well-formed");
        params.check().map_err(|error| format!("{error:?}"))
    }

    fn refused(toml: &str, why: &str) {
        assert_eq!(check(toml), Err(why.to_owned()), "{toml}");
    }

    #[test]
    fn impossible_parameters_are_refused_with_the_reason() {
        refused("", "NoFeatures");
        refused("words = { vocabulary = 0 }", "EmptyVocabulary(\"words\")");
        refused("suffixes = { lengths = [2, 9], vocabulary = 5 }", "SuffixLength(9)");
        refused("suffixes = { lengths = [], vocabulary = 5 }", "NoSuffixLengths");
        refused("pairs = { vocabulary = 9 }", "NeedsTokens(\"pairs\")");
        refused("words = { vocabulary = 9 }\nlayout = {}", "NeedsTokens(\"layout\")");
        refused("words = { vocabulary = 9 }\noutline = {}", "NeedsTokens(\"outline\")");
        refused("tokens = { vocabulary = 9 }\nlayout = { neighbours = 5 }", "TooManyNeighbours(5)");
        refused("tokens = { vocabulary = 999999 }", "TooManyTokens(999999)");
        let valid = check("words = { vocabulary = 7 }").expect("valid");
        assert_eq!(valid.words, Some(TermParams { vocabulary: 7, min_df: 2 }));
    }

    #[test]
    fn the_former_name_of_suffixes_is_read() {
        let former = "endings = { lengths = [2], vocabulary = 7 }";
        assert_eq!(check(former), check(&former.replace("endings", "suffixes")));
    }

    #[test]
    fn a_misspelt_group_is_an_error() {
        assert!(toml::from_str::<FeatureParams>("word = { vocabulary = 7 }").is_err());
    }
}
