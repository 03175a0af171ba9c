//! `annotate_partition`: predictions in, one annotated document per row out.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    BinaryViewBuilder, FixedSizeListArray, RecordBatch, UInt32Array, UInt32Builder, UInt64Builder,
};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::execution::TaskContext;

use super::encoding;
use super::function::{PartitionFunction, PartitionProcessor};
use super::rows::{Labels, PredictionRows, annotations_schema};
use super::whole_documents::WholeDocuments;
use crate::document::DocumentRef;
use crate::sink::{LabelledDocument, LabelledParagraph, OutputFormat, OutputStyle};

/// Name of the closure.
pub const ANNOTATE_PARTITION: &str = "annotate_partition";

/// Puts the documents of one partition together again. Captures how they are written, and whether pages are wanted.
#[derive(Debug, Clone)]
pub struct AnnotatePartition {
    style: OutputStyle,
    pages: bool,
}

impl AnnotatePartition {
    /// Renders as `style`.
    #[must_use]
    pub fn new(style: impl Into<OutputStyle>) -> Self {
        Self { style: style.into(), pages: false }
    }

    /// Whether each document is also shown as a page.
    #[must_use]
    pub fn with_pages(mut self, pages: bool) -> Self {
        self.pages = pages;
        self
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Arc<dyn PartitionFunction>> {
        let (style, pages) = encoding::decode(ANNOTATE_PARTITION, bytes)?;
        Ok(Arc::new(Self { style, pages }))
    }
}

impl PartitionFunction for AnnotatePartition {
    fn name(&self) -> &'static str {
        ANNOTATE_PARTITION
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        Ok(annotations_schema(&Labels::of(input)?))
    }

    fn encode(&self) -> Result<Vec<u8>> {
        encoding::encode(ANNOTATE_PARTITION, &(&self.style, self.pages))
    }

    fn describe(&self) -> String {
        format!("format={}", self.style.format.name())
    }

    fn open(&self, input: &Schema, _context: &TaskContext) -> Result<Box<dyn PartitionProcessor>> {
        let labels = Labels::of(input)?;
        Ok(Box::new(Annotate {
            style: self.style.clone(),
            page_style: OutputStyle { format: OutputFormat::Html, ..self.style.clone() },
            pages: self.pages,
            schema: annotations_schema(&labels),
            labels,
            whole: WholeDocuments::default(),
            ready: None,
        }))
    }
}

struct Annotate {
    style: OutputStyle,
    page_style: OutputStyle,
    pages: bool,
    labels: Labels,
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
        let input = PredictionRows::with_labels(batch, &self.labels)?;
        let documents = input.documents()?;
        let mut annotation = BinaryViewBuilder::new();
        let mut text = BinaryViewBuilder::new();
        let mut page = BinaryViewBuilder::new();
        let mut paragraphs = UInt32Builder::with_capacity(documents.len());
        let mut bytes = UInt64Builder::with_capacity(documents.len());
        let mut counts: Vec<u32> = Vec::with_capacity(documents.len() * self.labels.len());
        let mut first_rows = Vec::with_capacity(documents.len());
        for rows in documents {
            first_rows.push(rows.start as u32);
            let base = counts.len();
            counts.resize(base + self.labels.len(), 0);
            let Some(after) = input.after(rows.end - 1) else {
                annotation.append_null();
                text.append_null();
                page.append_null();
                paragraphs.append_value(0);
                bytes.append_value(0);
                continue;
            };
            let reference = input.reference(rows.start);
            let document = labelled(&input, &reference, rows, after);
            for paragraph in &document.paragraphs {
                if let Some(count) = counts.get_mut(base + paragraph.label) {
                    *count += 1;
                }
            }
            let rendered = |style: &OutputStyle| {
                style.render(&document).map_err(|error| {
                    let name = &reference.attachment_name;
                    exec_datafusion_err!("'{name}' cannot be written as {}: {error}", style.format.name())
                })
            };
            append_bytes(&mut annotation, rendered(&self.style)?)?;
            if self.pages {
                append_bytes(&mut page, rendered(&self.page_style)?)?;
            } else {
                page.append_null();
            }
            match self.style.format.text_name(&reference.attachment_name) {
                Some(_) => append_bytes(&mut text, document.text())?,
                None => text.append_null(),
            }
            paragraphs.append_value(document.paragraphs.len() as u32);
            bytes.append_value(document.bytes() as u64);
        }
        let first_rows = UInt32Array::from(first_rows);
        let mut out = input.document_columns().take(&first_rows)?;
        let item = Arc::new(Field::new("item", DataType::UInt32, false));
        let width = self.labels.width();
        out.push(Arc::new(annotation.finish()));
        out.push(Arc::new(text.finish()));
        out.push(Arc::new(page.finish()));
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

/// The document in `rows`, which ends with `after`.
fn labelled<'a>(
    input: &'a PredictionRows,
    reference: &'a DocumentRef,
    rows: Range<usize>,
    after: &'a str,
) -> LabelledDocument<'a> {
    let paragraph = |row| {
        let paragraph = input.paragraph(row)?;
        Some(LabelledParagraph {
            start: input.start(row),
            before: paragraph.before,
            text: paragraph.text,
            label: input.label(row)?,
            probabilities: input.probabilities(row),
        })
    };
    LabelledDocument {
        reference,
        paragraphs: rows.filter_map(paragraph).collect(),
        after,
        labels: input.labels().as_slice(),
    }
}
