//! `DealOutExec`: the one exchange. Batches of ids go to whichever partition asks first.
//!
//! ```text
//!                    ┌──▶ partition 0 (asks when it has nothing left to do)
//!   input ──▶ next? ─┼──▶ partition 1
//!                    └──▶ partition 2
//! ```
//!
//! DataFusion's own `RepartitionExec` deals in turn, ahead of demand: one partition may sit on a queue of long
//! volumes while another is idle, and a run that is asked to stop has already taken in everything. Here
//! nothing is read before a partition wants it. Which partition works on a document makes no difference
//! to its labels.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
    SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt};

/// Deals the batches of its input out to `partitions` partitions, on demand.
#[derive(Debug)]
pub struct DealOutExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    round: Mutex<Option<Round>>,
}

/// One execution of the plan: the input that its partitions share, and how many of them have joined.
#[derive(Debug)]
struct Round {
    input: Arc<SharedInput>,
    joined: usize,
}

struct SharedInput(tokio::sync::Mutex<SendableRecordBatchStream>);

impl fmt::Debug for SharedInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedInput")
    }
}

impl SharedInput {
    async fn next(&self) -> Result<Option<RecordBatch>> {
        self.0.lock().await.try_next().await
    }
}

impl DealOutExec {
    /// Deals `input` out to `partitions` partitions.
    #[must_use]
    pub fn new(input: Arc<dyn ExecutionPlan>, partitions: usize) -> Self {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(partitions.max(1)),
            EmissionType::Incremental,
            input.boundedness(),
        ));
        Self { input, properties, metrics: ExecutionPlanMetricsSet::new(), round: Mutex::new(None) }
    }

    /// Number of partitions that come out.
    #[must_use]
    pub fn partitions(&self) -> usize {
        self.properties.partitioning.partition_count()
    }

    /// The input of the round in hand; the last partition to join ends the round, so that the plan can run again.
    fn join(&self, context: &Arc<TaskContext>) -> Result<Arc<SharedInput>> {
        let mut round = self.round.lock().unwrap_or_else(PoisonError::into_inner);
        let mut joining = match round.take() {
            Some(round) => round,
            None => Round { input: Arc::new(self.open(context)?), joined: 0 },
        };
        joining.joined += 1;
        let input = Arc::clone(&joining.input);
        if joining.joined < self.partitions() {
            *round = Some(joining);
        }
        Ok(input)
    }

    /// All partitions of the input, one after the other.
    fn open(&self, context: &Arc<TaskContext>) -> Result<SharedInput> {
        let partitions = self.input.output_partitioning().partition_count();
        let streams = (0..partitions)
            .map(|partition| self.input.execute(partition, Arc::clone(context)))
            .collect::<Result<Vec<_>>>()?;
        let all = futures::stream::iter(streams).flatten();
        Ok(SharedInput(tokio::sync::Mutex::new(Box::pin(RecordBatchStreamAdapter::new(self.schema(), all)))))
    }
}

impl DisplayAs for DealOutExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DealOutExec: partitions={}", self.partitions())
    }
}

impl ExecutionPlan for DealOutExec {
    fn name(&self) -> &'static str {
        "DealOutExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
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
            return internal_err!("DealOutExec takes exactly one child");
        };
        Ok(Arc::new(Self::new(input, self.partitions())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.join(&context)?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let output = futures::stream::try_unfold((input, metrics), |(input, metrics)| async move {
            let Some(batch) = input.next().await? else {
                metrics.done();
                return Ok(None);
            };
            metrics.record_output(batch.num_rows());
            Ok(Some((batch, (input, metrics))))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), output.boxed())))
    }
}
