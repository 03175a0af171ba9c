//! Runs a plan, all partitions side by side, and reads the operators' own metrics afterwards.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::error::Result;
use crate::pipeline::{
    ANNOTATE_PARTITION, LOAD_PARTITION, MapPartitionsExec, PREDICT_PARTITION, PipelineError, SAVE_PARTITION,
    SEGMENT_PARTITION,
};

/// What one stage of a run took.
#[derive(Debug, Clone, PartialEq)]
pub struct StageMetrics {
    /// Name of the stage.
    pub name: &'static str,
    /// Time spent in its operator, summed over the partitions.
    pub elapsed: Duration,
    /// Rows that came out.
    pub rows: u64,
    /// Number of partitions.
    pub partitions: usize,
}

/// Runs all partitions and hands each batch to `on_batch`, as it comes. The first error ends the run.
pub(super) async fn execute(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    mut on_batch: impl FnMut(&RecordBatch) -> Result<()> + Send,
) -> Result<()> {
    let partitions = plan.output_partitioning().partition_count();
    let (sender, mut receiver) = mpsc::channel(partitions.max(1));
    let mut tasks = JoinSet::new();
    for partition in 0..partitions {
        let mut stream = plan.execute(partition, Arc::clone(&context))?;
        let sender = sender.clone();
        tasks.spawn(async move {
            while let Some(batch) = stream.next().await {
                if sender.send(batch).await.is_err() {
                    break;
                }
            }
        });
    }
    drop(sender);
    while let Some(batch) = receiver.recv().await {
        on_batch(&batch?)?;
    }
    while let Some(task) = tasks.join_next().await {
        task.map_err(|error| PipelineError::Fault(Box::new(error)))?;
    }
    Ok(())
}

/// Name of the stage that a partition function makes.
fn stage_of(function: &str) -> Option<&'static str> {
    match function {
        LOAD_PARTITION => Some("documents"),
        SEGMENT_PARTITION => Some("paragraphs"),
        PREDICT_PARTITION => Some("predictions"),
        ANNOTATE_PARTITION => Some("annotations"),
        SAVE_PARTITION => Some("outcomes"),
        _ => None,
    }
}

/// The stages of an executed plan, first to last.
pub(super) fn stage_metrics(plan: &Arc<dyn ExecutionPlan>) -> Vec<StageMetrics> {
    let mut stages = Vec::new();
    let mut node = plan;
    loop {
        if let Some(operator) = node.downcast_ref::<MapPartitionsExec>()
            && let Some(name) = stage_of(operator.function().name())
            && let Some(metrics) = operator.metrics()
        {
            stages.push(StageMetrics {
                name,
                elapsed: Duration::from_nanos(metrics.elapsed_compute().unwrap_or_default() as u64),
                rows: metrics.output_rows().unwrap_or_default() as u64,
                partitions: node.output_partitioning().partition_count(),
            });
        }
        let [child] = node.children()[..] else { break };
        node = child;
    }
    stages.reverse();
    stages
}
