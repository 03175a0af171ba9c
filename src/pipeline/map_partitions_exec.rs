//! The physical operator of `MapPartitions`: node, stream and metrics.
//!
//! ```text
//!   input partition 0 ──▶ open() ──▶ (push next*)* end next* ──▶ output partition 0
//!   input partition 1 ──▶ open() ──▶ (push next*)* end next* ──▶ output partition 1
//! ```
//!
//! Partitions stay what they were: as many, and each in its order. Nothing is buffered but what the
//! processor holds, and a few batches where the function reads or runs ahead.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    SendableRecordBatchStream,
};
use futures::{FutureExt, StreamExt, TryStreamExt};
use tokio::sync::watch;

use super::function::{PartitionFunction, PartitionProcessor};

/// How many batches are made in advance, at most, where a function [reads](PartitionFunction::read_ahead) or
/// [runs](PartitionFunction::run_ahead) ahead. With one, all partitions wait for the server at a time, and then the server
/// for all partitions.
const AHEAD_BATCHES: usize = 3;

/// No batch is made in advance while those that are, and the one that is worked on, have more bytes than this: twice what
/// a batch of documents aims at.
const AHEAD_BYTES: usize = 8 << 20;

/// Batches are joined up to this many bytes: what a batch of documents aims at.
const JOINED_BYTES: usize = 4 << 20;

/// One function over each partition.
#[derive(Debug)]
pub struct MapPartitionsExec {
    input: Arc<dyn ExecutionPlan>,
    function: Arc<dyn PartitionFunction>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl MapPartitionsExec {
    /// `function` over each partition of `input`.
    ///
    /// # Errors
    /// When the function cannot work on the rows of `input`.
    pub fn try_new(input: Arc<dyn ExecutionPlan>, function: Arc<dyn PartitionFunction>) -> Result<Self> {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(function.schema(&input.schema())?),
            datafusion::physical_plan::Partitioning::UnknownPartitioning(
                input.output_partitioning().partition_count(),
            ),
            EmissionType::Incremental,
            input.boundedness(),
        ));
        Ok(Self { input, function, properties, metrics: ExecutionPlanMetricsSet::new() })
    }

    /// Adds rows and time of a run elsewhere to the metrics.
    #[cfg(feature = "cluster")]
    pub(crate) fn add_work(&self, rows: u64, time: std::time::Duration) {
        let metrics = BaselineMetrics::new(&self.metrics, 0);
        metrics.record_output(usize::try_from(rows).unwrap_or(usize::MAX));
        metrics.elapsed_compute().add_duration(time);
    }

    /// The function.
    #[must_use]
    pub fn function(&self) -> &Arc<dyn PartitionFunction> {
        &self.function
    }
}

impl DisplayAs for MapPartitionsExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match kind {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(f, "MapPartitionsExec: {}({})", self.function.name(), self.function.describe())
            }
            DisplayFormatType::TreeRender => write!(f, "{}", self.function.name()),
        }
    }
}

impl ExecutionPlan for MapPartitionsExec {
    fn name(&self) -> &'static str {
        "MapPartitionsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    /// The planner must not split or merge what is whole: partitions are made once, where ids are spread over them.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[Arc<dyn ExecutionPlan>; 1]>::try_from(children) else {
            return internal_err!("MapPartitionsExec takes exactly one child");
        };
        Ok(Arc::new(Self::try_new(input, Arc::clone(&self.function))?))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut input = self.input.execute(partition, Arc::clone(&context))?;
        if let Some(join) = self.function.read_ahead() {
            input = ahead(input, join);
        }
        let state = State {
            input,
            processor: self.function.open(&self.input.schema(), &context)?,
            metrics: BaselineMetrics::new(&self.metrics, partition),
            ended: false,
        };
        let output = futures::stream::try_unfold(state, |mut state| async move {
            Ok(state.next().await?.map(|batch| (batch, state)))
        });
        let output: SendableRecordBatchStream =
            Box::pin(RecordBatchStreamAdapter::new(self.schema(), output.boxed()));
        Ok(if self.function.run_ahead() { ahead(output, 0) } else { output })
    }
}

/// `stream`, polled by a task of its own; batches that wait are joined, up to `join` rows. What is made in advance is
/// bounded by number and by bytes, so that large documents do not queue up.
fn ahead(mut stream: SendableRecordBatchStream, join: usize) -> SendableRecordBatchStream {
    let schema = stream.schema();
    let mut builder = RecordBatchReceiverStream::builder(Arc::clone(&schema), AHEAD_BATCHES);
    let sender = builder.tx();
    let (finished, mut progress) = watch::channel(0_usize);
    builder.spawn(async move {
        let mut unfinished = Unfinished::default();
        while let Some(batch) = stream.next().await {
            let bytes = batch.as_ref().map_or(0, RecordBatch::get_array_memory_size);
            if sender.send(batch).await.is_err() {
                break;
            }
            unfinished.sent(bytes);
            if progress.wait_for(|finished| unfinished.bytes_after(*finished) <= AHEAD_BYTES).await.is_err() {
                break;
            }
        }
        Ok(())
    });
    let reader = Reader { batches: builder.build(), next: None, taken: 0, finished };
    let batches = futures::stream::try_unfold(reader, move |mut reader| async move {
        Ok(reader.next(join).await?.map(|batch| (batch, reader)))
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}

/// Who reads what was made in advance, and says what is finished: who asks for a batch has finished with those before it.
struct Reader {
    batches: SendableRecordBatchStream,
    /// What came after the last batch and could not be joined with it: a batch too large, or an error.
    next: Option<Result<RecordBatch>>,
    /// How many batches went out.
    taken: usize,
    finished: watch::Sender<usize>,
}

impl Reader {
    async fn next(&mut self, join: usize) -> Result<Option<RecordBatch>> {
        self.finished.send_replace(self.taken);
        let first = match self.next.take() {
            Some(batch) => Some(batch),
            None => self.batches.next().await,
        };
        let Some(first) = first.transpose()? else { return Ok(None) };
        let (mut rows, mut bytes) = (first.num_rows(), first.get_array_memory_size());
        let mut joined = vec![first];
        while rows < join
            && let Some(Some(batch)) = self.batches.next().now_or_never()
        {
            let (more_rows, more_bytes) =
                batch.as_ref().map_or((0, 0), |batch| (batch.num_rows(), batch.get_array_memory_size()));
            (rows, bytes) = (rows + more_rows, bytes + more_bytes);
            match batch {
                Ok(batch) if rows <= join && bytes <= JOINED_BYTES => joined.push(batch),
                other => {
                    self.next = Some(other);
                    break;
                }
            }
        }
        self.taken += joined.len();
        Ok(Some(match &joined[..] {
            [batch] => batch.clone(),
            batches => concat_batches(&batches[0].schema(), batches)?,
        }))
    }
}

/// The batches that were sent to a reader who has not finished with them.
#[derive(Debug, Default)]
struct Unfinished {
    /// Their sizes, oldest first.
    sizes: VecDeque<usize>,
    bytes: usize,
    /// How many the reader has finished with.
    finished: usize,
}

impl Unfinished {
    fn sent(&mut self, bytes: usize) {
        self.sizes.push_back(bytes);
        self.bytes += bytes;
    }

    /// Their bytes once the reader has finished with `finished`.
    fn bytes_after(&mut self, finished: usize) -> usize {
        while self.finished < finished
            && let Some(bytes) = self.sizes.pop_front()
        {
            self.finished += 1;
            self.bytes -= bytes;
        }
        self.bytes
    }
}

struct State {
    input: SendableRecordBatchStream,
    processor: Box<dyn PartitionProcessor>,
    metrics: BaselineMetrics,
    ended: bool,
}

impl State {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let elapsed = self.metrics.elapsed_compute().clone();
        loop {
            let timer = elapsed.timer();
            let output = self.processor.next().await?;
            drop(timer);
            if let Some(batch) = output {
                self.metrics.record_output(batch.num_rows());
                return Ok(Some(batch));
            }
            if self.ended {
                self.metrics.done();
                return Ok(None);
            }
            match self.input.try_next().await? {
                Some(batch) => self.processor.push(batch)?,
                None => {
                    self.ended = true;
                    self.processor.end()?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Array, AsArray, UInt8Array};
    use datafusion::arrow::datatypes::{DataType, Field, Schema, UInt8Type};
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// What came out of a reader that reads ahead, and how much was made by then.
    async fn read(sizes: &[usize], join: usize) -> Vec<(RecordBatch, usize)> {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::UInt8, false)]));
        let made = Arc::new(AtomicUsize::new(0));
        let (of_batch, counter) = (Arc::clone(&schema), Arc::clone(&made));
        let stream = futures::stream::iter(sizes.to_vec()).map(move |size| {
            counter.fetch_add(1, Ordering::SeqCst);
            let column: Arc<dyn Array> = Arc::new(UInt8Array::from(vec![size as u8; size]));
            Ok(RecordBatch::try_new(Arc::clone(&of_batch), vec![column])?)
        });
        let mut output = ahead(Box::pin(RecordBatchStreamAdapter::new(schema, stream)), join);
        let mut read = Vec::new();
        while let Some(batch) = output.next().await {
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            read.push((batch.unwrap(), made.load(Ordering::SeqCst)));
        }
        read
    }

    /// What was made before an error is saved before the run ends with it.
    #[test]
    fn an_error_comes_after_all_batches_before_it() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::UInt8, false)]));
        let batch = || {
            let column: Arc<dyn Array> = Arc::new(UInt8Array::from(vec![0; 3]));
            RecordBatch::try_new(Arc::clone(&schema), vec![column]).unwrap()
        };
        let items = vec![Ok(batch()), Ok(batch()), datafusion::common::exec_err!("the server is gone")];
        let stream = RecordBatchStreamAdapter::new(Arc::clone(&schema), futures::stream::iter(items));
        run(async {
            let mut output = ahead(Box::pin(stream), 50);
            let mut rows = 0;
            let error = loop {
                // The one in hand is worked on while the others are made.
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
                match output.next().await.unwrap() {
                    Ok(batch) => rows += batch.num_rows(),
                    Err(error) => break error.to_string(),
                }
            };
            assert_eq!(rows, 6);
            assert!(error.contains("the server is gone"), "{error}");
        });
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    proptest! {
        #[test]
        fn what_is_made_in_advance_is_bounded_by_number_and_by_bytes(
            sizes in prop::collection::vec(prop_oneof![1_usize..1000, 1_usize..6 << 20, 5_usize << 20..20 << 20], 1..12),
        ) {
            let read = run(read(&sizes, 0));
            prop_assert_eq!(read.iter().map(|(batch, _)| batch.num_rows()).collect::<Vec<_>>(), sizes.clone());
            for (taken, (_, made)) in read.into_iter().enumerate() {
                // The one in hand, those that wait, and one that finds no place.
                prop_assert!(made <= taken + 1 + AHEAD_BATCHES + 1);
                let bytes = |end: usize| sizes[taken..end].iter().sum::<usize>();
                prop_assert!(made == taken + 1 || bytes(made - 1) <= AHEAD_BYTES, "{:?}", &sizes[taken..made]);
                // And as much is made as may be: a batch has a few bytes more than rows.
                let is_full = made >= taken + 1 + AHEAD_BATCHES || bytes(made) + 4096 > AHEAD_BYTES;
                prop_assert!(made == sizes.len() || is_full);
            }
        }

        #[test]
        fn batches_that_wait_are_joined_in_order_up_to_a_number_of_rows(
            sizes in prop::collection::vec(1_usize..30, 1..30),
            join in 0_usize..60,
        ) {
            let read = run(read(&sizes, join));
            let rows = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
            let batches: Vec<_> = read.into_iter().map(|(batch, _)| batch).collect();
            prop_assert_eq!(rows(&batches), sizes.iter().sum::<usize>());
            let mut inputs = sizes.iter().copied();
            for batch in &batches {
                let column = batch.column(0).as_primitive::<UInt8Type>();
                let mut left = batch.num_rows();
                let mut expected: Vec<u8> = Vec::new();
                let mut parts = 0;
                while left > 0 {
                    let size = inputs.next().unwrap();
                    expected.resize(expected.len() + size, size as u8);
                    left -= size;
                    parts += 1;
                }
                prop_assert_eq!(column.values().to_vec(), expected);
                prop_assert!(parts == 1 || batch.num_rows() <= join);
            }
            if join >= 59 && sizes.len() > 4 {
                prop_assert!(batches.len() < sizes.len());
            }
        }
    }
}
