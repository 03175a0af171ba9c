//! When a checkpoint is made.

use std::sync::Arc;
use std::time::Instant;

use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::DataFrame;

use super::{CheckpointPolicy, Place, make};
use crate::analyze::Shape;
use crate::event::{CheckpointReason, Event};
use crate::lineage::{changing_function, has_effects, schema};
use crate::measure::reason;
use crate::metrics::DataFrameMetrics;
use crate::warning::Warning;
use crate::{Error, Instrumentation, Lineage, stack};

impl Instrumentation {
    /// Materializes `frame` and goes on from the result where its lineage is deeper than `lineage_threshold`, its
    /// expressions are too large, or its task is too large to send; else gives it back as it is.
    ///
    /// The lineage that counts is the one the engine is left with: a plan that is deeper than the threshold as written
    /// is optimized first, so that forty filters, which the optimizer makes into one, are no reason for a checkpoint.
    /// Where the optimizer itself takes too long, that is the reason.
    ///
    /// Made as [`CheckpointOptions`](super::CheckpointOptions) say, and at verbosity 1 and above. The result has the same
    /// schema, the same partitions with the same rows, and the same order of rows. A frame with a function that gives
    /// another value each time (`random()`, `now()`) is never materialized: its values would be fixed. A checkpoint that
    /// cannot be kept, because its folder is full or read-only, is a warning, and the frame comes back as it is.
    ///
    /// # Errors
    /// Those of planning and running `frame`, which would come without a checkpoint as well, and
    /// [`Error::Unbounded`](crate::Error::Unbounded) where a checkpoint is needed of a source that never ends.
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
        if !self.makes_checkpoints() || has_effects(frame.logical_plan()) {
            return Ok(frame);
        }
        let shape = Shape::of(frame.logical_plan());
        self.warn_of_lineage(name, shape.lineage.depth);
        let found = match self.reason(&frame, name, &shape, lineage_threshold).await {
            Ok(found) => found,
            Err(error) => {
                stack::release_frame(frame);
                return Err(error);
            }
        };
        let Some(reason) = found.reason else { return Ok(frame) };
        if let Some(function) = changing_function(frame.logical_plan()) {
            let reason = format!("its function '{function}' gives another value each time it is computed");
            self.warn(Warning::NoCheckpoint { name: name.to_owned(), folder: None, reason });
            return Ok(frame);
        }
        let depth = shape.lineage.depth;
        self.emit(Event::CheckpointStarted { name: name.to_owned(), lineage_depth: depth, reason });
        let columns = schema(frame.logical_plan()).fields().len();
        let on_disk = matches!(reason, CheckpointReason::Task { .. });
        let spare = stack::clone_frame(&frame)?;
        let made = match make(frame, name, &self.store, &self.settings.checkpoint, on_disk).await {
            Ok(made) => made,
            Err(error) => return self.without_checkpoint(spare, name, error),
        };
        stack::release_frame(spare);
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
                lineage_depth_optimized: found.optimized_depth,
                logical_before: Some(shape.lineage),
                checkpoint_planning_s: Some(made.planning.as_secs_f64()),
                logical,
                partition_rows: made.partition_rows,
                ..DataFrameMetrics::default()
            };
            self.record(|metrics, limit| metrics.dataframes.set(name, found, limit));
        }
        Ok(made.frame)
    }

    /// The frame itself, with a warning, where its rows could not be kept; the error where it is the frame's own.
    fn without_checkpoint(&self, frame: DataFrame, name: &str, error: DataFusionError) -> Result<DataFrame> {
        let kept = match Error::of(&error) {
            Some(Error::CheckpointFolder { .. } | Error::CheckpointFile { .. }) => {
                Some(self.store.folder().to_owned())
            }
            Some(Error::CheckpointType { .. }) => None,
            _ => {
                stack::release_frame(frame);
                return Err(error);
            }
        };
        let reason = match Error::of(&error) {
            Some(Error::CheckpointFolder { source, .. }) => source.to_string(),
            Some(Error::CheckpointFile { source, .. }) => source.to_string(),
            _ => reason(&error),
        };
        self.warn(Warning::NoCheckpoint { name: name.to_owned(), folder: kept, reason });
        Ok(frame)
    }

    /// Why a checkpoint is needed, if it is.
    async fn reason(
        &self,
        frame: &DataFrame,
        name: &str,
        shape: &Shape,
        lineage_threshold: usize,
    ) -> Result<Found> {
        let limits = &self.settings.limits;
        let mut optimized_depth = None;
        let nodes = shape.expression_nodes();
        if nodes > limits.expression_nodes {
            return Ok(Found::new(CheckpointReason::Expressions { nodes, pushed_down: shape.grows() }));
        }
        if shape.lineage.depth > lineage_threshold {
            let start = Instant::now();
            let depth = stack::optimized_depth(frame).await?;
            optimized_depth = Some(depth);
            let elapsed = self.store.optimizing(name, start.elapsed());
            let reason = if depth > lineage_threshold {
                Some(CheckpointReason::Lineage { optimized_depth: depth })
            } else if elapsed > limits.optimizing {
                let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
                Some(CheckpointReason::Optimizer { elapsed_ms })
            } else {
                None
            };
            if reason.is_some() {
                self.store.optimized(name);
                return Ok(Found { reason, optimized_depth });
            }
        }
        if self.may_be_large(frame, shape) {
            let plan = stack::plan(frame).await?;
            let task = self.task_size(&plan).ok().filter(|_| !plan.children().is_empty());
            stack::release(plan);
            if let Some(task) = task.filter(|task| self.is_large(task)) {
                let reason = Some(CheckpointReason::Task { bytes: task.bytes });
                return Ok(Found { reason, optimized_depth });
            }
        }
        let always = self.settings.checkpoint.policy == CheckpointPolicy::Always;
        Ok(Found { reason: always.then_some(CheckpointReason::Policy), optimized_depth })
    }
}

/// Whether a checkpoint is needed, and what was found on the way.
struct Found {
    reason: Option<CheckpointReason>,
    optimized_depth: Option<usize>,
}

impl Found {
    fn new(reason: CheckpointReason) -> Self {
        Self { reason: Some(reason), optimized_depth: None }
    }
}
