//! One operator's metrics as the engine keeps them, read into plain values.

use std::collections::BTreeMap;

use datafusion::physical_plan::metrics::{Metric, MetricValue, MetricsSet};
use serde::Serialize;

use super::OperatorMetrics;

/// When an operator's first partition started and its last ended, in nanoseconds since 1970, where it says so.
pub(super) type Times = (Option<i64>, Option<i64>);

/// What a scan did not have to read, of one kind of thing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Pruned {
    /// The engine's name of it, such as `row_groups_pruned_statistics`.
    pub what: String,
    /// How many were left out.
    pub pruned: u64,
    /// How many were looked at.
    pub all: u64,
}

/// One metric of an operator, all partitions together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MetricEntry {
    /// The engine's name of it, with its labels.
    pub name: String,
    /// Its value in the engine's own unit: a count, bytes, nanoseconds; of a ratio and of what was pruned, the part.
    pub value: u64,
    /// Its value as `EXPLAIN ANALYZE` writes it.
    pub text: String,
}

/// Reads what every reading has.
pub(super) fn read(metrics: &MetricsSet, operator: &mut OperatorMetrics) -> Times {
    let mut partitions: BTreeMap<usize, u64> = BTreeMap::new();
    let (mut start, mut end) = (None, None);
    let add = |sum: &mut Option<u64>, value: usize| *sum.get_or_insert(0) += value as u64;
    for metric in metrics.iter() {
        match metric.value() {
            MetricValue::OutputRows(rows) => {
                add(&mut operator.rows, rows.value());
                if let Some(partition) = metric.partition() {
                    *partitions.entry(partition).or_insert(0) += rows.value() as u64;
                }
            }
            MetricValue::ElapsedCompute(time) => add(&mut operator.compute_ns, time.value()),
            MetricValue::PeakMemoryUsage { gauge, .. } | MetricValue::CurrentMemoryUsage(gauge) => {
                add(&mut operator.memory_bytes, gauge.value());
            }
            MetricValue::SpillCount(count) => operator.spills += count.value() as u64,
            MetricValue::SpilledBytes(count) => operator.spilled_bytes += count.value() as u64,
            MetricValue::OutputBytes(count) => add(&mut operator.output_bytes, count.value()),
            MetricValue::Count { name, count } if name == "bytes_scanned" => {
                add(&mut operator.scanned_bytes, count.value());
            }
            MetricValue::PruningMetrics { name, pruning_metrics } => {
                let (pruned, matched) = (pruning_metrics.pruned() as u64, pruning_metrics.matched() as u64);
                match operator.pruned.iter_mut().find(|known| known.what == *name) {
                    Some(known) => {
                        (known.pruned, known.all) = (known.pruned + pruned, known.all + pruned + matched)
                    }
                    None => operator.pruned.push(Pruned {
                        what: name.clone().into_owned(),
                        pruned,
                        all: pruned + matched,
                    }),
                }
            }
            MetricValue::StartTimestamp(at) => {
                start = earliest(start, at.value().and_then(|at| at.timestamp_nanos_opt()));
            }
            MetricValue::EndTimestamp(at) => {
                end = end.max(at.value().and_then(|at| at.timestamp_nanos_opt()));
            }
            _ => {}
        }
    }
    operator.pruned.retain(|pruned| pruned.all > 0);
    operator.partition_rows = partitions.into_values().collect();
    (start, end)
}

fn earliest(known: Option<i64>, at: Option<i64>) -> Option<i64> {
    match (known, at) {
        (Some(known), Some(at)) => Some(known.min(at)),
        (known, at) => known.or(at),
    }
}

/// Every metric that the engine gives, partitions added up, in the engine's order.
pub(super) fn all(metrics: &MetricsSet) -> Vec<MetricEntry> {
    let mut values: Vec<(String, MetricValue)> = Vec::new();
    for metric in metrics.iter() {
        let name = name(metric);
        match values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => sum.aggregate(metric.value()),
            None => {
                let mut sum = metric.value().new_empty();
                sum.aggregate(metric.value());
                values.push((name, sum));
            }
        }
    }
    values.sort_by_key(|(_, value)| value.display_sort_key());
    let entry = |(name, value): (String, MetricValue)| MetricEntry {
        name,
        value: match &value {
            MetricValue::PruningMetrics { pruning_metrics, .. } => pruning_metrics.pruned() as u64,
            MetricValue::Ratio { ratio_metrics, .. } => ratio_metrics.part() as u64,
            other => other.as_usize() as u64,
        },
        text: value.to_string(),
    };
    values.into_iter().map(entry).collect()
}

/// A metric's name and labels: `expr_0_eval_time{expr=a + 1}`.
fn name(metric: &Metric) -> String {
    let labels: Vec<String> = metric.labels().iter().map(ToString::to_string).collect();
    let name = metric.value().name();
    if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(", ")) }
}
