//! An annotated document, and what became of it at the sink.

use super::DocumentRef;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A whole document with its labels, as the sink writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// The document it annotates.
    pub reference: DocumentRef,
    /// The annotation in the format asked for (YEDDA, JSON lines, Parquet, brat).
    pub content: Bytes,
    /// The document's own text, for the formats that write it beside the annotation (brat).
    pub text: Option<Bytes>,
    /// How many paragraphs got each label, in the model's label order.
    pub label_counts: Vec<(String, u64)>,
    /// [`Document::metadata`](super::Document::metadata), handed through.
    pub metadata: Option<String>,
}

/// How a document ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// Written.
    Saved,
    /// The sink already held exactly this annotation; nothing was written.
    Unchanged,
    /// A person changed the annotation that is there; it stays as it is.
    Kept,
    /// It would be written, but this is a dry run.
    Planned,
    /// Left out on purpose (an annotation exists and `--skip-existing` is set).
    Skipped,
    /// Not written, since whatever read the output has closed it (`predict_classifier -o - | head`).
    Unread,
    /// Not written; [`Outcome::error`] says why.
    Failed,
}

impl Status {
    /// The status of this [name](Self::as_str).
    #[must_use]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Saved, Self::Unchanged, Self::Kept, Self::Planned, Self::Skipped, Self::Unread, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == name)
    }

    /// The lower-case name, as in the metrics file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Unchanged => "unchanged",
            Self::Kept => "kept",
            Self::Planned => "planned",
            Self::Skipped => "skipped",
            Self::Unread => "unread",
            Self::Failed => "failed",
        }
    }
}

/// What became of one annotation at the sink. Every selected document ends in exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The document.
    pub reference: DocumentRef,
    /// How it ended.
    pub status: Status,
    /// How often it was tried (1 when the first try did it).
    pub attempts: u32,
    /// The reason of a failure (the thing, the value and the remedy), or what
    /// else is to be known, such as why an annotation was kept.
    pub error: Option<String>,
}
