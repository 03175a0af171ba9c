//! `segment_partition`: documents in, paragraphs out. No text is copied.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ByteView, RecordBatch, StringViewArray, StringViewBuilder, UInt32Array, UInt32Builder,
    UInt64Builder,
};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::execution::TaskContext;

use super::function::{EachBatch, PartitionFunction, PartitionProcessor};
use super::rows::{DocumentRows, paragraphs_schema};
use crate::document::Span;
use crate::segment::segment_into;

/// Name of the closure.
pub const SEGMENT_PARTITION: &str = "segment_partition";

/// Cuts documents into paragraphs. Captures nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct SegmentPartition;

impl SegmentPartition {
    pub(super) fn decode(_bytes: &[u8]) -> Result<Arc<dyn PartitionFunction>> {
        Ok(Arc::new(Self))
    }
}

impl PartitionFunction for SegmentPartition {
    fn name(&self) -> &'static str {
        SEGMENT_PARTITION
    }

    fn schema(&self, _input: &Schema) -> Result<SchemaRef> {
        Ok(paragraphs_schema())
    }

    fn encode(&self) -> Result<Vec<u8>> {
        Ok(vec![])
    }

    fn describe(&self) -> String {
        String::new()
    }

    fn open(&self, _input: &Schema, _context: &TaskContext) -> Result<Box<dyn PartitionProcessor>> {
        let mut spans = Vec::new();
        Ok(Box::new(EachBatch::new(move |batch| segment_batch(&batch, &mut spans))))
    }
}

fn segment_batch(batch: &RecordBatch, spans: &mut Vec<Span>) -> Result<RecordBatch> {
    let documents = DocumentRows::try_new(batch)?;
    let content = documents.contents();
    let mut out = ParagraphsBuilder::new(content);
    for row in 0..documents.len() {
        out.document(row, content, spans)?;
    }
    out.finish(&documents)
}

struct ParagraphsBuilder {
    row: UInt32Builder,
    number: UInt32Builder,
    start: UInt64Builder,
    before: StringViewBuilder,
    text: StringViewBuilder,
    after: StringViewBuilder,
}

impl ParagraphsBuilder {
    /// The views of all three text columns point into the buffers of `content`.
    fn new(content: &StringViewArray) -> Self {
        let views = || {
            let mut builder = StringViewBuilder::new();
            for buffer in content.data_buffers() {
                builder.append_block(buffer.clone());
            }
            builder
        };
        Self {
            row: UInt32Builder::new(),
            number: UInt32Builder::new(),
            start: UInt64Builder::new(),
            before: views(),
            text: views(),
            after: views(),
        }
    }

    fn document(&mut self, row: usize, content: &StringViewArray, spans: &mut Vec<Span>) -> Result<()> {
        spans.clear();
        let row_number = row as u32;
        if content.is_null(row) {
            self.no_paragraph(row_number);
            self.after.append_null();
            return Ok(());
        }
        let whole = content.value(row);
        let view = ByteView::from(content.views()[row]);
        let place = (whole.len() > 12).then_some((view.buffer_index, view.offset));
        segment_into(whole, spans);
        let mut end = 0;
        for (number, span) in spans.iter().enumerate() {
            self.row.append_value(row_number);
            self.number.append_value(number as u32);
            self.start.append_value(span.start as u64);
            append(&mut self.before, whole, place, end, span.start)?;
            append(&mut self.text, whole, place, span.start, span.end)?;
            if number + 1 < spans.len() {
                self.after.append_null();
            }
            end = span.end;
        }
        if spans.is_empty() {
            self.no_paragraph(row_number);
        }
        append(&mut self.after, whole, place, end, whole.len())
    }

    fn no_paragraph(&mut self, row: u32) {
        self.row.append_value(row);
        self.number.append_null();
        self.start.append_null();
        self.before.append_null();
        self.text.append_null();
    }

    fn finish(mut self, documents: &DocumentRows) -> Result<RecordBatch> {
        let rows: UInt32Array = self.row.finish();
        let mut columns = documents.document_columns().take(&rows)?;
        columns.push(Arc::new(self.number.finish()));
        columns.push(Arc::new(self.start.finish()));
        columns.push(Arc::new(self.before.finish()));
        columns.push(Arc::new(self.text.finish()));
        columns.push(Arc::new(self.after.finish()));
        Ok(RecordBatch::try_new(paragraphs_schema(), columns)?)
    }
}

/// Appends `whole[start..end]`, as a view into the buffer where `whole` lies when it lies in one.
fn append(
    builder: &mut StringViewBuilder,
    whole: &str,
    place: Option<(u32, u32)>,
    start: usize,
    end: usize,
) -> Result<()> {
    match place {
        Some((buffer, offset)) if end - start > 12 => {
            builder.try_append_view(buffer, offset + start as u32, (end - start) as u32)?;
        }
        _ => builder.append_value(&whole[start..end]),
    }
    Ok(())
}
