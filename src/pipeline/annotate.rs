//! `annotate_partition`: predictions in, one annotated document per row out.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    Array, AsArray, BinaryViewBuilder, FixedSizeListArray, RecordBatch, UInt32Array, UInt32Builder,
    UInt64Builder,
};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, Float32Type, SchemaRef};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::execution::TaskContext;

use super::encoding;
use super::map_partitions::{PartitionFunction, PartitionProcessor};
use super::rows::{
    AFTER, ATTACHMENT_NAME, BEFORE, DOC_ID, DOCUMENT_COLUMNS, PROBABILITIES, START, TEXT, annotations_schema,
    label_numbers, strings, u64s, value,
};
use super::whole_documents::{WholeDocuments, documents};
use crate::document::DocumentRef;
use crate::sink::{LabelledDocument, LabelledParagraph, OutputFormat};

/// Name of the closure.
pub const ANNOTATE_PARTITION: &str = "annotate_partition";

/// Puts the documents of one partition together again. Captures the format and the labels.
#[derive(Debug, Clone)]
pub struct AnnotatePartition {
    format: OutputFormat,
    labels: Vec<String>,
}

impl AnnotatePartition {
    /// Renders as `format`; `labels` are the model's, in the order of the probabilities.
    #[must_use]
    pub fn new(format: OutputFormat, labels: Vec<String>) -> Self {
        Self { format, labels }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Arc<dyn PartitionFunction>> {
        let (format, labels) = encoding::decode(ANNOTATE_PARTITION, bytes)?;
        Ok(Arc::new(Self { format, labels }))
    }
}

impl PartitionFunction for AnnotatePartition {
    fn name(&self) -> &'static str {
        ANNOTATE_PARTITION
    }

    fn schema(&self) -> SchemaRef {
        annotations_schema(self.labels.len())
    }

    fn encode(&self) -> Result<Vec<u8>> {
        encoding::encode(ANNOTATE_PARTITION, &(self.format, &self.labels))
    }

    fn describe(&self) -> String {
        format!("format={}", self.format.name())
    }

    fn open(&self, _context: &TaskContext) -> Result<Box<dyn PartitionProcessor>> {
        Ok(Box::new(Annotate {
            format: self.format,
            labels: self.labels.clone(),
            schema: self.schema(),
            whole: WholeDocuments::default(),
            ready: None,
        }))
    }
}

struct Annotate {
    format: OutputFormat,
    labels: Vec<String>,
    schema: SchemaRef,
    whole: WholeDocuments,
    ready: Option<RecordBatch>,
}

#[async_trait]
impl PartitionProcessor for Annotate {
    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.ready = self.whole.push(batch)?;
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.ready.take().map(|batch| self.annotate(&batch)).transpose()
    }

    fn end(&mut self) -> Result<()> {
        self.whole.end()
    }
}

impl Annotate {
    fn annotate(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = Columns::of(batch, &self.labels)?;
        let documents = documents(batch)?;
        let mut annotation = BinaryViewBuilder::new();
        let mut text = BinaryViewBuilder::new();
        let mut paragraphs = UInt32Builder::with_capacity(documents.len());
        let mut bytes = UInt64Builder::with_capacity(documents.len());
        let mut counts: Vec<u32> = Vec::with_capacity(documents.len() * self.labels.len());
        let mut first_rows = Vec::with_capacity(documents.len());
        for rows in documents {
            first_rows.push(rows.start as u32);
            let base = counts.len();
            counts.resize(base + self.labels.len(), 0);
            if columns.after.is_null(rows.end - 1) {
                annotation.append_null();
                text.append_null();
                paragraphs.append_value(0);
                bytes.append_value(0);
                continue;
            }
            let reference = columns.reference(rows.start);
            let document = columns.document(&reference, rows, &self.labels);
            for paragraph in &document.paragraphs {
                if let Some(count) = counts.get_mut(base + paragraph.label) {
                    *count += 1;
                }
            }
            let rendered = self.format.render(&document).map_err(|error| {
                exec_datafusion_err!(
                    "'{}' cannot be written as {}: {error}",
                    reference.attachment_name,
                    self.format.name()
                )
            })?;
            append_bytes(&mut annotation, rendered)?;
            match self.format.text_name(&reference.attachment_name) {
                Some(_) => append_bytes(&mut text, document.text())?,
                None => text.append_null(),
            }
            paragraphs.append_value(document.paragraphs.len() as u32);
            bytes.append_value(document.bytes() as u64);
        }
        let first_rows = UInt32Array::from(first_rows);
        let mut out = batch.columns()[..DOCUMENT_COLUMNS]
            .iter()
            .map(|column| take(column, &first_rows, None))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let item = Arc::new(Field::new("item", DataType::UInt32, false));
        let width = i32::try_from(self.labels.len())
            .map_err(|_| exec_datafusion_err!("a model with {} labels", self.labels.len()))?;
        out.push(Arc::new(annotation.finish()));
        out.push(Arc::new(text.finish()));
        out.push(Arc::new(paragraphs.finish()));
        out.push(Arc::new(bytes.finish()));
        out.push(Arc::new(FixedSizeListArray::try_new(
            item,
            width,
            Arc::new(UInt32Array::from(counts)),
            None,
        )?));
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), out)?)
    }
}

/// Appends `value` without copying it where it is longer than a view.
fn append_bytes(builder: &mut BinaryViewBuilder, value: Vec<u8>) -> Result<()> {
    if value.len() <= 12 {
        builder.append_value(&value);
        return Ok(());
    }
    let length = u32::try_from(value.len()).map_err(|_| {
        exec_datafusion_err!(
            "an annotation of {} bytes is larger than 4 GiB; split the document",
            value.len()
        )
    })?;
    let block = builder.append_block(Buffer::from_vec(value));
    Ok(builder.try_append_view(block, 0, length)?)
}

struct Columns<'a> {
    doc_id: &'a datafusion::arrow::array::StringViewArray,
    name: &'a datafusion::arrow::array::StringViewArray,
    start: &'a datafusion::arrow::array::UInt64Array,
    before: &'a datafusion::arrow::array::StringViewArray,
    text: &'a datafusion::arrow::array::StringViewArray,
    after: &'a datafusion::arrow::array::StringViewArray,
    /// Per row the number of its label; any number where there is no paragraph.
    label: Vec<usize>,
    probabilities: &'a [f32],
    offset: usize,
    width: usize,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch, labels: &[String]) -> Result<Self> {
        let lists = batch.column_by_name(PROBABILITIES).and_then(|column| column.as_fixed_size_list_opt());
        let Some(lists) = lists else {
            return exec_err!("a batch of predictions lacks the column '{PROBABILITIES}'");
        };
        let Some(values) = lists.values().as_primitive_opt::<Float32Type>() else {
            return exec_err!("the column '{PROBABILITIES}' holds {}, not Float32", lists.value_type());
        };
        Ok(Self {
            doc_id: strings(batch, DOC_ID)?,
            name: strings(batch, ATTACHMENT_NAME)?,
            start: u64s(batch, START)?,
            before: strings(batch, BEFORE)?,
            text: strings(batch, TEXT)?,
            after: strings(batch, AFTER)?,
            label: label_numbers(batch, labels)?,
            probabilities: values.values(),
            offset: lists.offset(),
            width: labels.len(),
        })
    }

    fn reference(&self, row: usize) -> DocumentRef {
        DocumentRef {
            doc_id: self.doc_id.value(row).to_string(),
            attachment_name: self.name.value(row).to_string(),
        }
    }

    fn document(
        &self,
        reference: &'a DocumentRef,
        rows: Range<usize>,
        labels: &'a [String],
    ) -> LabelledDocument<'a> {
        let after = value(self.after, rows.end - 1).unwrap_or_default();
        let paragraphs = rows
            .filter(|row| self.text.is_valid(*row))
            .map(|row| {
                let at = (self.offset + row) * self.width;
                LabelledParagraph {
                    start: self.start.value(row),
                    before: self.before.value(row),
                    text: self.text.value(row),
                    label: self.label[row],
                    probabilities: self.probabilities.get(at..at + self.width).unwrap_or_default(),
                }
            })
            .collect();
        LabelledDocument { reference, paragraphs, after, labels }
    }
}
