//! DataFrames and executed plans: measures, reports and records what they are made of and what they did.

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use tokio::task::JoinSet;

use super::event::Event;
use super::execution::ExecutionMetrics;
use super::lineage::{computed_nodes, has_effects, literal_bytes, schema};
use super::memory::StreamMemory;
use super::metrics::DataFrameMetrics;
use super::predicates::pushed_down_nodes;
use super::sizes::TaskSize;
use super::verbosity::Verbosity;
use super::warning::Warning;
use super::{Error, Instrumentation, Lineage, stack};

/// Bytes an expression node is taken to have in a serialized plan when it is decided whether to measure.
const BYTES_PER_NODE: usize = 16;

impl Instrumentation {
    /// Measures what a DataFrame is made of, without running it; with `count` also runs it and counts its rows per
    /// partition.
    ///
    /// Reports it at verbosity 2; warns of a lineage deeper than 50. Nothing is done, and `None` returned, at
    /// verbosity 0.
    ///
    /// A frame that cannot be planned as it stands (a placeholder `$1` has no value yet) is measured without its physical
    /// plan. A statement that writes or changes the catalog is never run to count its rows: that is a warning.
    ///
    /// # Errors
    /// Where rows are counted: those of planning and running the frame, and [`Error::Unbounded`] for a source that never
    /// ends. Without `count` there are none.
    pub async fn analyze_dataframe(
        &self,
        frame: &DataFrame,
        name: &str,
        count: bool,
    ) -> Result<Option<DataFrameMetrics>> {
        if self.is_silent() {
            return Ok(None);
        }
        let shape = Shape::of(frame.logical_plan());
        let mut found = shape.metrics(frame);
        let explodes = shape.expression_nodes() > self.settings.limits.expression_nodes;
        let planned = self.settings.physical_details || self.may_be_large(frame, &shape);
        let effects = count && has_effects(frame.logical_plan());
        if effects {
            let reason = "counting its rows would run a statement that has effects".to_owned();
            self.warn(Warning::NotMeasured { what: "DataFrame", name: name.to_owned(), reason });
        }
        let count = count && !effects;
        let plan = if count {
            Some(stack::plan(frame).await?)
        } else if planned && !explodes {
            stack::plan(frame).await.ok()
        } else {
            None
        };
        if let Some(plan) = plan {
            if count && plan.boundedness().is_unbounded() {
                stack::release(plan);
                return Err(Error::Unbounded {
                    name: name.to_owned(),
                    work: "counting its rows",
                    remedy: "analyze it without count",
                }
                .into());
            }
            let task = self.set_physical(&mut found, &plan);
            if count {
                let rows = count_rows(Arc::clone(&plan), frame).await;
                stack::release(plan);
                (found.partition_rows, found.partition_bytes) = rows?.into_iter().unzip();
            } else {
                stack::release(plan);
            }
            self.report_frame(name, &found);
            if let Some(task) = &task {
                self.warn_of_task(name, task);
            }
        } else {
            self.report_frame(name, &found);
        }
        self.warn_of_shape(name, &shape);
        self.record_frame(name, frame.logical_plan(), found.clone());
        Ok(Some(found))
    }

    /// Plans a DataFrame that is about to run, once, and measures it by that plan: what
    /// [`analyze_dataframe`](Self::analyze_dataframe) measures, without its planning for nothing but that.
    ///
    /// Run the plan with [`collect`](datafusion::physical_plan::collect()) and the frame's `task_ctx()`; then
    /// [`analyze_execution`](Self::analyze_execution) reads what it did. At verbosity 0 the frame is planned and nothing
    /// else.
    ///
    /// # Errors
    /// Those of planning the frame.
    pub async fn plan_dataframe(&self, frame: &DataFrame, name: &str) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = stack::plan(frame).await?;
        if self.is_silent() {
            return Ok(plan);
        }
        let shape = Shape::of(frame.logical_plan());
        let mut found = shape.metrics(frame);
        let measured = self.settings.physical_details || self.may_be_large(frame, &shape);
        let task = measured.then(|| self.set_physical(&mut found, &plan)).flatten();
        self.report_frame(name, &found);
        if let Some(task) = &task {
            self.warn_of_task(name, task);
        }
        self.warn_of_shape(name, &shape);
        self.record_frame(name, frame.logical_plan(), found);
        Ok(plan)
    }

    /// Adds what the physical plan says; its largest task, where it can be serialized.
    fn set_physical(&self, found: &mut DataFrameMetrics, plan: &Arc<dyn ExecutionPlan>) -> Option<TaskSize> {
        found.partitions = Some(plan.output_partitioning().partition_count());
        found.physical = Some(Lineage::of_physical(plan));
        // An operator that the codec does not know can be run here, and cannot be sent: no task to measure.
        let task = self.task_size(plan).ok();
        found.task_bytes = task.as_ref().map(|task| task.bytes);
        task
    }

    fn warn_of_shape(&self, name: &str, shape: &Shape) {
        self.warn_of_lineage(name, shape.lineage.depth);
        let nodes = shape.expression_nodes();
        if nodes > self.settings.limits.expression_nodes {
            let pushed_down = shape.grows();
            self.warn(Warning::LargeExpressions { name: name.to_owned(), nodes, pushed_down });
        }
    }

    fn report_frame(&self, name: &str, found: &DataFrameMetrics) {
        if self.reports(Verbosity::Info) {
            self.emit(Event::DataFrame { name: name.to_owned(), metrics: Box::new(found.clone()) });
        }
    }

    pub(crate) fn warn_of_lineage(&self, name: &str, depth: usize) {
        let limit = self.settings.limits.lineage_warning;
        if depth > limit {
            self.warn(Warning::DeepLineage { name: name.to_owned(), depth, limit });
        }
    }

    /// Keeps what is known of a checkpoint when its frame is analyzed again, and nothing of another frame of the name.
    #[cfg_attr(not(feature = "checkpoint"), expect(unused_variables))]
    fn record_frame(&self, name: &str, plan: &LogicalPlan, found: DataFrameMetrics) {
        #[cfg(feature = "checkpoint")]
        let is_checkpoint = super::checkpoint::is_checkpoint(plan);
        #[cfg(not(feature = "checkpoint"))]
        let is_checkpoint = false;
        self.record(|metrics, limit| {
            let known = metrics.dataframes.entry(name, limit);
            *known = if is_checkpoint && known.checkpointed {
                DataFrameMetrics {
                    checkpointed: true,
                    lineage_depth_before: known.lineage_depth_before,
                    lineage_depth_optimized: known.lineage_depth_optimized,
                    logical_before: known.logical_before,
                    checkpoint_planning_s: known.checkpoint_planning_s,
                    ..found
                }
            } else {
                found
            };
        });
    }

    /// Reads the engine's own metrics of a plan that was executed: rows of each partition and spilling for the
    /// advice, and at verbosity 3 a line for each operator, with every metric that the engine gives.
    ///
    /// Nothing is done, and `None` returned, below verbosity 2.
    pub fn analyze_execution(&self, plan: &Arc<dyn ExecutionPlan>, name: &str) -> Option<ExecutionMetrics> {
        if !self.reports(Verbosity::Info) {
            return None;
        }
        let all = self.reports(Verbosity::Debug);
        let found = if all { ExecutionMetrics::detailed(plan) } else { ExecutionMetrics::of(plan) };
        if all {
            self.emit(Event::Execution { name: name.to_owned(), metrics: found.clone() });
        }
        self.record(|metrics, limit| metrics.executions.set(name, found.clone(), limit));
        Some(found)
    }

    /// Whether expressions could make up a task that is too large: planning costs more than walking.
    pub(crate) fn may_be_large(&self, frame: &DataFrame, shape: &Shape) -> bool {
        let nodes = shape.expression_nodes().saturating_mul(BYTES_PER_NODE);
        let threshold = self.settings.limits.task_bytes / 8;
        nodes > threshold || nodes.saturating_add(literal_bytes(frame.logical_plan())) > threshold
    }
}

/// What of a frame's plan bears on a checkpoint.
pub(crate) struct Shape {
    pub(crate) lineage: Lineage,
    computed: usize,
    pushed_down: usize,
}

impl Shape {
    pub(crate) fn of(plan: &LogicalPlan) -> Self {
        Self {
            lineage: Lineage::of_logical(plan),
            computed: computed_nodes(plan),
            pushed_down: pushed_down_nodes(plan),
        }
    }

    fn metrics(&self, frame: &DataFrame) -> DataFrameMetrics {
        DataFrameMetrics {
            columns: schema(frame.logical_plan()).fields().len(),
            lineage_depth: self.lineage.depth,
            logical: self.lineage,
            ..DataFrameMetrics::default()
        }
    }

    /// Expression nodes, as written or after predicates were pushed down.
    pub(crate) fn expression_nodes(&self) -> usize {
        self.computed.max(self.pushed_down)
    }

    /// Whether expressions grow when predicates are pushed down.
    pub(crate) fn grows(&self) -> bool {
        self.pushed_down > self.computed
    }
}

/// Runs a plan and counts rows and bytes of each partition, keeping nothing.
async fn count_rows(plan: Arc<dyn ExecutionPlan>, frame: &DataFrame) -> Result<Vec<(u64, u64)>> {
    stack::run(plan, Arc::new(frame.task_ctx()), |plan, context| async move {
        let mut tasks = JoinSet::new();
        for partition in 0..plan.output_partitioning().partition_count() {
            let mut stream = plan.execute(partition, Arc::clone(&context))?;
            tasks.spawn(async move {
                let (mut rows, mut bytes, mut memory) = (0u64, 0u64, StreamMemory::default());
                while let Some(batch) = stream.next().await {
                    let batch = batch?;
                    rows += batch.num_rows() as u64;
                    bytes += memory.count(&batch) as u64;
                }
                Ok::<_, DataFusionError>((partition, (rows, bytes)))
            });
        }
        let mut counted = Vec::new();
        while let Some(finished) = tasks.join_next().await {
            counted.push(finished.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??);
        }
        counted.sort_unstable_by_key(|(partition, _)| *partition);
        stack::release(plan);
        Ok(counted.into_iter().map(|(_, counts)| counts).collect())
    })
    .await
}
