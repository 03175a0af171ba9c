//! What is known of a query that ran in an attached session.

use serde::Serialize;

use super::pool::MemoryPeak;
use super::rules::RuleMetrics;
use crate::execution::ExecutionMetrics;

/// A query that ran in an attached session.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct QueryMetrics {
    /// Its number, counted from 1 in the order of planning.
    pub number: u64,
    /// Its text, where [`Instrumentation::named`](crate::Instrumentation::named) gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The topmost operator of its optimized plan.
    pub plan: String,
    /// Operators on the longest path of its plan as written, where the session optimized it.
    pub lineage_depth: Option<usize>,
    /// Operators on the longest path that the optimizer left.
    pub lineage_depth_optimized: usize,
    /// Seconds that the analyzer and the optimizer of logical plans took.
    pub optimizing_s: Option<f64>,
    /// Seconds that physical planning took, physical optimizer rules too.
    pub planning_s: f64,
    /// What each rule took, in the order of their first calls: at verbosity 3.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleMetrics>,
    /// Partitions of the result.
    pub partitions: usize,
    /// Bytes of its physical plan serialized, every stage for one partition: at verbosity 3, and of a query at verbosity
    /// 2 that took long enough for it not to matter, where the plan can be serialized.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_bytes: Option<usize>,
    /// Bytes of the largest of these stages.
    pub task_bytes: Option<usize>,
    /// Seconds from the start of the first partition to the end of the last.
    pub elapsed_s: f64,
    /// Rows of the result.
    pub rows: u64,
    /// Most bytes that the session's memory pool had reserved meanwhile, other queries of the session included, where
    /// anything was reserved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_peak_bytes: Option<usize>,
    /// Who had reserved most of them, the largest first, five at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub memory_consumers: Vec<MemoryPeak>,
    /// The error that ended it, if one did.
    pub error: Option<String>,
    /// What each stage and each operator did.
    #[serde(flatten)]
    pub execution: ExecutionMetrics,
}

impl QueryMetrics {
    /// What the query is called for people: its text, else the topmost operator of its plan.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text.as_deref().unwrap_or(&self.plan)
    }
}

/// The text of a query: travels with the frame's session to the planner.
#[derive(Debug)]
pub(super) struct QueryText(pub(super) String);
