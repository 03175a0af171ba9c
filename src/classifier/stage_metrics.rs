//! What each stage of an executed plan took, from the operators' own metrics.

use std::sync::Arc;
use std::time::Duration;

use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use crate::pipeline::{
    ANNOTATE_PARTITION, LOAD_PARTITION, MapPartitionsExec, PREDICT_PARTITION, SAVE_PARTITION,
    SEGMENT_PARTITION,
};

/// What one stage of a run took.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
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
