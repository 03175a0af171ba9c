//! What executors did: counts that travel with a task's metrics to the scheduler, and from there to the client.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ballista_core::serde::protobuf::JobStageMetrics;
use ballista_core::serde::protobuf::operator_metric::Metric as Sent;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{Count, Metric, MetricValue, MetricsSet};

use crate::pipeline::MapPartitionsExec;

/// What stands before the names of these counts; after it the executor's.
const TASKS: &str = "skol_classifier.tasks:";
const ROWS: &str = "skol_classifier.rows:";
const BYTES: &str = "skol_classifier.bytes:";
const MICROSECONDS: &str = "skol_classifier.us:";

/// What one executor did for a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecutorWork {
    /// Tasks that ended well.
    pub tasks: u64,
    /// Outcomes that they gave.
    pub rows: u64,
    /// Bytes of the plans that they were sent.
    pub bytes: u64,
    /// Time that they took, summed.
    pub time: Duration,
}

impl ExecutorWork {
    /// As counts of the executor called `name`.
    pub(super) fn to_metrics(self, name: &str) -> MetricsSet {
        let mut set = MetricsSet::new();
        let micros = u64::try_from(self.time.as_micros()).unwrap_or(u64::MAX);
        for (kind, value) in
            [(TASKS, self.tasks), (ROWS, self.rows), (BYTES, self.bytes), (MICROSECONDS, micros)]
        {
            let count = Count::new();
            count.add(usize::try_from(value).unwrap_or(usize::MAX));
            let name = Cow::Owned(format!("{kind}{name}"));
            set.push(Arc::new(Metric::new(MetricValue::Count { name, count }, None)));
        }
        set
    }
}

/// What was done, by executor.
pub type Work = BTreeMap<String, ExecutorWork>;

/// Adds what the stages of a job tell of executors to `work`.
pub(super) fn add(work: &mut Work, stages: &[JobStageMetrics]) {
    for metric in stages.iter().flat_map(|stage| &stage.operators).flat_map(|operator| &operator.metrics) {
        let Some(Sent::Count(count)) = &metric.metric else { continue };
        let found = [TASKS, ROWS, BYTES, MICROSECONDS]
            .into_iter()
            .find_map(|kind| Some((kind, count.name.strip_prefix(kind)?)));
        let Some((kind, name)) = found else { continue };
        let of = work.entry(name.to_owned()).or_default();
        match kind {
            TASKS => of.tasks += count.value,
            ROWS => of.rows += count.value,
            BYTES => of.bytes += count.value,
            _ => of.time += Duration::from_micros(count.value),
        }
    }
}

/// Adds rows and times that the operators of `plan` had elsewhere to their own metrics, as if they had run here.
pub(super) fn add_to_plan(plan: &Arc<dyn ExecutionPlan>, stages: &[JobStageMetrics]) {
    let mut node = plan;
    loop {
        if let Some(own) = node.downcast_ref::<MapPartitionsExec>() {
            let begin = format!("{}: {}(", node.name(), own.function().name());
            let operators = stages.iter().flat_map(|stage| &stage.operators);
            let same = operators.filter(|operator| operator.operator_desc.starts_with(&begin));
            let (mut rows, mut nanos) = (0, 0);
            for metric in same.flat_map(|operator| &operator.metrics) {
                match &metric.metric {
                    Some(Sent::OutputRows(count)) => rows += count,
                    Some(Sent::ElapseTime(time)) => nanos += time,
                    _ => {}
                }
            }
            own.add_work(rows, Duration::from_nanos(nanos));
        }
        let [child] = node.children()[..] else { return };
        node = child;
    }
}

#[cfg(test)]
mod tests {
    use ballista_core::serde::protobuf::{NamedCount, OperatorMetric, OperatorWithMetrics};

    use super::*;

    #[test]
    fn counts_of_an_executor_come_back_as_they_were() {
        let done = ExecutorWork { tasks: 1, rows: 16, bytes: 4_000, time: Duration::from_millis(20) };
        let metrics = done.to_metrics("10.0.0.2:20051");
        let sent = metrics.iter().map(|metric| {
            let MetricValue::Count { name, count } = metric.value() else { panic!() };
            let count = NamedCount { name: name.to_string(), value: count.value() as u64 };
            OperatorMetric { metric: Some(Sent::Count(count)), ..OperatorMetric::default() }
        });
        let operator = OperatorWithMetrics { metrics: sent.collect(), ..OperatorWithMetrics::default() };
        let stage = JobStageMetrics { operators: vec![operator], ..JobStageMetrics::default() };
        let mut work = Work::new();
        add(&mut work, &[stage.clone(), stage]);
        let twice = ExecutorWork { tasks: 2, rows: 32, bytes: 8_000, time: Duration::from_millis(40) };
        assert_eq!(work, Work::from([("10.0.0.2:20051".to_owned(), twice)]));
    }
}
