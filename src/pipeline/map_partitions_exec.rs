//! The physical operator of `MapPartitions`: node, stream and metrics.
//!
//! ```text
//!   input partition 0 ──▶ open() ──▶ (push next*)* end next* ──▶ output partition 0
//!   input partition 1 ──▶ open() ──▶ (push next*)* end next* ──▶ output partition 1
//! ```
//!
//! Partitions stay what they were: as many, and each in its order. Nothing is buffered but what the
//! processor holds, and one batch where the function reads or runs ahead.

use std::fmt;
use std::sync::Arc;

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
use futures::{StreamExt, TryStreamExt};
use tokio::sync::watch;

use super::function::{PartitionFunction, PartitionProcessor};

/// How many batches are made in advance where a function [reads](PartitionFunction::read_ahead) or
/// [runs](PartitionFunction::run_ahead) ahead.
const AHEAD_BATCHES: usize = 1;

/// A batch of more bytes than this is worked on before another one is made: twice what a batch of documents aims at.
const LARGE_BATCH_BYTES: usize = 8 << 20;

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
        if self.function.read_ahead() {
            input = ahead(input);
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
        Ok(if self.function.run_ahead() { ahead(output) } else { output })
    }
}

/// `stream`, polled by a task of its own. After a large batch that waits until the next one is asked for, so that large
/// documents do not queue up.
fn ahead(mut stream: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let schema = stream.schema();
    let mut builder = RecordBatchReceiverStream::builder(Arc::clone(&schema), AHEAD_BATCHES);
    let sender = builder.tx();
    let (asks, mut asked) = watch::channel(0_u64);
    builder.spawn(async move {
        let mut sent = 0;
        while let Some(batch) = stream.next().await {
            let is_large =
                batch.as_ref().is_ok_and(|batch| batch.get_array_memory_size() > LARGE_BATCH_BYTES);
            if sender.send(batch).await.is_err() {
                break;
            }
            sent += 1;
            if is_large && asked.wait_for(|asked| *asked > sent).await.is_err() {
                break;
            }
        }
        Ok(())
    });
    let batches = futures::stream::unfold((builder.build(), asks), |(mut batches, asks)| async move {
        asks.send_modify(|asks| *asks += 1);
        batches.next().await.map(|batch| (batch, (batches, asks)))
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
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
