//! `save_partition`: annotations in, outcomes out. The one operator with an effect on the world.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, StringViewBuilder, UInt32Builder};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{Result, internal_err};
use datafusion::execution::TaskContext;
use prost::Message;

use super::function::{PartitionFunction, PartitionProcessor};
use super::rows::{AnnotationRows, Labels, outcomes_schema};
use super::session::worker_context;
use super::{PipelineError, encoding};
use crate::document::{Outcome, Status};
use crate::sink::{FileSink, SaveParams, Saver};
use crate::{Connectors, Error};

/// Name of the closure.
pub const SAVE_PARTITION: &str = "save_partition";

/// Saves the annotations of one partition. Captures only how to reach the sink.
#[derive(Debug, Clone)]
pub struct SavePartition {
    params: Arc<dyn SaveParams>,
    pages: Option<FileSink>,
    batch_size: usize,
}

/// What travels.
#[derive(Clone, PartialEq, Message)]
struct Encoded {
    #[prost(string, tag = "1")]
    sink: String,
    #[prost(bytes = "vec", tag = "2")]
    params: Vec<u8>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pages: Option<Vec<u8>>,
    #[prost(uint64, tag = "4")]
    batch_size: u64,
}

impl SavePartition {
    /// Saves by `params`, batch by batch.
    #[must_use]
    pub fn new(params: Arc<dyn SaveParams>) -> Self {
        Self { params, pages: None, batch_size: 1 }
    }

    /// Where saving waits for a network, batches that wait for it are saved together, of up to so many documents.
    #[must_use]
    pub fn with_batch_size(mut self, documents: usize) -> Self {
        self.batch_size = documents;
        self
    }

    /// Where the documents' pages are saved too, if anywhere.
    #[must_use]
    pub fn with_pages(mut self, pages: Option<FileSink>) -> Self {
        self.pages = pages;
        self
    }

    pub(super) fn decode(bytes: &[u8], connectors: &Connectors) -> Result<Arc<dyn PartitionFunction>> {
        let Encoded { sink, params, pages, batch_size } = encoding::message(SAVE_PARTITION, bytes)?;
        let pages = pages.map(|pages| encoding::decode(SAVE_PARTITION, &pages)).transpose()?;
        let save = Self::new(connectors.save_params(&sink, &params)?).with_pages(pages);
        Ok(Arc::new(save.with_batch_size(usize::try_from(batch_size).unwrap_or(usize::MAX))))
    }
}

impl PartitionFunction for SavePartition {
    fn name(&self) -> &'static str {
        SAVE_PARTITION
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        Ok(outcomes_schema(&Labels::of(input)?))
    }

    fn encode(&self) -> Result<Vec<u8>> {
        let params =
            self.params.encode().map_err(|source| PipelineError::Encode { function: SAVE_PARTITION, source });
        let encoded = Encoded {
            sink: self.params.name().to_owned(),
            params: params.map_err(Error::from)?,
            pages: self.pages.as_ref().map(|pages| encoding::encode(SAVE_PARTITION, pages)).transpose()?,
            batch_size: self.batch_size as u64,
        };
        Ok(encoded.encode_to_vec())
    }

    fn describe(&self) -> String {
        self.params.to_string()
    }

    /// Where saving waits for a network, the next batch is labelled meanwhile.
    fn read_ahead(&self) -> Option<usize> {
        self.params.is_remote().then_some(self.batch_size)
    }

    fn open(&self, input: &Schema, context: &TaskContext) -> Result<Box<dyn PartitionProcessor>> {
        let labels = Labels::of(input)?;
        Ok(Box::new(Save {
            saver: self.params.open(&worker_context(context))?,
            pages: self.pages.as_ref().map(|pages| pages.open(&worker_context(context))).transpose()?,
            schema: outcomes_schema(&labels),
            labels,
            ready: None,
        }))
    }
}

struct Save {
    saver: Box<dyn Saver>,
    pages: Option<Box<dyn Saver>>,
    schema: SchemaRef,
    labels: Labels,
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
        let input = AnnotationRows::with_labels(&batch, &self.labels)?;
        let on_its_way = (0..input.len()).filter(|row| input.status(*row).is_none());
        let (rows, annotations): (Vec<_>, Vec<_>) =
            on_its_way.filter_map(|row| Some((row, input.annotation(row)?))).unzip();
        // A run that was stopped and cannot wait any longer ends here: what is counted is what is written.
        tokio::task::yield_now().await;
        let mut outcomes =
            self.saver.save(annotations).await.map_err(datafusion::error::DataFusionError::from)?;
        if outcomes.len() != rows.len() {
            return internal_err!(
                "the saver gave {} outcomes for {} annotations",
                outcomes.len(),
                rows.len()
            );
        }
        if let Some(pages) = &mut self.pages {
            save_pages(pages.as_mut(), &input, &rows, &mut outcomes).await?;
        }
        self.outcomes(&input, &rows, &outcomes).map(Some)
    }
}

/// Saves the pages of `rows`. An annotation without its page is not all that was asked for: it failed.
async fn save_pages(
    saver: &mut dyn Saver,
    input: &AnnotationRows,
    rows: &[usize],
    outcomes: &mut [Outcome],
) -> Result<()> {
    let pages: Vec<_> = rows.iter().filter_map(|row| input.page(*row)).collect();
    if pages.len() != rows.len() {
        return internal_err!("{} annotations come with {} pages", rows.len(), pages.len());
    }
    let saved = saver.save(pages).await.map_err(datafusion::error::DataFusionError::from)?;
    for (outcome, page) in outcomes.iter_mut().zip(saved) {
        if page.status == Status::Failed && outcome.status != Status::Failed {
            (outcome.status, outcome.error) = (page.status, page.error);
        }
    }
    Ok(())
}

impl Save {
    /// One outcome per row of `input`: those just saved, and those which had ended before.
    fn outcomes(&self, input: &AnnotationRows, rows: &[usize], outcomes: &[Outcome]) -> Result<RecordBatch> {
        let mut status = StringViewBuilder::with_capacity(input.len());
        let mut error = StringViewBuilder::with_capacity(input.len());
        let mut attempts = UInt32Builder::with_capacity(input.len());
        let mut saved = rows.iter().zip(outcomes).peekable();
        for row in 0..input.len() {
            if let Some((_, outcome)) = saved.next_if(|(saved_row, _)| **saved_row == row) {
                status.append_value(outcome.status.as_str());
                error.append_option(outcome.error.as_deref());
                attempts.append_value(outcome.attempts);
            } else {
                status.append_option(input.status(row).map(Status::as_str));
                error.append_option(input.error(row));
                attempts.append_value(0);
            }
        }
        let mut columns = input.document_columns().references();
        columns.push(Arc::new(status.finish()));
        columns.push(Arc::new(error.finish()));
        columns.push(Arc::new(attempts.finish()));
        columns.extend(input.counts());
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}
