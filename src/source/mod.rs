//! Where documents come from: a listing that selects, and a loader that fetches.
//!
//! [`Source`] runs where the plan is made and decides *which* documents, from listings alone.
//! [`Loader`] runs in the worker of one partition and fetches *their contents*. Only
//! [`LoadParams`] travels between the two.

pub mod couchdb;
mod files;
mod samples;
pub mod taxonomy;

use std::fmt;

use std::sync::Arc;

use crate::couchdb::Tally;
use crate::document::{Document, DocumentRef};
use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

pub use couchdb::{CouchLoadParams, CouchSource};
pub use files::{FileSource, FilesLoadParams};
pub use samples::SampleSource;

/// What a listing decided about one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Load it and label it.
    Process,
    /// It ends here as `skipped` (an annotation exists and `--skip-existing` is set).
    Skip,
    /// It ends here as `failed`, for this reason (thing, value, way out).
    Fail(String),
}

/// One selected document. Each ends in exactly one outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Which document.
    pub reference: DocumentRef,
    /// What is to be done with it.
    pub decision: Decision,
}

/// Selects documents from a listing, page by page, in constant memory.
pub trait Source: std::fmt::Debug + Send + Sync {
    /// Pages of selected documents. An error ends the run: the source is unusable.
    fn select(&self) -> BoxStream<'static, crate::Result<Vec<Selected>>>;
}

/// Fetches the contents of documents. Opened once per partition by the worker, closed by drop.
#[async_trait]
pub trait Loader: Send {
    /// How many documents one call of [`load`](Self::load) takes best: 1 where documents are fetched one
    /// by one, more where the source answers in bulk.
    fn preferred_batch(&self) -> usize {
        1
    }

    /// Loads `references`; the results are in the same order, one each. `Err` is the reason why this
    /// one document fails (thing, value, way out); the others go on. `Ok(None)` means that the content
    /// showed that the document is not selected after all; it ends without an outcome.
    async fn load(&mut self, references: &[DocumentRef]) -> Vec<Result<Option<Document>, String>>;
}

/// How a worker reaches the source: all that travels to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadParams {
    /// Files, by path.
    Files(FilesLoadParams),
    /// A CouchDB database.
    CouchDb(Box<CouchLoadParams>),
    /// The shipped sample documents, which are part of the program.
    Samples,
}

impl LoadParams {
    /// Opens the loader of one partition. Requests are counted in `tally`.
    ///
    /// # Errors
    /// When the source cannot be reached with these parameters.
    pub fn open(&self, tally: &Arc<Tally>) -> crate::Result<Box<dyn Loader>> {
        match self {
            Self::Files(params) => Ok(params.open()),
            Self::CouchDb(params) => Ok(Box::new(couchdb::CouchLoader::open(params, Arc::clone(tally))?)),
            Self::Samples => Ok(samples::open()),
        }
    }

    /// Whether loading waits for a network.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        match self {
            Self::Files(_) | Self::Samples => false,
            Self::CouchDb(_) => true,
        }
    }
}

/// Without secrets, for `EXPLAIN`.
impl fmt::Display for LoadParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(_) => f.write_str("files"),
            Self::CouchDb(params) => write!(f, "{}", params.connection),
            Self::Samples => f.write_str("samples"),
        }
    }
}
