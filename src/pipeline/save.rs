//! `save_partition`: annotations in, outcomes out. The one operator with an effect on the world.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::arrow::array::{
    Array, AsArray, BinaryViewArray, ByteView, RecordBatch, StringViewBuilder, UInt32Builder,
};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::datatypes::{SchemaRef, UInt32Type};
use datafusion::common::{Result, exec_err, internal_err};
use datafusion::execution::TaskContext;
use prost::Message;

use super::PipelineError;
use super::encoding;
use super::map_partitions::{PartitionFunction, PartitionProcessor};
use super::rows::{
    ANNOTATION, ATTACHMENT_NAME, BYTES, DOC_ID, ERROR, LABEL_COUNTS, METADATA, PARAGRAPHS, STATUS, TEXT,
    binaries, outcomes_schema, strings, u32s, u64s, value,
};
use super::session::worker_context;
use crate::document::{Annotation, DocumentRef, Outcome};
use crate::sink::{SaveParams, Saver};
use crate::{Connectors, Error};

/// Name of the closure.
pub const SAVE_PARTITION: &str = "save_partition";

/// Saves the annotations of one partition. Captures only how to reach the sink.
#[derive(Debug, Clone)]
pub struct SavePartition {
    params: Arc<dyn SaveParams>,
    labels: Vec<String>,
}

/// What travels.
#[derive(Clone, PartialEq, Message)]
struct Encoded {
    #[prost(string, tag = "1")]
    sink: String,
    #[prost(bytes = "vec", tag = "2")]
    params: Vec<u8>,
    #[prost(string, repeated, tag = "3")]
    labels: Vec<String>,
}

impl SavePartition {
    /// Saves by `params`; `labels` are the model's, in the order of the counts.
    #[must_use]
    pub fn new(params: Arc<dyn SaveParams>, labels: Vec<String>) -> Self {
        Self { params, labels }
    }

    pub(super) fn decode(bytes: &[u8], connectors: &Connectors) -> Result<Arc<dyn PartitionFunction>> {
        let Encoded { sink, params, labels } = encoding::message(SAVE_PARTITION, bytes)?;
        Ok(Arc::new(Self::new(connectors.save_params(&sink, &params)?, labels)))
    }
}

impl PartitionFunction for SavePartition {
    fn name(&self) -> &'static str {
        SAVE_PARTITION
    }

    fn schema(&self) -> SchemaRef {
        outcomes_schema(self.labels.len())
    }

    fn encode(&self) -> Result<Vec<u8>> {
        let params =
            self.params.encode().map_err(|source| PipelineError::Encode { function: SAVE_PARTITION, source });
        let encoded = Encoded {
            sink: self.params.name().to_owned(),
            params: params.map_err(Error::from)?,
            labels: self.labels.clone(),
        };
        Ok(encoded.encode_to_vec())
    }

    fn describe(&self) -> String {
        self.params.to_string()
    }

    /// Where saving waits for a network, the next batch is labelled meanwhile.
    fn read_ahead(&self) -> bool {
        self.params.is_remote()
    }

    fn open(&self, context: &TaskContext) -> Result<Box<dyn PartitionProcessor>> {
        Ok(Box::new(Save {
            saver: self.params.open(&worker_context(context))?,
            labels: self.labels.clone(),
            ready: None,
        }))
    }
}

struct Save {
    saver: Box<dyn Saver>,
    labels: Vec<String>,
    ready: Option<RecordBatch>,
}

#[async_trait]
impl PartitionProcessor for Save {
    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.ready = Some(batch);
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(batch) = self.ready.take() else { return Ok(None) };
        let (rows, annotations) = self.annotations(&batch)?;
        let outcomes = self.saver.save(annotations).await;
        if outcomes.len() != rows.len() {
            return internal_err!(
                "the saver gave {} outcomes for {} annotations",
                outcomes.len(),
                rows.len()
            );
        }
        to_outcomes(&batch, self.labels.len(), &rows, &outcomes).map(Some)
    }
}

impl Save {
    /// The annotations to save, with the rows they stand in.
    fn annotations(&self, batch: &RecordBatch) -> Result<(Vec<usize>, Vec<Annotation>)> {
        let (status, metadata) = (strings(batch, STATUS)?, strings(batch, METADATA)?);
        let (doc_id, name) = (strings(batch, DOC_ID)?, strings(batch, ATTACHMENT_NAME)?);
        let (content, text) = (binaries(batch, ANNOTATION)?, binaries(batch, TEXT)?);
        let Some(counts) =
            batch.column_by_name(LABEL_COUNTS).and_then(|column| column.as_fixed_size_list_opt())
        else {
            return exec_err!("a batch of annotations lacks the column '{LABEL_COUNTS}'");
        };
        let mut rows = Vec::with_capacity(batch.num_rows());
        let mut annotations = Vec::with_capacity(batch.num_rows());
        for row in (0..batch.num_rows()).filter(|row| status.is_null(*row)) {
            let row_counts = counts.value(row);
            let row_counts = row_counts.as_primitive_opt::<UInt32Type>();
            rows.push(row);
            annotations.push(Annotation {
                reference: DocumentRef {
                    doc_id: doc_id.value(row).to_string(),
                    attachment_name: name.value(row).to_string(),
                },
                content: shared(content, row).unwrap_or_default(),
                text: shared(text, row),
                label_counts: self
                    .labels
                    .iter()
                    .zip(row_counts.iter().flat_map(|counts| counts.values().iter()))
                    .map(|(label, count)| (label.clone(), u64::from(*count)))
                    .collect(),
                metadata: value(metadata, row).map(str::to_string),
            });
        }
        Ok((rows, annotations))
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

/// One outcome per row of `batch`: those just saved, and those which had ended before.
fn to_outcomes(
    batch: &RecordBatch,
    labels: usize,
    rows: &[usize],
    outcomes: &[Outcome],
) -> Result<RecordBatch> {
    let Some(counts) = batch.column_by_name(LABEL_COUNTS) else {
        return exec_err!("a batch of annotations lacks the column '{LABEL_COUNTS}'");
    };
    let (before, error_before) = (strings(batch, STATUS)?, strings(batch, ERROR)?);
    let mut status = StringViewBuilder::with_capacity(batch.num_rows());
    let mut error = StringViewBuilder::with_capacity(batch.num_rows());
    let mut attempts = UInt32Builder::with_capacity(batch.num_rows());
    let mut saved = rows.iter().zip(outcomes).peekable();
    for row in 0..batch.num_rows() {
        if let Some((_, outcome)) = saved.next_if(|(saved_row, _)| **saved_row == row) {
            status.append_value(outcome.status.as_str());
            error.append_option(outcome.error.as_deref());
            attempts.append_value(outcome.attempts);
        } else {
            status.append_option(value(before, row));
            error.append_option(value(error_before, row));
            attempts.append_value(0);
        }
    }
    let (doc_id, name) = (strings(batch, DOC_ID)?, strings(batch, ATTACHMENT_NAME)?);
    Ok(RecordBatch::try_new(
        outcomes_schema(labels),
        vec![
            Arc::new(doc_id.clone()),
            Arc::new(name.clone()),
            Arc::new(status.finish()),
            Arc::new(error.finish()),
            Arc::new(attempts.finish()),
            Arc::new(u32s(batch, PARAGRAPHS)?.clone()),
            Arc::new(u64s(batch, BYTES)?.clone()),
            Arc::clone(counts),
        ],
    )?)
}
