//! The stages as DataFusion plans: what travels, how it is partitioned, and that a plan sent is the plan made.

use std::sync::Arc;

use crate::Connectors;
use crate::couchdb::{ConnectionParams, Producer, Secret};
use crate::document::yedda;
use crate::instrumentation::{Instrumentation, Verbosity};
use crate::model::Model;
use crate::pipeline::load::LoadPartition;
use crate::pipeline::map_partitions::map_partitions;
use crate::pipeline::predict::PredictPartition;
use crate::pipeline::rows::{AnnotationRows, Labels, annotations_schema, selection_schema};
use crate::pipeline::save::SavePartition;
use crate::pipeline::segment::SegmentPartition;
use crate::pipeline::{
    MapPartitionsExec, ModelReference, ModelStore, PartitionFunction, SessionOptions, codec, session, stages,
};
use crate::sink::OutputFormat;
use crate::sink::couchdb::CouchSaveParams;
use crate::source::FilesLoadParams;
use crate::source::couchdb::CouchLoadParams;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, collect, displayable};
use datafusion::prelude::*;
use datafusion_proto::bytes::{
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};

const SECRET: &str = "correct-horse-battery-staple";

fn model() -> Arc<Model> {
    Arc::new(Model::load("logistic_words_suffixes").unwrap())
}

fn context(partitions: usize, model: &Arc<Model>) -> SessionContext {
    let models = Arc::new(ModelStore::new());
    models.insert(Arc::clone(model));
    let options = SessionOptions { partitions, memory_limit: None, optimizer_rules: Vec::new() };
    session(&options, models, Default::default()).unwrap()
}

/// The samples' ids as a table that can be sent, and the stages up to annotations on it.
fn annotations(context: &SessionContext, model: &Arc<Model>) -> DataFrame {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/documents/fungi");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let names: Vec<String> =
        paths.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    let ids: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let nothing = || -> datafusion::arrow::array::ArrayRef {
        Arc::new(datafusion::arrow::array::StringViewArray::new_null(names.len()))
    };
    let strings = |values: &[String]| -> datafusion::arrow::array::ArrayRef {
        Arc::new(datafusion::arrow::array::StringViewArray::from_iter_values(values))
    };
    let batch =
        RecordBatch::try_new(selection_schema(), vec![strings(&ids), strings(&names), nothing(), nothing()])
            .unwrap();
    let selection = context.read_batch(batch).unwrap();
    let load = LoadPartition::new(Arc::new(FilesLoadParams::default()), 2);
    let documents = map_partitions(context, selection, Arc::new(load)).unwrap();
    let paragraphs = stages::paragraphs(context, documents).unwrap();
    let reference = ModelReference::new(model.name(), model, false);
    let predictions = stages::predictions(context, paragraphs, reference).unwrap();
    stages::annotations(context, predictions, OutputFormat::Yedda, false).unwrap()
}

/// Annotations by name, as YEDDA text.
fn by_name(batches: &[RecordBatch]) -> Vec<(String, String)> {
    let mut found: Vec<_> = batches
        .iter()
        .flat_map(|batch| {
            let rows = AnnotationRows::with_labels(batch, &Labels::of(batch.schema_ref()).unwrap()).unwrap();
            (0..rows.len()).map(move |row| {
                let content = rows.annotation(row).unwrap().content.to_vec();
                (rows.reference(row).attachment_name, String::from_utf8(content).unwrap())
            })
        })
        .collect();
    found.sort();
    found
}

fn couch() -> ConnectionParams {
    ConnectionParams::new("https://couch.example.org:6984/", "journals_of_mycology")
        .unwrap()
        .with_credentials(Some("nightly_operator".into()), Some(Secret::new(SECRET)))
}

#[test]
fn closures_of_couchdb_stay_under_a_thousand_bytes_and_show_no_secret() {
    let producer =
        Producer { model: "context".into(), model_sha256: "0".repeat(64), version: "0.1.0".into() };
    let output = couch().for_database("journals_annotated");
    let load = CouchLoadParams::new(couch());
    let save = CouchSaveParams::new(output, &couch(), producer);
    let labels = Labels::new(["Nomenclature", "Description", "Misc-exposition"].map(String::from));
    let functions: [(Arc<dyn PartitionFunction>, SchemaRef); 2] = [
        (Arc::new(LoadPartition::new(Arc::new(load), 24)), selection_schema()),
        (Arc::new(SavePartition::new(Arc::new(save))), annotations_schema(&labels)),
    ];
    let instrumentation =
        Instrumentation::new(Verbosity::Warnings).with_codec(Arc::new(codec(&Connectors::default())));
    for (function, schema) in functions {
        let name = function.name();
        let input = Arc::new(datafusion::physical_plan::empty::EmptyExec::new(schema));
        let exec: Arc<dyn ExecutionPlan> = Arc::new(MapPartitionsExec::try_new(input, function).unwrap());
        let size = instrumentation.measure_closure_size(&exec, name).unwrap();
        assert!(size.bytes < 1000, "{name}: {} bytes", size.bytes);
        let shown = format!("{} {exec:?}", displayable(exec.as_ref()).indent(true));
        assert!(!shown.contains(SECRET), "{shown}");
        assert!(shown.contains("couch.example.org"), "{shown}");
    }
}

#[tokio::test]
async fn a_plan_that_was_sent_gives_what_the_plan_made_gives() {
    let model = model();
    let context = context(2, &model);
    let plan = annotations(&context, &model).create_physical_plan().await.unwrap();
    let made = by_name(&collect(Arc::clone(&plan), context.task_ctx()).await.unwrap());
    let bytes = physical_plan_to_bytes_with_extension_codec(plan, &codec(&Connectors::default())).unwrap();
    let sent = physical_plan_from_bytes_with_extension_codec(
        &bytes,
        &context.task_ctx(),
        &codec(&Connectors::default()),
    )
    .unwrap();
    let received = by_name(&collect(sent, context.task_ctx()).await.unwrap());
    assert_eq!(made.len(), 6);
    assert_eq!(made, received);
    for (name, annotation) in made {
        let path = format!("{}/examples/documents/fungi/{name}", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(yedda::strip(&annotation), std::fs::read_to_string(path).unwrap());
    }
}

#[tokio::test]
async fn ids_are_spread_once_and_documents_stay_whole() {
    let model = model();
    let context = context(7, &model);
    let plan = annotations(&context, &model).create_physical_plan().await.unwrap();
    assert_eq!(plan.output_partitioning().partition_count(), 7);
    let shown = displayable(plan.as_ref()).indent(false).to_string();
    assert_eq!(shown.matches("OnDemandRepartitionExec").count(), 1, "{shown}");
    let exchange = shown.lines().position(|line| line.contains("OnDemandRepartitionExec")).unwrap();
    let load = shown.lines().position(|line| line.contains("load_partition")).unwrap();
    assert_eq!(shown.matches("RepartitionExec").count(), 1, "{shown}");
    assert_eq!(exchange, load + 1, "the exchange stands right below load_partition:\n{shown}");
}

/// A partition begins with a small batch, so that nobody waits long for the first results.
#[tokio::test]
async fn batches_of_documents_grow_to_the_size_asked_for() {
    let model = model();
    let context = context(1, &model);
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..20).map(|number| format!("{number:02}.txt")).collect();
    let ids = names.iter().map(|name| {
        let path = folder.path().join(name);
        std::fs::write(&path, "Pileus convex.\n").unwrap();
        Some(path.display().to_string())
    });
    let column = |values: Vec<Option<String>>| -> datafusion::arrow::array::ArrayRef {
        Arc::new(datafusion::arrow::array::StringViewArray::from_iter(values))
    };
    let columns = vec![
        column(ids.collect()),
        column(names.iter().cloned().map(Some).collect()),
        column(vec![None; 20]),
        column(vec![None; 20]),
    ];
    let selection = RecordBatch::try_new(selection_schema(), columns).unwrap();
    let load = LoadPartition::new(Arc::new(FilesLoadParams::default()), 8);
    let documents = map_partitions(&context, context.read_batch(selection).unwrap(), Arc::new(load)).unwrap();
    let sizes: Vec<_> = documents.collect().await.unwrap().iter().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [1, 2, 4, 8, 5]);
}

/// Batches cut anywhere, as a checkpoint may cut them, change nothing.
#[tokio::test]
async fn rows_of_a_document_may_come_in_any_batches() {
    let model = model();
    let context = context(1, &model);
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/documents/fungi/velkoria_gen_nov.txt"
    ))
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.txt", "b.txt"] {
        std::fs::write(folder.path().join(name), &text).unwrap();
    }
    let ids: Vec<_> = ["a.txt", "b.txt"].map(|name| folder.path().join(name).display().to_string()).to_vec();
    let column = |values: Vec<Option<String>>| -> datafusion::arrow::array::ArrayRef {
        Arc::new(datafusion::arrow::array::StringViewArray::from_iter(values))
    };
    let batch = RecordBatch::try_new(
        selection_schema(),
        vec![
            column(ids.iter().cloned().map(Some).collect()),
            column(vec![Some("a.txt".into()), Some("b.txt".into())]),
            column(vec![None, None]),
            column(vec![None, None]),
        ],
    )
    .unwrap();
    let load = LoadPartition::new(Arc::new(FilesLoadParams::default()), 24);
    let documents = map_partitions(&context, context.read_batch(batch).unwrap(), Arc::new(load)).unwrap();
    let paragraphs =
        map_partitions(&context, documents, Arc::new(SegmentPartition)).unwrap().collect().await.unwrap();
    let rows: usize = paragraphs.iter().map(RecordBatch::num_rows).sum();
    assert!(rows > 20, "{rows}");
    let predict = |batches: Vec<RecordBatch>| {
        let table = datafusion::datasource::MemTable::try_new(batches[0].schema(), vec![batches]).unwrap();
        let frame = context.read_table(Arc::new(table)).unwrap();
        let reference = ModelReference::new(model.name(), &model, false);
        let predictions =
            map_partitions(&context, frame, Arc::new(PredictPartition::new(reference))).unwrap();
        stages::annotations(&context, predictions, OutputFormat::Yedda, false).unwrap()
    };
    let whole = by_name(&predict(paragraphs.clone()).collect().await.unwrap());
    assert_eq!(whole.len(), 2);
    for size in [1, 3, 7] {
        let cut: Vec<_> = paragraphs
            .iter()
            .flat_map(|batch| {
                (0..batch.num_rows())
                    .step_by(size)
                    .map(|start| batch.slice(start, size.min(batch.num_rows() - start)))
            })
            .collect();
        assert_eq!(by_name(&predict(cut).collect().await.unwrap()), whole, "batches of {size} rows");
    }
}

/// The same plan, fed with ids from memory instead of on demand: nothing above differs, and the answer is the same.
#[tokio::test]
async fn ids_may_come_from_memory_and_nothing_above_differs() {
    let model = model();
    let context = context(2, &model);
    let plan = annotations(&context, &model).create_physical_plan().await.unwrap();
    let shown = |plan: &dyn ExecutionPlan| displayable(plan).indent(false).to_string();
    let above = |shown: &str| {
        let lines: Vec<_> = shown.lines().map(str::to_owned).collect();
        let load = lines.iter().position(|line| line.contains("load_partition")).unwrap();
        lines[..=load].to_vec()
    };
    let mut exchange = Arc::clone(&plan);
    while exchange.name() != "OnDemandRepartitionExec" {
        exchange = Arc::clone(exchange.children()[0]);
    }
    let ids = collect(Arc::clone(exchange.children()[0]), context.task_ctx()).await.unwrap();
    let rows: usize = ids.iter().map(RecordBatch::num_rows).sum();
    let all = datafusion::arrow::compute::concat_batches(&selection_schema(), &ids).unwrap();
    let windows = vec![vec![all.slice(0, 1)], vec![], vec![all.slice(1, rows - 1)]];
    let fed = stages::with_selection(Arc::clone(&plan), &windows).unwrap();
    assert_eq!(fed.output_partitioning().partition_count(), 3);
    assert_eq!(above(&shown(fed.as_ref())), above(&shown(plan.as_ref())));
    assert!(!shown(fed.as_ref()).contains("OnDemandRepartitionExec"));
    let bytes = physical_plan_to_bytes_with_extension_codec(fed, &codec(&Connectors::default())).unwrap();
    let codec = codec(&Connectors::default());
    let sent = physical_plan_from_bytes_with_extension_codec(&bytes, &context.task_ctx(), &codec).unwrap();
    let expected = by_name(&collect(plan, context.task_ctx()).await.unwrap());
    assert_eq!(by_name(&collect(sent, context.task_ctx()).await.unwrap()), expected);
}
