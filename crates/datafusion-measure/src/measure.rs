//! The calls of the guide: measure a closure, a broadcast, a task, a DataFrame, and checkpoint where needed.
//!
//! Joins the measuring modules with what is said and recorded; every call returns at once at verbosity 0.

use std::sync::Arc;

use datafusion::common::utils::memory::RecordBatchMemoryCounter;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use tokio::task::JoinSet;

use super::checkpoint::{self, CheckpointPolicy, Place};
use super::execution::ExecutionMetrics;
use super::lineage::{literal_bytes, schema};
use super::metrics::{DataFrameMetrics, Travel};
use super::predicates::pushed_down_nodes;
use super::sizes::{self, Broadcast, ClosureSize, TaskSize};
use super::verbosity::{Verbosity, format_bytes};
use super::{Instrumentation, Lineage, stack};

/// Bytes an expression node is taken to have in a serialized plan when it is decided whether to measure.
const BYTES_PER_NODE: usize = 16;

impl Instrumentation {
    /// Measures what the extension codec writes for `operator`, its inputs left out: what a worker is sent for it.
    ///
    /// Says it at verbosity 2; warns above 1000 KiB, naming the field that is large. Nothing is done, and `None`
    /// returned, at verbosity 0.
    ///
    /// # Errors
    /// When the codec cannot encode the operator.
    pub fn measure_closure_size(
        &self,
        operator: &Arc<dyn ExecutionPlan>,
        name: &str,
    ) -> Result<Option<ClosureSize>> {
        if self.is_silent() {
            return Ok(None);
        }
        let size = sizes::closure(operator, &self.settings.codec, &self.settings.field_names)?;
        self.locked().closures.set(name, size.bytes);
        self.say(Verbosity::Info, || format!("  Closure '{name}': {}", format_bytes(size.bytes)));
        let limit = self.settings.limits.closure_bytes;
        if size.bytes > limit {
            self.warn(format!(
                "Closure '{name}': {} (limit {}){}: keep only parameters in the operator, and let each worker open or \
                 load the rest",
                format_bytes(size.bytes),
                format_bytes(limit),
                owner(&size),
            ));
        }
        Ok(Some(size))
    }

    /// Measures a value that every worker needs.
    ///
    /// Says it at verbosity 2, with how it travels; warns above 4 MiB. At verbosity 0 the value is not serialized
    /// and `None` returned.
    ///
    /// # Errors
    /// When the value cannot be serialized.
    pub fn measure_broadcast_size<B: Broadcast + ?Sized>(
        &self,
        value: &B,
        name: &str,
    ) -> Result<Option<usize>> {
        if self.is_silent() {
            return Ok(None);
        }
        let bytes = value.serialized_len().map_err(|error| {
            DataFusionError::Execution(format!("cannot measure broadcast '{name}': {error}"))
        })?;
        let travel = value.travel();
        {
            let mut metrics = self.locked();
            metrics.broadcasts.set(name, bytes);
            metrics.broadcast_travel.set(name, travel);
        }
        let how = match travel {
            Travel::Reference => "by reference",
            Travel::Inline => "inline",
        };
        self.say(Verbosity::Info, || format!("  Broadcast '{name}': {} ({how})", format_bytes(bytes)));
        let limit = self.settings.limits.broadcast_bytes;
        if bytes > limit {
            let advice = match travel {
                Travel::Reference => "it travels by reference, so that each worker loads it once",
                Travel::Inline => {
                    "it travels inline, with every task: ship a reference, and let each worker load it"
                }
            };
            self.warn(format!(
                "Broadcast '{name}': {} (limit {}): {advice}",
                format_bytes(bytes),
                format_bytes(limit)
            ));
        }
        Ok(Some(bytes))
    }

    /// Measures the largest task of a physical plan: each stage serialized for one partition, as a scheduler sends it.
    ///
    /// Says it at verbosity 2; warns above 1000 KiB, naming the operator that is large. Nothing is done, and `None`
    /// returned, at verbosity 0.
    ///
    /// # Errors
    /// When an operator cannot be encoded.
    pub fn measure_task_size(&self, plan: &Arc<dyn ExecutionPlan>, name: &str) -> Result<Option<TaskSize>> {
        if self.is_silent() {
            return Ok(None);
        }
        let size = self.task_size(plan)?;
        self.locked().tasks.set(name, size.bytes);
        self.say(Verbosity::Info, || {
            format!("  Task '{name}': {} (stage {} of {})", format_bytes(size.bytes), size.stage, size.stages)
        });
        self.warn_of_task(name, &size);
        Ok(Some(size))
    }

    fn task_size(&self, plan: &Arc<dyn ExecutionPlan>) -> Result<TaskSize> {
        let settings = &self.settings;
        sizes::task(plan, &settings.codec, &settings.field_names, settings.limits.task_bytes)
    }

    fn warn_of_task(&self, name: &str, size: &TaskSize) {
        let limit = self.settings.limits.task_bytes;
        if size.bytes <= limit {
            return;
        }
        let largest = size.largest_operator.as_ref().map(|operator| {
            format!(
                ", of which {} are {}{}",
                format_bytes(operator.bytes),
                operator.operator,
                culprit(operator)
            )
        });
        self.warn(format!(
            "Task '{name}': stage {} contains a task of very large size ({}{}); the maximum recommended task size is \
             {}: checkpoint to Parquet, or pass references instead of data",
            size.stage,
            format_bytes(size.bytes),
            largest.unwrap_or_default(),
            format_bytes(limit),
        ));
    }

    /// Measures what a DataFrame is made of, without running it; with `count` also runs it and counts its rows per
    /// partition.
    ///
    /// Says it at verbosity 2; warns of a lineage deeper than 50. Nothing is done, and `None` returned, at
    /// verbosity 0.
    ///
    /// # Errors
    /// Those of the planner, and of the run where rows are counted.
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
        let mut found = DataFrameMetrics {
            columns: schema(frame.logical_plan()).fields().len(),
            lineage_depth: shape.lineage.depth,
            logical: shape.lineage,
            ..DataFrameMetrics::default()
        };
        let explodes = shape.expression_nodes() > self.settings.limits.expression_nodes;
        let planned = self.settings.physical_details || self.may_be_large(frame, &shape);
        if count || (planned && !explodes) {
            let plan = stack::plan(frame).await?;
            found.partitions = Some(plan.output_partitioning().partition_count());
            found.physical = Some(Lineage::of_physical(&plan));
            // An operator that the codec does not know can be run here, and cannot be sent: no task to measure.
            let task = self.task_size(&plan).ok();
            found.task_bytes = task.as_ref().map(|task| task.bytes);
            if count {
                let rows = count_rows(Arc::clone(&plan), frame).await;
                stack::release(plan);
                (found.partition_rows, found.partition_bytes) = rows?.into_iter().unzip();
            } else {
                stack::release(plan);
            }
            self.say_frame(name, &found);
            if let Some(task) = &task {
                self.warn_of_task(name, task);
            }
        } else {
            self.say_frame(name, &found);
        }
        self.warn_of_lineage(name, shape.lineage.depth);
        if explodes {
            self.warn(format!(
                "DataFrame '{name}': {}: checkpoint intermediate results before its predicates are pushed down",
                shape.describe_expressions()
            ));
        }
        self.record_frame(name, found.clone());
        Ok(Some(found))
    }

    fn say_frame(&self, name: &str, found: &DataFrameMetrics) {
        self.say(Verbosity::Info, || {
            let mut lines = format!("  DataFrame '{name}':\n    Columns: {}", found.columns);
            if let Some(partitions) = found.partitions {
                lines += &format!("\n    Partitions: {partitions}");
            }
            lines += &format!("\n    Lineage depth: {} stages", found.lineage_depth);
            if let Some(rows) = found.rows() {
                lines += &format!("\n    Rows: {rows}");
            }
            if self.settings.verbosity >= Verbosity::Debug {
                lines += &format!("\n    Logical plan: {}", shape_line(&found.logical));
                if let Some(physical) = &found.physical {
                    lines += &format!("\n    Physical plan: {}", shape_line(physical));
                }
                if let Some(bytes) = found.task_bytes {
                    lines += &format!("\n    Largest task: {}", format_bytes(bytes));
                }
            }
            lines
        });
    }

    fn warn_of_lineage(&self, name: &str, depth: usize) {
        let limit = self.settings.limits.lineage_warning;
        if depth > limit {
            self.warn(format!(
                "DataFrame '{name}': lineage depth {depth} stages (limit {limit}): checkpoint or cache intermediate \
                 results"
            ));
        }
    }

    /// Keeps what is known of a frame's checkpoint when it is analyzed again.
    fn record_frame(&self, name: &str, found: DataFrameMetrics) {
        let mut metrics = self.locked();
        let known = metrics.dataframes.entry(name);
        *known = DataFrameMetrics {
            checkpointed: known.checkpointed,
            lineage_depth_before: known.lineage_depth_before,
            checkpoint_planning_s: known.checkpoint_planning_s,
            ..found
        };
    }

    /// Reads the engine's own metrics of a plan that was executed: rows of each partition and spilling for the
    /// advice, and at verbosity 3 a line for each operator with its rows, time and memory.
    ///
    /// Nothing is done, and `None` returned, below verbosity 2.
    pub fn analyze_execution(&self, plan: &Arc<dyn ExecutionPlan>, name: &str) -> Option<ExecutionMetrics> {
        if self.settings.verbosity < Verbosity::Info {
            return None;
        }
        let found = ExecutionMetrics::of(plan);
        self.say(Verbosity::Debug, || found.lines(name));
        self.locked().executions.set(name, found.clone());
        Some(found)
    }

    /// Materializes `frame` and goes on from the result where its lineage is deeper than `lineage_threshold`, its
    /// expressions are too large, or its task is too large to send; else gives it back as it is.
    ///
    /// Made as [`CheckpointOptions`](super::CheckpointOptions) say: by default at verbosity 1 and above. The result
    /// has the same schema, the same partitions with the same rows in the same order, and the depth of one scan
    /// (with one projection on it where columns of several tables stand side by side).
    ///
    /// # Errors
    /// Those of planning and running `frame`, and of writing to the checkpoint folder.
    pub async fn checkpoint_if_needed(
        &self,
        frame: DataFrame,
        name: &str,
        lineage_threshold: usize,
    ) -> Result<DataFrame> {
        self.checkpoint_if_needed_with(frame, name, lineage_threshold, |_| {}).await
    }

    /// Like [`checkpoint_if_needed`](Self::checkpoint_if_needed); where a checkpoint is made, `inspect` sees the plan that
    /// was run for it, to measure its closures or to read its metrics: the plan of what follows begins at the checkpoint.
    ///
    /// # Errors
    /// Those of planning and running `frame`, and of writing to the checkpoint folder.
    pub async fn checkpoint_if_needed_with(
        &self,
        frame: DataFrame,
        name: &str,
        lineage_threshold: usize,
        inspect: impl FnOnce(&Arc<dyn ExecutionPlan>) + Send,
    ) -> Result<DataFrame> {
        if !self.makes_checkpoints() {
            return Ok(frame);
        }
        let always = self.settings.checkpoint.policy == CheckpointPolicy::Always;
        let shape = Shape::of(frame.logical_plan());
        self.warn_of_lineage(name, shape.lineage.depth);
        let reason = match self.reason(&frame, &shape, lineage_threshold, always).await {
            Ok(Some(reason)) => reason,
            Ok(None) => return Ok(frame),
            Err(error) => {
                stack::release_frame(frame);
                return Err(error);
            }
        };
        let depth = shape.lineage.depth;
        self.say(Verbosity::Warnings, || format!("  Checkpointing '{name}' {}", reason.describe(&shape)));
        let columns = schema(frame.logical_plan()).fields().len();
        let on_disk = matches!(reason, Reason::Task(_));
        let made = checkpoint::make(frame, name, &self.store, &self.settings.checkpoint, on_disk).await?;
        self.say_more(Verbosity::Warnings, || match made.place {
            Place::Memory => format!("  ✓ Cached '{name}'"),
            Place::Disk(files) => {
                format!(
                    "  ✓ Cached '{name}' on disk: {files} Parquet files, {}",
                    format_bytes(made.bytes as usize)
                )
            }
        });
        self.analyze_execution(&made.plan, name);
        inspect(&made.plan);
        stack::release(made.plan);
        if !self.is_silent() {
            let logical = Lineage::of_logical(made.frame.logical_plan());
            self.locked().dataframes.set(
                name,
                DataFrameMetrics {
                    columns,
                    partitions: Some(made.partition_rows.len()),
                    lineage_depth: logical.depth,
                    checkpointed: true,
                    lineage_depth_before: Some(depth),
                    checkpoint_planning_s: Some(made.planning.as_secs_f64()),
                    logical,
                    partition_rows: made.partition_rows,
                    ..DataFrameMetrics::default()
                },
            );
        }
        Ok(made.frame)
    }

    /// Why a checkpoint is needed, if it is.
    async fn reason(
        &self,
        frame: &DataFrame,
        shape: &Shape,
        lineage_threshold: usize,
        always: bool,
    ) -> Result<Option<Reason>> {
        let limits = &self.settings.limits;
        if shape.lineage.depth > lineage_threshold {
            return Ok(Some(Reason::Lineage));
        }
        if shape.expression_nodes() > limits.expression_nodes {
            return Ok(Some(Reason::Expressions));
        }
        if self.may_be_large(frame, shape) {
            let plan = stack::plan(frame).await?;
            let task = self.task_size(&plan).ok().filter(|_| !plan.children().is_empty());
            stack::release(plan);
            if let Some(task) = task.filter(|task| task.bytes > limits.task_bytes) {
                return Ok(Some(Reason::Task(task.bytes)));
            }
        }
        Ok(always.then_some(Reason::Policy))
    }

    /// Whether expressions could make up a task that is too large: planning costs more than walking.
    fn may_be_large(&self, frame: &DataFrame, shape: &Shape) -> bool {
        let nodes = shape.expression_nodes().saturating_mul(BYTES_PER_NODE);
        let threshold = self.settings.limits.task_bytes / 8;
        nodes > threshold || nodes.saturating_add(literal_bytes(frame.logical_plan())) > threshold
    }

    /// A block of lines, at `least` and above.
    fn say(&self, least: Verbosity, lines: impl FnOnce() -> String) {
        if self.settings.verbosity >= least {
            self.output.block(&lines());
        }
    }

    /// A line right below the block before it.
    fn say_more(&self, least: Verbosity, line: impl FnOnce() -> String) {
        if self.settings.verbosity >= least {
            self.output.more(&line());
        }
    }
}

/// What of a frame's plan bears on a checkpoint.
struct Shape {
    lineage: Lineage,
    pushed_down: usize,
}

impl Shape {
    fn of(plan: &LogicalPlan) -> Self {
        Self { lineage: Lineage::of_logical(plan), pushed_down: pushed_down_nodes(plan) }
    }

    fn expression_nodes(&self) -> usize {
        self.lineage.expression_nodes.max(self.pushed_down)
    }

    fn describe_expressions(&self) -> String {
        if self.pushed_down > self.lineage.expression_nodes {
            format!("expressions grow to {} nodes where predicates are pushed down", self.pushed_down)
        } else {
            format!("expressions have {} nodes", self.lineage.expression_nodes)
        }
    }
}

/// Why a checkpoint is made.
enum Reason {
    Lineage,
    Expressions,
    Task(usize),
    Policy,
}

impl Reason {
    fn describe(&self, shape: &Shape) -> String {
        let depth = shape.lineage.depth;
        match self {
            Self::Lineage => format!("due to deep lineage ({depth} stages)"),
            Self::Expressions => format!("due to large expressions ({})", shape.describe_expressions()),
            Self::Task(bytes) => format!("due to a large task ({})", format_bytes(*bytes)),
            Self::Policy => format!("as asked ({depth} stages)"),
        }
    }
}

fn culprit(size: &ClosureSize) -> String {
    match &size.largest_field {
        Some((field, bytes)) => {
            format!(", field {field} of {} alone has {}", size.operator, format_bytes(*bytes))
        }
        None => String::new(),
    }
}

/// Whose closure it is, where no field can be told.
fn owner(size: &ClosureSize) -> String {
    match &size.largest_field {
        Some(_) => culprit(size),
        None => format!(", all of it {}'s own", size.operator),
    }
}

fn shape_line(lineage: &Lineage) -> String {
    format!(
        "depth {}, {} operators, {} exchanges, {} unions, {} scans",
        lineage.depth, lineage.operators, lineage.exchanges, lineage.unions, lineage.scans
    )
}

/// Runs a plan and counts rows and bytes of each partition, keeping nothing.
async fn count_rows(plan: Arc<dyn ExecutionPlan>, frame: &DataFrame) -> Result<Vec<(u64, u64)>> {
    stack::run(plan, Arc::new(frame.task_ctx()), |plan, context| async move {
        let mut tasks = JoinSet::new();
        for partition in 0..plan.output_partitioning().partition_count() {
            let mut stream = plan.execute(partition, Arc::clone(&context))?;
            tasks.spawn(async move {
                let (mut rows, mut bytes) = (0u64, 0u64);
                while let Some(batch) = stream.next().await {
                    let batch = batch?;
                    rows += batch.num_rows() as u64;
                    let mut counter = RecordBatchMemoryCounter::new();
                    counter.count_batch(&batch);
                    bytes += counter.memory_usage() as u64;
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
