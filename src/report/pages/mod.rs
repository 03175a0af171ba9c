//! Labelled documents to look at and to correct: one page per document, and an index over a folder of them.
//!
//! A page stands alone: style, script and data are in it, a content security policy forbids it to ask for
//! anything else, and it can be read without its script. It holds the document's text exactly
//! ([`PageDocument::read`] gives it back), shows it safely whatever it holds, and keeps a [`Summary`] of itself near
//! its beginning, so that [`write_index`] reads a few kilobytes of each page.

mod document;
mod exact;
mod folder;
mod index;
mod lines;
mod summary;
#[cfg(test)]
mod tests;
mod theme;
mod visible;

pub(crate) use document::document_page;
pub(crate) use exact::PageDocument;
pub use exact::PageReadError;
pub(crate) use folder::write_index;
pub(crate) use summary::Summary;
pub(crate) use visible::visible;

/// A paragraph whose label has a probability below this is doubtful: the probabilities are calibrated, so more
/// than one in five of those just below it is wrong.
pub const DOUBTFUL_BELOW: f32 = 0.8;

/// How many of the most doubtful paragraphs a page names in its summary, and the index shows.
pub const MOST_DOUBTFUL: usize = 50;

/// A whole document with labels, as a page shows it.
///
/// The paragraphs' `before` and `text` in order, and `after`, are the document's text.
#[derive(Debug, Clone)]
pub struct LabelledText<'a> {
    /// Its name: the path below the input folder, or the attachment's name.
    pub name: &'a str,
    /// Which document it belongs to.
    pub doc_id: &'a str,
    /// The labels that its paragraphs can have, in the order of the probabilities.
    pub labels: &'a [String],
    /// Its paragraphs.
    pub paragraphs: Vec<PageParagraph<'a>>,
    /// White space after the last paragraph.
    pub after: &'a str,
}

/// A paragraph of a [`LabelledText`].
#[derive(Debug, Clone, Copy)]
pub struct PageParagraph<'a> {
    /// White space before it.
    pub before: &'a str,
    /// The text.
    pub text: &'a str,
    /// Index of its label among [`LabelledText::labels`]; `None` where it has none.
    pub label: Option<usize>,
    /// One probability per label, from 0 to 1; empty where none are known.
    pub probabilities: &'a [f32],
}

impl PageParagraph<'_> {
    /// The probability of its label, where it is known.
    fn probability(&self) -> Option<f32> {
        self.label.and_then(|label| self.probabilities.get(label)).copied()
    }

    fn is_doubtful(&self) -> bool {
        self.probability().is_some_and(|probability| probability < DOUBTFUL_BELOW)
    }
}
