//! What was measured, as plain data from which people's summaries and machines' files are made.

use std::io;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::event::as_texts;
use super::execution::ExecutionMetrics;
use super::files::write_metrics;
use super::lineage::Lineage;
use super::named::Named;
use super::session::QueryMetrics;
use super::warning::Warning;

/// Everything measured since the start or the last [`reset`](super::Instrumentation::reset).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Metrics {
    /// Elapsed seconds, rows and partitions of each scope that ended.
    pub scopes: Named<ScopeMetrics>,
    /// Bytes the extension codec writes for each operator.
    pub closures: Named<usize>,
    /// Bytes of each value that every worker needs.
    pub broadcasts: Named<usize>,
    /// How each broadcast travels.
    pub broadcast_travel: Named<Travel>,
    /// Bytes of the largest stage of each plan, serialized for one partition.
    pub tasks: Named<usize>,
    /// What each DataFrame is made of.
    pub dataframes: Named<DataFrameMetrics>,
    /// What executed plans did, operator by operator.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub executions: Named<ExecutionMetrics>,
    /// Queries that ended in attached sessions, in the order of their ends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<QueryMetrics>,
    /// Warnings, in the order they were given; serialized as their texts.
    #[serde(serialize_with = "as_texts")]
    pub warnings: Vec<Warning>,
    /// Advice from what was measured.
    pub advice: Vec<String>,
}

/// How a broadcast gets to the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Travel {
    /// The plan names it, and each worker loads it once.
    Reference,
    /// Its bytes are part of the plan and go with every task.
    Inline,
}

/// One scope of the caller's work.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ScopeMetrics {
    /// Seconds from start to end; the sum when the scope was entered several times.
    pub elapsed_s: f64,
    /// Rows, where the caller gave them.
    pub rows: Option<u64>,
    /// Partitions, where the caller gave them.
    pub partitions: Option<usize>,
    /// How often it failed.
    pub failures: usize,
}

/// One DataFrame as it was last seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DataFrameMetrics {
    /// Columns of its schema.
    pub columns: usize,
    /// Partitions of its physical plan, where one was made.
    pub partitions: Option<usize>,
    /// Operators on the longest path of its logical plan.
    pub lineage_depth: usize,
    /// Whether a checkpoint was made of it.
    pub checkpointed: bool,
    /// Its lineage before the checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage_depth_before: Option<usize>,
    /// Operators on the longest path that the optimizer left of that, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage_depth_optimized: Option<usize>,
    /// What the plan was made of before the checkpoint.
    #[serde(skip)]
    pub(crate) logical_before: Option<Lineage>,
    /// Seconds that the plan run for its checkpoint took to be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_planning_s: Option<f64>,
    /// Operators, exchanges, unions, scans and expressions of the logical plan.
    pub logical: Lineage,
    /// The same of the physical plan, where one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical: Option<Lineage>,
    /// Bytes of the largest stage for one partition, where it was serialized.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_bytes: Option<usize>,
    /// Rows per partition, where they were counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partition_rows: Vec<u64>,
    /// Bytes in memory per partition, where they were counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partition_bytes: Vec<u64>,
}

impl DataFrameMetrics {
    /// All rows, where they were counted.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        (!self.partition_rows.is_empty()).then(|| self.partition_rows.iter().sum())
    }
}

impl Metrics {
    /// Whether there is nothing to sum up: no size, no DataFrame, no execution.
    pub(crate) fn is_empty(&self) -> bool {
        self.closures.is_empty()
            && self.broadcasts.is_empty()
            && self.tasks.is_empty()
            && self.dataframes.is_empty()
            && self.executions.is_empty()
            && self.queries.is_empty()
    }

    /// The metrics as a JSON object with the keys of a metrics file.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// Writes the metrics to `path`, atomically: Prometheus' text format with `prefix` for a name that ends in
    /// `.prom`, else JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path, prefix: &str) -> io::Result<()> {
        write_metrics(path, prefix, self, &[])
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample() -> Metrics {
        let mut metrics = Metrics::default();
        metrics.closures.set("save \"partition\"", 2355, 9);
        metrics.dataframes.set(
            "save_input",
            DataFrameMetrics { columns: 3, partitions: Some(24), lineage_depth: 15, ..Default::default() },
            9,
        );
        metrics.warnings.push(Warning::NotMeasured { what: "task", name: "t".into(), reason: "none".into() });
        metrics
    }

    #[test]
    fn json_has_the_keys_of_the_metrics_file() {
        let json = sample().to_json();
        assert_eq!(json["closures"]["save \"partition\""], 2355);
        let frame = &json["dataframes"]["save_input"];
        assert_eq!(frame["columns"], 3);
        assert_eq!(frame["partitions"], 24);
        assert_eq!(frame["lineage_depth"], 15);
        assert_eq!(frame["checkpointed"], false);
        assert_eq!(json["warnings"][0], "task 't' cannot be measured: none");
        for key in ["scopes", "broadcasts", "tasks"] {
            assert!(json[key].is_object(), "{key}");
        }
    }
}
