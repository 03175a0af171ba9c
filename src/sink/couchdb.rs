//! Annotations into CouchDB: as attachments beside the text, or in a database of their own.
//!
//! A document is read and written as a whole, so each update starts from its newest revision and
//! carries every field and every attachment's stub. Somebody else's edit in the meantime makes
//! the write conflict; then the document is read again and the annotation put onto that.
//!
//! What a reader sees is a whole annotation at any moment, the old one or the new one: it comes with the same revision
//! as its provenance. One that somebody else wrote or changed stays; by force it is overwritten, and the same
//! revision holds a copy of it.

mod params;
mod save;

pub use params::{CouchSaveParams, CouchSink};
pub use save::CouchSaver;
