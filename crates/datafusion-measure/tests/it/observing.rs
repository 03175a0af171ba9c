//! Observing never fails the work nor does any of it, and its numbers are those of what was observed.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::MemTable;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_plan::collect;
use datafusion::prelude::*;
use datafusion_measure::Warning;

use super::support::{context, instrumentation, numbers, steps};

#[tokio::test]
async fn what_cannot_be_planned_yet_is_measured_as_far_as_it_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(3, folder.path());
    let context = context(2);
    context.register_table("t", numbers(&context, 10, 2).into_view()).unwrap();
    let frame = context.sql("select n from t where n > $1").await.unwrap();
    let found = instr.analyze_dataframe(&frame, "prepared", false).await.unwrap().unwrap();
    assert!(found.lineage_depth > 1 && found.partitions.is_none());
    let frame = instr.checkpoint_if_needed(frame, "prepared", 30).await.unwrap();
    let bound = frame.with_param_values(vec![datafusion::scalar::ScalarValue::from(7i64)]).unwrap();
    assert_eq!(bound.count().await.unwrap(), 2);
}

#[tokio::test]
async fn statements_with_effects_are_not_run_to_be_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(2, folder.path());
    let context = context(2);
    let batch =
        RecordBatch::try_from_iter([("s", Arc::new(StringArray::from(vec!["a"])) as ArrayRef)]).unwrap();
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
    context.register_table("t", Arc::new(table)).unwrap();
    let file = folder.path().join("out.csv");
    let copy = format!("copy (select s from t) to '{}' stored as csv", file.display());
    for (name, sql) in [("insert", "insert into t select s from t"), ("copy", copy.as_str())] {
        let frame = context.sql(sql).await.unwrap();
        let found = instr.analyze_dataframe(&frame, name, true).await.unwrap().unwrap();
        assert_eq!(found.rows(), None);
        let frame = instr.checkpoint_if_needed(frame, name, 0).await.unwrap();
        assert_eq!(context.table("t").await.unwrap().count().await.unwrap(), 1, "{name}");
        assert!(!file.exists());
        assert!(instr.metrics().warnings.iter().any(|warning| warning.name() == name), "{name}");
        if name == "copy" {
            frame.collect().await.unwrap();
            assert!(file.exists(), "the statement itself still works");
        }
    }
}

#[tokio::test]
async fn rows_in_the_memory_of_the_process_are_no_task() {
    let folder = tempfile::tempdir().unwrap();
    let frame = numbers(&context(2), 400_000, 2);
    let plan = frame.create_physical_plan().await.unwrap();
    for distributed in [false, true] {
        let (instr, lines) = instrumentation(1, folder.path());
        let instr = instr.with_distributed(distributed);
        let size = instr.measure_task_size(&plan, "rows").unwrap();
        assert_eq!(size.bytes > 1_000_000, distributed, "{size:?}");
        assert_eq!(size.memory_bytes >= 1_600_000, !distributed, "{size:?}");
        assert_eq!(lines.text().contains("very large size"), distributed, "{}", lines.text());
        // A checkpoint of our own is no other thing.
        let kept = instr.checkpoint_if_needed(steps(frame.clone(), 40), "kept", 30).await.unwrap();
        instr.analyze_dataframe(&kept, "kept", false).await.unwrap();
        instr.measure_task_size(&kept.create_physical_plan().await.unwrap(), "kept").unwrap();
        let warned = instr
            .metrics()
            .warnings
            .iter()
            .any(|warning| matches!(warning, Warning::LargeTask { name, .. } if name == "kept"));
        assert_eq!(warned, distributed, "{}", lines.text());
    }
}

#[tokio::test]
async fn depths_are_those_of_the_frame_that_was_seen_last() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(1, folder.path());
    let context = context(2);
    let deep = steps(numbers(&context, 100, 2), 40);
    let kept = instr.checkpoint_if_needed(deep, "frame", 30).await.unwrap();
    instr.analyze_dataframe(&kept, "frame", false).await.unwrap();
    let found = instr.metrics().dataframes.get("frame").cloned().unwrap();
    assert_eq!((found.checkpointed, found.lineage_depth_before), (true, Some(41)), "it is the checkpoint");
    instr.analyze_dataframe(&numbers(&context, 10, 2), "frame", false).await.unwrap();
    let found = instr.metrics().dataframes.get("frame").cloned().unwrap();
    assert_eq!((found.checkpointed, found.lineage_depth_before, found.lineage_depth), (false, None, 1));
}

#[tokio::test]
async fn advice_goes_with_a_checkpoint_of_the_same_plan_only() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(1, folder.path());
    let context = context(2);
    let (one, other) = (steps(numbers(&context, 100, 2), 35), steps(numbers(&context, 100, 2), 60));
    instr.analyze_dataframe(&one, "one", false).await.unwrap();
    instr.checkpoint_if_needed(other, "other", 30).await.unwrap();
    assert!(instr.metrics().advice.iter().any(|line| line.contains("'one' has a lineage of 36")));
    instr.checkpoint_if_needed(one, "one_before_saving", 30).await.unwrap();
    assert!(!instr.metrics().advice.iter().any(|line| line.contains("'one'")), "under whatever name");
}

#[tokio::test]
async fn a_plan_that_is_collected_again_has_the_rows_of_once() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(2, folder.path());
    let frame = numbers(&context(3), 300, 3).filter(col("n").gt_eq(lit(100i64))).unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    for _ in 0..3 {
        collect(Arc::clone(&plan), Arc::new(frame.task_ctx())).await.unwrap();
        let found = instr.analyze_execution(&plan, "again").unwrap();
        assert_eq!(found.partition_rows.iter().sum::<u64>(), 200);
        assert_eq!(found.operators[0].rows, Some(200), "{:?}", found.operators);
    }
}

/// A function that holds something: what it is, only its codec can tell.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Holding {
    signature: Signature,
    table: Vec<u8>,
}

impl ScalarUDFImpl for Holding {
    fn name(&self) -> &str {
        "holding"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(arguments.args[0].clone())
    }
}

#[tokio::test]
async fn functions_whose_size_nobody_knows_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(2, folder.path());
    let context = context(2);
    let signature = Signature::exact(vec![DataType::Int64], Volatility::Immutable);
    let holding = ScalarUDF::from(Holding { signature, table: vec![7; 1 << 20] });
    context.register_udf(holding.clone());
    context.register_table("t", numbers(&context, 10, 2).into_view()).unwrap();
    let frame = context.sql("select holding(n) as h, abs(n) as a from t").await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    assert_eq!(instr.measure_task_size(&plan, "task").unwrap().unknown, ["holding"]);
}

#[tokio::test]
async fn an_operator_without_serialized_form_is_named_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(1, folder.path());
    let sql =
        "with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select sum(n) from r";
    let plan = context(2).sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    if instr.measure_task_size(&plan, "recursive").is_none() {
        let text = lines.text();
        assert!(text.contains("task 'recursive' cannot be measured: ") && text.contains("Exec'"), "{text}");
        assert!(text.len() < 400, "{} characters: {text}", text.len());
    }
}
