//! Who runs a plan: this process, or somebody else.
//!
//! DataFusion's own `collect` gathers everything in memory and `execute_stream` puts all partitions through one
//! exchange; [`InProcess`] hands batches on as they come, with the partitions side by side.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::PipelineError;
use crate::error::Result;

/// Runs plans.
#[async_trait]
pub trait Engine: fmt::Debug + Send + Sync {
    /// Runs all partitions of `plan` and hands each batch to `on_batch`, as it comes and in any order. Each row comes
    /// once. The first error, of a partition or of `on_batch`, ends the run.
    ///
    /// # Errors
    /// That first error.
    async fn run(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
        on_batch: &mut (dyn FnMut(RecordBatch) -> Result<()> + Send),
    ) -> Result<()>;
}

/// Runs plans in this process, each partition as a task of the runtime.
#[derive(Debug, Clone, Copy, Default)]
pub struct InProcess;

#[async_trait]
impl Engine for InProcess {
    async fn run(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
        on_batch: &mut (dyn FnMut(RecordBatch) -> Result<()> + Send),
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
            on_batch(batch?)?;
        }
        while let Some(task) = tasks.join_next().await {
            task.map_err(|error| PipelineError::Fault(Box::new(error)))?;
        }
        Ok(())
    }
}
