//! Rows of the stage `paragraphs`.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, StringViewArray, UInt32Array, UInt64Array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{UInt32Type, UInt64Type};

use super::super::PipelineError;
use super::column::{numbers, strings, value};
use super::{AFTER, BEFORE, DocumentColumns, NUMBER, START, TEXT};
use crate::document::{DocumentRef, Paragraph, Status};

/// One row per paragraph; one row without a paragraph for a document that has none.
#[derive(Debug)]
pub struct ParagraphRows {
    document: DocumentColumns,
    number: UInt32Array,
    start: UInt64Array,
    before: StringViewArray,
    text: StringViewArray,
    after: StringViewArray,
}

impl ParagraphRows {
    /// The rows of `batch`.
    ///
    /// # Errors
    /// As [`SelectionRows::try_new`](super::SelectionRows::try_new).
    pub fn try_new(batch: &RecordBatch) -> Result<Self, PipelineError> {
        Ok(Self {
            document: DocumentColumns::try_new(batch)?,
            number: numbers::<UInt32Type>(batch, NUMBER)?,
            start: numbers::<UInt64Type>(batch, START)?,
            before: strings(batch, BEFORE)?,
            text: strings(batch, TEXT)?,
            after: strings(batch, AFTER)?,
        })
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.document.len()
    }

    /// Which document a row belongs to.
    #[must_use]
    pub fn reference(&self, row: usize) -> DocumentRef {
        self.document.reference(row)
    }

    /// What the document has already come to; `None` while it is on its way.
    #[must_use]
    pub fn status(&self, row: usize) -> Option<Status> {
        self.document.status(row)
    }

    /// The paragraph with the white space before it; `None` in the one row of a document without any.
    #[must_use]
    pub fn paragraph(&self, row: usize) -> Option<Paragraph<'_>> {
        let text = value(&self.text, row)?;
        Some(Paragraph { before: value(&self.before, row).unwrap_or_default(), text })
    }

    /// Byte offset of the paragraph's text in its document; 0 where there is none.
    #[must_use]
    pub fn start(&self, row: usize) -> u64 {
        if self.start.is_valid(row) { self.start.value(row) } else { 0 }
    }

    /// White space after a document's last paragraph, in its last row; `None` elsewhere.
    #[must_use]
    pub fn after(&self, row: usize) -> Option<&str> {
        value(&self.after, row)
    }

    /// The row ranges of the documents, which must be whole.
    ///
    /// # Errors
    /// When a document's rows are not together and in order. A result that depended on the order in which rows happen
    /// to come would be wrong without anybody knowing.
    pub fn documents(&self) -> Result<Vec<Range<usize>>, PipelineError> {
        let mut ranges = Vec::new();
        let mut start = 0;
        for end in ends(&self.after, &self.number) {
            for row in start..=end {
                let in_order = self.number.is_null(row) || self.number.value(row) as usize == row - start;
                if !in_order || !self.document.same(row, start) {
                    return Err(PipelineError::RowOrder { document: self.reference(row).attachment_name });
                }
            }
            ranges.push(start..end + 1);
            start = end + 1;
        }
        if start < self.len() {
            return Err(PipelineError::RowOrder { document: self.reference(start).attachment_name });
        }
        Ok(ranges)
    }

    /// Which rows hold a paragraph.
    pub(in super::super) fn nulls(&self) -> Option<NullBuffer> {
        self.text.nulls().cloned()
    }

    pub(in super::super) fn document_columns(&self) -> &DocumentColumns {
        &self.document
    }

    /// The columns, in the order of the schema.
    pub(in super::super) fn arrays(&self) -> Vec<ArrayRef> {
        let mut columns = self.document.arrays();
        columns.push(Arc::new(self.number.clone()));
        columns.push(Arc::new(self.start.clone()));
        columns
            .extend([&self.before, &self.text, &self.after].map(|text| Arc::new(text.clone()) as ArrayRef));
        columns
    }
}

/// The last rows of the documents in `batch`: of its paragraphs or predictions.
pub(in super::super) fn ends_of_documents(batch: &RecordBatch) -> Result<Vec<usize>, PipelineError> {
    Ok(ends(&strings(batch, AFTER)?, &numbers::<UInt32Type>(batch, NUMBER)?).collect())
}

fn ends(after: &StringViewArray, number: &UInt32Array) -> impl Iterator<Item = usize> {
    (0..after.len()).filter(|row| after.is_valid(*row) || number.is_null(*row))
}
