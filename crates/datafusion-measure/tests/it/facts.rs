//! Advice, operators' metrics, files for machines and the flight recorder.

use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::collect;
use datafusion::prelude::*;
use datafusion_measure::{FlightRecorder, Limits, Travel, write_metrics};
use serde_json::Value;

use super::support::{context, filters, instrumentation, numbers, steps};

#[tokio::test]
async fn advice_to_coalesce_many_partitions_with_few_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(2, folder.path());
    instr.analyze_dataframe(&numbers(&context(24), 240, 24), "small", true).await.unwrap();
    let summary = instr.metrics_summary();
    assert!(
        summary.contains("\nAdvice:\n    DataFrame 'small': 24 partitions for 240 rows: coalesce to 3\n"),
        "{summary}"
    );
}

/// Few rows are left by a filter: partitions of next to nothing. Few rows that are much work are another thing.
#[tokio::test]
async fn advice_to_coalesce_after_a_filter_unless_the_rows_are_much_work() {
    let folder = tempfile::tempdir().unwrap();
    let advice = |compute_per_partition| {
        let (instr, _) = instrumentation(2, folder.path());
        let mut limits = Limits::default();
        limits.compute_per_partition = compute_per_partition;
        let instr = instr.with_limits(limits);
        async move {
            let few = numbers(&context(24), 4800, 24).filter((col("n") % lit(100i64)).eq(lit(7i64))).unwrap();
            let plan = few.create_physical_plan().await.unwrap();
            collect(Arc::clone(&plan), Arc::new(few.task_ctx())).await.unwrap();
            instr.analyze_execution(&plan, "filtered").unwrap();
            instr.metrics().advice.join("\n")
        }
    };
    let advised = advice(Duration::from_secs(60)).await;
    assert_eq!(advised, "'filtered': 24 partitions for 48 rows: coalesce to 1");
    assert_eq!(advice(Duration::ZERO).await, "");
}

#[tokio::test]
async fn advice_on_skew_and_on_a_single_partition_from_executed_plans() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(2, folder.path());
    let context = context(8);
    // Partition 0 of 8 has all multiples of 8, of which the filter keeps all; of the others few.
    let frame = numbers(&context, 16_000, 8);
    let frame = frame
        .filter((col("n") % lit(8i64)).eq(lit(0i64)).or((col("n") % lit(100i64)).eq(lit(1i64))))
        .unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    collect(Arc::clone(&plan), Arc::new(frame.task_ctx())).await.unwrap();
    let execution = instr.analyze_execution(&plan, "skewed").unwrap();
    assert_eq!(execution.partition_rows.len(), 8);
    assert!(execution.partition_rows.contains(&2000), "{:?}", execution.partition_rows);

    instr.analyze_dataframe(&numbers(&context, 20_000, 1), "single", true).await.unwrap();
    let advice = instr.metrics().advice.join("\n");
    assert!(advice.contains("'skewed': partition 0 has 2000 of "), "{advice}");
    assert!(advice.contains("DataFrame 'single': all 20000 rows are in one partition"), "{advice}");
}

#[tokio::test]
async fn advice_on_deep_lineage_and_on_a_value_shipped_inline() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(2, folder.path());
    let deep = steps(numbers(&context(2), 1000, 2), 35);
    instr.analyze_dataframe(&deep, "deep", false).await.unwrap();
    instr.measure_broadcast_size(&vec![0u8; 2 << 20][..], "model").unwrap();
    let advice = instr.metrics().advice;
    assert!(
        advice.iter().any(|line| line.contains("'deep' has a lineage of 36 stages: checkpoint it")),
        "{advice:?}"
    );
    assert!(advice.iter().any(|line| line.contains("'model' (2.0 MiB) is shipped inline")), "{advice:?}");
    assert_eq!(instr.metrics().broadcast_travel.get("model"), Some(&Travel::Inline));
    instr.checkpoint_if_needed(deep, "deep", 30).await.unwrap();
    assert!(
        !instr.metrics().advice.iter().any(|line| line.contains("'deep'")),
        "a checkpoint answers the advice"
    );
}

#[tokio::test]
async fn advice_on_spilling_names_the_operator() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(3, folder.path());
    let runtime = RuntimeEnvBuilder::new().with_memory_limit(2 << 20, 1.0).build_arc().unwrap();
    let config = SessionConfig::new().with_target_partitions(1).with_sort_spill_reservation_bytes(64 << 10);
    let context = SessionContext::new_with_config_rt(config.with_batch_size(1024), runtime);
    let frame = numbers(&context, 600_000, 1).select(vec![(lit(0i64) - col("n")).alias("m")]).unwrap();
    let frame = frame.sort(vec![col("m").sort(true, false)]).unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    collect(Arc::clone(&plan), Arc::new(frame.task_ctx())).await.unwrap();
    instr.analyze_execution(&plan, "sorted").unwrap();
    let advice = instr.metrics().advice.join("\n");
    assert!(
        advice.contains("'sorted': SortExec spilled ") && advice.contains("raise the memory limit"),
        "{advice}"
    );
    assert!(lines.text().contains("    SortExec: 600000 rows, "), "{}", lines.text());
}

#[tokio::test]
async fn debug_tells_rows_time_and_memory_of_each_operator() {
    let folder = tempfile::tempdir().unwrap();
    let run = |level: u8| {
        let folder = folder.path().to_owned();
        async move {
            let (instr, lines) = instrumentation(level, &folder);
            let context = context(2);
            let few = numbers(&context, 7, 2).select(vec![col("n").alias("k")]).unwrap();
            let frame = numbers(&context, 1000, 2).join(few, JoinType::Inner, &["n"], &["k"], None).unwrap();
            let plan = frame.create_physical_plan().await.unwrap();
            collect(Arc::clone(&plan), Arc::new(frame.task_ctx())).await.unwrap();
            let found = instr.analyze_execution(&plan, "joined");
            (lines.text(), found)
        }
    };
    let (text, found) = run(3).await;
    assert!(text.starts_with("  Operators 'joined':\n    "), "{text}");
    let join = text.lines().find(|line| line.contains("HashJoinExec: ")).unwrap();
    assert!(join.contains("HashJoinExec: 7 rows, ") && join.contains(" ms, "), "{text}");
    let facts = join.split(" [").next().unwrap();
    assert!(facts.ends_with(" KiB") || facts.ends_with(" bytes"), "{text}");
    let memory = found.unwrap().operators.iter().filter_map(|operator| operator.memory_bytes).max();
    assert!(memory.unwrap() > 0);
    assert_eq!(run(2).await.0, "", "operators are advised at verbosity 3");
    assert_eq!(run(1).await.1, None);
}

#[tokio::test]
async fn metrics_files_have_the_keys_of_the_interface() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(2, folder.path());
    let frame = steps(numbers(&context(3), 10, 3), 31);
    instr.analyze_dataframe(&frame, "in", false).await.unwrap();
    let frame = instr.checkpoint_if_needed(frame, "kept", 30).await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    instr.measure_task_size(&plan, "scan").unwrap();
    let mut scope = instr.scope("stage");
    scope.set_rows(10);
    scope.set_partitions(3);
    scope.complete();
    let path = folder.path().join("metrics.json");
    instr.metrics().write(&path, "x_").unwrap();
    let json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(json["dataframes"]["in"]["lineage_depth"], 32);
    assert_eq!(json["dataframes"]["in"]["partitions"], 3);
    assert_eq!(json["dataframes"]["kept"]["checkpointed"], true);
    assert_eq!(json["dataframes"]["kept"]["lineage_depth"], 2);
    assert_eq!(json["dataframes"]["kept"]["lineage_depth_optimized"], 32);
    assert_eq!(json["dataframes"]["kept"]["lineage_depth_before"], 32);
    assert!(json["dataframes"]["kept"]["checkpoint_planning_s"].as_f64().unwrap() > 0.0);
    assert!(json["dataframes"]["in"].get("checkpoint_planning_s").is_none());
    assert_eq!(json["scopes"]["stage"]["rows"], 10);
    assert_eq!(json["scopes"]["stage"]["partitions"], 3);
    assert!(json["scopes"]["stage"]["elapsed_s"].as_f64().unwrap() >= 0.0);
    assert!(json["tasks"]["scan"].as_u64().unwrap() > 0);

    // A caller merges its own keys and writes both forms.
    let mut merged = instr.metrics().to_json();
    merged["documents"] = serde_json::json!({"selected": 7, "failed": 0});
    merged["labels"] = serde_json::json!({"Misc-exposition": 5});
    write_metrics(&folder.path().join("metrics.prom"), "skol_classifier_", &merged, &[("labels", "label")])
        .unwrap();
    let text = std::fs::read_to_string(folder.path().join("metrics.prom")).unwrap();
    assert!(text.contains("skol_classifier_documents_selected 7\n"), "{text}");
    assert!(text.contains("skol_classifier_labels{label=\"Misc-exposition\"} 5\n"), "{text}");
    assert!(text.contains("skol_classifier_dataframes_lineage_depth{dataframe=\"in\"} 32\n"), "{text}");
}

#[tokio::test]
async fn flight_recorder_tells_what_changed_since_the_last_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = |level: u8, steps: usize| {
        let (instr, lines) = instrumentation(level, folder.path());
        let instr = instr.with_flight_recorder(FlightRecorder::new(folder.path().join("flights"), 5));
        async move {
            let frame = filters(numbers(&context(2), 10, 2), steps);
            instr.analyze_dataframe(&frame, "in", false).await.unwrap();
            let before = lines.text();
            instr.record_flight(&instr.metrics()).unwrap();
            lines.text().strip_prefix(before.as_str()).unwrap().trim_start().to_owned()
        }
    };
    assert_eq!(run(0, 3).await, "");
    assert!(!folder.path().join("flights").exists(), "silence records nothing");
    assert_eq!(run(2, 3).await, "", "the first run has nothing to compare with");
    assert_eq!(run(1, 3).await, "", "changes are advised at verbosity 2");
    let advised = run(2, 3).await;
    assert!(advised.starts_with("Since the last run (") && advised.contains(" ago):\n"), "{advised}");
    let advised = run(2, 8).await;
    assert!(advised.contains("\n    dataframes.in.lineage_depth: 4 -> 9 (+125 %)\n"), "{advised}");
}
