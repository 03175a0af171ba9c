//! `OnDemandRepartitionExec`: the one exchange. Batches of ids go to whichever partition asks first.
//!
//! ```text
//!                    ┌──▶ partition 0 (asks when it has nothing left to do)
//!   input ──▶ next? ─┼──▶ partition 1
//!                    └──▶ partition 2
//! ```
//!
//! DataFusion's own `RepartitionExec` sends batches in turn, ahead of demand: one partition may sit on a queue of long
//! volumes while another is idle, and a run that is asked to stop has already taken in everything. Here
//! nothing is read before a partition wants it. Which partition works on a document makes no difference
//! to its labels.
//!
//! The partitions of one execution share one input. They are those that were given the same task context; the input
//! belongs to their streams, and the plan node only knows it for as long as one of them lives. So an execution that
//! never starts all partitions, or drops them early, leaves nothing behind, and two executions at a time do not mix.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, exec_err, internal_err};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, EmptyRecordBatchStream, ExecutionPlan, ExecutionPlanProperties,
    Partitioning, PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt};

/// Spreads the batches of its input over `partitions` partitions, on demand.
#[derive(Debug)]
pub struct OnDemandRepartitionExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    executions: Mutex<Vec<Execution>>,
}

/// What is known of an execution whose partitions have not all started: nothing of it is kept alive by this.
#[derive(Debug)]
struct Execution {
    context: Weak<TaskContext>,
    input: Weak<SharedInput>,
    ended: Arc<AtomicBool>,
    started: Vec<bool>,
}

/// The input of one execution, shared by the streams of its partitions.
struct SharedInput {
    stream: tokio::sync::Mutex<SendableRecordBatchStream>,
    /// Whether the stream has given everything.
    ended: Arc<AtomicBool>,
}

impl fmt::Debug for SharedInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedInput")
    }
}

impl SharedInput {
    async fn next(&self) -> Result<Option<RecordBatch>> {
        let mut stream = self.stream.lock().await;
        if self.ended.load(Ordering::Acquire) {
            return Ok(None);
        }
        let batch = stream.try_next().await?;
        self.ended.store(batch.is_none(), Ordering::Release);
        Ok(batch)
    }
}

impl OnDemandRepartitionExec {
    /// Spreads `input` over `partitions` partitions.
    #[must_use]
    pub fn new(input: Arc<dyn ExecutionPlan>, partitions: usize) -> Self {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(partitions.max(1)),
            EmissionType::Incremental,
            input.boundedness(),
        ));
        Self { input, properties, metrics: ExecutionPlanMetricsSet::new(), executions: Mutex::default() }
    }

    /// Number of partitions that come out.
    #[must_use]
    pub fn partitions(&self) -> usize {
        self.properties.partitioning.partition_count()
    }

    /// The input that `partition` shares with the others of its execution; `None` when they have read all of it.
    fn shared(&self, partition: usize, context: &Arc<TaskContext>) -> Result<Option<Arc<SharedInput>>> {
        let mut executions = self.executions.lock().unwrap_or_else(PoisonError::into_inner);
        executions.retain(|execution| execution.context.strong_count() > 0);
        let own = |execution: &Execution| {
            std::ptr::eq(execution.context.as_ptr(), Arc::as_ptr(context)) && !execution.started[partition]
        };
        let Some(at) = executions.iter().position(own) else {
            let ended = Arc::new(AtomicBool::new(false));
            let input = Arc::new(SharedInput {
                stream: tokio::sync::Mutex::new(self.open(context)?),
                ended: Arc::clone(&ended),
            });
            let mut started = vec![false; self.partitions()];
            started[partition] = true;
            if self.partitions() > 1 {
                let (context, input) = (Arc::downgrade(context), Arc::downgrade(&input));
                executions.push(Execution { context, input, ended, started });
            }
            return Ok(Some(input));
        };
        let execution = &mut executions[at];
        execution.started[partition] = true;
        let (input, ended) = (execution.input.upgrade(), execution.ended.load(Ordering::Acquire));
        if execution.started.iter().all(|started| *started) {
            executions.remove(at);
        }
        match input {
            Some(input) => Ok(Some(input)),
            None if ended => Ok(None),
            None => {
                exec_err!("the other partitions of this execution were dropped before the input had ended")
            }
        }
    }

    /// All partitions of the input, one after the other.
    fn open(&self, context: &Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let partitions = self.input.output_partitioning().partition_count();
        let streams = (0..partitions)
            .map(|partition| self.input.execute(partition, Arc::clone(context)))
            .collect::<Result<Vec<_>>>()?;
        let all = futures::stream::iter(streams).flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), all)))
    }
}

impl DisplayAs for OnDemandRepartitionExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OnDemandRepartitionExec: partitions={}", self.partitions())
    }
}

impl ExecutionPlan for OnDemandRepartitionExec {
    fn name(&self) -> &'static str {
        "OnDemandRepartitionExec"
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
            return internal_err!("OnDemandRepartitionExec takes exactly one child");
        };
        Ok(Arc::new(Self::new(input, self.partitions())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(input) = self.shared(partition, &context)? else {
            return Ok(Box::pin(EmptyRecordBatchStream::new(self.schema())));
        };
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

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{AsArray, Int32Array};
    use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Schema};
    use datafusion::datasource::memory::MemorySourceConfig;

    use super::*;

    fn exchange(partitions: usize) -> OnDemandRepartitionExec {
        let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int32, false)]));
        let batch = |id| {
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int32Array::from(vec![id]))]).unwrap()
        };
        let batches: Vec<_> = (0..10).map(batch).collect();
        let input = MemorySourceConfig::try_new_exec(&[batches], schema, None).unwrap();
        OnDemandRepartitionExec::new(input, partitions)
    }

    async fn read(stream: SendableRecordBatchStream) -> Vec<i32> {
        let batches: Vec<_> = stream.try_collect().await.unwrap();
        batches
            .iter()
            .flat_map(|batch| batch.column(0).as_primitive::<Int32Type>().values().to_vec())
            .collect()
    }

    #[tokio::test]
    async fn every_row_comes_once_however_partitions_are_started() {
        let (exchange, all) = (exchange(3), (0..10).collect::<Vec<_>>());
        for _ in 0..2 {
            let context = Arc::new(TaskContext::default());
            // One after the other: the first takes all, the others find nothing left.
            for (partition, expected) in [(0, all.clone()), (1, vec![]), (2, vec![])] {
                assert_eq!(read(exchange.execute(partition, Arc::clone(&context)).unwrap()).await, expected);
            }
            // All at once, under the same context again: another execution.
            let mut streams = Vec::new();
            for partition in 0..3 {
                streams.push(exchange.execute(partition, Arc::clone(&context)).unwrap());
            }
            let mut rows = Vec::new();
            for stream in streams {
                rows.extend(read(stream).await);
            }
            rows.sort_unstable();
            assert_eq!(rows, all);
        }
        assert!(exchange.executions.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn executions_at_a_time_do_not_mix_and_one_that_never_ends_leaves_nothing() {
        let exchange = exchange(2);
        let (one, two) = (Arc::new(TaskContext::default()), Arc::new(TaskContext::default()));
        let mut started = exchange.execute(0, Arc::clone(&one)).unwrap();
        assert_eq!(started.try_next().await.unwrap().unwrap().num_rows(), 1);
        let other = exchange.execute(1, Arc::clone(&two)).unwrap();
        assert_eq!(read(other).await.len(), 10, "the other execution has all rows of its own");
        let input = exchange.executions.lock().unwrap()[0].input.clone();
        assert!(input.upgrade().is_some());
        // Partition 1 never starts, and partition 0 is dropped early.
        drop(started);
        assert!(input.upgrade().is_none(), "the input goes with the streams");
        assert!(exchange.execute(1, Arc::clone(&one)).is_err(), "no row is lost in silence");
        drop((one, two));
        let last = exchange.execute(0, Arc::new(TaskContext::default())).unwrap();
        assert_eq!(exchange.executions.lock().unwrap().len(), 1, "only this one is known");
        assert_eq!(read(last).await.len(), 10);
    }
}
