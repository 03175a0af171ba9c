//! The page of what was measured.

use std::sync::Arc;

use datafusion::prelude::{col, lit};
use datafusion_measure::{CheckpointOptions, CheckpointPolicy, Instrumentation, Verbosity};
use serde_json::json;

use super::support::{SaveCodec, SavePartition, context, filters, numbers, steps};

/// A run with something in every section.
async fn measured(depth: usize) -> Instrumentation {
    let options = CheckpointOptions { policy: CheckpointPolicy::Auto, ..CheckpointOptions::default() };
    let measure = Instrumentation::new(Verbosity::Debug)
        .with_output(std::io::sink())
        .with_codec(Arc::new(SaveCodec::default()))
        .with_checkpoint(options);
    let ctx = measure.attach(context(3));
    ctx.register_table("t", numbers(&ctx, 30_000, 3).into_view()).unwrap();
    let frame = steps(numbers(&ctx, 1000, 3), depth);
    measure.analyze_dataframe(&frame, "deep", false).await.unwrap();
    measure.checkpoint_if_needed(frame, "deep", 30).await.unwrap();
    measure.analyze_dataframe(&filters(numbers(&ctx, 10, 1), 60), "deeper", false).await.unwrap();
    for sql in [
        "select n % 5 as k, count(*) as c, sum(n) as s from t where n % 3 = 1 group by k order by k",
        "select a.n, row_number() over (order by a.n desc) as r from t a join t b on a.n = b.n + 1 where a.n < 5000",
        "select '<script>alert(1)</script>' as x from t where n > 3",
    ] {
        measure.named(ctx.sql(sql).await.unwrap(), sql).collect().await.unwrap();
    }
    let _ = ctx.sql("select 1 / (n - 5) from t").await.unwrap().collect().await.unwrap_err();
    let plan = numbers(&ctx, 3, 1).create_physical_plan().await.unwrap();
    let save = SavePartition::over(plan, json!({"url": "x", "table": "y".repeat(1_100_000)}));
    measure.measure_closure_size(&save, "save").unwrap();
    measure.measure_broadcast_size(&[0u8; 100_000][..], "model").unwrap();
    measure
}

#[tokio::test]
async fn the_page_shows_plans_stages_partitions_sizes_lineage_and_what_changed() {
    let before = measured(40).await.metrics().to_json();
    let measure = measured(55).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    measure.write_report(&path, Some(&before)).unwrap();
    let html = std::fs::read_to_string(&path).unwrap();
    if let Some(folder) = std::env::var_os("REPORT_FOLDER") {
        std::fs::copy(&path, std::path::Path::new(&folder).join("report.html")).unwrap();
    }
    for expected in [
        "Sizes against their limits",
        "⚠ over",
        "Lineage",
        "<td class=\"share\" data-head=\"as written\" style=\"--share:91.8%\">56 ⚠ deep</td>",
        "Since the earlier run",
        "dataframes.deep.lineage_depth_before: 41 -&gt; 56 (+37 %)",
        "<ul class=\"tree\"><li>",
        "of the time",
        "When each stage of query",
        "Pipelines between exchanges",
        "Rows of the partitions of stage",
        "peak of the memory pool",
        "metrics</summary>",
        "Failed: ",
        "&lt;script&gt;alert(1)",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
    assert!(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"));
    for element in ["ul", "li", "table", "tr", "section", "details", "figure", "svg", "dl"] {
        let (open, close) = (format!("<{element}"), format!("</{element}>"));
        let opened = html.matches(&format!("{open}>")).count() + html.matches(&format!("{open} ")).count();
        assert_eq!(opened, html.matches(&close).count(), "{element}");
    }
    let queries = measure.metrics().queries.len();
    assert_eq!(html.matches("<section").count(), queries);
    // One heading of the first level, and an accessible name for every picture.
    assert_eq!(html.matches("<h1").count(), 1);
    assert_eq!(html.matches("role=\"img\"").count(), html.matches("<title id=").count());
}

#[tokio::test]
async fn a_page_without_anything_measured_is_a_page() {
    let html = Instrumentation::new(Verbosity::Info).report_page(None);
    assert!(html.starts_with("<!DOCTYPE html>") && html.contains("0 queries"));
    assert!(!html.contains("Since the earlier run"));
}

/// Thousands of operators and queries end in a page of bounded size.
#[tokio::test]
async fn a_large_run_is_a_page_that_can_be_opened() {
    let measure = Instrumentation::new(Verbosity::Info).with_output(std::io::sink());
    let ctx = measure.attach(context(1));
    for _ in 0..80 {
        numbers(&ctx, 1, 1).collect().await.unwrap();
    }
    // As a tree that is ten deep.
    let mut unions = vec![numbers(&ctx, 1, 1).filter(col("n").lt(lit(5i64))).unwrap(); 512];
    while unions.len() > 1 {
        unions = unions.chunks(2).map(|two| two[0].clone().union(two[1].clone()).unwrap()).collect();
    }
    let unions = unions.remove(0);
    unions.collect().await.unwrap();
    let html = measure.report_page(None);
    assert_eq!(html.matches("<section").count(), 50);
    assert!(html.contains("more operators are below"));
    assert!(html.len() < 2_000_000, "{}", html.len());
}
