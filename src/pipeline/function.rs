//! What a partition operator runs: a function that travels, and the processor that it opens in a worker.
//!
//! A [`PartitionFunction`] is to DataFusion what the closure of `mapPartitions` was to Spark: it is named, it says what
//! it captures, and only its [encoded form](PartitionFunction::encode) travels to a worker. There it is
//! [opened](PartitionFunction::open) once per partition, and the [`PartitionProcessor`] that this gives sees the
//! partition's batches in order. Connections and caches belong to the processor, never to the function.
//!
//! This file knows nothing of documents or labels.

use std::fmt;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::TaskContext;

/// A function over one partition: what a plan carries.
pub trait PartitionFunction: fmt::Debug + Send + Sync + 'static {
    /// The name under which the closure is measured and the codec finds its decoder.
    fn name(&self) -> &'static str;

    /// Schema of the batches that come out, for batches of schema `input`.
    ///
    /// # Errors
    /// When the function cannot work on such batches.
    fn schema(&self, input: &Schema) -> Result<SchemaRef>;

    /// Everything that travels to a worker, encoded. Parameters only: no client, pool, model or row.
    ///
    /// # Errors
    /// When it cannot be encoded.
    fn encode(&self) -> Result<Vec<u8>>;

    /// A few words for `EXPLAIN`. Must not hold a secret.
    fn describe(&self) -> String;

    /// Whether the input may be read ahead by a task of its own, so that waiting for it and working on what
    /// came before overlap: then, up to how many rows of the batches that wait are joined into one, so that a server which
    /// cannot keep up gets fewer and larger requests. Worth it where the processor waits for a network.
    fn read_ahead(&self) -> Option<usize> {
        None
    }

    /// Whether the output may be made ahead by a task of its own, so that waiting for what comes next and working
    /// on what has come overlap. Worth it where the processor waits for a network.
    fn run_ahead(&self) -> bool {
        false
    }

    /// Whether the input is first [spread](super::OnDemandRepartitionExec) over all partitions of the session. True for
    /// the one function that turns ids into documents; from there on partitions stay what they are.
    fn repartitions_input(&self) -> bool {
        false
    }

    /// Starts the work on one partition, in the worker, on batches of schema `input`.
    ///
    /// # Errors
    /// When the work cannot be begun.
    fn open(&self, input: &Schema, context: &TaskContext) -> Result<Box<dyn PartitionProcessor>>;
}

/// The work on one partition.
///
/// The operator calls [`next`](Self::next) until it gives `None`, then [`push`](Self::push)es the input's next
/// batch or says that there is none with [`end`](Self::end), and so on: a processor may turn one batch into
/// many without holding them all.
#[async_trait]
pub trait PartitionProcessor: Send {
    /// Takes the partition's next batch.
    fn push(&mut self, batch: RecordBatch) -> Result<()>;

    /// The next batch of output, or `None` when more input is needed.
    async fn next(&mut self) -> Result<Option<RecordBatch>>;

    /// The partition's input has ended; [`next`](Self::next) gives what is left.
    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A processor that turns each batch into one batch, by a function.
pub struct EachBatch<F> {
    function: F,
    input: Option<RecordBatch>,
}

impl<F> EachBatch<F>
where
    F: FnMut(RecordBatch) -> Result<RecordBatch> + Send,
{
    /// A processor that applies `function` to each batch.
    pub fn new(function: F) -> Self {
        Self { function, input: None }
    }
}

#[async_trait]
impl<F> PartitionProcessor for EachBatch<F>
where
    F: FnMut(RecordBatch) -> Result<RecordBatch> + Send,
{
    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.input = Some(batch);
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.input.take().map(&mut self.function).transpose()
    }
}
