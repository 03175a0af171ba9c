//! Where annotations go, and in which form: an open trait, whole on both sides.
//!
//! [`Sink`] is known where the plan is made. Its [`SaveParams`] are all that travels to the worker of a partition, which
//! opens its [`Saver`] from them and turns whole annotations into outcomes. Files and CouchDB are two implementations;
//! [`Connectors`](crate::Connectors) finds the decoder of each.

pub mod couchdb;
mod error;
pub(crate) mod files;
mod format;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::document::{Annotation, Outcome};
use crate::error::{BoxError, Result};
use crate::worker::WorkerContext;

pub use error::SinkError;
#[cfg(feature = "cluster")]
pub(crate) use files::record::RECORD_FOLDER;
#[cfg(feature = "cluster")]
pub(crate) use files::shared::SharedFolders;
pub use files::{FileSink, STDOUT};
pub use format::{LabelNames, LabelNamesError, OutputFormat, RenderError};
pub(crate) use format::{LabelledDocument, LabelledParagraph, OutputStyle};

/// Where annotations go.
pub trait Sink: fmt::Debug + Send + Sync {
    /// In which form they are written.
    fn format(&self) -> OutputFormat;

    /// How a worker saves them.
    fn save_params(&self) -> Arc<dyn SaveParams>;

    /// Makes what must be there before the first annotation is saved, such as a folder. Called once before a run,
    /// where the plan is made; it may be called again.
    ///
    /// # Errors
    /// When it cannot be made: the sink is unusable.
    fn prepare(&self) -> Result<()> {
        Ok(())
    }

    /// Name of the writer, as the headings of the instrumentation show it.
    fn writer_name(&self) -> &str {
        "OutputWriter"
    }

    /// What starts when annotations are saved, as the headings of the instrumentation show it.
    fn operation(&self) -> &str {
        "Starting save operation"
    }
}

/// How a worker reaches a sink: all that travels to it. No client, pool or row.
///
/// What it [displays](fmt::Display) is shown by `EXPLAIN`, and must not hold a secret.
pub trait SaveParams: fmt::Debug + fmt::Display + Send + Sync {
    /// The name under which [`Connectors`](crate::Connectors) has the decoder.
    fn name(&self) -> &'static str;

    /// The parameters, encoded for the decoder.
    ///
    /// # Errors
    /// When they cannot be encoded.
    fn encode(&self) -> Result<Vec<u8>, BoxError>;

    /// Whether saving waits for a network; then the next batch is labelled meanwhile.
    fn is_remote(&self) -> bool {
        false
    }

    /// Opens the saver of one partition, in the worker.
    ///
    /// # Errors
    /// When the sink cannot be used with these parameters.
    fn open(&self, context: &WorkerContext) -> Result<Box<dyn Saver>>;
}

/// Writes annotations. Opened once per partition by the worker, closed by drop.
#[async_trait]
pub trait Saver: Send {
    /// Saves `annotations`: one outcome each, in the same order. The failure of one is an outcome, not an error.
    ///
    /// # Errors
    /// When nothing can be saved any more; this ends the run.
    async fn save(&mut self, annotations: Vec<Annotation>) -> Result<Vec<Outcome>>;
}
