//! Nothing that is measured or checkpointed changes an answer: order, partitions, names, keys, functions that change.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::MemTable;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::{Constraint, Constraints};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::SortExpr;
use datafusion::physical_plan::ExecutionPlanProperties;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::*;
use datafusion_measure::{
    CheckpointOptions, CheckpointPolicy, Error, Instrumentation, Limits, Lineage, Verbosity, Warning,
};

use super::support::{context, filters, numbers, rows, steps};

fn checkpointing(policy: CheckpointPolicy, folder: &Path, bytes: usize) -> Instrumentation {
    Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink()).with_checkpoint(
        CheckpointOptions {
            policy,
            folder: folder.to_owned(),
            unlimited_pool_bytes: bytes,
            ..CheckpointOptions::default()
        },
    )
}

/// Both kinds of checkpoints: in memory and on disk.
const BUDGETS: [usize; 2] = [1 << 30, 0];

/// Rows in an order of no column's own: 7919 is prime.
fn shuffled(context: &SessionContext) -> DataFrame {
    let x = ((col("n") * lit(7919i64)) % lit(100_000i64)).alias("x");
    numbers(context, 100_000, 4).select(vec![col("n"), x]).unwrap()
}

async fn first_five(frame: DataFrame) -> Vec<Vec<String>> {
    rows(frame.filter(col("n").gt(lit(100i64))).unwrap().limit(0, Some(5)).unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn order_survives_what_is_put_on_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let orders: [Vec<SortExpr>; 4] = [
        vec![col("x").sort(true, false)],
        vec![col("x").sort(false, true)],
        vec![(col("x") % lit(10i64)).sort(true, false), col("x").sort(true, false)],
        vec![(lit(0i64) - col("x")).sort(true, false)],
    ];
    for budget in BUDGETS {
        for (index, order) in orders.iter().enumerate() {
            let instr = checkpointing(CheckpointPolicy::Always, folder.path(), budget);
            let context = context(4);
            let frame = filters(shuffled(&context), 32).sort(order.clone()).unwrap();
            let expected = first_five(frame.clone()).await;
            let whole = rows(frame.clone()).await;
            let after = instr.checkpoint_if_needed(frame, "sorted", 30).await.unwrap();
            assert_eq!(
                after.clone().create_physical_plan().await.unwrap().output_partitioning().partition_count(),
                1
            );
            assert_eq!(rows(after.clone()).await, whole, "order {index}, budget {budget}");
            for _ in 0..5 {
                assert_eq!(first_five(after.clone()).await, expected, "order {index}, budget {budget}");
            }
            // A checkpoint of a checkpoint, and a column that the order is by left out.
            let without = after.select(vec![col("n")]).unwrap();
            let expected = first_five(without.clone()).await;
            let again = instr.checkpoint_if_needed(without, "again", 30).await.unwrap();
            assert_eq!(first_five(again).await, expected, "order {index}, budget {budget}, again");
        }
    }
}

#[tokio::test]
async fn partitions_stay_what_they_were() {
    let folder = tempfile::tempdir().unwrap();
    for budget in BUDGETS {
        let instr = checkpointing(CheckpointPolicy::Always, folder.path(), budget);
        for partitions in [1, 2, 7] {
            let frame = numbers(&context(4), 10_000, partitions);
            let expected = rows(frame.clone()).await;
            let after = instr.checkpoint_if_needed(frame, "kept", 30).await.unwrap();
            assert_eq!(rows(after.clone()).await, expected);
            let filtered = after.filter(col("n").gt(lit(10i64))).unwrap();
            let plan = filtered.create_physical_plan().await.unwrap();
            let mut leaf = &plan;
            while let [child] = leaf.children()[..] {
                leaf = child;
            }
            assert_eq!(
                leaf.output_partitioning().partition_count(),
                partitions,
                "also below other operators"
            );
        }
    }
}

#[derive(Debug)]
struct Endless(Arc<Schema>);

impl PartitionStream for Endless {
    fn schema(&self) -> &Arc<Schema> {
        &self.0
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.0), futures::stream::pending()))
    }
}

#[tokio::test]
async fn an_unbounded_source_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
    let table = StreamingTable::try_new(Arc::clone(&schema), vec![Arc::new(Endless(schema))]).unwrap();
    let table = Arc::new(table.with_infinite_table(true));
    let frame = context(2).read_table(table).unwrap();
    for policy in [CheckpointPolicy::Always, CheckpointPolicy::Auto] {
        let instr = checkpointing(policy, folder.path(), 1 << 20);
        let work = async {
            let counted = instr.analyze_dataframe(&frame, "endless", true).await;
            let kept = instr.checkpoint_if_needed(steps(frame.clone(), 40), "endless", 30).await;
            (counted.unwrap_err(), kept.unwrap_err())
        };
        let (counted, kept) = tokio::time::timeout(std::time::Duration::from_secs(60), work).await.unwrap();
        for error in [&counted, &kept] {
            assert!(
                matches!(Error::of(error), Some(Error::Unbounded { name, .. }) if name == "endless"),
                "{error}"
            );
        }
        assert!(instr.analyze_dataframe(&frame, "endless", false).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn what_the_optimizer_flattens_is_not_materialized() {
    let folder = tempfile::tempdir().unwrap();
    let mut limits = Limits::default();
    // A busy machine is no reason.
    limits.optimizing = std::time::Duration::from_secs(3600);
    let instr = checkpointing(CheckpointPolicy::Auto, folder.path(), 1 << 30).with_limits(limits);
    let context = context(2);
    let unions =
        (0..40).fold(numbers(&context, 10, 1), |frame, _| frame.union(numbers(&context, 10, 1)).unwrap());
    let independent = (0..31).fold(numbers(&context, 10, 1), |frame, step| {
        frame.with_column(&format!("c{step}"), col("n") + lit(i64::from(step))).unwrap()
    });
    let wide: Vec<Expr> = (0..2000).map(|n| (col("n") + lit(i64::from(n))).alias(format!("c{n}"))).collect();
    let wide = numbers(&context, 10, 1).select(wide).unwrap();
    let names: Vec<String> = wide.schema().fields().iter().map(|field| field.name().clone()).collect();
    let names: Vec<Expr> = names.iter().map(col).collect();
    let wide = (0..5).fold(wide, |frame, _| frame.select(names.clone()).unwrap());
    let list = (0..10_000i64).map(lit).collect();
    let list = numbers(&context, 10, 1).filter(col("n").in_list(list, false)).unwrap();
    let limited = filters(numbers(&context, 10, 1), 40).limit(0, Some(10)).unwrap();
    let frames = [
        ("unions", unions),
        ("independent", independent),
        ("wide", wide),
        ("list", list),
        ("limited", limited),
    ];
    for (name, frame) in frames {
        let before = frame.logical_plan().clone();
        let after = instr.checkpoint_if_needed(frame, name, 30).await.unwrap();
        assert!(*after.logical_plan() == before, "{name}");
    }
    // What stays deep is, and both depths are known.
    instr.checkpoint_if_needed(steps(numbers(&context, 10, 1), 40), "deep", 30).await.unwrap();
    let metrics = instr.metrics();
    let deep = metrics.dataframes.get("deep").unwrap();
    assert_eq!((deep.lineage_depth_before, deep.lineage_depth_optimized), (Some(41), Some(41)));
    assert_eq!(metrics.dataframes.len(), 1);
}

#[tokio::test]
async fn functions_that_change_are_not_fixed_by_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(2);
    context.register_table("t", numbers(&context, 10, 2).into_view()).unwrap();
    for (sql, function) in [
        ("select n, random() as r from t", "random"),
        ("select n, now() as r from t", "now"),
        ("select n, (select max(random()) from t) as r from t", "random"),
    ] {
        for policy in [CheckpointPolicy::Auto, CheckpointPolicy::Always] {
            let instr = checkpointing(policy, folder.path(), 1 << 20);
            let frame = steps(context.sql(sql).await.unwrap(), 40);
            let before = frame.logical_plan().clone();
            let after = instr.checkpoint_if_needed(frame, "changing", 30).await.unwrap();
            assert!(*after.logical_plan() == before, "{sql}");
            let warnings = instr.metrics().warnings;
            assert!(
                warnings.iter().any(|warning| matches!(warning, Warning::NoCheckpoint { reason, .. } if reason.contains(function))),
                "{sql}: {warnings:?}"
            );
        }
    }
    let instr = checkpointing(CheckpointPolicy::Always, folder.path(), 1 << 20);
    let frame = context.sql("select abs(n) as n from t").await.unwrap();
    let after = instr.checkpoint_if_needed(frame, "abs", 30).await.unwrap();
    assert!(
        Lineage::of_logical(after.logical_plan()).depth <= 2,
        "what is the same each time is materialized"
    );
}

/// Names and keys: queries that were valid stay valid, and mean the same.
#[tokio::test]
async fn keys_and_qualifiers_survive() {
    let folder = tempfile::tempdir().unwrap();
    for budget in BUDGETS {
        let instr = checkpointing(CheckpointPolicy::Always, folder.path(), budget);
        let context = context(2);
        let fields = vec![Field::new("id", DataType::Int64, false), Field::new("v", DataType::Int64, true)];
        let schema = Arc::new(Schema::new(fields));
        let column = || Arc::new(Int64Array::from(vec![1, 2, 3])) as _;
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column(), column()]).unwrap();
        let table = MemTable::try_new(schema, vec![vec![batch]]).unwrap();
        let keys = Constraints::new_unverified(vec![Constraint::PrimaryKey(vec![0])]);
        context.register_table("t", Arc::new(table.with_constraints(keys))).unwrap();
        for sql in [
            "select * from t",
            "select t.*, 1 as one from t",
            "select t.id, t.v, u.v as w from t join t u on t.id = u.id",
            "select id, sum(v) as s from t group by id",
            "select 1 as id, 2 as v",
            "select * from t order by v desc",
        ] {
            let frame = context.sql(sql).await.unwrap();
            let after = instr.checkpoint_if_needed(frame.clone(), "kept", 30).await.unwrap();
            assert_eq!(after.schema(), frame.schema(), "{sql}: names, qualifiers, keys");
            assert_eq!(
                after.schema().functional_dependencies(),
                frame.schema().functional_dependencies(),
                "{sql}"
            );
            assert_eq!(rows(after).await, rows(frame).await, "{sql}");
        }
        // A column that depends on the key needs no place in GROUP BY.
        let after = instr.checkpoint_if_needed(context.table("t").await.unwrap(), "t", 30).await.unwrap();
        context.register_table("kept", after.clone().into_view()).unwrap();
        let grouped = after.aggregate(vec![col("id")], vec![]).unwrap().select(vec![col("id"), col("v")]);
        assert_eq!(grouped.unwrap().count().await.unwrap(), 3);
        // `t.*` is what it was: the column that had no qualifier has none.
        let mixed = context.sql("select t.*, 1 as one from t").await.unwrap();
        let after = instr.checkpoint_if_needed(mixed, "mixed", 30).await.unwrap();
        let of_t = after.schema().iter().filter(|(table, _)| table.is_some_and(|table| table.table() == "t"));
        assert_eq!(of_t.count(), 2);
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_a_warning_and_the_frame_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let instr = checkpointing(CheckpointPolicy::Always, &file.join("below"), 0);
    let frame = numbers(&context(2), 1000, 2);
    let (before, expected) = (frame.logical_plan().clone(), rows(frame.clone()).await);
    let after = instr.checkpoint_if_needed(frame, "kept", 30).await.unwrap();
    assert!(*after.logical_plan() == before);
    assert_eq!(rows(after).await, expected);
    let warnings = instr.metrics().warnings;
    let [warning @ Warning::NoCheckpoint { folder: Some(named), .. }] = &warnings[..] else {
        panic!("{warnings:?}")
    };
    assert_eq!(*named, file.join("below"));
    assert!(warning.to_string().contains("choose another checkpoint folder"), "{warning}");
    // What is wrong with the frame itself is its own error. One partition, so that it fails before the folder does.
    let wrong =
        numbers(&context(2), 10, 1).select(vec![(lit(1i64) / (col("n") - lit(3i64))).alias("q")]).unwrap();
    let error = instr.checkpoint_if_needed(wrong, "wrong", 30).await.unwrap_err();
    assert!(matches!(error.find_root(), DataFusionError::ArrowError(..)), "{error:?}");
}

/// All checkpoints in memory together take the share, not each of them.
#[tokio::test]
async fn the_share_of_memory_is_for_all_checkpoints_together() {
    let folder = tempfile::tempdir().unwrap();
    let context = context(2);
    let one = numbers(&context, 10_000, 2);
    let measuring = checkpointing(CheckpointPolicy::Always, folder.path(), 1 << 30);
    let kept = measuring.checkpoint_if_needed(one.clone(), "measured", 30).await.unwrap();
    let bytes = context.task_ctx().memory_pool().reserved();
    drop(kept);
    let instr = checkpointing(CheckpointPolicy::Always, folder.path(), 2 * bytes + bytes / 2);
    let files = || {
        walkdir::WalkDir::new(folder.path())
            .into_iter()
            .flatten()
            .filter(|entry| entry.file_type().is_file() && entry.file_name() != ".lock")
            .count()
    };
    let first = instr.checkpoint_if_needed(one.clone(), "first", 30).await.unwrap();
    let second = instr.checkpoint_if_needed(one.clone(), "second", 30).await.unwrap();
    assert_eq!(files(), 0);
    let third = instr.checkpoint_if_needed(one.clone(), "third", 30).await.unwrap();
    assert_eq!(files(), 2, "there is no memory left for it");
    drop((first, second, third));
    let _fourth = instr.checkpoint_if_needed(one, "fourth", 30).await.unwrap();
    assert_eq!(files(), 0, "what is dropped leaves its share to others");
}

/// Partitions that share buffers take their memory once.
#[tokio::test]
async fn shared_buffers_are_reserved_once() {
    let folder = tempfile::tempdir().unwrap();
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
    let whole = Int64Array::from_iter_values(0..160_000);
    let whole = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(whole)]).unwrap();
    let parts = (0..16).map(|part| vec![whole.slice(part * 10_000, 10_000)]).collect();
    let context = context(16);
    let frame = context.read_table(Arc::new(MemTable::try_new(schema, parts).unwrap())).unwrap();
    let instr = checkpointing(CheckpointPolicy::Always, folder.path(), 1 << 30);
    let _kept = instr.checkpoint_if_needed(frame.clone(), "sliced", 30).await.unwrap();
    let reserved = context.task_ctx().memory_pool().reserved();
    assert!((1_280_000..1_500_000).contains(&reserved), "{reserved}");
    let found = instr.analyze_dataframe(&frame, "sliced", true).await.unwrap().unwrap();
    for bytes in found.partition_bytes {
        assert!((1_280_000..1_500_000).contains(&bytes), "{bytes}");
    }
}
