//! The whole way over the wire, in one process.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::physical_plan::displayable;

use super::codec::ClusterCodec;
use super::engine::gather;
use super::jobs::{Ending, Jobs};
use super::*;
use crate::classifier::Classifier;
use crate::document::Status;
use crate::error::{ErrorKind, Result};
use crate::model::catalog;
use crate::pipeline::rows::selection_schema;
use crate::pipeline::{Engine, ModelReference};
use crate::sink::{FileSink, OutputFormat};
use crate::source::{SampleSource, Source};
use crate::worker::WorkerContext;
use crate::{Connectors, Error};

async fn cluster() -> Standalone {
    Standalone::start(2, None, WorkerContext::default(), &Connectors::default()).await.unwrap()
}

async fn ballista(cluster: &Standalone, options: ClusterOptions) -> Ballista {
    Ballista::connect(&cluster.scheduler(), options).await.unwrap()
}

/// Labels the samples into `folder`, by `engine` where one is given; outcomes by status.
async fn label(folder: &Path, engine: Option<Arc<dyn Engine>>) -> Result<BTreeMap<&'static str, usize>> {
    let sink = FileSink { folder: folder.into(), format: OutputFormat::Jsonl, dry_run: false, force: false };
    let mut builder = Classifier::builder()
        .source(Arc::new(SampleSource::default()) as Arc<dyn Source>)
        .sink(Arc::new(sink))
        .partitions(2);
    if let Some(engine) = engine {
        builder = builder.engine(engine);
    }
    let mut classifier = builder.build()?;
    classifier.load_model("logistic_words_suffixes")?;
    let predictions = classifier.predict(classifier.load_raw().await?).await?;
    let mut counts = BTreeMap::new();
    let saved = classifier.save_annotated(predictions, |outcomes| {
        for row in 0..outcomes.len() {
            *counts.entry(outcomes.status(row).as_str()).or_insert(0) += 1;
        }
        Ok(())
    });
    saved.await?;
    Ok(counts)
}

/// Every file below `folder` that is no record of the program's own.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry.path().strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_writes_what_one_process_writes() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let in_process = label(here.path(), None).await.unwrap();
    let cluster = cluster().await;
    let window = WindowSize { partitions: 3, ids: 2 };
    let engine = Arc::new(ballista(&cluster, ClusterOptions { window, ..ClusterOptions::default() }).await);
    assert_eq!(label(there.path(), Some(Arc::clone(&engine) as _)).await.unwrap(), in_process);
    let (expected, found) = (files(here.path()), files(there.path()));
    assert!(expected.len() > 5);
    assert_eq!(found, expected);
    let counts = engine.counts();
    assert_eq!(counts.windows, expected.len().div_ceil(6) as u64);
    assert_eq!((counts.retries, counts.repeated), (0, 0));
    // Again is free.
    let again = label(there.path(), Some(engine)).await.unwrap();
    assert_eq!(again, BTreeMap::from([(Status::Unchanged.as_str(), expected.len())]));
}

/// The in-process plan and that of a window, as text, from the first operator above the ids on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_differs_above_the_source_of_ids() {
    use super::windows::Window;
    use crate::pipeline::stages;
    use datafusion::arrow::record_batch::RecordBatch;

    let cluster = cluster().await;
    let engine = ballista(&cluster, ClusterOptions::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let classifier = Classifier::builder()
        .source(Arc::new(SampleSource::default()) as Arc<dyn Source>)
        .sink(Arc::new(FileSink {
            folder: folder.path().into(),
            format: OutputFormat::Yedda,
            dry_run: false,
            force: false,
        }))
        .partitions(3)
        .build()
        .unwrap();
    let documents = classifier.load_raw().await.unwrap();
    let paragraphs = stages::paragraphs(classifier.context(), documents).unwrap();
    let plan = paragraphs.create_physical_plan().await.unwrap();
    let window = Window { partitions: vec![vec![RecordBatch::new_empty(selection_schema())]; 3], rows: 0 };
    let sent = engine.plan(&plan, &window).unwrap();
    let lines = |plan: &Arc<dyn datafusion::physical_plan::ExecutionPlan>| {
        let text = displayable(plan.as_ref()).indent(true).to_string();
        text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let (own, sent) = (lines(&plan), lines(&sent));
    let above = |lines: &[String], ids: &str| {
        let end = lines.iter().position(|line| line.contains(ids)).unwrap();
        lines[..end].to_vec()
    };
    assert_eq!(sent[0], "CoalescePartitionsExec");
    assert_eq!(above(&sent[1..], "guard_partition"), above(&own, "OnDemandRepartitionExec"));
    assert_eq!(above(&own, "OnDemandRepartitionExec").len(), 2, "{own:?}");
}

/// Where the rows of a job stay until the client fetches them: with one small last stage at one executor that is alive,
/// without it at all executors of the run, and Ballista 55.0.0 makes up for no loss there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_of_a_window_are_gathered_in_one_place() {
    use datafusion_proto::physical_plan::AsExecutionPlan;
    use datafusion_proto::protobuf::PhysicalPlanNode;
    use prost::Message;

    let cluster = cluster().await;
    let engine = ballista(&cluster, ClusterOptions::default()).await;
    let jobs = Jobs::connect(&cluster.scheduler(), "session".to_owned()).await.unwrap();
    let ids = engine.look_plan().unwrap();
    let codec = ClusterCodec::new(&Connectors::default());
    let places = async |plan| {
        let encoded = PhysicalPlanNode::try_from_physical_plan(plan, &codec).unwrap().encode_to_vec();
        let job = jobs.submit(encoded).await.unwrap();
        jobs.wait(&job).await.unwrap().0.len()
    };
    assert!(places(Arc::clone(&ids)).await > 1);
    assert_eq!(places(gather(ids)).await, 1);
    // What is submitted is gathered: nothing else makes one partition of the ids.
    let window = super::windows::Window { partitions: vec![], rows: 0 };
    let plan = datafusion::physical_plan::empty::EmptyExec::new(selection_schema());
    let submitted = engine.plan(&(Arc::new(plan) as _), &window).unwrap();
    assert_eq!(submitted.name(), "CoalescePartitionsExec");
}

async fn refused(requirements: Requirements) -> Error {
    let cluster = cluster().await;
    let engine = ballista(&cluster, ClusterOptions { requirements, ..ClusterOptions::default() }).await;
    engine.check().await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_that_sees_another_folder_is_found_out_before_work() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join(".skol_classifier/run-1");
    let mut requirements =
        Requirements { run: "1".into(), marks: vec![mark.clone()], ..Requirements::default() };
    let error = refused(requirements.clone()).await;
    assert_eq!(error.kind(), ErrorKind::Unusable);
    let text = error.to_string();
    assert!(text.contains(folder.path().to_str().unwrap()) && text.contains("same path"), "{text}");
    assert!(!text.contains("run-1"), "{text}");
    fs::create_dir(mark.parent().unwrap()).unwrap();
    fs::write(&mark, []).unwrap();
    let cluster = cluster().await;
    requirements.paths.push(folder.path().to_owned());
    let engine = ballista(&cluster, ClusterOptions { requirements, ..ClusterOptions::default() }).await;
    engine.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_an_executor_lacks_is_found_out_before_work() {
    let model = crate::model::Model::load("logistic_words_suffixes").unwrap();
    let own = ModelReference::new("/only/at/the/client.skol", &model, false);
    let error = refused(Requirements { run: "1".into(), model: Some(own), ..Requirements::default() }).await;
    let text = error.to_string();
    assert!(text.contains("/only/at/the/client.skol") && text.contains("--model-folders"), "{text}");
    let mut other = ModelReference::new("logistic_words_suffixes", &model, false);
    other.sha256 = "0".repeat(64);
    let text = refused(Requirements { run: "2".into(), model: Some(other), ..Requirements::default() })
        .await
        .to_string();
    assert!(text.contains("SHA-256") && text.contains("logistic_words_suffixes"), "{text}");
    assert!(catalog::names().contains(&"logistic_words_suffixes"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_version_is_an_error_before_any_work() {
    use datafusion_proto::physical_plan::AsExecutionPlan;
    use datafusion_proto::protobuf::PhysicalPlanNode;
    use prost::Message;

    let cluster = cluster().await;
    let engine = ballista(&cluster, ClusterOptions::default()).await;
    let codec = ClusterCodec::of_version("0.0.9-older");
    let plan = PhysicalPlanNode::try_from_physical_plan(engine.look_plan().unwrap(), &codec).unwrap();
    let jobs = Jobs::connect(&cluster.scheduler(), "session".to_owned()).await.unwrap();
    let Err(Ending::Final(error)) = jobs.run(plan.encode_to_vec(), Duration::from_secs(60)).await else {
        panic!("it was taken")
    };
    let text = error.to_string();
    assert!(
        text.contains("0.0.9-older") && text.contains(VERSION) && text.contains("same version"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_seen_before_it_is_sent() {
    let cluster = cluster().await;
    let engine = ballista(&cluster, ClusterOptions::default()).await;
    let requirements = Requirements { run: "x".repeat(9 << 20), ..Requirements::default() };
    engine.require(requirements);
    let error = engine.check().await.unwrap_err();
    assert!(matches!(error, Error::Cluster(ClusterError::TooLarge { .. })), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_executors_a_run_ends_after_the_time_that_is_told() {
    let options = SchedulerOptions {
        address: ([127, 0, 0, 1], 0).into(),
        scheduling: Scheduling::Push,
        connectors: Connectors::default(),
    };
    let scheduler = Scheduler::bind(options).await.unwrap();
    let address = format!("http://{}", scheduler.address());
    let serving = tokio::spawn(scheduler.serve());
    let wait = Duration::from_millis(1200);
    let engine =
        Ballista::connect(&address, ClusterOptions { wait, ..ClusterOptions::default() }).await.unwrap();
    let begin = Instant::now();
    let error = engine.check().await.unwrap_err();
    assert!(begin.elapsed() >= wait && begin.elapsed() < 3 * wait);
    assert!(error.to_string().contains("classifier_executor"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Unusable);
    serving.abort();
}

#[tokio::test]
async fn a_scheduler_that_is_not_there_is_an_answer_within_two_seconds() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let begin = Instant::now();
    let error = Ballista::connect(&format!("http://{free}"), ClusterOptions::default()).await.unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert!(error.to_string().contains(&free.to_string()), "{error}");
}

#[test]
fn addresses_of_schedulers() {
    for (given, address) in [
        ("http://host:20050", "http://host:20050"),
        ("df://host:50050/", "http://host:50050"),
        (" grpc://10.0.0.1 ", "http://10.0.0.1:20050"),
        ("http://[::1]:7", "http://[::1]:7"),
    ] {
        assert_eq!(scheduler_address(given).unwrap(), address, "{given}");
    }
    for wrong in [
        "",
        "host",
        "host:20050",
        "https://host",
        "http://",
        "http://u:p@host",
        "http://host/path",
        "http://h?q",
    ] {
        assert_eq!(scheduler_address(wrong).unwrap_err().kind(), ErrorKind::Usage, "{wrong}");
    }
}

/// Linux gives outgoing connections ports from 32768 on, the IANA's range begins at 49152.
#[test]
fn no_outgoing_connection_takes_the_ports() {
    for port in [SCHEDULER_PORT, EXECUTOR_PORT, EXECUTOR_TASK_PORT] {
        assert!((1024..32768).contains(&port), "{port}");
    }
}

/// A model whose file only the client has, but which lies in a folder of the executor's under the same name.
#[test]
fn a_model_is_found_by_the_name_of_its_file() {
    use crate::pipeline::ModelStore;

    let model = crate::model::Model::load("logistic_words_suffixes").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/models/logistic_words_suffixes.skol");
    fs::copy(shipped, folder.path().join("own.skol")).unwrap();
    let reference = ModelReference::new("/only/at/the/client/own.skol", &model, false);
    assert!(ModelStore::new().get(&reference).is_err());
    let store = ModelStore::with_folders(vec![folder.path().to_owned()]);
    assert_eq!(store.get(&reference).unwrap().sha256(), model.sha256());
    let other = ModelReference { sha256: "0".repeat(64), ..reference };
    assert!(store.get(&other).unwrap_err().to_string().contains("SHA-256"));
}

/// With an executor killed, Ballista 55.0.0 was seen to let a job run for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_does_not_end_is_cancelled_and_lost() {
    use datafusion_proto::physical_plan::AsExecutionPlan;
    use datafusion_proto::protobuf::PhysicalPlanNode;
    use prost::Message;

    let options = SchedulerOptions {
        address: ([127, 0, 0, 1], 0).into(),
        scheduling: Scheduling::Push,
        connectors: Connectors::default(),
    };
    let scheduler = Scheduler::bind(options).await.unwrap();
    let address = format!("http://{}", scheduler.address());
    let serving = tokio::spawn(scheduler.serve());
    let engine = Ballista::connect(&address, ClusterOptions::default()).await.unwrap();
    let codec = ClusterCodec::new(&Connectors::default());
    let plan = PhysicalPlanNode::try_from_physical_plan(engine.look_plan().unwrap(), &codec).unwrap();
    let jobs = Jobs::connect(&address, "session".to_owned()).await.unwrap();
    let begin = Instant::now();
    let ended = jobs.run(plan.encode_to_vec(), Duration::from_secs(1)).await;
    assert!(matches!(&ended, Err(Ending::Lost(reason)) if reason.contains("had not ended")));
    assert!(begin.elapsed() < Duration::from_secs(10));
    serving.abort();
}
