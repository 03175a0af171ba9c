//! Corrections: the labels and bounds of paragraphs that a person changed.
//!
//! A file of corrections is small: it names documents by the digest of their text and paragraphs by their offsets,
//! and holds no text. A page of a labelled document saves one; any program may write one:
//!
//! ```json
//! {
//!   "format": "skol_classifier corrections 1",
//!   "documents": [
//!     {
//!       "name": "vol1/article.txt",
//!       "sha256": "…",
//!       "length": 5120,
//!       "paragraphs": [
//!         {"start": 0, "end": 38, "label": "Nomenclature", "was": "Misc-exposition"}
//!       ]
//!     }
//!   ]
//! }
//! ```
//!
//! `sha256` and `length` are those of the whole text in UTF-8 and in Unicode code points; `start` and `end` are code
//! points of it. Each entry says: this range is one paragraph with this label. A paragraph that lies partly in it is
//! cut there, and what remains of it keeps its label. So a paragraph that was split in two is two entries, two that
//! were joined are one, and a label that was confirmed is one with `was` equal to `label`.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{Span, is_blank, yedda};

/// The value of [`Corrections::format`].
pub const CORRECTIONS_FORMAT: &str = "skol_classifier corrections 1";

/// How the name of a file of corrections ends.
pub const CORRECTIONS_SUFFIX: &str = ".corrections.json";

/// The content of a file of corrections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrections {
    /// [`CORRECTIONS_FORMAT`].
    pub format: String,
    /// The corrected documents.
    pub documents: Vec<DocumentCorrections>,
}

/// The corrections of one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentCorrections {
    /// Which document; for people, and for programs that know documents by it.
    #[serde(default)]
    pub doc_id: String,
    /// Path below the input folder, or name of the attachment.
    pub name: String,
    /// [Digest](text_digest) of the text.
    pub sha256: String,
    /// Length of the text in Unicode code points.
    pub length: usize,
    /// The corrected paragraphs, in any order.
    pub paragraphs: Vec<Correction>,
}

/// One corrected paragraph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// Its first code point.
    pub start: usize,
    /// One past its last code point.
    pub end: usize,
    /// The right label.
    pub label: String,
    /// The label that was there before; empty or missing where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
}

/// Why corrections cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CorrectionsError {
    /// It is not a file of corrections, or one that was cut short.
    #[error("this is no whole file of corrections; save it again from the page")]
    Json(#[from] serde_json::Error),
    /// It is of another kind or version.
    #[error(
        "the format is '{0}', not '{CORRECTIONS_FORMAT}'; save it again from a page that this version wrote"
    )]
    Format(String),
    /// They were made for another text.
    #[error(
        "the corrections of '{name}' were made for another text ({expected} code points, SHA-256 {sha256}); \
         correct the text as it is now"
    )]
    OtherText {
        /// The document that they name.
        name: String,
        /// Length of the text that they were made for.
        expected: usize,
        /// Its digest.
        sha256: String,
    },
    /// A range lies outside of the text, or is empty.
    #[error(
        "the corrections of '{name}' name the code points {start} to {end} of {length}; give a range within the text"
    )]
    Range {
        /// The document that they name.
        name: String,
        /// First code point.
        start: usize,
        /// One past the last.
        end: usize,
        /// Length of the text.
        length: usize,
    },
    /// Two ranges overlap.
    #[error("the corrections of '{name}' overlap at code point {at}; a paragraph can have one label only")]
    Overlap {
        /// The document that they name.
        name: String,
        /// Where.
        at: usize,
    },
    /// A label that no annotation can carry.
    #[error(
        "the corrections of '{name}' hold the label '{label}', which no annotation can carry; labels begin with a \
         letter and have letters, digits, '-', '_', '/', '.' and single spaces"
    )]
    Label {
        /// The document that they name.
        name: String,
        /// The label.
        label: String,
    },
}

/// SHA-256 of a document's text in UTF-8, in hexadecimal digits: what corrections know a text by.
#[must_use]
pub fn text_digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

impl Corrections {
    /// Reads the content of a file of corrections.
    ///
    /// # Errors
    /// When it is none, or one of another version.
    pub fn parse(json: &[u8]) -> Result<Self, CorrectionsError> {
        let corrections: Self = serde_json::from_slice(json)?;
        if corrections.format == CORRECTIONS_FORMAT {
            Ok(corrections)
        } else {
            Err(CorrectionsError::Format(corrections.format))
        }
    }
}

impl DocumentCorrections {
    /// The paragraphs of `text` as corrected: `paragraphs` are what it was cut into, each with its label, ascending
    /// and disjoint; so is the result.
    ///
    /// # Errors
    /// When the corrections were made for another text, or contradict each other.
    pub fn apply(
        &self,
        text: &str,
        paragraphs: &[(Span, Option<String>)],
    ) -> Result<Vec<(Span, Option<String>)>, CorrectionsError> {
        if text_digest(text) != self.sha256 {
            return Err(CorrectionsError::OtherText {
                name: self.name.clone(),
                expected: self.length,
                sha256: self.sha256.clone(),
            });
        }
        let corrected = self.spans(text)?;
        let mut result: Vec<(Span, Option<String>)> = Vec::with_capacity(paragraphs.len() + corrected.len());
        for (span, label) in paragraphs {
            let from = corrected.partition_point(|(range, _)| range.end <= span.start);
            let mut start = span.start;
            for (range, _) in corrected[from..].iter().take_while(|(range, _)| range.start < span.end) {
                // What remains before the corrected range keeps its label.
                if range.start > start {
                    result.extend(Span::trimmed(text, start, range.start).map(|rest| (rest, label.clone())));
                }
                start = start.max(range.end);
            }
            if start < span.end {
                result.extend(Span::trimmed(text, start, span.end).map(|rest| (rest, label.clone())));
            }
        }
        result.extend(corrected.into_iter().map(|(range, label)| (range, Some(label.to_owned()))));
        result.sort_by_key(|(span, _)| span.start);
        Ok(result)
    }

    /// The corrected ranges in bytes, ascending, without the blanks around them.
    fn spans(&self, text: &str) -> Result<Vec<(Span, &str)>, CorrectionsError> {
        let mut sorted: Vec<&Correction> = self.paragraphs.iter().collect();
        sorted.sort_by_key(|correction| correction.start);
        let mut spans = Vec::with_capacity(sorted.len());
        let (mut byte, mut point) = (0, 0);
        let mut byte_of = |wanted: usize| {
            let rest = &text[byte..];
            let more = rest.char_indices().map(|(at, _)| at).chain([rest.len()]).nth(wanted - point)?;
            (byte, point) = (byte + more, wanted);
            Some(byte)
        };
        let mut end_before = 0;
        for &Correction { start, end, ref label, .. } in sorted {
            let name = || self.name.clone();
            let range = || CorrectionsError::Range { name: name(), start, end, length: self.length };
            if start < end_before {
                return Err(CorrectionsError::Overlap { name: name(), at: start });
            }
            if start >= end {
                return Err(range());
            }
            if !yedda::is_label(label) {
                return Err(CorrectionsError::Label { name: name(), label: label.clone() });
            }
            let (Some(from), Some(to)) = (byte_of(start), byte_of(end)) else { return Err(range()) };
            end_before = end;
            let span = Span::trimmed(text, from, to).ok_or_else(range)?;
            debug_assert!(!span.of(text).starts_with(is_blank));
            spans.push((span, label.as_str()));
        }
        Ok(spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn corrections(text: &str, paragraphs: Vec<(usize, usize, &str)>) -> DocumentCorrections {
        let paragraphs = paragraphs
            .into_iter()
            .map(|(start, end, label)| Correction { start, end, label: label.to_owned(), was: None })
            .collect();
        DocumentCorrections {
            doc_id: String::new(),
            name: "a.txt".to_owned(),
            sha256: text_digest(text),
            length: text.chars().count(),
            paragraphs,
        }
    }

    fn shown<'a>(text: &'a str, found: &'a [(Span, Option<String>)]) -> Vec<(&'a str, &'a str)> {
        found.iter().map(|(span, label)| (span.of(text), label.as_deref().unwrap_or("-"))).collect()
    }

    const TEXT: &str = "µne\n\ntwo\ntwo ß\n\nthree";

    fn cut() -> Vec<(Span, Option<String>)> {
        [("µne", "A"), ("two\ntwo ß", "B"), ("three", "C")]
            .map(|(part, label)| {
                let start = TEXT.find(part).unwrap();
                (Span { start, end: start + part.len() }, Some(label.to_owned()))
            })
            .to_vec()
    }

    #[test]
    fn relabelled_split_and_joined() {
        let relabelled = corrections(TEXT, vec![(5, 14, "X")]).apply(TEXT, &cut()).unwrap();
        assert_eq!(shown(TEXT, &relabelled), [("µne", "A"), ("two\ntwo ß", "X"), ("three", "C")]);
        let split = corrections(TEXT, vec![(9, 14, "X")]).apply(TEXT, &cut()).unwrap();
        assert_eq!(shown(TEXT, &split), [("µne", "A"), ("two", "B"), ("two ß", "X"), ("three", "C")]);
        let joined = corrections(TEXT, vec![(0, 14, "X")]).apply(TEXT, &cut()).unwrap();
        assert_eq!(shown(TEXT, &joined), [("µne\n\ntwo\ntwo ß", "X"), ("three", "C")]);
        let none = corrections(TEXT, vec![]).apply(TEXT, &cut()).unwrap();
        assert_eq!(none, cut());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let refused = |paragraphs| corrections(TEXT, paragraphs).apply(TEXT, &cut()).unwrap_err();
        assert!(matches!(refused(vec![(0, 99, "X")]), CorrectionsError::Range { end: 99, .. }));
        assert!(matches!(refused(vec![(4, 4, "X")]), CorrectionsError::Range { .. }));
        assert!(matches!(refused(vec![(3, 5, "X")]), CorrectionsError::Range { .. }), "only blanks");
        assert!(matches!(refused(vec![(0, 6, "X"), (5, 9, "Y")]), CorrectionsError::Overlap { at: 5, .. }));
        assert!(matches!(refused(vec![(0, 3, "*]")]), CorrectionsError::Label { .. }));
        let other = corrections("another", vec![]).apply(TEXT, &cut()).unwrap_err();
        assert!(matches!(other, CorrectionsError::OtherText { .. }));
        assert!(matches!(Corrections::parse(b"{"), Err(CorrectionsError::Json(_))));
        let format = br#"{"format": "other 7", "documents": []}"#;
        assert!(
            matches!(Corrections::parse(format), Err(CorrectionsError::Format(found)) if found == "other 7")
        );
    }

    proptest! {
        #[test]
        fn no_text_is_lost(text in "[ab\nµ]{1,40}", cuts in proptest::collection::vec((0_usize..40, 1_usize..10), 0..4)) {
            let length = text.chars().count();
            let ranges = cuts.iter().map(|&(start, more)| (start, start + more, "X")).collect();
            let before: Vec<_> = Span::trimmed(&text, 0, text.len()).map(|span| (span, Some("A".to_owned()))).into_iter().collect();
            if let Ok(after) = corrections(&text, ranges).apply(&text, &before) {
                let letters = |spans: &[(Span, Option<String>)]| -> String {
                    spans.iter().flat_map(|(span, _)| span.of(&text).chars().filter(|c| !is_blank(*c))).collect()
                };
                prop_assert_eq!(letters(&after), letters(&before));
                prop_assert!(after.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start));
                prop_assert!(cuts.iter().all(|&(start, more)| start + more <= length));
            }
        }
    }
}
