//! `load_partition`: ids in, documents out.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{Array, RecordBatch, StringViewBuilder};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{Result, internal_datafusion_err, internal_err};
use datafusion::execution::TaskContext;
use prost::Message;

use super::PipelineError;
use super::encoding;
use super::function::{PartitionFunction, PartitionProcessor};
use super::rows::{SelectionRows, documents_schema};
use super::session::worker_context;
use crate::document::{Document, DocumentRef, Status};
use crate::source::{LoadParams, Loader};
use crate::{Connectors, Error};

/// A batch is handed on when its texts reach this many bytes, however few documents it holds.
const BATCH_BYTES: usize = 4 << 20;

/// Name of the closure.
pub const LOAD_PARTITION: &str = "load_partition";

/// Loads the documents of one partition. Captures only how to reach the source.
#[derive(Debug, Clone)]
pub struct LoadPartition {
    params: Arc<dyn LoadParams>,
    batch_size: usize,
}

/// What travels.
#[derive(Clone, PartialEq, Message)]
struct Encoded {
    #[prost(string, tag = "1")]
    source: String,
    #[prost(bytes = "vec", tag = "2")]
    params: Vec<u8>,
    #[prost(uint64, tag = "3")]
    batch_size: u64,
}

impl LoadPartition {
    /// Loads by `params`, at most `batch_size` documents per batch.
    #[must_use]
    pub fn new(params: Arc<dyn LoadParams>, batch_size: usize) -> Self {
        Self { params, batch_size: batch_size.max(1) }
    }

    pub(super) fn decode(bytes: &[u8], connectors: &Connectors) -> Result<Arc<dyn PartitionFunction>> {
        let Encoded { source, params, batch_size } = encoding::message(LOAD_PARTITION, bytes)?;
        let params = connectors.load_params(&source, &params)?;
        Ok(Arc::new(Self::new(params, usize::try_from(batch_size).unwrap_or(usize::MAX))))
    }
}

impl PartitionFunction for LoadPartition {
    fn name(&self) -> &'static str {
        LOAD_PARTITION
    }

    fn schema(&self, _input: &Schema) -> Result<SchemaRef> {
        Ok(documents_schema())
    }

    fn encode(&self) -> Result<Vec<u8>> {
        let params =
            self.params.encode().map_err(|source| PipelineError::Encode { function: LOAD_PARTITION, source });
        let encoded = Encoded {
            source: self.params.name().to_owned(),
            params: params.map_err(Error::from)?,
            batch_size: self.batch_size as u64,
        };
        Ok(encoded.encode_to_vec())
    }

    fn describe(&self) -> String {
        format!("{}, batch_size={}", self.params, self.batch_size)
    }

    fn repartitions_input(&self) -> bool {
        true
    }

    /// Where loading waits for a network, the next batch is fetched while the one before is labelled.
    fn run_ahead(&self) -> bool {
        self.params.is_remote()
    }

    fn open(&self, _input: &Schema, context: &TaskContext) -> Result<Box<dyn PartitionProcessor>> {
        let loader = self.params.open(&worker_context(context))?;
        let limit = loader.preferred_batch().clamp(1, self.batch_size);
        Ok(Box::new(Load {
            loader,
            batch_size: self.batch_size,
            limit,
            waiting: VecDeque::new(),
            open: None,
        }))
    }
}

struct Load {
    loader: Box<dyn Loader>,
    batch_size: usize,
    /// Documents of the next batch, at most. It begins small and doubles, so that what comes after the loader starts
    /// early: with full batches all partitions load first, then all label, then all save.
    limit: usize,
    waiting: VecDeque<Waiting>,
    open: Option<DocumentsBuilder>,
}

struct Waiting {
    reference: DocumentRef,
    /// What it has come to already, and why.
    ended: Option<(Status, Option<String>)>,
}

#[async_trait]
impl PartitionProcessor for Load {
    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let rows = SelectionRows::try_new(&batch)?;
        self.waiting.extend((0..rows.len()).map(|row| Waiting {
            reference: rows.reference(row),
            ended: rows.status(row).map(|status| (status, rows.error(row).map(str::to_owned))),
        }));
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let mut open = self.open.take().unwrap_or_default();
        while open.rows < self.limit && open.bytes < BATCH_BYTES {
            let Some(first) = self.waiting.front() else { break };
            if let Some((status, error)) = &first.ended {
                open.ended(&first.reference, *status, error.as_deref());
                self.waiting.pop_front();
                continue;
            }
            let most = self.loader.preferred_batch().min(self.limit - open.rows).max(1);
            let mut references: Vec<DocumentRef> = Vec::new();
            for waiting in self.waiting.iter().take_while(|waiting| waiting.ended.is_none()) {
                // Several texts of one document are loaded, and written, together.
                let is_of_the_last =
                    references.last().is_some_and(|last| last.doc_id == waiting.reference.doc_id);
                if references.len() >= most && !is_of_the_last {
                    break;
                }
                references.push(waiting.reference.clone());
            }
            let loaded =
                self.loader.load(&references).await.map_err(datafusion::error::DataFusionError::from)?;
            if loaded.is_empty() || loaded.len() > references.len() {
                return internal_err!(
                    "the loader gave {} results for {} documents",
                    loaded.len(),
                    references.len()
                );
            }
            self.waiting.drain(..loaded.len());
            for (reference, result) in references.iter().zip(loaded) {
                match result {
                    Ok(Some(document)) => open.document(document)?,
                    Ok(None) => {}
                    Err(reason) => {
                        open.ended(reference, Status::Failed, Some(&reason.to_string()));
                    }
                }
            }
        }
        if open.rows == 0 {
            return Ok(None);
        }
        self.limit = self.limit.saturating_mul(2).min(self.batch_size);
        open.finish().map(Some)
    }
}

/// Builds a batch of documents whose texts stay where the loader put them.
#[derive(Default)]
struct DocumentsBuilder {
    doc_id: StringViewBuilder,
    attachment_name: StringViewBuilder,
    status: StringViewBuilder,
    error: StringViewBuilder,
    metadata: StringViewBuilder,
    content: StringViewBuilder,
    rows: usize,
    bytes: usize,
}

impl DocumentsBuilder {
    fn reference(&mut self, reference: &DocumentRef) {
        self.doc_id.append_value(&reference.doc_id);
        self.attachment_name.append_value(&reference.attachment_name);
        self.rows += 1;
    }

    fn ended(&mut self, reference: &DocumentRef, status: Status, error: Option<&str>) {
        self.reference(reference);
        self.status.append_value(status.as_str());
        self.error.append_option(error);
        self.metadata.append_null();
        self.content.append_null();
    }

    fn document(&mut self, document: Document) -> Result<()> {
        let length = document.content.len();
        let Ok(view_length) = u32::try_from(length) else {
            self.ended(
                &document.reference,
                Status::Failed,
                Some(&format!(
                    "the text has {length} bytes, and a document may have at most {}; split it",
                    u32::MAX
                )),
            );
            return Ok(());
        };
        self.reference(&document.reference);
        self.status.append_null();
        self.error.append_null();
        self.metadata.append_option(document.metadata.as_deref());
        if length <= 12 {
            self.content.append_value(&document.content);
        } else {
            let block = self.content.append_block(Buffer::from_vec(document.content.into_bytes()));
            self.content.try_append_view(block, 0, view_length)?;
        }
        self.bytes += length;
        Ok(())
    }

    fn finish(mut self) -> Result<RecordBatch> {
        let columns: Vec<Arc<dyn Array>> = vec![
            Arc::new(self.doc_id.finish()),
            Arc::new(self.attachment_name.finish()),
            Arc::new(self.status.finish()),
            Arc::new(self.error.finish()),
            Arc::new(self.metadata.finish()),
            Arc::new(self.content.finish()),
        ];
        RecordBatch::try_new(documents_schema(), columns)
            .map_err(|error| internal_datafusion_err!("documents cannot be put in a batch: {error}"))
    }
}
