//! Documents, paragraphs and annotations: the words that every other room uses.
//!
//! This room knows text and YEDDA. It may not touch files, networks, models or DataFusion.

mod annotation;
mod corrections;
pub mod labels;
mod paragraph;
pub mod yedda;

pub use annotation::{Annotation, Outcome, Status};
pub use corrections::{
    CORRECTIONS_FORMAT, CORRECTIONS_SUFFIX, Correction, Corrections, CorrectionsError, DocumentCorrections,
    text_digest,
};
pub use paragraph::{Document, DocumentRef, Paragraph, Span, is_blank};
