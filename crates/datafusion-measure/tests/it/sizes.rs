//! Closures, tasks and broadcasts: true sizes, and who is to blame for a large one.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::*;
use datafusion_measure::{Broadcast, Travel};
use datafusion_proto::physical_plan::{AsExecutionPlan, DefaultPhysicalExtensionCodec};
use datafusion_proto::protobuf::PhysicalPlanNode;
use prost::Message;
use serde_json::json;

use super::support::{SaveCodec, SavePartition, context, instrumentation, numbers};

fn parameters() -> serde_json::Value {
    json!({"url": "http://couchdb.example.org:5984", "database": "skol_dev", "user": "admin", "password": "secret"})
}

async fn input() -> Arc<dyn ExecutionPlan> {
    numbers(&context(2), 10, 2).create_physical_plan().await.unwrap()
}

/// The guide's BAD pair: the operator captured its whole self, client and table and all.
#[tokio::test]
async fn bad_closure_that_captured_a_table_is_flagged_with_the_field() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(1, folder.path());
    let instr = instr.with_codec(Arc::new(SaveCodec::default()));
    let mut captured = parameters();
    captured["table"] = json!((0..120_000).map(|row| format!("row {row}")).collect::<Vec<_>>());
    let size =
        instr.measure_closure_size(&SavePartition::over(input().await, captured), "save_partition").unwrap();
    assert!(size.bytes > 1000 * 1024, "{}", size.bytes);
    let text = lines.text();
    assert!(text.starts_with("  ⚠ Closure 'save_partition': "), "{text}");
    assert!(text.contains("(limit 1000.0 KiB), field 'table' of SavePartition alone has"), "{text}");
    assert!(text.contains("keep only parameters in the operator"), "{text}");
    assert_eq!(instr.metrics().warnings.len(), 1);
    assert!(instr.metrics_summary().contains("  ⚠ save_partition: "));
    let advice = instr.metrics().advice.join("\n");
    assert!(advice.contains("Closure 'save_partition' carries "), "{advice}");
    assert!(advice.contains("pass only parameters, and broadcast the rest"), "{advice}");
}

/// The guide's GOOD pair: only connection parameters.
#[tokio::test]
async fn good_closure_of_parameters_is_below_1000_bytes_and_not_flagged() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(2, folder.path());
    let instr = instr.with_codec(Arc::new(SaveCodec::default()));
    let operator = SavePartition::over(input().await, parameters());
    let size = instr.measure_closure_size(&operator, "save_partition").unwrap();
    assert_eq!(size.bytes, serde_json::to_vec(&parameters()).unwrap().len(), "exactly what the codec writes");
    assert!(size.bytes < 1000);
    assert_eq!(lines.text(), format!("  Closure 'save_partition': {} bytes\n", size.bytes));
    assert!(instr.metrics().warnings.is_empty());
}

/// The size shown is that of the encoded operator, as in the guide's `2.3 KiB`.
#[tokio::test]
async fn closure_line_has_the_shape_of_the_guide() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(2, folder.path());
    let instr = instr.with_codec(Arc::new(SaveCodec::default()));
    let operator = SavePartition::over(input().await, json!({"parameters": "x".repeat(2336)}));
    instr.measure_closure_size(&operator, "save_partition").unwrap();
    assert_eq!(lines.text(), "  Closure 'save_partition': 2.3 KiB\n");
}

#[tokio::test]
async fn operator_without_codec_is_a_warning_that_names_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(1, folder.path());
    let operator = SavePartition::over(input().await, parameters());
    assert!(instr.measure_closure_size(&operator, "save").is_none());
    let text = lines.text();
    assert!(text.starts_with("  ⚠ closure 'save' cannot be measured: "), "{text}");
    assert!(text.contains("SavePartition") && text.contains("with_codec"), "{text}");
}

/// A plan of one stage and one partition: the task is the plan, byte for byte.
#[tokio::test]
async fn task_of_a_single_stage_is_the_serialized_plan() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(2, folder.path());
    let instr = instr.with_distributed(true);
    let plan = numbers(&context(1), 10, 1).filter(col("n").gt(lit(3i64))).unwrap();
    let plan = plan.create_physical_plan().await.unwrap();
    let size = instr.measure_task_size(&plan, "filtered").unwrap();
    let whole = PhysicalPlanNode::try_from_physical_plan(plan, &DefaultPhysicalExtensionCodec {}).unwrap();
    assert_eq!(size.bytes, whole.encoded_len());
    assert_eq!((size.stage, size.stages), (1, 1));
    assert!(lines.text().starts_with("  Task 'filtered': "), "{}", lines.text());
}

/// Exchanges cut a plan into stages, and a task carries one partition's rows only.
#[tokio::test]
async fn task_is_one_partition_of_the_largest_stage() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(2, folder.path());
    let instr = instr.with_distributed(true);
    let frame = numbers(&context(4), 40_000, 4);
    let frame = frame
        .aggregate(
            vec![(col("n") % lit(7i64)).alias("k")],
            vec![datafusion::functions_aggregate::count::count(col("n"))],
        )
        .unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    let whole =
        PhysicalPlanNode::try_from_physical_plan(Arc::clone(&plan), &DefaultPhysicalExtensionCodec {})
            .unwrap();
    let size = instr.measure_task_size(&plan, "aggregated").unwrap();
    assert!(size.stages >= 2, "{size:?}");
    assert_eq!(size.stage, 1, "the stage that holds the rows");
    let whole = whole.encoded_len();
    assert!(size.bytes > whole / 5 && size.bytes < whole / 3, "a quarter of {whole}: {}", size.bytes);
}

#[tokio::test]
async fn large_task_is_flagged_with_the_operator_that_is_large() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(1, folder.path());
    let instr = instr.with_codec(Arc::new(SaveCodec::default()));
    let plan = SavePartition::over(input().await, json!({"url": "x", "client": "y".repeat(1_200_000)}));
    instr.measure_task_size(&plan, "save").unwrap();
    let text = lines.text();
    assert!(text.contains("⚠ Task 'save': stage 1 contains a task of very large size (1171."), "{text}");
    assert!(text.contains("are SavePartition, field 'client' of SavePartition alone has"), "{text}");
    assert!(text.contains("the maximum recommended task size is 1000.0 KiB"), "{text}");
    let advice = instr.metrics().advice.join("\n");
    assert!(advice.contains("Task 'save' is 1171."), "{advice}");
    assert!(advice.contains("when sent: checkpoint to Parquet, or pass references"), "{advice}");
}

struct Model {
    bytes: usize,
    travel: Travel,
    asked: AtomicUsize,
}

impl Broadcast for Model {
    fn serialized_len(&self) -> io::Result<usize> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.bytes)
    }

    fn travel(&self) -> Travel {
        self.travel
    }
}

#[tokio::test]
async fn broadcast_above_four_mebibytes_is_flagged_with_how_it_travels() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(1, folder.path());
    let model = |bytes, travel| Model { bytes, travel, asked: AtomicUsize::new(0) };
    instr.measure_broadcast_size(&model(4 << 20, Travel::Inline), "fits").unwrap();
    instr.measure_broadcast_size(&model(5 << 20, Travel::Reference), "named").unwrap();
    assert_eq!(lines.text(), "", "by reference is how a large value shall travel");
    instr.measure_broadcast_size(&model(4_823_450, Travel::Inline), "model").unwrap();
    assert_eq!(
        lines.text(),
        "  ⚠ Broadcast 'model': 4.6 MiB (limit 4.0 MiB): it travels inline, with every task: ship a reference, and let \
         each worker load it\n"
    );
    let metrics = instr.metrics().to_json();
    assert_eq!(metrics["broadcasts"]["model"], 4_823_450);
    assert_eq!(metrics["broadcast_travel"]["model"], "inline");
}

/// A table that counts how often it is planned.
#[derive(Debug)]
struct Watched {
    table: Arc<dyn datafusion::catalog::TableProvider>,
    scans: AtomicUsize,
}

impl Watched {
    fn over(frame: DataFrame) -> Arc<Self> {
        Arc::new(Self { table: frame.into_view(), scans: AtomicUsize::new(0) })
    }
}

#[async_trait::async_trait]
impl datafusion::catalog::TableProvider for Watched {
    fn schema(&self) -> datafusion::arrow::datatypes::SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> datafusion::datasource::TableType {
        datafusion::datasource::TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn datafusion::catalog::Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        self.scans.fetch_add(1, Ordering::Relaxed);
        self.table.scan(session, projection, filters, limit).await
    }
}

/// Verbosity 0: no plan is built, serialized or walked.
#[tokio::test]
async fn off_means_off() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(0, folder.path());
    let codec = Arc::new(SaveCodec::default());
    let instr = instr.with_codec(Arc::clone(&codec) as _);
    let touched = Arc::new(AtomicUsize::new(0));
    let input = input().await;
    let operator: Arc<dyn ExecutionPlan> =
        Arc::new(SavePartition { input, captured: parameters(), touched: Arc::clone(&touched) });
    assert!(instr.measure_closure_size(&operator, "save").is_none());
    assert!(instr.measure_task_size(&operator, "save").is_none());
    let model = Model { bytes: 5 << 20, travel: Travel::Inline, asked: AtomicUsize::new(0) };
    assert!(instr.measure_broadcast_size(&model, "model").is_none());
    let watched = Watched::over(numbers(&context(2), 10, 2));
    let frame = context(2).read_table(Arc::clone(&watched) as _).unwrap();
    let frame = super::support::steps(frame, 60);
    assert!(instr.analyze_dataframe(&frame, "frame", true).await.unwrap().is_none());
    let same = instr.checkpoint_if_needed(frame.clone(), "frame", 30).await.unwrap();
    assert_eq!(same.logical_plan(), frame.logical_plan());
    assert_eq!(watched.scans.load(Ordering::Relaxed), 0, "no plan is built");
    assert!(instr.analyze_execution(&operator, "save").is_none());
    let mut scope = instr.scope("stage");
    scope.set_rows(3);
    scope.complete();
    drop(instr.scope("another"));
    instr.report();
    assert_eq!(codec.calls.load(Ordering::Relaxed), 0, "nothing is serialized");
    assert_eq!(touched.load(Ordering::Relaxed), 0, "nothing is walked");
    assert_eq!(model.asked.load(Ordering::Relaxed), 0, "no broadcast is serialized");
    assert_eq!(lines.text(), "");
    assert_eq!(instr.metrics_summary(), "");
    assert_eq!(instr.metrics().to_json(), datafusion_measure::Metrics::default().to_json());

    // The same calls at verbosity 1 do all of it: the counters can count.
    let (instr, _) = instrumentation(1, folder.path());
    let instr = instr.with_codec(Arc::clone(&codec) as _);
    instr.measure_task_size(&operator, "save").unwrap();
    instr.measure_broadcast_size(&model, "model").unwrap();
    instr.checkpoint_if_needed(frame, "frame", 30).await.unwrap();
    assert_eq!(watched.scans.load(Ordering::Relaxed), 1);
    assert!(codec.calls.load(Ordering::Relaxed) > 0 && touched.load(Ordering::Relaxed) > 0);
    assert!(model.asked.load(Ordering::Relaxed) > 0);
}
