//! Where annotations go.
//!
//! [`Saver`] is opened by the worker, once per partition, from [`SaveParams`] alone, and turns whole
//! annotations into outcomes.

pub mod couchdb;
mod files;
mod format;

use std::fmt;
use std::sync::Arc;

use crate::couchdb::Tally;
use crate::document::{Annotation, Outcome};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use couchdb::{CouchFlagParams, CouchFlagger, CouchSaveParams};
pub use files::{FilesSaveParams, STDOUT};
pub use format::{LabelledDocument, LabelledParagraph, OutputFormat, RenderError};

/// Writes annotations. Opened once per partition by the worker, closed by drop.
#[async_trait]
pub trait Saver: Send {
    /// Saves `annotations`: one outcome each, in the same order. A failure is an outcome, not an error.
    async fn save(&mut self, annotations: Vec<Annotation>) -> Vec<Outcome>;
}

/// How a worker reaches the sink: all that travels to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaveParams {
    /// Files below a folder.
    Files(FilesSaveParams),
    /// A CouchDB database.
    CouchDb(Box<CouchSaveParams>),
}

impl SaveParams {
    /// Opens the saver of one partition. Requests are counted in `tally`.
    ///
    /// # Errors
    /// When the sink cannot be reached with these parameters.
    pub fn open(&self, tally: &Arc<Tally>) -> crate::Result<Box<dyn Saver>> {
        match self {
            Self::Files(params) => Ok(params.open()),
            Self::CouchDb(params) => Ok(Box::new(couchdb::CouchSaver::open(params, Arc::clone(tally))?)),
        }
    }

    /// Name of the writer, as the headings of the instrumentation show it.
    #[must_use]
    pub fn writer_name(&self) -> &'static str {
        match self {
            Self::Files(_) => "FileOutputWriter",
            Self::CouchDb(_) => "CouchDBOutputWriter",
        }
    }

    /// What `save_distributed` starts, as the headings of the instrumentation show it.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Files(_) => "Starting file save operation",
            Self::CouchDb(_) => "Starting CouchDB save operation",
        }
    }

    /// Whether saving waits for a network.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        match self {
            Self::Files(_) => false,
            Self::CouchDb(_) => true,
        }
    }
}

/// Without secrets, for `EXPLAIN`.
impl fmt::Display for SaveParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(params) => params.fmt(f),
            Self::CouchDb(params) => write!(f, "{}", params.connection),
        }
    }
}
