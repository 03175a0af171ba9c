//! The root of a measured plan: passes everything on, and knows when the query has ended.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

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
use crate::Instrumentation;
use crate::execution::ExecutionMetrics;
use crate::measure::reason;
use crate::verbosity::Verbosity;

/// A plan and what is known of its query before it runs.
pub(super) struct MeasuredRoot {
    plan: Arc<dyn ExecutionPlan>,
    query: QueryMetrics,
    instrumentation: Instrumentation,
    run: Mutex<Option<Started>>,
}

/// A run of which some partitions have not been started.
struct Started {
    run: Arc<Run>,
    partitions: Vec<bool>,
}

impl MeasuredRoot {
    pub(super) fn new(
        plan: Arc<dyn ExecutionPlan>,
        query: QueryMetrics,
        instrumentation: Instrumentation,
    ) -> Self {
        Self { plan, query, instrumentation, run: Mutex::default() }
    }

    fn around(&self, plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self::new(plan, self.query.clone(), self.instrumentation.clone()))
    }

    /// The run that a partition belongs to: a new one where the partition was started before. When its last partition
    /// is started only the streams hold it, so that it ends with them.
    fn run_of(&self, partition: usize) -> Arc<Run> {
        let mut slot = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let again = |started: &Started| started.partitions.get(partition).copied().unwrap_or(true);
        if slot.as_ref().is_none_or(again) {
            *slot = Some(Started {
                run: Arc::new(Run::new(self)),
                partitions: vec![false; self.query.partitions.max(partition + 1)],
            });
        }
        let Some(started) = slot.as_mut() else { return Arc::new(Run::new(self)) };
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
struct Run {
    plan: Arc<dyn ExecutionPlan>,
    query: QueryMetrics,
    instrumentation: Instrumentation,
    start: Instant,
    counts: Mutex<(u64, Option<String>)>,
}

impl Run {
    fn new(root: &MeasuredRoot) -> Self {
        Self {
            plan: Arc::clone(&root.plan),
            query: root.query.clone(),
            instrumentation: root.instrumentation.clone(),
            start: Instant::now(),
            counts: Mutex::default(),
        }
    }

    fn count(&self, item: &Result<RecordBatch>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match item {
            Ok(batch) => counts.0 += batch.num_rows() as u64,
            Err(error) => counts.1 = Some(reason(error)),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut query = std::mem::take(&mut self.query);
        query.elapsed_s = self.start.elapsed().as_secs_f64();
        (query.rows, query.error) =
            std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        query.execution = ExecutionMetrics::of(&self.plan);
        if self.instrumentation.reports(Verbosity::Debug) {
            query.task_bytes = self.instrumentation.task_size(&self.plan).ok().map(|task| task.bytes);
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
        if let Poll::Ready(Some(item)) = &polled {
            self.run.count(item);
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
