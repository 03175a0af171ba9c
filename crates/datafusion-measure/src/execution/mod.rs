//! What an executed plan's own metrics say: each stage's and each operator's rows, time, memory and spilling.
//!
//! Reads the counters the engine keeps anyway; runs nothing.

mod lines;
mod stages;
mod values;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use datafusion::physical_plan::metrics::{Metric, MetricValue, MetricsSet};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use serde::Serialize;

pub use stages::StageMetrics;
pub use values::{MetricEntry, Pruned};

/// How much of what `EXPLAIN` shows of an operator is kept.
const DETAIL_CHARS: usize = 60;
/// The same in a detailed reading.
const ALL_CHARS: usize = 1000;

/// What an executed plan did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExecutionMetrics {
    /// The operators, top first, each before its inputs.
    pub operators: Vec<OperatorMetrics>,
    /// Rows of each partition that the topmost operator which counts them put out.
    pub partition_rows: Vec<u64>,
    /// The pipelines between exchanges, those first that others read from; the last gives the result.
    pub stages: Vec<StageMetrics>,
}

/// What one operator of an executed plan did, over all its partitions.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OperatorMetrics {
    /// The operator's name.
    pub name: String,
    /// What `EXPLAIN` shows of it after its name: its start, where several operators of the plan have that name, and more
    /// in a [detailed](ExecutionMetrics::detailed) reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How many operators are above it.
    pub level: usize,
    /// How many inputs it has.
    pub inputs: usize,
    /// The stage that it is part of, counted from 1.
    pub stage: usize,
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
    /// Bytes of the batches it put out, where it counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
    /// Bytes it read from files, where it counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scanned_bytes: Option<u64>,
    /// What it did not have to read: files, row groups, pages, rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pruned: Vec<Pruned>,
    /// Rows of each of its partitions, where it counts them and has several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partition_rows: Vec<u64>,
    /// Seconds from the first start of an operator of the plan to its own start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_s: Option<f64>,
    /// Seconds from the first start of an operator of the plan to its own end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_s: Option<f64>,
    /// Every metric that the engine gives, all partitions together: those of a [detailed](ExecutionMetrics::detailed)
    /// reading.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricEntry>,
}

impl ExecutionMetrics {
    /// Reads the metrics of a plan that was executed; of one that was executed several times, those of the last.
    #[must_use]
    pub fn of(plan: &Arc<dyn ExecutionPlan>) -> Self {
        Self::read(plan, false)
    }

    /// The same, with every metric of each operator ([`OperatorMetrics::metrics`]) and what `EXPLAIN` shows of it.
    #[must_use]
    pub fn detailed(plan: &Arc<dyn ExecutionPlan>) -> Self {
        Self::read(plan, true)
    }

    fn read(plan: &Arc<dyn ExecutionPlan>, all: bool) -> Self {
        let mut found = Self::default();
        let mut nodes = Vec::new();
        let mut open = vec![(plan, 0)];
        let mut times = Vec::new();
        let mut runs = None;
        while let Some((node, level)) = open.pop() {
            let children = node.children();
            let mut operator = OperatorMetrics {
                name: node.name().to_owned(),
                level,
                inputs: children.len(),
                ..OperatorMetrics::default()
            };
            open.extend(children.into_iter().rev().map(|child| (child, level + 1)));
            let mut time = (None, None);
            if let Some(metrics) = node.metrics() {
                let runs = *runs.get_or_insert_with(|| times_run(&metrics));
                let metrics = last_run(metrics, runs);
                time = values::read(&metrics, &mut operator);
                if found.partition_rows.is_empty() {
                    found.partition_rows.clone_from(&operator.partition_rows);
                }
                if operator.partition_rows.len() < 2 {
                    operator.partition_rows.clear();
                }
                if all {
                    operator.metrics = values::all(&metrics);
                }
            }
            times.push(time);
            found.operators.push(operator);
            nodes.push(node);
        }
        found.set_times(&times);
        found.tell_apart(&nodes, all);
        found.stages = stages::stages(&mut found.operators, &nodes);
        found
    }

    /// Start and end of each operator, from the first start on.
    fn set_times(&mut self, times: &[values::Times]) {
        let Some(first) = times.iter().filter_map(|(start, _)| *start).min() else { return };
        let since = |at: Option<i64>| at.map(|at| at.saturating_sub(first) as f64 / 1e9);
        for (operator, (start, end)) in self.operators.iter_mut().zip(times) {
            (operator.start_s, operator.end_s) = (since(*start), since(*end));
        }
    }

    fn tell_apart(&mut self, nodes: &[&Arc<dyn ExecutionPlan>], all: bool) {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for node in nodes {
            *seen.entry(node.name()).or_default() += 1;
        }
        for (operator, node) in self.operators.iter_mut().zip(nodes) {
            if all || seen.get(node.name()).is_some_and(|times| *times > 1) {
                let line = displayable(node.as_ref()).one_line().to_string();
                let rest = line.trim().strip_prefix(node.name()).unwrap_or_default();
                let rest = rest.trim_start_matches(':').trim();
                operator.detail =
                    (!rest.is_empty()).then(|| shortened(rest, if all { ALL_CHARS } else { DETAIL_CHARS }));
            }
        }
    }

    /// Average time a partition computed, over all operators.
    pub(super) fn compute_per_partition(&self) -> Duration {
        let all: u64 = self.operators.iter().filter_map(|operator| operator.compute_ns).sum();
        Duration::from_nanos(all / (self.partition_rows.len().max(1) as u64))
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
fn last_run(metrics: MetricsSet, runs: usize) -> MetricsSet {
    if runs <= 1 {
        return metrics;
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
fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
