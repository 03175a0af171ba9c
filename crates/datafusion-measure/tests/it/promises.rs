//! Promises that only show from outside: what is in a checkpoint's files, what it may take of the memory, what is not
//! walked in silence, and what happens to rows, literals and types that are hard to send or to store.

use std::any::Any;
use std::fmt;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::arrow::array::{
    Array, ArrayRef, Int32Array, IntervalMonthDayNanoArray, ListArray, RecordBatch, StringArray, UnionArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, IntervalMonthDayNano, UnionFields};
use datafusion::catalog::MemTable;
use datafusion::common::DFSchemaRef;
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{Extension, InvariantLevel, LogicalPlan, UserDefinedLogicalNode};
use datafusion::prelude::*;
use datafusion_measure::{CheckpointOptions, CheckpointPolicy, Instrumentation, Verbosity};
use parquet::basic::Compression;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Value, json};

use super::support::{Lines, columns, context, filters, instrumentation, numbers, rows};

const LITERAL_BYTES: usize = 3 << 20;

/// Instrumentation that makes a checkpoint wherever it is asked, of so much of a pool or so many bytes, with its lines.
fn always(folder: &Path, memory_share: f64, unlimited_pool_bytes: usize) -> (Instrumentation, Lines) {
    let lines = Lines::default();
    let (policy, folder) = (CheckpointPolicy::Always, folder.to_owned());
    let options = CheckpointOptions { policy, folder, memory_share, unlimited_pool_bytes };
    let instr = Instrumentation::new(Verbosity::Warnings).with_output(lines.clone()).with_checkpoint(options);
    (instr, lines)
}

/// A context of two partitions whose memory ends.
fn context_with_memory(bytes: usize) -> SessionContext {
    let runtime = RuntimeEnvBuilder::new().with_memory_limit(bytes, 1.0).build_arc().unwrap();
    SessionContext::new_with_config_rt(SessionConfig::new().with_target_partitions(2), runtime)
}

/// The Parquet files below a folder.
fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).into_iter().flatten().map(walkdir::DirEntry::into_path);
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "parquet")).collect()
}

/// One projection, no deeper and no longer than any, with a literal that is large.
fn with_large_literal() -> DataFrame {
    let text = lit("x".repeat(LITERAL_BYTES)).alias("text");
    numbers(&context(2), 4, 2).select(vec![col("n"), text]).unwrap()
}

/// Two partitions of a type that Parquet has no place for.
fn spans(context: &SessionContext) -> DataFrame {
    let batch = |from: i32| {
        let spans = (from..from + 100).map(|n| IntervalMonthDayNano::new(n, -n, i64::from(n)));
        let spans: ArrayRef = Arc::new(IntervalMonthDayNanoArray::from_iter_values(spans));
        RecordBatch::try_from_iter([("since", spans)]).unwrap()
    };
    let table = MemTable::try_new(batch(0).schema(), vec![vec![batch(0)], vec![batch(100)]]).unwrap();
    context.read_table(Arc::new(table)).unwrap()
}

#[tokio::test]
async fn checkpoint_on_disk_is_zstd_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = always(folder.path(), 1.0, 0);
    let frame = numbers(&context(2), 1000, 2).select(vec![col("n"), lit("x").alias("text")]).unwrap();
    let _kept = instr.checkpoint_if_needed(frame, "kept", 30).await.unwrap();
    let mut compressions = Vec::new();
    for path in parquet_files(folder.path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("part-"), "{name}");
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        for group in reader.metadata().row_groups() {
            compressions.extend(group.columns().iter().map(ColumnChunkMetaData::compression));
        }
    }
    assert_eq!(compressions.len(), 4, "two columns in each of two files: {compressions:?}");
    assert!(compressions.iter().all(|known| matches!(known, Compression::ZSTD(_))), "{compressions:?}");
}

/// The share is the limit, to the byte: what it holds is kept in memory, and with one byte less it goes to disk.
#[tokio::test]
async fn checkpoint_takes_only_its_share_of_the_pool() {
    const POOL: u32 = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    let context = context_with_memory(POOL as usize);
    let frame = columns(numbers(&context, 10_000, 2), 2);
    let kept = |bytes: u32| {
        let (instr, lines) = always(folder.path(), f64::from(bytes) / f64::from(POOL), usize::MAX);
        let (frame, pool) = (frame.clone(), Arc::clone(context.task_ctx().memory_pool()));
        async move {
            let after = instr.checkpoint_if_needed(frame, "x", 30).await.unwrap();
            let reserved = u32::try_from(pool.reserved()).unwrap();
            assert_eq!(after.count().await.unwrap(), 10_000);
            (reserved, lines.text())
        }
    };
    let (needed, text) = kept(POOL).await;
    assert!(needed > 10_000 && needed < POOL, "{needed}");
    assert!(text.ends_with("  ✓ Cached 'x'\n"), "{text}");
    let (reserved, text) = kept(needed).await;
    assert_eq!(reserved, needed);
    assert!(text.ends_with("  ✓ Cached 'x'\n"), "{text}");
    let (reserved, text) = kept(needed - 1).await;
    assert_eq!(reserved, 0, "a checkpoint on disk gives back what it took");
    assert!(text.contains("  ✓ Cached 'x' on disk: 2 Parquet files, "), "{text}");
}

/// A logical operator that counts how often somebody looks at it.
#[derive(Debug)]
struct Watched {
    input: LogicalPlan,
    looks: Arc<AtomicUsize>,
}

impl UserDefinedLogicalNode for Watched {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &'static str {
        "Watched"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn check_invariants(&self, _: InvariantLevel) -> Result<()> {
        Ok(())
    }

    fn expressions(&self) -> Vec<Expr> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }

    fn with_exprs_and_inputs(
        &self,
        _: Vec<Expr>,
        mut inputs: Vec<LogicalPlan>,
    ) -> Result<Arc<dyn UserDefinedLogicalNode>> {
        Ok(Arc::new(Self { input: inputs.remove(0), looks: Arc::clone(&self.looks) }))
    }

    fn dyn_hash(&self, mut state: &mut dyn Hasher) {
        self.input.hash(&mut state);
    }

    fn dyn_eq(&self, other: &dyn UserDefinedLogicalNode) -> bool {
        other.as_any().downcast_ref::<Self>().is_some_and(|other| self.input == other.input)
    }

    fn dyn_ord(&self, other: &dyn UserDefinedLogicalNode) -> Option<std::cmp::Ordering> {
        self.input.partial_cmp(&other.as_any().downcast_ref::<Self>()?.input)
    }
}

#[tokio::test]
async fn at_verbosity_0_no_logical_plan_is_walked() {
    let folder = tempfile::tempdir().unwrap();
    let (context, looks) = (context(2), Arc::new(AtomicUsize::new(0)));
    let input = numbers(&context, 10, 2).logical_plan().clone();
    let node = Arc::new(Watched { input, looks: Arc::clone(&looks) });
    let frame = DataFrame::new(context.state(), LogicalPlan::Extension(Extension { node }));
    let frame = filters(frame, 40);
    let built = looks.load(Ordering::Relaxed);
    let (silent, _) = instrumentation(0, folder.path());
    assert!(silent.analyze_dataframe(&frame, "frame", true).await.unwrap().is_none());
    let frame = silent.checkpoint_if_needed(frame, "frame", 30).await.unwrap();
    assert_eq!(looks.load(Ordering::Relaxed), built, "nobody looked");

    // The same call at verbosity 1 does look: the counter can count.
    let (instr, _) = instrumentation(1, folder.path());
    let found = instr.analyze_dataframe(&frame, "frame", false).await.unwrap().unwrap();
    assert_eq!(found.lineage_depth, 42);
    assert!(looks.load(Ordering::Relaxed) > built);
}

#[tokio::test]
async fn a_large_literal_triggers_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(1, folder.path());
    let before = with_large_literal().collect_partitioned().await.unwrap();
    let after = instr.checkpoint_if_needed(with_large_literal(), "literal", 30).await.unwrap();
    let text = lines.text();
    assert!(text.contains("  Checkpointing 'literal' due to a large task ("), "{text}");
    assert!(after.collect_partitioned().await.unwrap() == before, "the same rows in the same partitions");
}

/// Lists of a union: the Parquet writer does not even say no to it.
fn unions(context: &SessionContext) -> DataFrame {
    let (numbers, texts) = (Int32Array::from(vec![1, 2]), StringArray::from(vec!["x", "y"]));
    let fields = [("n", DataType::Int32), ("t", DataType::Utf8)];
    let fields = UnionFields::from_fields(fields.map(|(name, kind)| Field::new(name, kind, true)));
    let union =
        UnionArray::try_new(fields, vec![0, 1].into(), None, vec![Arc::new(numbers), Arc::new(texts)]);
    let union: ArrayRef = Arc::new(union.unwrap());
    let item = Arc::new(Field::new_list_field(union.data_type().clone(), true));
    let lists: ArrayRef = Arc::new(ListArray::new(item, OffsetBuffer::from_lengths([1, 1]), union, None));
    context.read_batch(RecordBatch::try_from_iter([("one_of", lists)]).unwrap()).unwrap()
}

#[tokio::test]
async fn types_that_parquet_cannot_hold_are_kept_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let contexts = [context(2), context_with_memory(1 << 20)];
    for frame in contexts.iter().flat_map(|context| [spans(context), unions(context)]) {
        let (instr, lines) = always(folder.path(), 0.0, 0);
        let before = rows(frame.clone()).await;
        let after = instr.checkpoint_if_needed(frame, "spans", 30).await.unwrap();
        assert!(lines.text().ends_with("  ✓ Cached 'spans'\n"), "{}", lines.text());
        assert_eq!(parquet_files(folder.path()), Vec::<PathBuf>::new());
        assert_eq!(rows(after).await, before);
    }
}

#[tokio::test]
async fn types_that_parquet_cannot_hold_are_not_kept_where_memory_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = always(folder.path(), 1.0, usize::MAX);
    let (little, more) = (context_with_memory(1000), context_with_memory(200_000));
    let one = spans(&more).alias("one").unwrap();
    let joined = one.join(spans(&more).alias("other").unwrap(), JoinType::Inner, &[], &[], None).unwrap();
    for (frame, name, column) in [(spans(&little), "kept", "'since'"), (joined, "joined", "'one.since'")] {
        let before = frame.logical_plan().clone();
        let after = instr.checkpoint_if_needed(frame, name, 30).await.unwrap();
        assert_eq!(*after.logical_plan(), before, "the frame comes back as it is");
        let text = lines.text();
        for named in [&format!("⚠ no checkpoint of '{name}': "), column, "Interval(MonthDayNano)"] {
            assert!(text.contains(named), "{named}: {text}");
        }
    }
    assert_eq!(parquet_files(folder.path()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn large_closure_of_an_engine_operator_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(1, folder.path());
    let plan = with_large_literal().create_physical_plan().await.unwrap();
    assert_eq!(plan.name(), "ProjectionExec");
    let size = instr.measure_closure_size(&plan, "select").unwrap();
    assert!(size.bytes > LITERAL_BYTES, "{}", size.bytes);
    let text = lines.text();
    assert!(text.starts_with("  ⚠ Closure 'select': 3.0 MiB ") && text.contains("ProjectionExec"), "{text}");
}

#[tokio::test]
async fn warnings_are_in_the_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(1, folder.path());
    let path = folder.path().join("metrics.json");
    let written = || {
        instr.metrics().write(&path, "x_").unwrap();
        serde_json::from_slice::<Value>(&std::fs::read(&path).unwrap()).unwrap()["warnings"].clone()
    };
    assert_eq!(written(), json!([]));
    instr.analyze_dataframe(&filters(numbers(&context(2), 10, 2), 50), "deep", false).await.unwrap();
    let text = lines.text();
    let warning = text.strip_prefix("  ⚠ ").and_then(|text| text.strip_suffix('\n')).unwrap();
    assert_eq!(written(), json!([warning]), "word for word what was said");
}
