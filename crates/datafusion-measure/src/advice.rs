//! Advice from measured facts: what to look for, and what to do about it.
//!
//! Reads metrics and makes sentences; measures nothing.

use super::format::format_bytes;
use super::limits::Limits;
use super::metrics::{DataFrameMetrics, Metrics, Travel};

/// All advice that the metrics give cause for.
pub(super) fn advise(metrics: &Metrics, limits: &Limits) -> Vec<String> {
    let mut advice = Vec::new();
    for (name, frame) in metrics.dataframes.iter() {
        let depth = frame.lineage_depth;
        // A checkpoint of the same plan broke the lineage, under whatever name it was made.
        let broken = |made: &DataFrameMetrics| made.logical_before == Some(frame.logical);
        if depth > limits.lineage_checkpoint && !metrics.dataframes.iter().any(|(_, made)| broken(made)) {
            advice.push(format!(
                "DataFrame '{name}' has a lineage of {depth} stages: checkpoint it, or an intermediate result"
            ));
        }
        advice.extend(of_partitions(&format!("DataFrame '{name}'"), &frame.partition_rows, limits));
    }
    for (name, execution) in metrics.executions.iter() {
        // A frame of this name whose rows were counted has its advice already.
        if metrics.dataframes.get(name).is_none_or(|frame| frame.partition_rows.is_empty()) {
            let much_work = execution.compute_per_partition() >= limits.compute_per_partition;
            let few = if much_work { 0 } else { limits.rows_per_partition };
            let limits = Limits { rows_per_partition: few, ..limits.clone() };
            advice.extend(of_partitions(&format!("'{name}'"), &execution.partition_rows, &limits));
        }
        for operator in &execution.operators {
            if operator.spills > 0 {
                advice.push(format!(
                    "'{name}': {} spilled {} times to disk ({}): raise the memory limit, or run fewer partitions at once",
                    operator.name,
                    operator.spills,
                    format_bytes(operator.spilled_bytes as usize)
                ));
            }
        }
    }
    for (name, bytes) in metrics.closures.iter().filter(|(_, bytes)| **bytes > limits.closure_bytes) {
        advice.push(format!(
            "Closure '{name}' carries {}: pass only parameters, and broadcast the rest",
            format_bytes(*bytes)
        ));
    }
    for (name, bytes) in metrics.tasks.iter().filter(|(_, bytes)| **bytes > limits.task_bytes) {
        advice.push(format!(
            "Task '{name}' is {} when sent: checkpoint to Parquet, or pass references instead of data",
            format_bytes(*bytes)
        ));
    }
    for (name, bytes) in metrics.broadcasts.iter() {
        let inline = metrics.broadcast_travel.get(name) == Some(&Travel::Inline);
        if inline && *bytes > limits.closure_bytes {
            advice.push(format!(
                "Broadcast '{name}' ({}) is shipped inline with every task: ship a reference, and load it once per worker",
                format_bytes(*bytes)
            ));
        }
    }
    advice
}

/// Advice from the rows of each partition.
fn of_partitions(what: &str, rows: &[u64], limits: &Limits) -> Option<String> {
    let partitions = rows.len();
    let total: u64 = rows.iter().sum();
    if partitions == 0 || total == 0 {
        return None;
    }
    if partitions == 1 {
        return (total >= limits.single_partition_rows as u64).then(|| {
            format!(
                "{what}: all {total} rows are in one partition, so that one core does the work: repartition"
            )
        });
    }
    let average = total as f64 / partitions as f64;
    if average < limits.rows_per_partition as f64 {
        let fitting = total.div_ceil(limits.rows_per_partition.max(1) as u64).max(1);
        return (fitting < partitions as u64)
            .then(|| format!("{what}: {partitions} partitions for {total} rows: coalesce to {fitting}"));
    }
    let (largest, most) = rows.iter().enumerate().max_by_key(|(_, rows)| **rows)?;
    (*most as f64 > average * limits.skew).then(|| {
        format!(
            "{what}: partition {largest} has {most} of {total} rows, {:.1} times the average of {partitions}: \
             repartition so that rows spread evenly",
            *most as f64 / average
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(rows: &[u64]) -> Option<String> {
        of_partitions("DataFrame 'x'", rows, &Limits::default())
    }

    #[test]
    fn many_partitions_with_few_rows_are_to_be_coalesced() {
        let advice = partitions(&[10; 24]).unwrap();
        assert_eq!(advice, "DataFrame 'x': 24 partitions for 240 rows: coalesce to 3");
        assert_eq!(partitions(&[100; 24]), None);
    }

    #[test]
    fn skew_names_the_partition() {
        let mut rows = [1000; 20];
        rows[7] = 9000;
        let advice = partitions(&rows).unwrap();
        assert!(advice.contains("partition 7 has 9000 of 28000 rows, 6.4 times the average"), "{advice}");
        rows[7] = 3000;
        assert_eq!(partitions(&rows), None);
    }

    #[test]
    fn one_partition_with_much_work_is_to_be_spread() {
        assert!(partitions(&[50_000]).unwrap().contains("one core does the work"));
        assert_eq!(partitions(&[500]), None);
        assert_eq!(partitions(&[]), None);
        assert_eq!(partitions(&[0, 0]), None);
    }
}
