//! What is recorded of a query in an attached session: stages, bytes, memory, rules, and every metric of the engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::*;
use datafusion_measure::{ExecutionMetrics, Instrumentation, QueryMetrics, Verbosity};

use super::support::{Lines, context, numbers};

fn quiet(verbosity: Verbosity) -> Instrumentation {
    Instrumentation::new(verbosity).with_output(std::io::sink())
}

/// Files of 10,000 rows each in row groups of 1,000, in the order of `n`.
async fn files(folder: &std::path::Path) {
    let context = context(1);
    let numbers = numbers(&context, 30_000, 1).sort(vec![col("n").sort(true, true)]).unwrap();
    for part in 0..3i64 {
        let rows = numbers.clone().filter(col("n").between(lit(part * 10_000), lit(part * 10_000 + 9_999)));
        let mut options = datafusion::common::config::TableParquetOptions::default();
        options.global.max_row_group_size = 1000;
        let path = folder.join(format!("part-{part}.parquet"));
        rows.unwrap()
            .write_parquet(path.to_str().unwrap(), DataFrameWriteOptions::new(), Some(options))
            .await
            .unwrap();
    }
}

async fn recorded(measure: &Instrumentation, folder: &std::path::Path) -> QueryMetrics {
    files(folder).await;
    let ctx = measure.attach(context(3));
    ctx.register_parquet("t", folder.to_str().unwrap(), ParquetReadOptions::default()).await.unwrap();
    let sql = "select n % 5 as k,\n count(*) as c from t where n < 12500 group by k order by k";
    let frame = measure.named(ctx.sql(sql).await.unwrap(), sql);
    let rows: usize = frame.collect().await.unwrap().iter().map(|batch| batch.num_rows()).sum();
    assert_eq!(rows, 5);
    measure.metrics().queries.pop().unwrap()
}

#[tokio::test]
async fn a_query_is_recorded_with_its_text_stages_bytes_memory_and_rules() {
    let folder = tempfile::tempdir().unwrap();
    let lines = Lines::default();
    let measure = Instrumentation::new(Verbosity::Debug).with_output(lines.clone());
    let query = recorded(&measure, folder.path()).await;
    assert_eq!(
        query.text.as_deref(),
        Some("select n % 5 as k, count(*) as c from t where n < 12500 group by k order by k")
    );
    let stages = &query.execution.stages;
    assert!(stages.len() >= 2, "{stages:?}");
    for (index, stage) in stages.iter().enumerate() {
        assert_eq!(stage.number, index + 1);
        assert!(stage.inputs.iter().all(|input| *input < stage.number), "{stages:?}");
        assert!(stage.operators > 0 && stage.partitions > 0);
        assert!(stage.start_s <= stage.end_s, "{stage:?}");
    }
    assert_eq!(stages.iter().map(|stage| stage.operators).sum::<usize>(), query.execution.operators.len());
    let read: BTreeSet<_> = stages.iter().flat_map(|stage| &stage.inputs).collect();
    assert_eq!(read.len(), stages.len() - 1, "every stage but the last is read from: {stages:?}");
    assert_eq!(stages.last().unwrap().rows, Some(5));
    let scan = stages.iter().find(|stage| stage.scanned_bytes.is_some()).unwrap();
    assert!(scan.scanned_bytes.unwrap() > 0);
    // 30 row groups, of which 13 begin below 12,500.
    assert!(scan.pruned >= 1, "{scan:?}");
    let groups = query.execution.operators.iter().flat_map(|operator| &operator.pruned);
    let groups: u64 =
        groups.filter(|pruned| pruned.what.contains("row_groups")).map(|pruned| pruned.pruned).sum();
    let files = query.execution.operators.iter().flat_map(|operator| &operator.pruned);
    let files: u64 = files.filter(|pruned| pruned.what.contains("files")).map(|pruned| pruned.pruned).sum();
    assert_eq!(groups + files * 10, 17, "{:?}", query.execution.operators);
    let peak = query.memory_peak_bytes.unwrap();
    assert!(peak > 0 && !query.memory_consumers.is_empty() && query.memory_consumers[0].bytes <= peak);
    assert!(query.memory_consumers.iter().all(|peak| !peak.consumer.contains('[')), "{query:?}");
    assert!(query.plan_bytes.unwrap() >= query.task_bytes.unwrap());
    for rule in ["type_coercion", "push_down_filter", "OutputRequirements"] {
        assert!(
            query.rules.iter().any(|known| known.name == rule && known.calls > 0),
            "{rule}: {:?}",
            query.rules
        );
    }
    let text = lines.text();
    for line in
        ["    Stage 1: ", "    Memory: ", "    Plan: ", "    Rules: ", " read, ", "  Operators 'query 1':"]
    {
        assert!(text.contains(line), "{line}: {text}");
    }
    let json = measure.metrics().to_json();
    assert_eq!(json["queries"][0]["stages"][0]["number"], 1);
    assert!(json["queries"][0]["memory_consumers"][0]["consumer"].is_string());
}

/// At verbosity 3 each metric that an operator has is there, with the value that the engine adds up.
#[tokio::test]
async fn no_metric_of_the_engine_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    files(folder.path()).await;
    let ctx = context(3);
    ctx.register_parquet("t", folder.path().to_str().unwrap(), ParquetReadOptions::default()).await.unwrap();
    let sql = "select a.n % 5 as k, count(*) as c from t a join t b on a.n = b.n where a.n < 9000 group by k order by k";
    let frame = ctx.sql(sql).await.unwrap();
    let plan = frame.clone().create_physical_plan().await.unwrap();
    collect(Arc::clone(&plan), Arc::new(frame.task_ctx())).await.unwrap();
    let lines = Lines::default();
    let found =
        Instrumentation::new(Verbosity::Debug).with_output(lines.clone()).analyze_execution(&plan, "q");
    let found = found.unwrap();
    let text = lines.text();
    let mut open: Vec<&Arc<dyn ExecutionPlan>> = vec![&plan];
    let (mut operators, mut metrics) = (0, 0);
    while let Some(node) = open.pop() {
        open.extend(node.children().into_iter().rev());
        let operator = &found.operators[operators];
        operators += 1;
        assert_eq!(operator.name, node.name());
        for metric in node.metrics().iter().flat_map(|metrics| metrics.iter()) {
            let name = metric.value().name();
            let known = operator.metrics.iter().find(|entry| entry.name.split('{').next() == Some(name));
            let known = known.unwrap_or_else(|| panic!("{name} of {}: {operator:?}", node.name()));
            assert!(text.contains(&format!("{}={}", known.name, known.text)), "{known:?}");
            metrics += 1;
        }
        let sums = node.metrics().map(|metrics| metrics.aggregate_by_name());
        for sum in sums.iter().flat_map(|metrics| metrics.iter()).filter(|sum| sum.labels().is_empty()) {
            let of_name = operator.metrics.iter().filter(|entry| entry.name == sum.value().name());
            let shown: Vec<_> = of_name.map(|entry| entry.text.clone()).collect();
            if !shown.is_empty() {
                assert_eq!(shown, [sum.value().to_string()], "{} of {}", sum.value().name(), node.name());
            }
        }
    }
    assert_eq!(operators, found.operators.len());
    assert!(metrics > 50, "{metrics}");
    let tree = found.to_json_tree();
    assert_eq!(counted(&tree), operators, "the tree has all of them");
    assert!(ExecutionMetrics::of(&plan).operators.iter().all(|operator| operator.metrics.is_empty()));
}

fn counted(tree: &serde_json::Value) -> usize {
    1 + tree["inputs"].as_array().unwrap().iter().map(counted).sum::<usize>()
}

#[tokio::test]
async fn skew_is_the_largest_partition_by_the_average() {
    let measure = quiet(Verbosity::Info);
    let ctx = measure.attach(context(4));
    // Every fourth number, and of those three in four partitions are filtered away.
    let frame = numbers(&ctx, 4000, 4).filter((col("n") % lit(4i64)).eq(lit(1i64))).unwrap();
    frame.collect().await.unwrap();
    let query = measure.metrics().queries.pop().unwrap();
    let stage = query.execution.stages.last().unwrap();
    assert_eq!((stage.partitions, stage.rows), (4, Some(1000)));
    assert_eq!(stage.skew, Some(4.0), "{stage:?}");
    assert_eq!(stage.partition_rows.iter().sum::<u64>(), 1000);
}

/// A frame that is about to run is planned once, and measured by that plan.
#[tokio::test]
async fn a_frame_is_planned_once_and_measured_by_that_plan() {
    let measure = quiet(Verbosity::Info);
    let frame = numbers(&context(3), 90, 3).filter(col("n").gt(lit(5i64))).unwrap();
    let analyzed = measure.analyze_dataframe(&frame, "analyzed", false).await.unwrap().unwrap();
    let plan = measure.plan_dataframe(&frame, "planned").await.unwrap();
    assert_eq!(measure.metrics().dataframes.get("planned"), Some(&analyzed));
    let batches = collect(Arc::clone(&plan), Arc::new(frame.task_ctx())).await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 84);
    assert_eq!(measure.analyze_execution(&plan, "planned").unwrap().partition_rows.iter().sum::<u64>(), 84);
    let silent = quiet(Verbosity::Silent);
    silent.plan_dataframe(&frame, "silent").await.unwrap();
    assert!(silent.metrics().dataframes.is_empty());
}
