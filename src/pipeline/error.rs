//! What can go wrong between the stages.

use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::Error;
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
    /// A batch lacks a column of its stage.
    #[error("a batch lacks the column '{column}' of its stage; it has {columns:?}")]
    MissingColumn {
        /// Name of the column.
        column: &'static str,
        /// The columns that it has.
        columns: Vec<String>,
    },
    /// A column cannot be read as what it means.
    #[error("the column '{column}' of type {found} cannot be read: {source}")]
    ColumnType {
        /// Name of the column.
        column: &'static str,
        /// Its type.
        found: DataType,
        /// Why.
        source: ArrowError,
    },
    /// The schema of predictions, annotations or outcomes does not name the labels.
    #[error("the rows' schema names no labels; keep its metadata (skol_classifier.labels)")]
    NoLabels,
    /// The schema's labels cannot be read.
    #[error("the labels in the schema's metadata (skol_classifier.labels) are no JSON list of strings: {0}")]
    Labels(#[source] serde_json::Error),
    /// A paragraph's label is none of those that the schema names.
    #[error("a paragraph of '{document}' has no label, or one that is none of {labels:?}")]
    UnknownLabel {
        /// Name of the document.
        document: String,
        /// The labels that the schema names.
        labels: Vec<String>,
    },
    /// A status is none of those that a document can have.
    #[error("a document has the status '{status}', which is none")]
    Status {
        /// The status.
        status: String,
    },
    /// The rows of a document are not together, or not in order.
    #[error(
        "the rows of '{document}' are not all there, together and in order; keep them so, for example with ORDER BY doc_id, \
         attachment_name, number"
    )]
    RowOrder {
        /// Name of the document.
        document: String,
    },
    /// A partition ended by a fault in the program.
    #[error("a partition ended by a fault in the program ({0}); please report it")]
    Fault(#[source] BoxError),
}

impl From<PipelineError> for DataFusionError {
    fn from(error: PipelineError) -> Self {
        Error::from(error).into()
    }
}
