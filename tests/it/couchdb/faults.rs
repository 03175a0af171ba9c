//! Servers on bad days.

use super::proxy::{Mishap, Proxy};
use super::saving::{annotate, producer};
use super::selecting::{load_all, reference};
use super::server::{OwnServer, TestDatabase, context, is_couchdb, server, with_texts};
use futures::TryStreamExt;
use serde_json::{Value, json};
use skol_classifier::couchdb::{
    ConnectionParams, Connections, ErrorKind, FIRST_CONTACT, Intent, RetryPolicy, Secret, ServerInfo, Step,
    Unusable, preflight,
};
use skol_classifier::document::{DocumentRef, Outcome, Status};
use skol_classifier::sink::Saver;
use skol_classifier::sink::couchdb::{CouchSaveParams, CouchSaver};
use skol_classifier::source::couchdb::{CouchLoadParams, CouchLoader, CouchSelection, CouchSource};
use skol_classifier::source::{LoadResult, Source};
use skol_classifier::worker::WorkerContext;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::Instant;

pub fn seed(database: &TestDatabase, count: usize) -> Vec<DocumentRef> {
    let text = |n: usize| format!("Amanita {n} sp. nov. ").repeat(200);
    let documents: Vec<_> = (0..count)
        .map(|n| with_texts(&format!("d{n:04}"), &[("t.txt", &text(n))], json!({ "n": n })))
        .collect();
    database.put_all(&documents);
    (0..count).map(|n| reference(&format!("d{n:04}"), "t.txt")).collect()
}

/// Selects, loads and saves all of a database by way of `params`, `batch` documents at a time.
pub async fn run(params: &ConnectionParams, batch: usize, context: &WorkerContext) -> Vec<Outcome> {
    let source =
        CouchSource::new(params.clone(), params.clone(), CouchSelection::default(), context).unwrap();
    let selected = source.select().try_concat().await.unwrap();
    let load = CouchLoadParams::new(params.clone());
    let mut loader = CouchLoader::open(&load, context).unwrap();
    let mut saver =
        CouchSaver::open(&CouchSaveParams::new(params.clone(), params, producer()), context).unwrap();
    let mut outcomes = Vec::new();
    for chunk in selected.chunks(batch) {
        let references: Vec<_> = chunk.iter().map(|item| item.reference.clone()).collect();
        let loaded = load_all(&mut loader, &references).await;
        let annotations = loaded.into_iter().map(|document| annotate(document.unwrap().unwrap())).collect();
        outcomes.extend(saver.save(annotations).await.unwrap());
    }
    outcomes
}

/// Everything in the database but revisions and times.
pub fn contents(database: &TestDatabase) -> Vec<Value> {
    let mut documents = database.everything();
    for document in &mut documents {
        document.as_object_mut().unwrap().remove("_rev");
        for attachment in document["_attachments"].as_object_mut().into_iter().flat_map(|a| a.values_mut()) {
            attachment.as_object_mut().unwrap().remove("revpos");
        }
        let annotations = document.pointer_mut("/skol_classifier/annotations").and_then(Value::as_object_mut);
        for provenance in annotations.into_iter().flat_map(|a| a.values_mut()) {
            provenance.as_object_mut().unwrap().remove("time");
            provenance.as_object_mut().unwrap().remove("revpos");
        }
    }
    documents
}

#[tokio::test]
async fn a_bad_network_changes_nothing_but_the_counts() {
    let (calm, stormy) = (server().database("calm"), server().database("stormy"));
    seed(&calm, 300);
    seed(&stormy, 300);
    let outcomes = run(&calm.params(), 5, &context()).await;
    assert!(outcomes.iter().all(|outcome| outcome.status == Status::Saved && outcome.attempts == 1));

    let proxy = Proxy::start(server().address(), 11, Proxy::one_in_ten).await;
    let counts = context();
    let outcomes = run(&stormy.params_at(&proxy.url), 5, &counts).await;
    assert!(outcomes.iter().all(|outcome| outcome.status == Status::Saved), "{outcomes:?}");
    assert_eq!(contents(&calm), contents(&stormy));
    let counts = counts.requests.counts();
    assert!(proxy.failures() >= 5, "{:?}", proxy.seen());
    assert_eq!(counts.retries, u64::from(proxy.failures()), "each failure is one retry: {:?}", proxy.seen());
    assert!(outcomes.iter().any(|outcome| outcome.attempts > 1));
    let again = run(&stormy.params(), 50, &context()).await;
    assert!(again.iter().all(|outcome| outcome.status == Status::Unchanged));
}

#[tokio::test]
async fn every_kind_of_failure_is_survived_alone() {
    for mishap in [
        Mishap::HangUp,
        Mishap::Unavailable,
        Mishap::TooMany,
        Mishap::ErrorAfterwards,
        Mishap::LoseAnswer,
        Mishap::CutAnswer,
        Mishap::BadJson,
    ] {
        let database = server().database("each");
        seed(&database, 12);
        let number = AtomicU32::new(0);
        // Every second request; the session is asked for in between as well.
        let every_second =
            move |_: f64, _: &str| (number.fetch_add(1, Ordering::Relaxed) % 2 == 1).then_some(mishap);
        let proxy = Proxy::start(server().address(), 1, every_second).await;
        let outcomes = run(&database.params_at(&proxy.url), 6, &context()).await;
        assert!(outcomes.iter().all(|outcome| outcome.status == Status::Saved), "{mishap:?}: {outcomes:?}");
        assert!(proxy.failures() > 0);
        let revisions =
            database.everything().iter().all(|doc| doc["_rev"].as_str().unwrap().starts_with("2-"));
        assert!(revisions, "{mishap:?}: a document was written twice");
    }
}

#[tokio::test]
async fn a_server_that_restarts_is_waited_for() {
    if !OwnServer::is_installed() && is_couchdb() {
        eprintln!("NOT TESTED: the server at SKOL_TEST_COUCHDB_URL cannot be restarted from here");
        return;
    }
    let own = OwnServer::start();
    let database = own.server().database("restart");
    let references = seed(&database, 200);
    let params = database.params();
    let counts = context();
    let load = CouchLoadParams::new(params.clone());
    let mut loader = CouchLoader::open(&load, &counts).unwrap();
    let save = CouchSaveParams::new(params.clone(), &params, producer());
    let mut saver = CouchSaver::open(&save, &counts).unwrap();
    let annotations = |loaded: Vec<LoadResult>| -> Vec<_> {
        loaded.into_iter().map(|document| annotate(document.unwrap().unwrap())).collect()
    };
    // Down while the first half is written, and again while the second half is read.
    let first = annotations(load_all(&mut loader, &references[..100]).await);
    let restart = restart_after_a_while(own);
    let outcomes = saver.save(first).await.unwrap();
    assert!(
        outcomes.iter().all(|outcome| outcome.status == Status::Saved && outcome.attempts > 1),
        "{outcomes:?}"
    );
    let restart = restart_after_a_while(restart.await.unwrap());
    let second = annotations(load_all(&mut loader, &references[100..]).await);
    let own = restart.await.unwrap();
    let outcomes = saver.save(second).await.unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.status == Status::Saved), "{outcomes:?}");
    assert!(counts.requests.counts().retries >= 2);
    let everything = database.everything();
    assert!(everything.iter().all(|document| document["_attachments"].get("t.txt.ann").is_some()));
    drop(database);
    drop(own);
}

/// Kills the server now, and starts it again on the same data after a second.
fn restart_after_a_while(mut own: OwnServer) -> tokio::task::JoinHandle<OwnServer> {
    own.kill();
    tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_secs(1));
        own.start_again();
        own
    })
}

#[tokio::test]
async fn a_poison_document_fails_alone_also_when_the_server_breaks_over_it() {
    let database = server().database("poison");
    seed(&database, 40);
    // A server that breaks over d0013: the proxy answers 500 to every body that speaks of it.
    let proxy = Proxy::start_with_bodies(server().address(), |body| {
        (body.windows(5).any(|window| window == b"d0013")).then_some(Mishap::ErrorBefore)
    })
    .await;
    let mut params = database.params_at(&proxy.url);
    params.retry = RetryPolicy { base_ms: 1, cap_ms: 5, budget_ms: 1_000 };
    let references: Vec<_> = (0..40).map(|n| reference(&format!("d{n:04}"), "t.txt")).collect();
    let load = CouchLoadParams::new(params.clone());
    let loaded = load_all(&mut CouchLoader::open(&load, &context()).unwrap(), &references).await;
    for (place, loaded) in loaded.iter().enumerate() {
        assert_eq!(loaded.is_err(), place == 13, "{loaded:?}");
    }
    let annotations: Vec<_> = super::saving::load(&database, &references).await;
    let save = CouchSaveParams::new(params.clone(), &params, producer());
    let outcomes = CouchSaver::open(&save, &context()).unwrap().save(annotations).await.unwrap();
    for (place, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.status == Status::Failed, place == 13, "{outcome:?}");
    }
}

pub async fn check(params: &ConnectionParams, intent: Intent) -> Result<ServerInfo, Unusable> {
    preflight(params, intent, &Connections::of(&context()), Instant::now() + FIRST_CONTACT).await
}

#[tokio::test]
async fn a_server_or_database_that_cannot_be_used_is_told_by_its_kind() {
    let database = server().database("door");
    for intent in [Intent::Read, Intent::Write] {
        let info = check(&database.params(), intent).await.unwrap();
        assert!(!info.created && !info.server.is_empty() && !info.partitioned);
    }

    let secret = format!("f4lsch-{:016x}", rand::random::<u64>());
    let wrong = database.params().with_credentials(
        Some(format!("skol_test_{:x}", rand::random::<u64>())),
        Some(Secret::new(secret.clone())),
    );
    let error = check(&wrong, Intent::Read).await.unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::Unauthorized);
    let shown = format!("{error} {error:?} {wrong:?}");
    assert!(
        shown.contains("401") && !shown.contains(&secret) && !shown.contains(&server().secret),
        "{shown}"
    );

    let absent = server().absent("made");
    let error = check(&absent.params(), Intent::Read).await.unwrap_err();
    assert_eq!((error.source.kind(), error.step), (ErrorKind::NotFound, Step::Open));
    let info = check(&absent.params(), Intent::Pretend).await.unwrap();
    assert_eq!((info.created, info.documents), (false, 0));
    assert!(check(&absent.params(), Intent::Create).await.unwrap().created);
    assert!(!check(&absent.params(), Intent::Create).await.unwrap().created);

    let mut nowhere = ConnectionParams::new("http://127.0.0.1:9", "db").unwrap();
    nowhere.retry = RetryPolicy { base_ms: 1, cap_ms: 1, budget_ms: 100 };
    let error = check(&nowhere, Intent::Read).await.unwrap_err();
    assert_eq!((error.source.kind(), error.step), (ErrorKind::Gone, Step::FirstContact));
}

#[tokio::test]
async fn a_session_that_runs_out_is_renewed() {
    let database = server().database("forgetful");
    let references = seed(&database, 30);
    // The tenth answer and every fifth after it: the server has forgotten the session.
    let number = AtomicU32::new(0);
    let forgetful = move |_: f64, head: &str| {
        let count = number.fetch_add(1, Ordering::Relaxed);
        (count % 5 == 4 && !head.contains("_session")).then_some(Mishap::Unauthorized)
    };
    let proxy = Proxy::start(server().address(), 1, forgetful).await;
    let load = CouchLoadParams::new(database.params_at(&proxy.url));
    let mut loader = CouchLoader::open(&load, &context()).unwrap();
    for chunk in references.chunks(2) {
        assert!(load_all(&mut loader, chunk).await.iter().all(|loaded| loaded.as_ref().unwrap().is_some()));
    }
    assert!(proxy.failures() >= 2, "{:?}", proxy.seen());
}

#[tokio::test]
async fn https_needs_a_certificate_that_the_system_or_the_given_file_vouches_for() {
    let database = server().database("tls");
    seed(&database, 20);
    let proxy = Proxy::start_tls(server().address()).await;
    let mut params = database.params_at(&proxy.url);
    params.retry = RetryPolicy { base_ms: 1, cap_ms: 1, budget_ms: 1_000 };
    let error = check(&params, Intent::Read).await.unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::Certificate, "{error}");

    params.ca_file = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into());
    let error = check(&params, Intent::Read).await.unwrap_err();
    assert!(
        error.source.kind() == ErrorKind::Tls && error.to_string().contains("holds no certificate"),
        "{error}"
    );
    params.ca_file = Some("nowhere.pem".into());
    let error = check(&params, Intent::Read).await.unwrap_err();
    assert!(error.source.kind() == ErrorKind::Tls && error.to_string().contains("nowhere.pem"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, include_bytes!("tls/ca.pem")).unwrap();
    params.ca_file = Some(authority);
    let outcomes = run(&params, 10, &context()).await;
    assert_eq!(outcomes.len(), 20);
    assert!(outcomes.iter().all(|outcome| outcome.status == Status::Saved), "{outcomes:?}");
}
