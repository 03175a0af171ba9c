//! Checkpoints: when they are made, that nothing else changes, and that nothing is left behind.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Schema};
use datafusion::catalog::MemTable;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::*;
use datafusion_measure::{CheckpointOptions, CheckpointPolicy, Instrumentation, Lineage, Verbosity};

use super::support::{Lines, columns, context, filters, instrumentation, numbers, rows, steps};

fn depth(frame: &DataFrame) -> usize {
    Lineage::of_logical(frame.logical_plan()).depth
}

/// Several types, nulls, metadata on schema and fields, uneven partitions.
fn varied(context: &SessionContext) -> DataFrame {
    let field_metadata = HashMap::from([("unit".to_owned(), "µm".to_owned())]);
    let schema = Arc::new(Schema::new_with_metadata(
        vec![
            Field::new("id", DataType::Int64, false).with_metadata(field_metadata),
            Field::new("text", DataType::Utf8View, true),
            Field::new(
                "kind",
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
                true,
            ),
            Field::new(
                "at",
                DataType::Timestamp(datafusion::arrow::datatypes::TimeUnit::Microsecond, None),
                false,
            ),
        ],
        HashMap::from([("origin".to_owned(), "test".to_owned())]),
    ));
    let batch = |from: i64, to: i64| {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(from..to)),
            Arc::new(
                (from..to)
                    .map(|n| (n % 3 > 0).then(|| format!("text number {n} of some length")))
                    .collect::<StringViewArray>(),
            ),
            Arc::new(
                (from..to)
                    .map(|n| (n % 4 > 0).then_some(["a", "b"][n as usize % 2]))
                    .collect::<DictionaryArray<Int32Type>>(),
            ),
            Arc::new(TimestampMicrosecondArray::from_iter_values(from..to)),
        ];
        RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
    };
    let partitions =
        vec![vec![batch(0, 700), batch(700, 900)], vec![], vec![batch(5000, 5001)], vec![batch(2000, 2100)]];
    context.read_table(Arc::new(MemTable::try_new(Arc::clone(&schema), partitions).unwrap())).unwrap()
}

async fn stays_the_same(on_disk: bool) {
    let folder = tempfile::tempdir().unwrap();
    let lines = Lines::default();
    let instr =
        Instrumentation::new(Verbosity::Info).with_output(lines.clone()).with_checkpoint(CheckpointOptions {
            policy: CheckpointPolicy::Always,
            folder: folder.path().to_owned(),
            unlimited_pool_bytes: if on_disk { 10_000 } else { 10 << 20 },
            ..CheckpointOptions::default()
        });
    let context = context(4);
    let frame = varied(&context);
    let frame = (0..31).fold(frame, |frame, _| frame.filter(col("id").gt_eq(lit(0i64))).unwrap());
    let (schema, before) = (frame.schema().clone(), rows(frame.clone()).await);
    let after = instr.checkpoint_if_needed(frame, "varied", 30).await.unwrap();
    assert_eq!(after.schema().inner(), schema.inner(), "names, types, nullability and metadata");
    assert_eq!(depth(&after), 1);
    assert_eq!(rows(after.clone()).await, before, "each partition's rows in their order");
    assert_eq!(rows(after.clone()).await, before, "as often as it is read");
    let marked =
        if on_disk { "  ✓ Cached 'varied' on disk: 4 Parquet files, " } else { "  ✓ Cached 'varied'\n" };
    let text = lines.text();
    assert!(text.starts_with("  Checkpointing 'varied' as asked (32 stages)\n"), "{text}");
    assert!(text.contains(marked), "{text}");
    let summary = instr.metrics_summary();
    assert!(summary.contains("  ⚠ varied: 32 stages, 4 partitions (before checkpoint)\n"), "{summary}");
    assert!(summary.contains("    varied: 1 stages, 4 partitions (after checkpoint)\n"), "{summary}");
    let filtered = after.filter(col("id").eq(lit(2050i64))).unwrap().select_columns(&["text"]).unwrap();
    assert_eq!(filtered.collect().await.unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
}

#[tokio::test]
async fn checkpoint_in_memory_changes_nothing_but_the_depth() {
    stays_the_same(false).await;
}

#[tokio::test]
async fn checkpoint_on_disk_changes_nothing_but_the_depth() {
    stays_the_same(true).await;
}

#[tokio::test]
async fn threshold_is_the_last_depth_without_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(1, folder.path());
    let context = context(2);
    let frame = instr.checkpoint_if_needed(steps(numbers(&context, 10, 2), 29), "thirty", 30).await.unwrap();
    assert_eq!((depth(&frame), lines.text().as_str()), (30, ""));
    let frame = steps(numbers(&context, 10, 2), 30);
    let frame = instr.checkpoint_if_needed(frame, "one_more", 30).await.unwrap();
    assert_eq!(depth(&frame), 2, "a scan, and a projection that gives columns their qualifiers");
    assert_eq!(
        lines.text(),
        "  Checkpointing 'one_more' due to deep lineage (31 stages)\n  ✓ Cached 'one_more'\n",
        "checkpoints are reported at verbosity 1"
    );
}

#[tokio::test]
async fn policy_decides_and_silence_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let deep = || steps(numbers(&context(2), 10, 2), 40);
    let made = |policy, level: u8| {
        let lines = Lines::default();
        let instr = Instrumentation::new(Verbosity::try_from(level).unwrap())
            .with_output(lines.clone())
            .with_checkpoint(CheckpointOptions {
                policy,
                folder: folder.path().to_owned(),
                ..Default::default()
            });
        async move {
            let deep = depth(&instr.checkpoint_if_needed(deep(), "deep", 30).await.unwrap()) < 3;
            let shallow = filters(numbers(&context(2), 10, 2), 2);
            let shallow = depth(&instr.checkpoint_if_needed(shallow, "shallow", 30).await.unwrap()) == 1;
            (deep, shallow, lines.text().is_empty())
        }
    };
    assert_eq!(made(CheckpointPolicy::Auto, 0).await, (false, false, true));
    assert_eq!(made(CheckpointPolicy::Auto, 1).await, (true, false, false));
    assert_eq!(made(CheckpointPolicy::Never, 3).await, (false, false, true));
    assert_eq!(made(CheckpointPolicy::Always, 0).await, (false, false, true));
    assert_eq!(CheckpointPolicy::default(), CheckpointPolicy::Never);
    assert_eq!(made(CheckpointPolicy::Always, 1).await, (true, true, false));
}

/// A plan that explodes at depth five: each column uses the one before twice, with filters between.
#[tokio::test]
async fn exploding_expressions_trigger_a_checkpoint_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(1, folder.path());
    let mut frame = numbers(&context(2), 10, 2);
    for step in 0..7 {
        let last = if step == 0 { "n".to_owned() } else { format!("c{}_1", step - 1) };
        let once = format!("c{step}_0");
        frame = frame.select(vec![col("n"), (col(&last) + col(&last)).alias(&once)]).unwrap();
        frame = frame.select(vec![col("n"), (col(&once) + col(&once)).alias(format!("c{step}_1"))]).unwrap();
        frame = frame.filter(col(format!("c{step}_1")).gt_eq(lit(0i64))).unwrap();
    }
    assert!(depth(&frame) <= 30);
    let expected = rows(frame.clone()).await;
    let after = instr.checkpoint_if_needed(frame, "doubling", 30).await.unwrap();
    assert_eq!(depth(&after), 2);
    let text = lines.text();
    assert!(
        text.contains("Checkpointing 'doubling' due to large expressions (expressions grow to "),
        "{text}"
    );
    let count = |rows: &[Vec<String>]| rows.iter().map(Vec::len).sum::<usize>();
    assert_eq!(count(&rows(after).await), count(&expected));
}

/// A task that is too large to send, though neither deep nor long: a literal of a megabyte.
#[tokio::test]
async fn large_task_triggers_a_checkpoint_on_disk_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(1, folder.path());
    let list = (0..9_000).map(|n| lit(format!("{n:0>120}"))).collect();
    let frame = numbers(&context(2), 10, 2)
        .select(vec![cast(col("n"), DataType::Utf8).alias("s")])
        .unwrap()
        .filter(col("s").in_list(list, true))
        .unwrap();
    let after = instr.checkpoint_if_needed(frame, "listed", 30).await.unwrap();
    assert_eq!(depth(&after), 2);
    let text = lines.text();
    assert!(text.contains("  Checkpointing 'listed' due to a large task ("), "{text}");
    assert!(text.contains("on disk: "), "rows in memory would be sent with the next task: {text}");
    assert_eq!(after.clone().count().await.unwrap(), 10);
    let plan = after.create_physical_plan().await.unwrap();
    assert!(instr.measure_task_size(&plan, "after").unwrap().bytes < 10_000);
}

#[tokio::test]
async fn files_go_with_the_frame_and_the_folder_with_the_instrumentation() {
    let folder = tempfile::tempdir().unwrap();
    let files = || {
        walkdir::WalkDir::new(folder.path())
            .into_iter()
            .flatten()
            .filter(|e| e.path().extension().is_some_and(|e| e == "parquet"))
            .count()
    };
    let instr = Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink()).with_checkpoint(
        CheckpointOptions {
            policy: CheckpointPolicy::Always,
            folder: folder.path().to_owned(),
            unlimited_pool_bytes: 0,
            ..Default::default()
        },
    );
    let frame = instr.checkpoint_if_needed(numbers(&context(2), 1000, 2), "kept", 30).await.unwrap();
    assert_eq!(files(), 2);
    let plan = frame.create_physical_plan().await.unwrap();
    let task = Arc::new(frame.task_ctx());
    drop(frame);
    assert_eq!(files(), 2, "a planned scan still needs them");
    let batches = datafusion::physical_plan::collect(plan, task).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1000);
    assert_eq!(files(), 0);

    let frame = instr.checkpoint_if_needed(numbers(&context(2), 10, 2), "again", 30).await.unwrap();
    instr.remove_checkpoints();
    assert_eq!(files(), 0, "a process about to end removes them at once");
    drop(frame);
    drop(instr);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A run that fails half-way leaves no file.
#[tokio::test]
async fn nothing_is_left_after_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let instr = Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink()).with_checkpoint(
        CheckpointOptions {
            policy: CheckpointPolicy::Always,
            folder: folder.path().to_owned(),
            unlimited_pool_bytes: 0,
            ..Default::default()
        },
    );
    let frame = numbers(&context(2), 1000, 2)
        .select(vec![(lit(1i64) / (col("n") - lit(999i64))).alias("q")])
        .unwrap();
    let error = instr.checkpoint_if_needed(frame, "divided", 30).await.unwrap_err();
    assert!(error.to_string().to_lowercase().contains("divide by zero"), "{error}");
    let files = walkdir::WalkDir::new(folder.path())
        .into_iter()
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|e| e == "parquet"));
    assert_eq!(files.count(), 0);
}

/// The pool, not only the budget, can say no: then rows go to disk, and the pool has its memory back.
#[tokio::test]
async fn full_memory_pool_sends_rows_to_disk() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = RuntimeEnvBuilder::new().with_memory_limit(1 << 20, 1.0).build_arc().unwrap();
    let context = SessionContext::new_with_config_rt(SessionConfig::new().with_target_partitions(2), runtime);
    let lines = Lines::default();
    let instr = Instrumentation::new(Verbosity::Warnings).with_output(lines.clone()).with_checkpoint(
        CheckpointOptions {
            policy: CheckpointPolicy::Always,
            folder: folder.path().to_owned(),
            ..Default::default()
        },
    );
    let small =
        instr.checkpoint_if_needed(columns(numbers(&context, 1_000, 2), 2), "small", 30).await.unwrap();
    assert!(context.task_ctx().memory_pool().reserved() > 0, "rows in memory are accounted for");
    let large =
        instr.checkpoint_if_needed(columns(numbers(&context, 200_000, 2), 2), "large", 30).await.unwrap();
    let text = lines.text();
    assert!(
        text.contains("✓ Cached 'small'\n") && text.contains("✓ Cached 'large' on disk: 2 Parquet files"),
        "{text}"
    );
    assert_eq!(large.count().await.unwrap(), 200_000);
    drop(small);
    assert_eq!(context.task_ctx().memory_pool().reserved(), 0);
}

/// Columns of two tables under one name each: expressions written for the old frame hold for the new one.
#[tokio::test]
async fn qualifiers_survive() {
    let folder = tempfile::tempdir().unwrap();
    for bytes in [0, 1 << 20] {
        let instr = Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink()).with_checkpoint(
            CheckpointOptions {
                policy: CheckpointPolicy::Always,
                folder: folder.path().to_owned(),
                unlimited_pool_bytes: bytes,
                ..Default::default()
            },
        );
        let context = context(2);
        let left = numbers(&context, 10, 2).alias("left").unwrap();
        let right = numbers(&context, 20, 2).alias("right").unwrap();
        let joined = left.join(right, JoinType::Inner, &["n"], &["n"], None).unwrap();
        let after = instr.checkpoint_if_needed(joined.clone(), "joined", 30).await.unwrap();
        assert_eq!(after.schema(), joined.schema());
        assert_eq!(depth(&after), 2, "one projection gives the columns their names");
        let sum = after.select(vec![(col("left.n") + col("right.n")).alias("sum")]).unwrap();
        let sum = sum.sort(vec![col("sum").sort(true, false)]).unwrap();
        assert_eq!(sum.collect().await.unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(), 10);
        let one =
            instr.checkpoint_if_needed(numbers(&context, 3, 1).alias("t").unwrap(), "t", 30).await.unwrap();
        assert_eq!(depth(&one), 1);
        assert!(one.select(vec![col("t.n")]).is_ok());
    }
}

/// An order that the engine knows of is known after the checkpoint too: nothing is sorted again.
#[tokio::test]
async fn a_declared_order_survives() {
    let folder = tempfile::tempdir().unwrap();
    for bytes in [0, 1 << 20] {
        let instr = Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink()).with_checkpoint(
            CheckpointOptions {
                policy: CheckpointPolicy::Always,
                folder: folder.path().to_owned(),
                unlimited_pool_bytes: bytes,
                ..Default::default()
            },
        );
        let sorts = |frame: DataFrame| async move {
            let plan = frame.create_physical_plan().await.unwrap();
            let shown = datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string();
            shown.matches("SortExec").count()
        };
        // Sorted within each of four partitions, the other way round than the rows are, by two columns.
        let context = context(4);
        let order = vec![col("m").sort(false, true), col("n").sort(true, false)];
        let frame = numbers(&context, 1000, 4)
            .select(vec![(col("n") % lit(10i64)).alias("m"), col("n"), lit("x").alias("x")])
            .unwrap();
        let before = frame.clone().sort(order.clone()).unwrap();
        let expected = rows(before.clone()).await;
        assert_eq!(sorts(before.clone()).await, 1);
        let after = instr.checkpoint_if_needed(before, "sorted", 30).await.unwrap();
        assert_eq!(rows(after.clone()).await, expected);
        let again = after.clone().sort(order.clone()).unwrap();
        assert_eq!(sorts(again.clone()).await, 0, "the order is known");
        assert_eq!(rows(again).await, expected);
        let fewer = after.clone().select_columns(&["x", "n", "m"]).unwrap().sort(order.clone()).unwrap();
        assert_eq!(sorts(fewer).await, 0, "also where columns stand in other places");
        let other = after.sort(vec![col("n").sort(true, false)]).unwrap();
        assert_eq!(sorts(other.clone()).await, 1, "another order is another order");
        assert_eq!(other.collect().await.unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(), 1000);
        // Columns of two tables: known under the names of the stored columns.
        let left = frame.clone().alias("left").unwrap();
        let joined = left.join(frame.alias("right").unwrap(), JoinType::Inner, &["n"], &["n"], None).unwrap();
        let order = vec![col("left.n").sort(true, false)];
        let joined = joined.sort(order.clone()).unwrap();
        let after = instr.checkpoint_if_needed(joined, "joined", 30).await.unwrap();
        assert_eq!(sorts(after.sort(order).unwrap()).await, 0);
    }
}

/// The engine's wrong result for equal projections in a row (55.2.0) is not ours: a checkpoint between them gives
/// the right one.
#[tokio::test]
async fn equal_projections_in_a_row_are_right_with_a_checkpoint_between() {
    let folder = tempfile::tempdir().unwrap();
    let instr = Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink()).with_checkpoint(
        CheckpointOptions {
            policy: CheckpointPolicy::Always,
            folder: folder.path().to_owned(),
            ..Default::default()
        },
    );
    let mut frame = numbers(&context(1), 1, 1);
    for _ in 0..5 {
        frame = frame.with_column("n", col("n") + lit(1i64)).unwrap();
        frame = instr.checkpoint_if_needed(frame, "step", 30).await.unwrap();
    }
    assert!(rows(frame).await[0].iter().any(|line| line.contains("| 5 |")));
}
