//! The vocabularies that features are made of, and the columns they make.

use super::layout::Landmarks;
use super::lexicon::{Keys, Lexicon};
use super::vocabulary::Vocabulary;

/// The vocabularies; those of groups that are switched off are empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Parts {
    pub words: Vocabulary,
    pub suffixes: Vocabulary,
    pub tokens: Lexicon,
    pub pairs: Keys,
    pub outline: Keys,
    pub layout: Keys,
}

/// The first column of each group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Columns {
    pub suffixes: usize,
    pub tokens: usize,
    pub pairs: usize,
    pub outline: usize,
    pub layout: usize,
    /// The first neighbour's layout; each further one has as many columns.
    pub neighbours: usize,
    pub all: usize,
}

impl Parts {
    /// The numbers of the tokens that the layout must know.
    pub(crate) fn landmarks(&self) -> Landmarks {
        Landmarks::new(&self.tokens)
    }

    /// Where each group of columns begins, when `neighbours` paragraphs before and after are seen.
    pub(crate) fn columns(&self, neighbours: usize) -> Columns {
        let suffixes = self.words.len();
        let tokens = suffixes + self.suffixes.len();
        let pairs = tokens + self.tokens.len();
        let outline = pairs + self.pairs.len();
        let layout = outline + self.outline.len();
        let first = layout + self.layout.len();
        let all = first + 2 * neighbours * self.layout.len();
        Columns { suffixes, tokens, pairs, outline, layout, neighbours: first, all }
    }
}

/// The neighbours within `window` paragraphs, in column order: -1, +1, -2, +2, ...
pub(crate) fn offsets(window: usize) -> impl Iterator<Item = isize> {
    (1..=window as isize).flat_map(|distance| [-distance, distance])
}
