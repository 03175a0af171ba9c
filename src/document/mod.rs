//! Documents, paragraphs and annotations: the words that every other room uses.
//!
//! This room knows text and YEDDA. It may not touch files, networks, models or DataFusion.

mod annotation;
pub mod labels;
mod paragraph;
pub mod yedda;

pub use annotation::{Annotation, Outcome, Status};
pub use paragraph::{Document, DocumentRef, Paragraph, Span, is_blank};
