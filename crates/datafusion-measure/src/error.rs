//! What can go wrong, by kind.
//!
//! Methods that plan or run return the engine's own [`DataFusionError`], as everything around them does. An [`Error`]
//! of this crate is in it as [`DataFusionError::External`]; [`Error::of`] finds it again.

use std::io;
use std::path::PathBuf;

use datafusion::error::DataFusionError;

/// An error of this crate. The message names the thing, the value and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A verbosity is none of the four.
    #[error("verbosity '{0}' is unknown: use 0 (silent), 1 (warnings), 2 (info) or 3 (debug)")]
    Verbosity(String),
    /// A checkpoint policy is none of the three.
    #[error("checkpoint policy '{0}' is unknown: use auto, never or always")]
    CheckpointPolicy(String),
    /// Rows were to be counted or kept of a source that never ends.
    #[error("'{name}' reads an unbounded source: {work} would never end; {remedy}")]
    Unbounded {
        /// Name of the DataFrame.
        name: String,
        /// What was asked for.
        work: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
    /// A plan needs a larger stack than is ever asked for.
    #[error(
        "the plan is too deep to {work}: {operators} operators and {expression_levels} levels of expressions on its \
         longest path would need a stack of {} MiB, and at most {} MiB are given; checkpoint intermediate results \
         (checkpoint_if_needed)", needed_bytes >> 20, limit_bytes >> 20
    )]
    TooDeep {
        /// What was to be done: `be planned`, `be run`, `be serialized`.
        work: &'static str,
        /// Operators on the longest path.
        operators: usize,
        /// Levels of expressions on the longest path.
        expression_levels: usize,
        /// Stack that it would take, in bytes.
        needed_bytes: usize,
        /// The largest stack that is asked for, in bytes.
        limit_bytes: usize,
    },
    /// A thread for a deep plan could not be started.
    #[error(
        "cannot start a thread with a stack of {} MiB for a deep plan: {source}; raise the limit on address space, or \
         checkpoint intermediate results", bytes >> 20
    )]
    Thread {
        /// Its stack, in bytes.
        bytes: usize,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The planner or an operator panicked while it worked on a deep plan.
    #[error("a panic while working on a deep plan; the panic's message is on standard error")]
    Panicked,
    /// A deep plan was to be planned outside of a tokio runtime.
    #[error("planning a deep plan needs a tokio runtime: {0}")]
    Runtime(#[source] tokio::runtime::TryCurrentError),
    /// The folder for checkpoints cannot be used.
    #[error("cannot write a checkpoint of '{name}' in {}: {source}; choose another checkpoint folder", folder.display())]
    CheckpointFolder {
        /// Name of the DataFrame.
        name: String,
        /// The folder.
        folder: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file of a checkpoint cannot be written.
    #[error("cannot write a checkpoint of '{name}' to {}: {source}; choose another checkpoint folder", path.display())]
    CheckpointFile {
        /// Name of the DataFrame.
        name: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of a checkpoint is gone, cut off or changed since it was written.
    #[error("cannot read the checkpoint {}: {source}; run again, with a checkpoint folder that only you can write to", path.display())]
    CheckpointChanged {
        /// The file.
        path: PathBuf,
        /// What is the matter with it.
        #[source]
        source: io::Error,
    },
    /// A checkpoint neither fits in memory nor in Parquet.
    #[error(
        "checkpoint of '{name}' does not fit in its share of the memory pool, and Parquet cannot hold its column \
         {column}: raise the pool's limit, or make no checkpoint here"
    )]
    CheckpointType {
        /// Name of the DataFrame.
        name: String,
        /// Its first such column and the column's type.
        column: String,
    },
    /// Spans cannot be exported, or were lost.
    #[error("spans for '{endpoint}': {reason}")]
    Spans {
        /// Address of the collector.
        endpoint: String,
        /// What happened.
        reason: String,
    },
}

impl Error {
    /// The error of this crate that a DataFusion error carries, if it does.
    #[must_use]
    pub fn of(error: &DataFusionError) -> Option<&Self> {
        match error.find_root() {
            DataFusionError::External(inner) => inner.downcast_ref(),
            _ => None,
        }
    }
}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}
