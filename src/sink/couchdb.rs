//! Annotations into CouchDB: as attachments beside the text, or in a database of their own.
//!
//! A document is read and written as a whole, so each update starts from its newest revision and
//! carries every field and every attachment's stub. Somebody else's edit in the meantime makes
//! the write conflict; then the document is read again and the annotation put onto that.
//!
//! What a reader sees is a whole annotation at any moment, the old one or the new one. A large one is put by a
//! request of its own, after the document's provenance: a run that is killed in between leaves a
//! provenance that does not fit the attachment, and the next run writes it again.

mod save;

pub use save::{CouchSaveParams, CouchSaver, CouchSink};
