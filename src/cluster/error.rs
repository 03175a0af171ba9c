//! What can go wrong between a client and a cluster.

use std::path::PathBuf;

use crate::error::{BoxError, ErrorKind};

/// Why a plan cannot be run on a cluster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The address of a scheduler is none.
    #[error("'{address}' is not the address of a scheduler; give one like http://host:20050, or standalone")]
    Address {
        /// What was given.
        address: String,
    },
    /// The scheduler does not answer.
    #[error(
        "the scheduler at {scheduler} cannot be reached: {source}; start classifier_scheduler, or check the address"
    )]
    Unreachable {
        /// Its address.
        scheduler: String,
        /// Why.
        source: BoxError,
    },
    /// Nobody took up the work.
    #[error(
        "no executor of the scheduler at {scheduler} has taken up work within {seconds} s; start classifier_executor with \
         this scheduler"
    )]
    NoExecutor {
        /// Address of the scheduler.
        scheduler: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Client and cluster are of different versions.
    #[error(
        "the plan was made by skol_classifier {plan}, and this is {here}; run the same version at client, scheduler and \
         executors"
    )]
    OtherVersion {
        /// The version that made the plan.
        plan: String,
        /// The version that was to read it.
        here: String,
    },
    /// The scheduler does not take the plan.
    #[error("the scheduler at {scheduler} does not take the plan: {reason}")]
    Refused {
        /// Its address.
        scheduler: String,
        /// What it says.
        reason: String,
    },
    /// An error of an executor, with the kind that it has there.
    #[error("{message}")]
    Reported {
        /// Its message.
        message: String,
        /// Its kind.
        kind: ErrorKind,
    },
    /// A window failed again and again.
    #[error("documents could not be labelled in {tries} tries; the last ended with: {reason}")]
    GaveUp {
        /// How often it was tried.
        tries: u32,
        /// How the last try ended.
        reason: String,
    },
    /// A folder that executors must see is not there.
    #[error(
        "executor {executor} does not see '{}' as the client does; executors read and write files themselves, so put the \
         folder where all machines have it under the same path",
        path.display()
    )]
    NotShared {
        /// Which executor.
        executor: String,
        /// The folder.
        path: PathBuf,
    },
    /// The model of the plan is not on an executor.
    #[error(
        "executor {executor} cannot use the model of the plan: {source}; copy its file to the same path or to a folder of \
         --model-folders there, or take a shipped model"
    )]
    Model {
        /// Which executor.
        executor: String,
        /// Why.
        source: BoxError,
    },
    /// A message is larger than what is sent safely.
    #[error(
        "a window of {rows} ids makes a message of {bytes} bytes, and at most {most} are sent; label fewer documents with \
         such long names at once"
    )]
    TooLarge {
        /// Rows of the window.
        rows: usize,
        /// Its bytes.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// The plan has no exchange of ids whose place they could take.
    #[error("the plan has no listing of documents in it; do not make checkpoints of plans for a cluster")]
    NoSelection,
    /// A program of the cluster cannot be started.
    #[error("{program} cannot be started: {source}")]
    Start {
        /// Which one.
        program: &'static str,
        /// Why.
        source: BoxError,
    },
}

impl ClusterError {
    /// What sort of error this is.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Address { .. } => ErrorKind::Usage,
            Self::Reported { kind, .. } => *kind,
            _ => ErrorKind::Unusable,
        }
    }
}
