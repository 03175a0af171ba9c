//! From a document to the numbers of its tokens, pairs and layout observations.
//!
//! One way for both [`transform`](super::Features::transform) and the scorer, so that the two cannot come to
//! differ: each paragraph's tokens are looked up once, and what was found is handed to a visitor.

use super::layout::{KNOWN, Landmarks, Lines, Token, UNKNOWN, observe, pair_key};
use super::lexer::for_each_token;
use super::outline::Outline;
use super::parts::Parts;
use crate::document::Paragraph;
use crate::document::fold::Folded;

/// Observations for which memory is kept: those of a text of about 600 kB.
const KEPT_OBSERVATIONS: usize = 1 << 18;

/// Scratch of an extraction, kept between documents so that nothing is allocated per token.
#[derive(Debug, Default)]
pub(crate) struct Extraction {
    folded: Folded,
    buffer: String,
    tokens: Vec<Token>,
    keys: Vec<u64>,
    lines: Lines,
    /// The layout observations of all paragraphs, end to end.
    layout: Vec<u32>,
    /// Where each paragraph's observations end.
    ends: Vec<usize>,
}

impl Extraction {
    /// Walks through `document`; calls `visit` with the paragraph's place and the number of each known token, then of
    /// each known pair, as often as it occurs, then of each observation of the outline. The layout observations are
    /// kept for [`layout`](Self::layout).
    pub(crate) fn run(
        &mut self,
        (parts, landmarks): (&Parts, &Landmarks),
        document: &[Paragraph<'_>],
        mut visit: impl FnMut(usize, Found),
    ) {
        let (pairs, layout) = (parts.pairs.len() > 0, parts.layout.len() > 0);
        let mut outline = (parts.outline.len() > 0).then(Outline::default);
        self.layout.clear();
        self.ends.clear();
        for (place, paragraph) in document.iter().enumerate() {
            let paragraph = &self.folded.paragraph(paragraph);
            self.tokens.clear();
            self.keys.clear();
            let mut before = UNKNOWN;
            for_each_token(paragraph.text, &mut self.buffer, |term, kind| {
                let code = match parts.tokens.get(term) {
                    Some(number) => {
                        visit(place, Found::Token(number));
                        number + KNOWN
                    }
                    None => UNKNOWN,
                };
                if pairs && before != UNKNOWN && code != UNKNOWN {
                    self.keys.push(pair_key(before, code));
                }
                before = code;
                if layout || outline.is_some() {
                    self.tokens.push(Token { code, kind });
                }
            });
            parts.pairs.for_each_known(&self.keys, |number| visit(place, Found::Pair(number)));
            if let Some(outline) = &mut outline {
                self.keys.clear();
                outline.observe(paragraph, &self.tokens, landmarks.year(), &mut self.keys);
                parts.outline.for_each_known(&self.keys, |number| visit(place, Found::Outline(number)));
            }
            if layout {
                self.keys.clear();
                observe(paragraph, &self.tokens, landmarks, &mut self.lines, &mut self.keys);
                parts.layout.for_each_known(&self.keys, |number| self.layout.push(number));
            }
            self.ends.push(self.layout.len());
        }
    }

    /// Gives back the memory that a long document needed and most do not.
    pub(crate) fn shrink(&mut self) {
        self.ends.clear();
        self.layout.clear();
        self.layout.shrink_to(KEPT_OBSERVATIONS);
    }

    /// The numbers of the layout observations of the paragraph at `place`, of the document of the last run.
    pub(crate) fn layout(&self, place: usize) -> &[u32] {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.layout[start..self.ends[place]]
    }
}

/// A token, a pair or an observation of the outline that has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Token(u32),
    Pair(u32),
    Outline(u32),
}
