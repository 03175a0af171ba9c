//! When a checkpoint is made.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::DataFrame;

use super::{CheckpointPolicy, Place, make};
use crate::analyze::Shape;
use crate::event::{CheckpointReason, Event};
use crate::lineage::schema;
use crate::metrics::DataFrameMetrics;
use crate::{Instrumentation, Lineage, stack};

impl Instrumentation {
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

    /// Like [`checkpoint_if_needed`](Self::checkpoint_if_needed); where a checkpoint is made, `inspect` gets the plan
    /// that was run for it, to measure its closures or to read its metrics: the plan of what follows begins at the
    /// checkpoint.
    ///
    /// # Errors
    /// Those of [`checkpoint_if_needed`](Self::checkpoint_if_needed).
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
        let shape = Shape::of(frame.logical_plan());
        self.warn_of_lineage(name, shape.lineage.depth);
        let reason = match self.reason(&frame, &shape, lineage_threshold).await {
            Ok(Some(reason)) => reason,
            Ok(None) => return Ok(frame),
            Err(error) => {
                stack::release_frame(frame);
                return Err(error);
            }
        };
        let depth = shape.lineage.depth;
        self.emit(Event::CheckpointStarted { name: name.to_owned(), lineage_depth: depth, reason });
        let columns = schema(frame.logical_plan()).fields().len();
        let on_disk = matches!(reason, CheckpointReason::Task { .. });
        let made = make(frame, name, &self.store, &self.settings.checkpoint, on_disk).await?;
        self.emit(Event::CheckpointCompleted {
            name: name.to_owned(),
            files: match made.place {
                Place::Memory => 0,
                Place::Disk(files) => files,
            },
            bytes: made.bytes,
            partition_rows: made.partition_rows.clone(),
        });
        self.analyze_execution(&made.plan, name);
        inspect(&made.plan);
        stack::release(made.plan);
        if !self.is_silent() {
            let logical = Lineage::of_logical(made.frame.logical_plan());
            let found = DataFrameMetrics {
                columns,
                partitions: Some(made.partition_rows.len()),
                lineage_depth: logical.depth,
                checkpointed: true,
                lineage_depth_before: Some(depth),
                checkpoint_planning_s: Some(made.planning.as_secs_f64()),
                logical,
                partition_rows: made.partition_rows,
                ..DataFrameMetrics::default()
            };
            self.record(|metrics, limit| metrics.dataframes.set(name, found, limit));
        }
        Ok(made.frame)
    }

    /// Why a checkpoint is needed, if it is.
    async fn reason(
        &self,
        frame: &DataFrame,
        shape: &Shape,
        lineage_threshold: usize,
    ) -> Result<Option<CheckpointReason>> {
        let limits = &self.settings.limits;
        if shape.lineage.depth > lineage_threshold {
            return Ok(Some(CheckpointReason::Lineage));
        }
        let nodes = shape.expression_nodes();
        if nodes > limits.expression_nodes {
            return Ok(Some(CheckpointReason::Expressions { nodes, pushed_down: shape.grows() }));
        }
        if self.may_be_large(frame, shape) {
            let plan = stack::plan(frame).await?;
            let task = self.task_size(&plan).ok().filter(|_| !plan.children().is_empty());
            stack::release(plan);
            if let Some(task) = task.filter(|task| task.bytes > limits.task_bytes) {
                return Ok(Some(CheckpointReason::Task { bytes: task.bytes }));
            }
        }
        let always = self.settings.checkpoint.policy == CheckpointPolicy::Always;
        Ok(always.then_some(CheckpointReason::Policy))
    }
}
