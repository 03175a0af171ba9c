//! What can go wrong with a sink as a whole. What goes wrong with one annotation is its outcome.

use std::path::PathBuf;

use crate::error::BoxError;

/// Why a sink cannot be used; it ends the run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The output folder cannot be written to.
    #[error("output folder '{}' cannot be written to: {source}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The record of what was written into an output folder cannot be kept.
    #[error("the record of what was written, '{}', cannot be kept: {source}", .path.display())]
    Record {
        /// Where it lies.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The plan names a sink that this program does not know.
    #[error(
        "the plan writes to a sink '{name}', which this program does not know; register it with Connectors"
    )]
    Unknown {
        /// Name of the sink.
        name: String,
    },
    /// The parameters of a sink that came with a plan cannot be read. The cause is not shown, since it may quote a
    /// secret.
    #[error("the parameters of sink '{name}' cannot be decoded; run the same version everywhere")]
    Decode {
        /// Name of the sink.
        name: String,
        /// What is wrong with them.
        source: BoxError,
    },
    /// Whatever else: the error of an own sink.
    #[error(transparent)]
    Other(BoxError),
}
