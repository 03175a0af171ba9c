//! Annotations from one form into another, with what a person corrected, and checked.
//!
//! [`read`] takes annotated files of any form that this package writes, and files of corrections; [`write()`] writes
//! documents in any of them, or as plain text. Labels and text stay what they are: only the form changes.
//!
//! This module may not touch models, networks or DataFusion's engine.

mod error;
mod pages;
mod parquet;
mod read;
mod rows;
mod write;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::document::Span;

pub use crate::document::CorrectionsError;
pub use crate::report::pages::PageReadError;
pub use crate::sink::RenderError;
pub use error::ConvertError;
pub use read::{Read, read};
pub use write::{Target, write};

/// A whole document with the labels of its paragraphs, wherever they came from.
#[derive(Debug, Clone, PartialEq)]
pub struct AnnotatedText {
    /// Name of the text: the path below the input folder.
    pub name: String,
    /// Which document it belongs to; the name where the form does not say.
    pub doc_id: String,
    /// The text.
    pub text: String,
    /// The labels of its probabilities, in their order; empty where none are known.
    pub labels: Vec<String>,
    /// Its paragraphs, ascending and disjoint.
    pub paragraphs: Vec<LabelledSpan>,
}

/// A paragraph of an [`AnnotatedText`].
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledSpan {
    /// Where it lies in the text.
    pub span: Span,
    /// Its label; `None` where it has none.
    pub label: Option<String>,
    /// One probability per label of the document; empty where none are known.
    pub probabilities: Vec<f32>,
}

/// Something odd in a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// Its line, from 1 (of a table: its row).
    pub line: usize,
    /// What is odd there.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.what)
    }
}
