//! Rows of the stage `outcomes`.

use datafusion::arrow::array::{Array, AsArray, FixedSizeListArray, RecordBatch, UInt32Array, UInt64Array};
use datafusion::arrow::datatypes::{DataType, UInt32Type, UInt64Type};

use super::super::PipelineError;
use super::column::{list_at, lists, numbers};
use super::{ATTEMPTS, BYTES, DocumentColumns, LABEL_COUNTS, Labels, PARAGRAPHS, list_of};
use crate::document::{DocumentRef, Status};

/// One row per document: what became of it.
#[derive(Debug)]
pub struct OutcomeRows {
    document: DocumentColumns,
    labels: Labels,
    attempts: UInt32Array,
    paragraphs: UInt32Array,
    bytes: UInt64Array,
    lists: FixedSizeListArray,
    counts: UInt32Array,
}

impl OutcomeRows {
    /// The rows of `batch`, whose schema names the labels.
    ///
    /// # Errors
    /// When it lacks a column, or a column cannot be read as what it means.
    pub fn try_new(batch: &RecordBatch) -> Result<Self, PipelineError> {
        Self::with_labels(batch, &Labels::of(batch.schema_ref())?)
    }

    /// The rows of a batch that may have lost its schema's metadata on its way.
    pub(crate) fn with_labels(batch: &RecordBatch, labels: &Labels) -> Result<Self, PipelineError> {
        let lists = lists(batch, LABEL_COUNTS, &list_of(DataType::UInt32, labels))?;
        let counts = lists.values().as_primitive::<UInt32Type>().clone();
        Ok(Self {
            document: DocumentColumns::without_metadata(batch)?,
            labels: labels.clone(),
            attempts: numbers::<UInt32Type>(batch, ATTEMPTS)?,
            paragraphs: numbers::<UInt32Type>(batch, PARAGRAPHS)?,
            bytes: numbers::<UInt64Type>(batch, BYTES)?,
            lists,
            counts,
        })
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.document.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Which document.
    #[must_use]
    pub fn reference(&self, row: usize) -> DocumentRef {
        self.document.reference(row)
    }

    /// How it ended; a row without a status counts as failed.
    #[must_use]
    pub fn status(&self, row: usize) -> Status {
        self.document.status(row).unwrap_or(Status::Failed)
    }

    /// The reason of a failure.
    #[must_use]
    pub fn error(&self, row: usize) -> Option<&str> {
        self.document.error(row)
    }

    /// How often saving was tried; 0 where it was not.
    #[must_use]
    pub fn attempts(&self, row: usize) -> u32 {
        self.attempts.value(row)
    }

    /// Number of its paragraphs.
    #[must_use]
    pub fn paragraphs(&self, row: usize) -> u32 {
        self.paragraphs.value(row)
    }

    /// Size of its text in bytes.
    #[must_use]
    pub fn bytes(&self, row: usize) -> u64 {
        self.bytes.value(row)
    }

    /// The labels that [`label_counts`](Self::label_counts) counts.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Paragraphs per label.
    #[must_use]
    pub fn label_counts(&self, row: usize) -> &[u32] {
        if self.lists.is_null(row) { &[] } else { list_at(&self.lists, self.counts.values(), row) }
    }
}
