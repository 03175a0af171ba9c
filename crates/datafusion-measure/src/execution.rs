//! What an executed plan's own metrics say: each operator's rows, time, memory and spilling.
//!
//! Reads the counters the engine keeps anyway; runs nothing.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use datafusion::physical_plan::metrics::{Metric, MetricValue, MetricsSet};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use serde::Serialize;

use super::format::{format_bytes, format_duration};

/// How much of what `EXPLAIN` shows of an operator is kept.
const DETAIL_CHARS: usize = 60;

/// What an executed plan did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExecutionMetrics {
    /// The operators, top first, each before its inputs.
    pub operators: Vec<OperatorMetrics>,
    /// Rows of each partition that the topmost operator which counts them put out.
    pub partition_rows: Vec<u64>,
}

/// What one operator of an executed plan did, over all its partitions.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OperatorMetrics {
    /// The operator's name.
    pub name: String,
    /// What `EXPLAIN` shows of it after its name, where several operators of the plan have that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How many operators are above it.
    pub level: usize,
    /// Rows it put out, where it counts them.
    pub rows: Option<u64>,
    /// Nanoseconds it computed, its inputs left out.
    pub compute_ns: Option<u64>,
    /// Most bytes it held, where it reports them.
    pub memory_bytes: Option<u64>,
    /// How often it spilled to disk.
    pub spills: u64,
    /// Bytes it spilled.
    pub spilled_bytes: u64,
}

impl ExecutionMetrics {
    /// Reads the metrics of a plan that was executed; of one that was executed several times, those of the last.
    #[must_use]
    pub fn of(plan: &Arc<dyn ExecutionPlan>) -> Self {
        let mut found = Self::default();
        let mut nodes = Vec::new();
        let mut open = vec![(plan, 0)];
        let mut runs = None;
        while let Some((node, level)) = open.pop() {
            open.extend(node.children().into_iter().rev().map(|child| (child, level + 1)));
            let mut operator = OperatorMetrics { name: node.name().to_owned(), level, ..Default::default() };
            if let Some(metrics) = node.metrics() {
                let runs = *runs.get_or_insert_with(|| times_run(&metrics));
                let metrics = last_run(&metrics, runs);
                operator.rows = metrics.output_rows().map(|rows| rows as u64);
                operator.compute_ns = metrics.elapsed_compute().map(|ns| ns as u64);
                operator.spills = metrics.spill_count().unwrap_or(0) as u64;
                operator.spilled_bytes = metrics.spilled_bytes().unwrap_or(0) as u64;
                let mut partitions: BTreeMap<usize, u64> = BTreeMap::new();
                for metric in metrics.iter() {
                    match metric.value() {
                        MetricValue::PeakMemoryUsage { gauge, .. }
                        | MetricValue::CurrentMemoryUsage(gauge) => {
                            *operator.memory_bytes.get_or_insert(0) += gauge.value() as u64;
                        }
                        MetricValue::OutputRows(rows) => {
                            if let Some(partition) = metric.partition() {
                                *partitions.entry(partition).or_insert(0) += rows.value() as u64;
                            }
                        }
                        _ => {}
                    }
                }
                if found.partition_rows.is_empty() {
                    found.partition_rows = partitions.into_values().collect();
                }
            }
            found.operators.push(operator);
            nodes.push(node);
        }
        found.tell_apart(&nodes);
        found
    }

    fn tell_apart(&mut self, nodes: &[&Arc<dyn ExecutionPlan>]) {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for node in nodes {
            *seen.entry(node.name()).or_default() += 1;
        }
        for (operator, node) in self.operators.iter_mut().zip(nodes) {
            if seen.get(node.name()).is_some_and(|times| *times > 1) {
                let line = displayable(node.as_ref()).one_line().to_string();
                let rest = line.trim().strip_prefix(node.name()).unwrap_or_default();
                let rest = rest.trim_start_matches(':').trim();
                operator.detail = (!rest.is_empty()).then(|| shortened(rest));
            }
        }
    }

    /// Average time a partition computed, over all operators.
    pub(super) fn compute_per_partition(&self) -> Duration {
        let all: u64 = self.operators.iter().filter_map(|operator| operator.compute_ns).sum();
        Duration::from_nanos(all / (self.partition_rows.len().max(1) as u64))
    }

    /// Lines for people: an operator each, indented like `EXPLAIN`.
    pub(super) fn lines(&self, name: &str) -> String {
        let mut text = format!("  Operators '{name}':");
        for operator in &self.operators {
            let mut facts = Vec::new();
            facts.extend(operator.rows.map(|rows| format!("{rows} rows")));
            facts.extend(operator.compute_ns.map(|ns| format_duration(Duration::from_nanos(ns))));
            facts.extend(operator.memory_bytes.map(|bytes| format_bytes(bytes as usize)));
            if operator.spills > 0 {
                facts.push(format!(
                    "spilled {} times, {}",
                    operator.spills,
                    format_bytes(operator.spilled_bytes as usize)
                ));
            }
            if facts.is_empty() {
                facts.push("no metrics".to_owned());
            }
            // Deep plans would run off the page.
            let indent = "  ".repeat(operator.level.min(20));
            let _ = write!(text, "\n    {indent}{}: {}", operator.name, facts.join(", "));
            if let Some(detail) = &operator.detail {
                let _ = write!(text, " [{detail}]");
            }
        }
        text
    }
}

/// How often the plan was run whose topmost operator with metrics has these: each run adds its own.
fn times_run(metrics: &MetricsSet) -> usize {
    let mut seen: HashMap<Option<usize>, usize> = HashMap::new();
    for metric in metrics.iter().filter(|metric| matches!(metric.value(), MetricValue::OutputRows(_))) {
        *seen.entry(metric.partition()).or_default() += 1;
    }
    seen.into_values().max().unwrap_or(1)
}

/// Of metrics that `runs` runs have added to, those of the last.
fn last_run(metrics: &MetricsSet, runs: usize) -> MetricsSet {
    if runs <= 1 {
        return metrics.clone();
    }
    let key = |metric: &Metric| (metric.value().name().to_owned(), metric.partition());
    let mut left: HashMap<_, usize> = HashMap::new();
    for metric in metrics.iter() {
        *left.entry(key(metric)).or_default() += 1;
    }
    let all = left.clone();
    let mut last = MetricsSet::new();
    for metric in metrics.iter() {
        let key = key(metric);
        let of_a_run = all.get(&key).copied().unwrap_or(1).div_ceil(runs);
        let Some(left) = left.get_mut(&key) else { continue };
        if *left <= of_a_run {
            last.push(Arc::clone(metric));
        }
        *left -= 1;
    }
    last
}

/// The start of a text, as much as fits on a line with figures.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(DETAIL_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
