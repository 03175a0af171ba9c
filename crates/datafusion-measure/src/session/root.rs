//! The root of a measured plan: passes everything on, and knows when the query has ended.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::OrderingRequirements;
use datafusion::physical_plan::execution_plan::{CardinalityEffect, InvariantLevel};
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::proto::ExecutionPlanEncodeCtx;
use datafusion::physical_plan::{
    ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan,
    InputDistributionRequirements, PhysicalExpr, PlanProperties, ReplaceChildrenOptions, StatisticsArgs,
};
use datafusion_proto::protobuf::PhysicalPlanNode;
use futures::Stream;

use super::QueryMetrics;
use super::pool::{Watch, WatchedPool};
use crate::Instrumentation;
use crate::execution::ExecutionMetrics;
use crate::measure::reason;
use crate::progress::Progress;
use crate::verbosity::Verbosity;

/// From so long a query on its plan is serialized at verbosity 2: a small query would notice.
const LONG: Duration = Duration::from_millis(50);

/// Who measures, and the pool of the session that is measured.
#[derive(Clone)]
pub(super) struct Watching {
    pub(super) instrumentation: Instrumentation,
    pub(super) pool: Arc<WatchedPool>,
}

/// A plan and what is known of its query before it runs.
pub(super) struct MeasuredRoot {
    plan: Arc<dyn ExecutionPlan>,
    query: QueryMetrics,
    watching: Watching,
    run: Mutex<Option<Started>>,
}

/// A run of which some partitions have not been started.
struct Started {
    run: Arc<Run>,
    partitions: Vec<bool>,
}

impl MeasuredRoot {
    pub(super) fn new(plan: Arc<dyn ExecutionPlan>, query: QueryMetrics, watching: Watching) -> Self {
        Self { plan, query, watching, run: Mutex::default() }
    }

    fn around(&self, plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self::new(plan, self.query.clone(), self.watching.clone()))
    }

    /// The run that a partition belongs to: a new one where the partition was started before. When its last partition
    /// is started only the streams hold it, so that it ends with them.
    fn run_of(&self, partition: usize) -> Arc<Run> {
        let mut slot = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let again = |started: &Started| started.partitions.get(partition).copied().unwrap_or(true);
        if slot.as_ref().is_none_or(again) {
            *slot = Some(Started {
                run: Run::new(self),
                partitions: vec![false; self.query.partitions.max(partition + 1)],
            });
        }
        let Some(started) = slot.as_mut() else { return Run::new(self) };
        if let Some(known) = started.partitions.get_mut(partition) {
            *known = true;
        }
        let run = Arc::clone(&started.run);
        if started.partitions.iter().all(|known| *known) {
            *slot = None;
        }
        run
    }
}

/// One execution of a plan: ends, and is recorded, when nothing holds it any more.
pub(crate) struct Run {
    plan: Arc<dyn ExecutionPlan>,
    query: QueryMetrics,
    instrumentation: Instrumentation,
    start: Instant,
    memory: Arc<Watch>,
    counts: Mutex<Counts>,
}

/// What has come out so far.
#[derive(Clone, Default)]
struct Counts {
    rows: u64,
    ended: usize,
    error: Option<String>,
}

impl Run {
    fn new(root: &MeasuredRoot) -> Arc<Self> {
        let run = Arc::new(Self {
            plan: Arc::clone(&root.plan),
            query: root.query.clone(),
            instrumentation: root.watching.instrumentation.clone(),
            start: Instant::now(),
            memory: root.watching.pool.watch(),
            counts: Mutex::default(),
        });
        run.instrumentation.query_started(&run);
        run
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, item: Option<&Result<RecordBatch>>) {
        let mut counts = self.counts();
        match item {
            Some(Ok(batch)) => counts.rows += batch.num_rows() as u64,
            Some(Err(error)) => counts.error = Some(reason(error)),
            None => counts.ended += 1,
        }
    }

    /// How far it has come.
    pub(crate) fn progress(&self) -> Progress {
        let counts = self.counts().clone();
        Progress {
            number: self.query.number,
            name: self.query.name().to_owned(),
            elapsed_s: self.start.elapsed().as_secs_f64(),
            rows: counts.rows,
            partitions: self.query.partitions,
            partitions_ended: counts.ended,
            memory_peak_bytes: self.memory.peaks().map(|(bytes, _)| bytes),
            execution: ExecutionMetrics::of(&self.plan),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut query = std::mem::take(&mut self.query);
        let elapsed = self.start.elapsed();
        query.elapsed_s = elapsed.as_secs_f64();
        let counts = std::mem::take(&mut *self.counts());
        (query.rows, query.error) = (counts.rows, counts.error);
        let all = self.instrumentation.reports(Verbosity::Debug);
        query.execution =
            if all { ExecutionMetrics::detailed(&self.plan) } else { ExecutionMetrics::of(&self.plan) };
        if all || (elapsed >= LONG && self.instrumentation.reports(Verbosity::Info)) {
            let size = self.instrumentation.task_size(&self.plan).ok();
            query.plan_bytes = size.as_ref().map(|size| size.plan_bytes);
            query.task_bytes = size.map(|size| size.bytes);
        }
        if let Some((peak, consumers)) = self.memory.peaks() {
            query.memory_peak_bytes = Some(peak);
            query.memory_consumers = consumers;
        }
        self.instrumentation.query_ended(query);
    }
}

/// A partition's rows, counted.
struct Counted {
    stream: SendableRecordBatchStream,
    run: Arc<Run>,
}

impl Stream for Counted {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.stream.as_mut().poll_next(cx);
        if let Poll::Ready(item) = &polled {
            self.run.count(item.as_ref());
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

impl RecordBatchStream for Counted {
    fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }
}

impl fmt::Debug for MeasuredRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.fmt(f)
    }
}

impl DisplayAs for MeasuredRoot {
    fn fmt_as(&self, t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.fmt_as(t, f)
    }
}

impl ExecutionPlan for MeasuredRoot {
    fn name(&self) -> &str {
        self.plan.name()
    }

    fn downcast_delegate(&self) -> Option<&dyn ExecutionPlan> {
        Some(self.plan.as_ref())
    }

    fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }

    fn check_invariants(&self, check: InvariantLevel) -> Result<()> {
        self.plan.check_invariants(check)
    }

    fn dynamic_expressions_produced(&self) -> Vec<Arc<dyn PhysicalExpr>> {
        self.plan.dynamic_expressions_produced()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.plan.input_distribution_requirements()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.plan.required_input_ordering()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.plan.maintains_input_order()
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        self.plan.benefits_from_input_partitioning()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.plan.children()
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self.around(Arc::clone(&self.plan).replace_children(children, options)?))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.plan.apply_expressions(f)
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self.around(Arc::clone(&self.plan).reset_state()?))
    }

    fn with_new_state(&self, state: Arc<dyn Any + Send + Sync>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(self.around(self.plan.with_new_state(state)?))
    }

    fn repartitioned(
        &self,
        target_partitions: usize,
        config: &ConfigOptions,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        self.plan.repartitioned(target_partitions, config)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let run = self.run_of(partition);
        let stream = self.plan.execute(partition, context)?;
        Ok(Box::pin(Counted { stream, run }))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.plan.metrics()
    }

    #[expect(deprecated, reason = "a caller that still asks for it gets the plan's own")]
    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        self.plan.partition_statistics(partition)
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        arguments: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        self.plan.statistics_from_inputs(inputs, arguments)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.plan.child_stats_requests(partition)
    }

    fn supports_limit_pushdown(&self) -> bool {
        self.plan.supports_limit_pushdown()
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(self.around(self.plan.with_fetch(limit)?))
    }

    fn fetch(&self) -> Option<usize> {
        self.plan.fetch()
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        self.plan.cardinality_effect()
    }

    fn try_to_proto(&self, ctx: &ExecutionPlanEncodeCtx<'_>) -> Result<Option<PhysicalPlanNode>> {
        self.plan.try_to_proto(ctx)
    }
}
