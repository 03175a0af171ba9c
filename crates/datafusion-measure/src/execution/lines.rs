//! Executed plans for people: lines like those of `EXPLAIN ANALYZE`, and a tree for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::{ExecutionMetrics, OperatorMetrics, StageMetrics};
use crate::format::{format_bytes, format_duration};

impl ExecutionMetrics {
    /// Lines for people: an operator each, indented like `EXPLAIN`; below it every other metric, where they were read.
    pub(crate) fn lines(&self, name: &str) -> String {
        let mut text = format!("  Operators '{name}':");
        for operator in &self.operators {
            // Deep plans would run off the page.
            let indent = "  ".repeat(operator.level.min(20));
            let _ = write!(text, "\n    {indent}{}: {}", operator.name, operator.facts());
            if let Some(detail) = &operator.detail {
                let _ = write!(text, " [{detail}]");
            }
            if !operator.metrics.is_empty() {
                let all: Vec<_> = operator
                    .metrics
                    .iter()
                    .map(|metric| format!("{}={}", metric.name, metric.text))
                    .collect();
                let _ = write!(text, "\n    {indent}    {}", all.join(", "));
            }
        }
        text
    }

    /// Lines for people: a stage each.
    pub(crate) fn stage_lines(&self) -> String {
        self.stages.iter().map(|stage| format!("\n    Stage {}: {}", stage.number, stage.facts())).collect()
    }

    /// The operators as a tree: each an object with its own values, and its inputs under `inputs`.
    ///
    /// ```
    /// # use datafusion::prelude::*;
    /// # use datafusion::physical_plan::collect;
    /// # use datafusion_measure::ExecutionMetrics;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> datafusion::error::Result<()> {
    /// let frame = SessionContext::new().read_empty()?.filter(lit(1).eq(lit(1)))?;
    /// let plan = frame.clone().create_physical_plan().await?;
    /// collect(plan.clone(), frame.task_ctx().into()).await?;
    /// let tree = ExecutionMetrics::of(&plan).to_json_tree();
    /// assert!(tree["name"].is_string() && tree["inputs"].is_array());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn to_json_tree(&self) -> Value {
        let mut open: Vec<(usize, Value)> = Vec::new();
        // From the last to the first: the inputs of an operator are there when it comes.
        for operator in self.operators.iter().rev() {
            let mut value = serde_json::to_value(operator).unwrap_or(Value::Null);
            let mut inputs = Vec::new();
            while open.last().is_some_and(|(level, _)| *level == operator.level + 1) {
                inputs.extend(open.pop().map(|(_, input)| input));
            }
            if let Value::Object(object) = &mut value {
                object.remove("level");
                object.insert("inputs".to_owned(), Value::Array(inputs));
            }
            open.push((operator.level, value));
        }
        open.pop().map_or(Value::Null, |(_, top)| top)
    }
}

impl OperatorMetrics {
    /// What it did, in a few words.
    pub(crate) fn facts(&self) -> String {
        let mut facts = Vec::new();
        facts.extend(self.rows.map(|rows| format!("{rows} rows")));
        facts.extend(self.compute_ns.map(|ns| format_duration(Duration::from_nanos(ns))));
        facts.extend(self.memory_bytes.map(|bytes| format_bytes(bytes as usize)));
        facts.extend(self.scanned_bytes.map(|bytes| format!("{} read", format_bytes(bytes as usize))));
        for pruned in self.pruned.iter().filter(|pruned| pruned.pruned > 0) {
            facts.push(format!("{} {} of {}", pruned.what, pruned.pruned, pruned.all));
        }
        if self.spills > 0 {
            facts.push(spilled(self.spills, self.spilled_bytes));
        }
        if facts.is_empty() { "no metrics".to_owned() } else { facts.join(", ") }
    }
}

impl StageMetrics {
    /// What it did, in a few words.
    pub(crate) fn facts(&self) -> String {
        let mut facts = Vec::new();
        facts.extend(self.rows.map(|rows| format!("{rows} rows")));
        facts.extend(self.output_bytes.map(|bytes| format_bytes(bytes as usize)));
        facts.push(format!("{} computing", format_duration(Duration::from_nanos(self.compute_ns))));
        if let (Some(start), Some(end)) = (self.start_s, self.end_s) {
            facts.push(format!("from {start:.3} s to {end:.3} s"));
        }
        facts.extend(self.memory_bytes.map(|bytes| format!("{} held", format_bytes(bytes as usize))));
        facts.extend(self.scanned_bytes.map(|bytes| format!("{} read", format_bytes(bytes as usize))));
        if self.pruned > 0 {
            facts.push(format!("{} pruned", self.pruned));
        }
        if self.spills > 0 {
            facts.push(spilled(self.spills, self.spilled_bytes));
        }
        if self.partitions > 1 {
            let skew = self.skew.map_or_else(String::new, |skew| format!(", skew {skew:.1}"));
            facts.push(format!("{} partitions{skew}", self.partitions));
        }
        let inputs: Vec<_> = self.inputs.iter().map(ToString::to_string).collect();
        let reads = if inputs.is_empty() { String::new() } else { format!(", reads {}", inputs.join(", ")) };
        format!("{} ({} operators{reads})", facts.join(", "), self.operators)
    }
}

fn spilled(times: u64, bytes: u64) -> String {
    format!("spilled {times} times, {}", format_bytes(bytes as usize))
}
