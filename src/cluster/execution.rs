//! How an executor runs the stages of a job: as Ballista does, with errors that find their way back, and counts of what
//! it did.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::serde::protobuf::{
    RuntimeStatsReport, ShuffleWritePartition, TaskColumnStats, WindowStateReport,
};
use ballista_executor::execution_engine::{DefaultExecutionEngine, ExecutionEngine, QueryStageExecutor};
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::prelude::SessionConfig;
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use prost::Message;

use super::codec::ClusterCodec;
use super::failure;
use super::guard::ExecutorName;
use super::work::ExecutorWork;
use crate::pipeline::{MapPartitionsExec, SAVE_PARTITION};

/// Ballista's own engine; errors of this library are [marked](failure::mark) for the client, and tasks that save are
/// counted.
pub(super) struct MarkingEngine {
    inner: DefaultExecutionEngine,
    codec: Arc<ClusterCodec>,
    name: String,
}

impl MarkingEngine {
    /// The engine of the executor called `name`.
    pub(super) fn new(name: &ExecutorName, codec: Arc<ClusterCodec>) -> Self {
        Self { inner: DefaultExecutionEngine::new(), codec, name: name.0.clone() }
    }
}

/// Whether a task of `plan` gives outcomes.
fn saves(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.downcast_ref::<MapPartitionsExec>()
        .is_some_and(|operator| operator.function().name() == SAVE_PARTITION)
        || plan.children().into_iter().any(saves)
}

impl ExecutionEngine for MarkingEngine {
    fn create_query_stage_exec(
        &self,
        job_id: JobId,
        stage_id: usize,
        task_id: usize,
        global_output_partition_ids: Vec<usize>,
        plan: Arc<dyn ExecutionPlan>,
        work_dir: &str,
        config: &SessionConfig,
    ) -> Result<Arc<dyn QueryStageExecutor>> {
        // The same bytes that the scheduler sent: it encodes by the same codec.
        let bytes = saves(&plan)
            .then(|| PhysicalPlanNode::try_from_physical_plan(Arc::clone(&plan), self.codec.as_ref()))
            .transpose()?
            .map(|sent| sent.encoded_len() as u64);
        let inner = self.inner.create_query_stage_exec(
            job_id,
            stage_id,
            task_id,
            global_output_partition_ids,
            plan,
            work_dir,
            config,
        )?;
        Ok(Arc::new(MarkingStage { inner, bytes, name: self.name.clone(), time: OnceLock::new() }))
    }
}

#[derive(Debug)]
struct MarkingStage {
    inner: Arc<dyn QueryStageExecutor>,
    /// Size of the task, where it is one that saves.
    bytes: Option<u64>,
    name: String,
    time: OnceLock<Duration>,
}

impl fmt::Display for MarkingStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl QueryStageExecutor for MarkingStage {
    async fn execute_query_stage(
        &self,
        task_id: usize,
        context: Arc<TaskContext>,
    ) -> Result<Vec<ShuffleWritePartition>> {
        let begin = Instant::now();
        let done = self.inner.execute_query_stage(task_id, context).await.map_err(failure::mark_own);
        let _ = self.time.set(begin.elapsed());
        done
    }

    fn collect_plan_metrics(&self) -> Vec<MetricsSet> {
        let mut sets = self.inner.collect_plan_metrics();
        if let (Some(bytes), Some(writer)) = (self.bytes, sets.first_mut()) {
            let rows = writer.output_rows().unwrap_or_default() as u64;
            let time = self.time.get().copied().unwrap_or_default();
            let work = ExecutorWork { tasks: 1, rows, bytes, time };
            for metric in work.to_metrics(&self.name).iter() {
                writer.push(Arc::clone(metric));
            }
        }
        sets
    }

    fn collect_runtime_stats_reports(&self) -> Vec<RuntimeStatsReport> {
        self.inner.collect_runtime_stats_reports()
    }

    fn collect_window_state_reports(&self) -> Result<Vec<WindowStateReport>> {
        self.inner.collect_window_state_reports()
    }

    fn collect_column_stats(&self) -> Vec<TaskColumnStats> {
        self.inner.collect_column_stats()
    }
}
