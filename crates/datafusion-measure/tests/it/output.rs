//! What people read: the guide's example, line for line.

use std::sync::Arc;

use datafusion::prelude::*;
use serde_json::json;

use super::support::{SaveCodec, SavePartition, context, filters, instrumentation, numbers, steps};

/// What the guide's example prints.
pub async fn example() -> String {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(2, folder.path());
    let instr = instr.with_codec(Arc::new(SaveCodec::default()));
    let context = context(4);
    let deep = steps(numbers(&context, 1000, 4), 40).alias("predictions").unwrap();

    let scope = instr.scope("CouchDBOutputWriter.save_annotated");
    instr.analyze_dataframe(&deep, "predictions_input", false).await.unwrap();
    let frame = instr.checkpoint_if_needed(deep, "predictions_before_format", 30).await.unwrap();
    let inner = instr.scope_with("save_distributed", "Starting CouchDB save operation");
    let frame = filters(frame, 14);
    instr.analyze_dataframe(&frame, "save_input", false).await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    let save = SavePartition::over(plan, json!({"parameters": "x".repeat(2336)}));
    instr.measure_closure_size(&save, "save_partition").unwrap();
    inner.complete();
    scope.complete();
    instr.report();
    lines.text()
}

/// The guide's example: the same headings, blocks and marks.
#[tokio::test]
async fn example_output_has_the_shape_of_the_guide() {
    let text = example().await;
    insta::with_settings!({filters => vec![(r"Completed in [\d.]+ (ms|s)", "Completed in <time>")]}, {
        insta::assert_snapshot!(text);
    });
}

#[tokio::test]
async fn failed_scope_says_so_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(1, folder.path());
    instr.scope("save").fail("no space left");
    let text = lines.text();
    assert!(text.starts_with("  ⚠ save: Failed after ") && text.ends_with(": no space left\n"), "{text}");
    // An error that leaves through `?` drops the scope.
    drop(instr.scope("load"));
    assert!(lines.text().contains("⚠ load: Failed after "));
    let stages = instr.metrics().scopes;
    assert_eq!(stages.get("save").unwrap().failures, 1);
    let result: Result<u8, String> = instr.scope("third").finish(Err("broken".into()));
    assert!(result.is_err() && lines.text().contains("broken"));
}

#[tokio::test]
async fn warnings_only_at_verbosity_one() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(1, folder.path());
    let context = context(2);
    let scope = instr.scope("quiet");
    instr.analyze_dataframe(&filters(numbers(&context, 10, 2), 49), "fifty", false).await.unwrap();
    scope.complete();
    instr.report();
    assert_eq!(lines.text(), "", "50 stages are not more than 50");
    instr.analyze_dataframe(&filters(numbers(&context, 10, 2), 50), "deeper", false).await.unwrap();
    assert_eq!(
        lines.text(),
        "  ⚠ DataFrame 'deeper': lineage depth 51 stages (limit 50): checkpoint or cache intermediate results\n"
    );
}

#[tokio::test]
async fn count_runs_the_frame_and_tells_rows_per_partition() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(2, folder.path());
    let frame = numbers(&context(3), 100, 3);
    let found = instr.analyze_dataframe(&frame, "counted", true).await.unwrap().unwrap();
    assert_eq!(found.partition_rows, [34, 33, 33]);
    assert_eq!(
        lines.text(),
        "  DataFrame 'counted':\n    Columns: 1\n    Partitions: 3\n    Lineage depth: 1 stages\n    Rows: 100\n"
    );
}

#[tokio::test]
async fn debug_tells_the_shape_of_both_plans() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(3, folder.path());
    let context = context(2);
    let frame = numbers(&context, 10, 2).union(numbers(&context, 10, 2)).unwrap();
    let frame = frame.sort(vec![col("n").sort(true, false)]).unwrap();
    instr.analyze_dataframe(&frame, "sorted", false).await.unwrap();
    let text = lines.text();
    assert!(
        text.contains("    Logical plan: depth 3, 4 operators, 0 exchanges, 1 unions, 2 scans\n"),
        "{text}"
    );
    assert!(
        text.contains("    Physical plan: depth 4, 6 operators, 1 exchanges, 1 unions, 2 scans\n"),
        "{text}"
    );
}
