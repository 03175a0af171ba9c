//! The forms in which an annotation is written.
//!
//! Each turns one whole labelled document into the bytes of one file. The same document with the same
//! labels gives the same bytes, so that a second run finds nothing to write.

mod brat;
mod html;
mod jsonl;
mod parquet;
mod style;
mod yedda;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::document::DocumentRef;

pub use style::{LabelNames, LabelNamesError, OutputStyle};

/// Why an annotation could not be put in its format.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RenderError {
    /// A paragraph cannot be written as JSON.
    #[error("a paragraph cannot be written as JSON: {0}; please report it with the document")]
    Json(#[from] serde_json::Error),
    /// The Parquet writer refused the paragraphs.
    #[error("the paragraphs cannot be written as Parquet: {0}; please report it with the document")]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

/// How annotations are written.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    Serialize,
    Deserialize,
    strum::VariantNames,
    strum::VariantArray,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[non_exhaustive]
pub enum OutputFormat {
    /// The document with a YEDDA block `[@text#Label*]` around each paragraph.
    #[default]
    Yedda,
    /// One JSON object per paragraph and line.
    Jsonl,
    /// One row per paragraph.
    Parquet,
    /// brat standoff: offsets in Unicode characters, beside a copy of the text.
    Brat,
    /// A page to look at and to correct, which holds the text exactly.
    Html,
}

impl OutputFormat {
    /// The name that users type.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The name of the annotation of `attachment_name`: `a/b.txt` becomes `a/b.txt.ann`; for brat, which
    /// wants `b.txt` and `b.ann` side by side, `a/b.ann`.
    #[must_use]
    pub fn annotation_name(self, attachment_name: &str) -> String {
        match self {
            Self::Yedda => format!("{attachment_name}.ann"),
            Self::Jsonl => format!("{attachment_name}.jsonl"),
            Self::Parquet => format!("{attachment_name}.parquet"),
            Self::Brat => format!("{}.ann", brat_stem(attachment_name)),
            // `index.html` is the index of the pages.
            Self::Html if attachment_name == "index" => "index_.html".to_owned(),
            Self::Html => format!("{attachment_name}.html"),
        }
    }

    /// The name of the copy of the text that goes with an annotation, where the format has one.
    #[must_use]
    pub fn text_name(self, attachment_name: &str) -> Option<String> {
        (self == Self::Brat).then(|| format!("{}.txt", brat_stem(attachment_name)))
    }

    /// The name of the annotation of `attachment_name` in a database, where the text stays an attachment of its own name
    /// and annotations in several formats may lie side by side.
    #[must_use]
    pub fn attachment_name(self, attachment_name: &str) -> String {
        match self {
            Self::Brat => format!("{attachment_name}.brat.ann"),
            _ => self.annotation_name(attachment_name),
        }
    }

    /// The media type of an annotation.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Yedda | Self::Brat => "text/plain; charset=utf-8",
            Self::Jsonl => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// The document in this format; the [style](OutputStyle) says more.
    ///
    /// # Errors
    /// When the JSON or Parquet writer refuses the rows.
    pub(crate) fn render(self, document: &LabelledDocument<'_>) -> Result<Vec<u8>, RenderError> {
        OutputStyle::from(self).render(document)
    }
}

fn brat_stem(attachment_name: &str) -> &str {
    attachment_name.strip_suffix(".txt").unwrap_or(attachment_name)
}

/// A whole document with the labels of its paragraphs.
#[derive(Debug, Clone)]
pub struct LabelledDocument<'a> {
    /// Which document.
    pub reference: &'a DocumentRef,
    /// Its paragraphs, in order.
    pub paragraphs: Vec<LabelledParagraph<'a>>,
    /// White space after the last of them, or the whole text when there is none.
    pub after: &'a str,
    /// The model's labels, in the order of the probabilities.
    pub labels: &'a [String],
}

/// A paragraph with its label.
#[derive(Debug, Clone, Copy)]
pub struct LabelledParagraph<'a> {
    /// Byte offset of the text in its document.
    pub start: u64,
    /// White space before it.
    pub before: &'a str,
    /// The text.
    pub text: &'a str,
    /// Index of its label.
    pub label: usize,
    /// One probability per label.
    pub probabilities: &'a [f32],
}

impl LabelledParagraph<'_> {
    fn probability(&self) -> f32 {
        self.probabilities.get(self.label).copied().unwrap_or_default()
    }
}

impl LabelledDocument<'_> {
    /// Size of the document's text in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.paragraphs.iter().map(|paragraph| paragraph.before.len() + paragraph.text.len()).sum::<usize>()
            + self.after.len()
    }

    /// The document's text.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.bytes());
        for paragraph in &self.paragraphs {
            text.extend_from_slice(paragraph.before.as_bytes());
            text.extend_from_slice(paragraph.text.as_bytes());
        }
        text.extend_from_slice(self.after.as_bytes());
        text
    }

    /// The paragraphs, each with its first character and the one after its last: Unicode code points of the text, as
    /// Python and brat count.
    fn with_offsets(&self) -> impl Iterator<Item = (&LabelledParagraph<'_>, [u64; 2])> {
        self.paragraphs.iter().scan(0, |at, paragraph| {
            let start = *at + paragraph.before.chars().count() as u64;
            *at = start + paragraph.text.chars().count() as u64;
            Some((paragraph, [start, *at]))
        })
    }

    fn label(&self, paragraph: &LabelledParagraph<'_>) -> &str {
        self.labels.get(paragraph.label).map_or("", String::as_str)
    }
}
