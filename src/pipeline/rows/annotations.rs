//! Rows of the stage `annotations`.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, ByteView, FixedSizeListArray, RecordBatch, UInt32Array,
    UInt64Array,
};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::datatypes::{DataType, UInt32Type, UInt64Type};

use super::super::PipelineError;
use super::column::{binaries, list_at, lists, numbers};
use super::{ANNOTATION, BYTES, DocumentColumns, LABEL_COUNTS, Labels, PAGE, PARAGRAPHS, TEXT, list_of};
use crate::document::{Annotation, DocumentRef, Status};

/// One row per document, annotated.
#[derive(Debug)]
pub struct AnnotationRows {
    document: DocumentColumns,
    labels: Labels,
    annotation: BinaryViewArray,
    text: BinaryViewArray,
    pages: BinaryViewArray,
    paragraphs: UInt32Array,
    bytes: UInt64Array,
    lists: FixedSizeListArray,
    counts: UInt32Array,
}

impl AnnotationRows {
    /// The rows of a batch that may have lost its schema's metadata on its way.
    pub(in super::super) fn with_labels(batch: &RecordBatch, labels: &Labels) -> Result<Self, PipelineError> {
        let lists = lists(batch, LABEL_COUNTS, &list_of(DataType::UInt32, labels))?;
        let counts = lists.values().as_primitive::<UInt32Type>().clone();
        Ok(Self {
            document: DocumentColumns::try_new(batch)?,
            labels: labels.clone(),
            annotation: binaries(batch, ANNOTATION)?,
            text: binaries(batch, TEXT)?,
            pages: binaries(batch, PAGE)?,
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

    /// The annotation as it will be written; `None` where the document has come to an end before. Nothing is copied.
    #[must_use]
    pub fn annotation(&self, row: usize) -> Option<Annotation> {
        let counts = list_at(&self.lists, self.counts.values(), row);
        Some(Annotation {
            reference: self.reference(row),
            content: shared(&self.annotation, row)?,
            text: shared(&self.text, row),
            label_counts: self
                .labels
                .as_slice()
                .iter()
                .zip(counts)
                .map(|(label, count)| (label.clone(), u64::from(*count)))
                .collect(),
            metadata: self.document.metadata(row).map(str::to_owned),
        })
    }

    /// The document's page, in the form of an annotation to be saved; `None` where none was asked for. Nothing is copied.
    #[must_use]
    pub fn page(&self, row: usize) -> Option<Annotation> {
        Some(Annotation { content: shared(&self.pages, row)?, text: None, ..self.annotation(row)? })
    }

    pub(in super::super) fn document_columns(&self) -> &DocumentColumns {
        &self.document
    }

    /// Paragraphs, bytes and paragraphs per label, as they stand in outcomes.
    pub(in super::super) fn counts(&self) -> [ArrayRef; 3] {
        [Arc::new(self.paragraphs.clone()), Arc::new(self.bytes.clone()), Arc::new(self.lists.clone())]
    }
}

/// Bytes that share an Arrow buffer.
struct SharedBuffer(Buffer);

impl AsRef<[u8]> for SharedBuffer {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// The value at `row`, without a copy where it is longer than a view.
fn shared(array: &BinaryViewArray, row: usize) -> Option<Bytes> {
    if array.is_null(row) {
        return None;
    }
    let whole = array.value(row);
    if whole.len() <= 12 {
        return Some(Bytes::copy_from_slice(whole));
    }
    let view = ByteView::from(array.views()[row]);
    let buffer = array.data_buffers().get(view.buffer_index as usize)?;
    let slice = buffer.slice_with_length(view.offset as usize, view.length as usize);
    Some(Bytes::from_owner(SharedBuffer(slice)))
}
