//! A document, a reference to one, and the paragraphs it is cut into.

use super::fold::is_invisible;
use serde::{Deserialize, Serialize};

/// What names a document before it is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DocumentRef {
    /// Files: the path of the input, as the worker opens it. CouchDB: `_id`.
    pub doc_id: String,
    /// Files: path below the input folder, which is also the path below the output folder.
    /// CouchDB: the attachment's name.
    pub attachment_name: String,
}

/// One source text, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What names it.
    pub reference: DocumentRef,
    /// Its text.
    pub content: String,
    /// What the source knows about it and the sink may want back, as a JSON object
    /// (CouchDB: the document without attachments; files: nothing).
    pub metadata: Option<String>,
}

/// A byte range of a document's text: one paragraph, without the white space around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes `start..end` of `text` without the [blanks](is_blank) around them; `None` if nothing is left.
    ///
    /// `start` and `end` must be on character boundaries.
    #[must_use]
    pub(crate) fn trimmed(text: &str, start: usize, end: usize) -> Option<Self> {
        let slice = text.get(start..end)?;
        let inner = slice.trim_start_matches(is_blank);
        let start = end - inner.len();
        let inner = inner.trim_end_matches(is_blank);
        (!inner.is_empty()).then_some(Self { start, end: start + inner.len() })
    }

    /// The part of `text` that the span covers; `text` must be the one it was made for.
    #[must_use]
    pub fn of(self, text: &str) -> &str {
        &text[self.start..self.end]
    }
}

/// True for what may stand between paragraphs: white space (line ends and form feeds too), the separators FS to US,
/// and marks without width such as the byte order mark.
#[must_use]
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}') || is_invisible(c)
}

/// One paragraph as it lies in its document.
///
/// The paragraphs of a document tile it: the `before` and `text` of each, in order, and what stands
/// after the last give back the document byte for byte. `text` is never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paragraph<'a> {
    /// What lies between the paragraph before (or the document's start) and this one: [blanks](is_blank), and page
    /// markers (lines `--- PDF Page 12 Label 4 ---`).
    pub before: &'a str,
    /// The paragraph itself: a run of lines without the last line's end.
    pub text: &'a str,
}

impl<'a> Paragraph<'a> {
    /// The paragraphs at `spans` of `text`, and what is left after the last of them.
    ///
    /// `spans` must be ascending, disjoint and on character boundaries, as the segmenter makes them.
    #[must_use]
    pub fn tile(text: &'a str, spans: &[Span]) -> (Vec<Self>, &'a str) {
        let mut end = 0;
        let paragraphs = spans
            .iter()
            .map(|span| {
                let paragraph = Self { before: &text[end..span.start], text: &text[span.start..span.end] };
                end = span.end;
                paragraph
            })
            .collect();
        (paragraphs, &text[end..])
    }
}
