//! What can be wrong with features: their parameters, their stored form, their rows.

use super::layout::MAX_TOKENS;
use super::params::{LONGEST_SUFFIX, MOST_NEIGHBOURS};
use thiserror::Error;

/// Why feature parameters are refused, stored features cannot be read, or rows cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// No group of features is switched on.
    #[error(
        "a preset without features: give at least one group (words, suffixes, ...) in [<preset>.features]"
    )]
    NoFeatures,
    /// A vocabulary of no terms.
    #[error("features.{0}.vocabulary = 0: must be at least 1, or leave the group out")]
    EmptyVocabulary(&'static str),
    /// A suffix's length is out of range.
    #[error("features.suffixes.lengths holds {0}: a suffix has 1 to {LONGEST_SUFFIX} characters")]
    SuffixLength(usize),
    /// No suffix lengths.
    #[error("features.suffixes.lengths is empty: give lengths in characters, or leave the group out")]
    NoSuffixLengths,
    /// More tokens than have numbers of their own.
    #[error("features.tokens.vocabulary = {0}: at most {MAX_TOKENS}")]
    TooManyTokens(usize),
    /// Pairs, outline or layout without tokens.
    #[error("features.{0} needs features.tokens: give its vocabulary")]
    NeedsTokens(&'static str),
    /// The window is too wide.
    #[error("features.layout.neighbours = {0}: at most {MOST_NEIGHBOURS}")]
    TooManyNeighbours(usize),
    /// The bytes of stored features end too early.
    #[error("the features end after {length} bytes, in the middle of {part}")]
    Truncated {
        /// How many bytes there are.
        length: usize,
        /// The part that they end in.
        part: &'static str,
    },
    /// A part of stored features does not hold what it must.
    #[error("the features' {part} cannot be read: {reason}")]
    Invalid {
        /// The part.
        part: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The parameters among stored features are no parameters.
    #[error("the features' parameters cannot be read")]
    Parameters(#[source] serde_json::Error),
    /// The terms of stored features are no text.
    #[error("the features' {part} are not UTF-8")]
    Text {
        /// The part.
        part: &'static str,
        /// Where the text breaks.
        #[source]
        source: std::str::Utf8Error,
    },
    /// A row cannot be made.
    #[error("a row of features cannot be made")]
    Row(#[from] linfa_sparse_logistic::Error),
}
