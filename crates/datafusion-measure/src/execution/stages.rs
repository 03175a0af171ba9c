//! Stages of an executed plan: the pipelines between exchanges, where rows change partition.
//!
//! A repartitioning is the top of the stage that feeds it; what merges partitions is the bottom of the stage that reads.

use std::sync::Arc;

use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use serde::Serialize;

use super::OperatorMetrics;

/// What one pipeline between exchanges did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StageMetrics {
    /// Its number, counted from 1: every stage reads from stages of smaller numbers.
    pub number: usize,
    /// Its topmost operator.
    pub operator: String,
    /// How many operators it has.
    pub operators: usize,
    /// The stages that it reads from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<usize>,
    /// Partitions of its topmost operator's inputs, or of the operator itself where it has none.
    pub partitions: usize,
    /// Rows it put out, where an operator of it counts them.
    pub rows: Option<u64>,
    /// Bytes it put out, where an operator of it counts them.
    pub output_bytes: Option<u64>,
    /// Nanoseconds its operators computed, all partitions together.
    pub compute_ns: u64,
    /// Most bytes its operators held, where one reports them.
    pub memory_bytes: Option<u64>,
    /// How often its operators spilled to disk.
    pub spills: u64,
    /// Bytes they spilled.
    pub spilled_bytes: u64,
    /// Bytes they read from files, where one counts them.
    pub scanned_bytes: Option<u64>,
    /// Files, row groups and pages that they did not have to read, all kinds together.
    pub pruned: u64,
    /// Rows of each partition, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partition_rows: Vec<u64>,
    /// Rows of the largest partition by those of an average one; 1 is even.
    pub skew: Option<f64>,
    /// Seconds from the first start of an operator of the plan to the first of this stage.
    pub start_s: Option<f64>,
    /// Seconds from the first start of an operator of the plan to the last end in this stage.
    pub end_s: Option<f64>,
}

/// Gives each operator its stage, and sums up the stages.
pub(super) fn stages(
    operators: &mut [OperatorMetrics],
    nodes: &[&Arc<dyn ExecutionPlan>],
) -> Vec<StageMetrics> {
    // The stages above the operator at hand: level, stage, and whether it merges.
    let mut above: Vec<(usize, usize, bool)> = Vec::new();
    let mut stages: Vec<StageMetrics> = Vec::new();
    for (operator, node) in operators.iter_mut().zip(nodes) {
        while above.last().is_some_and(|(level, ..)| *level >= operator.level) {
            above.pop();
        }
        let parent = above.last().map(|(_, stage, merges)| (*stage, *merges));
        let repartitions = node.downcast_ref::<RepartitionExec>().is_some();
        let stage = match parent {
            Some((stage, false)) if !repartitions => stage,
            _ => {
                stages.push(StageMetrics {
                    operator: operator.name.clone(),
                    partitions: partitions(node),
                    ..StageMetrics::default()
                });
                let made = stages.len() - 1;
                if let Some(reader) = parent.and_then(|(stage, _)| stages.get_mut(stage)) {
                    reader.inputs.push(made);
                }
                made
            }
        };
        above.push((operator.level, stage, merges(node)));
        operator.stage = stage;
        if let Some(stage) = stages.get_mut(stage) {
            add(stage, operator);
        }
    }
    // Counted from the top so far; what is read comes first.
    let all = stages.len();
    for operator in operators {
        operator.stage = all - operator.stage;
    }
    for (index, stage) in stages.iter_mut().enumerate() {
        stage.number = all - index;
        stage.inputs.iter_mut().for_each(|input| *input = all - *input);
        stage.inputs.reverse();
        stage.skew = skew(&stage.partition_rows);
    }
    stages.reverse();
    stages
}

fn partitions(node: &Arc<dyn ExecutionPlan>) -> usize {
    let partitions = |node: &Arc<dyn ExecutionPlan>| node.output_partitioning().partition_count();
    node.children()
        .first()
        .map_or_else(|| partitions(node), |input| if merges(node) { 1 } else { partitions(input) })
}

fn merges(node: &Arc<dyn ExecutionPlan>) -> bool {
    node.downcast_ref::<CoalescePartitionsExec>().is_some()
        || node.downcast_ref::<SortPreservingMergeExec>().is_some()
}

fn add(stage: &mut StageMetrics, operator: &OperatorMetrics) {
    let sum = |sum: &mut Option<u64>, more: Option<u64>| {
        if let Some(more) = more {
            *sum.get_or_insert(0) += more;
        }
    };
    stage.operators += 1;
    if stage.rows.is_none() && operator.rows.is_some() {
        stage.rows = operator.rows;
        stage.output_bytes = operator.output_bytes;
        stage.partition_rows.clone_from(&operator.partition_rows);
    }
    stage.compute_ns += operator.compute_ns.unwrap_or(0);
    sum(&mut stage.memory_bytes, operator.memory_bytes);
    sum(&mut stage.scanned_bytes, operator.scanned_bytes);
    stage.spills += operator.spills;
    stage.spilled_bytes += operator.spilled_bytes;
    stage.pruned += operator.pruned.iter().map(|pruned| pruned.pruned).sum::<u64>();
    let earlier = |a: f64, b: f64| a.min(b);
    let later = |a: f64, b: f64| a.max(b);
    stage.start_s = either(stage.start_s, operator.start_s, earlier);
    stage.end_s = either(stage.end_s, operator.end_s, later);
}

fn either(a: Option<f64>, b: Option<f64>, choose: impl Fn(f64, f64) -> f64) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(choose(a, b)),
        (a, b) => a.or(b),
    }
}

fn skew(rows: &[u64]) -> Option<f64> {
    let all: u64 = rows.iter().sum();
    let largest = rows.iter().max()?;
    (all > 0).then(|| *largest as f64 * rows.len() as f64 / all as f64)
}
