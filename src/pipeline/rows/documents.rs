//! Rows of the stages `selection` and `documents`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, StringViewArray, UInt32Array};
use datafusion::arrow::compute::take;

use super::super::PipelineError;
use super::column::{strings, value};
use super::{ATTACHMENT_NAME, CONTENT, DOC_ID, ERROR, METADATA, STATUS};
use crate::document::{DocumentRef, Status};

/// Which document a row belongs to, and how it fares.
#[derive(Debug)]
pub(in super::super) struct DocumentColumns {
    doc_id: StringViewArray,
    attachment_name: StringViewArray,
    status: StringViewArray,
    error: StringViewArray,
    /// What the source hands to the sink; there is none in a selection and in outcomes.
    metadata: Option<StringViewArray>,
}

impl DocumentColumns {
    pub(super) fn try_new(batch: &RecordBatch) -> Result<Self, PipelineError> {
        Ok(Self { metadata: Some(strings(batch, METADATA)?), ..Self::without_metadata(batch)? })
    }

    pub(super) fn without_metadata(batch: &RecordBatch) -> Result<Self, PipelineError> {
        let columns = Self {
            doc_id: strings(batch, DOC_ID)?,
            attachment_name: strings(batch, ATTACHMENT_NAME)?,
            status: strings(batch, STATUS)?,
            error: strings(batch, ERROR)?,
            metadata: None,
        };
        for status in columns.status.iter().flatten() {
            if Status::from_name(status).is_none() {
                return Err(PipelineError::Status { status: status.to_owned() });
            }
        }
        Ok(columns)
    }

    pub(super) fn len(&self) -> usize {
        self.doc_id.len()
    }

    pub(super) fn reference(&self, row: usize) -> DocumentRef {
        DocumentRef {
            doc_id: self.doc_id.value(row).to_owned(),
            attachment_name: self.attachment_name.value(row).to_owned(),
        }
    }

    /// Whether two rows belong to one document.
    pub(super) fn same(&self, row: usize, other: usize) -> bool {
        let same = |column: &StringViewArray| {
            // The same view into the same buffers is the same string.
            column.views()[row] == column.views()[other] || column.value(row) == column.value(other)
        };
        same(&self.doc_id) && same(&self.attachment_name)
    }

    pub(super) fn status(&self, row: usize) -> Option<Status> {
        value(&self.status, row).and_then(Status::from_name)
    }

    pub(super) fn error(&self, row: usize) -> Option<&str> {
        value(&self.error, row)
    }

    pub(super) fn metadata(&self, row: usize) -> Option<&str> {
        self.metadata.as_ref().and_then(|metadata| value(metadata, row))
    }

    /// The columns, in the order of the schema.
    pub(in super::super) fn arrays(&self) -> Vec<ArrayRef> {
        let columns = [&self.doc_id, &self.attachment_name, &self.status, &self.error];
        let columns = columns.into_iter().chain(&self.metadata);
        columns.map(|column| Arc::new(column.clone()) as ArrayRef).collect()
    }

    /// The first two columns: which document.
    pub(in super::super) fn references(&self) -> Vec<ArrayRef> {
        [&self.doc_id, &self.attachment_name].map(|column| Arc::new(column.clone()) as ArrayRef).to_vec()
    }

    /// The columns of the rows `rows`, in the order of the schema.
    pub(in super::super) fn take(&self, rows: &UInt32Array) -> datafusion::common::Result<Vec<ArrayRef>> {
        self.arrays().iter().map(|column| Ok(take(column, rows, None)?)).collect()
    }
}

/// What the listing selected: no contents yet.
#[derive(Debug)]
pub struct SelectionRows {
    document: DocumentColumns,
}

impl SelectionRows {
    /// The rows of `batch`.
    ///
    /// # Errors
    /// When it lacks a column, or a column cannot be read as what it means.
    pub fn try_new(batch: &RecordBatch) -> Result<Self, PipelineError> {
        Ok(Self { document: DocumentColumns::without_metadata(batch)? })
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.document.len()
    }

    /// Which document.
    #[must_use]
    pub fn reference(&self, row: usize) -> DocumentRef {
        self.document.reference(row)
    }

    /// What it has already come to; `None` while it is on its way.
    #[must_use]
    pub fn status(&self, row: usize) -> Option<Status> {
        self.document.status(row)
    }

    /// Why it failed.
    #[must_use]
    pub fn error(&self, row: usize) -> Option<&str> {
        self.document.error(row)
    }
}

/// One row per document, with its text.
#[derive(Debug)]
pub struct DocumentRows {
    document: DocumentColumns,
    content: StringViewArray,
}

impl DocumentRows {
    /// The rows of `batch`.
    ///
    /// # Errors
    /// When it lacks a column, or a column cannot be read as what it means.
    pub fn try_new(batch: &RecordBatch) -> Result<Self, PipelineError> {
        Ok(Self { document: DocumentColumns::try_new(batch)?, content: strings(batch, CONTENT)? })
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

    /// What it has already come to; `None` while it is on its way.
    #[must_use]
    pub fn status(&self, row: usize) -> Option<Status> {
        self.document.status(row)
    }

    /// Its text; `None` where it has come to an end before it was read.
    #[must_use]
    pub fn content(&self, row: usize) -> Option<&str> {
        value(&self.content, row)
    }

    pub(in super::super) fn contents(&self) -> &StringViewArray {
        &self.content
    }

    pub(in super::super) fn document_columns(&self) -> &DocumentColumns {
        &self.document
    }
}
