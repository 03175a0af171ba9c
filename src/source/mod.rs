//! Where documents come from: an open trait, whole on both sides.
//!
//! [`Source`] runs where the plan is made and decides *which* documents, from listings alone. Its [`LoadParams`] are all
//! that travels to the worker of a partition, which opens its [`Loader`] from them and fetches *the contents*. Files,
//! the shipped samples and CouchDB are three implementations; [`Connectors`](crate::Connectors) finds the decoder of each.

mod choice;
pub mod couchdb;
mod error;
mod files;
mod left_out;
mod samples;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::document::{Document, DocumentRef};
use crate::error::{BoxError, Result};
use crate::worker::WorkerContext;

pub use choice::Choice;
pub use error::{DocumentError, SourceError};
pub(crate) use files::STDIN;
pub use files::{FileSource, FilesLoadParams};
pub use left_out::{LeftOut, Passed, Reason};
pub use samples::SampleSource;

/// The most bytes that a document may have, by default: a volume of a journal has two million.
pub const MAX_DOCUMENT_SIZE: u64 = 256 << 20;

/// What a listing decided about one document.
#[derive(Debug)]
#[non_exhaustive]
pub enum Decision {
    /// Load it and label it.
    Process,
    /// It ends here as `skipped`: an annotation exists, and those are left out.
    Skip,
    /// It ends here as `failed`, for this reason.
    Fail(DocumentError),
}

/// One selected document. Each ends in exactly one outcome.
#[derive(Debug)]
pub struct Selected {
    /// Which document.
    pub reference: DocumentRef,
    /// What is to be done with it.
    pub decision: Decision,
}

impl Selected {
    /// A document to load and label.
    #[must_use]
    pub fn process(doc_id: impl Into<String>, attachment_name: impl Into<String>) -> Self {
        let reference = DocumentRef { doc_id: doc_id.into(), attachment_name: attachment_name.into() };
        Self { reference, decision: Decision::Process }
    }

    /// A document that ends here as `failed`.
    #[must_use]
    pub fn fail(
        doc_id: impl Into<String>,
        attachment_name: impl Into<String>,
        reason: DocumentError,
    ) -> Self {
        Self { decision: Decision::Fail(reason), ..Self::process(doc_id, attachment_name) }
    }
}

/// Where documents come from.
pub trait Source: fmt::Debug + Send + Sync {
    /// Selects documents from a listing, page by page, in constant memory. An error ends the run: the source is
    /// unusable.
    fn select(&self) -> BoxStream<'static, Result<Vec<Selected>>>;

    /// How a worker fetches what was selected.
    fn load_params(&self) -> Arc<dyn LoadParams>;
}

/// How a worker reaches a source: all that travels to it. No client, pool or row.
///
/// What it [displays](fmt::Display) is shown by `EXPLAIN`, and must not hold a secret.
pub trait LoadParams: fmt::Debug + fmt::Display + Send + Sync {
    /// The name under which [`Connectors`](crate::Connectors) has the decoder.
    fn name(&self) -> &'static str;

    /// The parameters, encoded for the decoder.
    ///
    /// # Errors
    /// When they cannot be encoded.
    fn encode(&self) -> Result<Vec<u8>, BoxError>;

    /// Whether loading waits for a network; then the next batch is fetched while the one before is labelled.
    fn is_remote(&self) -> bool {
        false
    }

    /// Opens the loader of one partition, in the worker.
    ///
    /// # Errors
    /// When the source cannot be used with these parameters.
    fn open(&self, context: &WorkerContext) -> Result<Box<dyn Loader>>;
}

/// One document, or why it fails; `None` when its content showed that it is not selected after all.
pub type LoadResult = Result<Option<Document>, DocumentError>;

/// Fetches the contents of documents. Opened once per partition by the worker, closed by drop.
#[async_trait]
pub trait Loader: Send {
    /// How many documents one call of [`load`](Self::load) takes best: 1 where documents are fetched one
    /// by one, more where the source answers in bulk.
    fn preferred_batch(&self) -> usize {
        1
    }

    /// Loads `references`; the results are in the same order, one each, for as many of the first as memory allows, but
    /// for one at least: the rest is asked for again. An `Err` inside is the reason why this one document
    /// fails; the others go on. `Ok(None)` means that the content showed that the document is not selected after
    /// all; it ends without an outcome.
    ///
    /// # Errors
    /// When nothing can be loaded any more; this ends the run.
    async fn load(&mut self, references: &[DocumentRef]) -> Result<Vec<LoadResult>>;
}
