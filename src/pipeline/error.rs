//! What can go wrong between the stages.

use crate::error::BoxError;

/// Why the stages cannot be made or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// A partition function cannot be encoded.
    #[error("{function} cannot be encoded: {source}")]
    Encode {
        /// Name of the function.
        function: &'static str,
        /// Why.
        source: BoxError,
    },
    /// A partition function that came with a plan cannot be read. The cause is not shown, since it may quote a secret.
    #[error("{function} cannot be decoded; run the same version everywhere")]
    Decode {
        /// Name of the function.
        function: &'static str,
        /// Why.
        source: BoxError,
    },
    /// A worker has another model than the one that the plan was made with.
    #[error(
        "model '{name}' has SHA-256 {found} here, and {wanted} where the plan was made; install the same model everywhere"
    )]
    OtherModel {
        /// Name of the model.
        name: String,
        /// SHA-256 of the one that is here.
        found: String,
        /// SHA-256 of the one that the plan was made with.
        wanted: String,
    },
    /// The session was not made for this pipeline.
    #[error("the session has no model store; make it with pipeline::session")]
    NoModelStore,
    /// A partition ended by a fault in the program.
    #[error("a partition ended by a fault in the program ({0}); please report it")]
    Fault(#[source] BoxError),
}
