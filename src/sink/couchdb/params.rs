//! What a worker needs to save annotations, and the sink that knows it.

use super::save::CouchSaver;
use crate::couchdb::{ConnectionParams, Producer};
use crate::error::{BoxError, Result};
use crate::sink::{OutputFormat, SaveParams, Saver, Sink};
use crate::worker::WorkerContext;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// What a worker needs to open its saver; it travels in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CouchSaveParams {
    /// The database for the annotations.
    pub connection: ConnectionParams,
    /// Whether the documents came from another database: then they are made here, with their metadata.
    pub other_database: bool,
    /// What an annotation's name adds to its text's (`.ann`).
    pub suffix: String,
    /// Its media type (`text/plain; charset=utf-8`).
    pub content_type: String,
    /// Who makes the annotations.
    pub producer: Producer,
    /// Do everything but write.
    #[serde(default)]
    pub dry_run: bool,
    /// Overwrite also what somebody else wrote or changed; a copy of that is kept.
    #[serde(default)]
    pub force: bool,
    /// When the run began (RFC 3339, UTC), where several workers may write one annotation in turn: on a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_began: Option<String>,
}

impl CouchSaveParams {
    /// Name of the sink.
    pub(crate) const NAME: &'static str = "couchdb";

    /// For YEDDA annotations of documents from `input`.
    #[must_use]
    pub fn new(connection: ConnectionParams, input: &ConnectionParams, producer: Producer) -> Self {
        Self {
            other_database: !connection.same_database(input),
            connection,
            suffix: ".ann".to_owned(),
            content_type: "text/plain; charset=utf-8".to_owned(),
            producer,
            dry_run: false,
            force: false,
            run_began: None,
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }
}

impl fmt::Display for CouchSaveParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.connection.fmt(f)
    }
}

impl SaveParams for CouchSaveParams {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn encode(&self) -> Result<Vec<u8>, BoxError> {
        Ok(serde_json::to_vec(self)?)
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn open(&self, context: &WorkerContext) -> Result<Box<dyn Saver>> {
        Ok(Box::new(CouchSaver::open(self, context)?))
    }
}

/// A database for annotations in one format.
#[derive(Debug, Clone)]
pub struct CouchSink {
    params: CouchSaveParams,
    format: OutputFormat,
}

impl CouchSink {
    /// Annotations in `format` into the database of `params`, with the format's suffix and media type.
    #[must_use]
    pub fn new(mut params: CouchSaveParams, format: OutputFormat) -> Self {
        params.suffix = format.attachment_name("");
        params.content_type = format.content_type().to_owned();
        Self { params, format }
    }
}

impl Sink for CouchSink {
    fn format(&self) -> OutputFormat {
        self.format
    }

    fn save_params(&self) -> Arc<dyn SaveParams> {
        Arc::new(self.params.clone())
    }

    fn writer_name(&self) -> &str {
        "CouchDBOutputWriter"
    }

    fn operation(&self) -> &str {
        "Starting CouchDB save operation"
    }
}
