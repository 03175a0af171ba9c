//! A document, a reference to one, and the paragraphs it is cut into.

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

/// One paragraph as it lies in its document.
///
/// The paragraphs of a document tile it: the `before` and `text` of each, in order, and the white
/// space after the last give back the document byte for byte. `text` is never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paragraph<'a> {
    /// What lies between the paragraph before (or the document's start) and this one: white space,
    /// form feeds, a byte order mark.
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
