//! Documents, paragraphs and annotations: what every other module speaks of.
//!
//! This module knows text and YEDDA. It may not touch files, networks, models or DataFusion.

mod annotation;
pub mod brat;
mod corrections;
mod encoding;
pub(crate) mod fold;
pub mod labels;
mod layout;
pub(crate) mod lines;
pub(crate) mod name;
mod paragraph;
pub(crate) mod pdf;
pub mod yedda;

pub use annotation::{Annotation, Outcome, Status};
pub use corrections::CorrectionsError;
#[cfg(test)]
pub(crate) use corrections::{CORRECTIONS_FORMAT, Correction};
pub(crate) use corrections::{CORRECTIONS_SUFFIX, Corrections, DocumentCorrections, text_digest};
pub use encoding::{DecodeError, SourceMarks, TextEncoding, TextParams, UnknownEncoding};
pub use layout::{LineLayout, Parting};
pub use paragraph::{Document, DocumentRef, Paragraph, Span, is_blank};
pub use pdf::PdfError;
