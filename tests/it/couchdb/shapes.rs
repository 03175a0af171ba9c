//! The shapes in which CouchDB's users have it: played by strict mode, or by a server of a few lines where none would
//! do such things on purpose.

use super::faults::{check, run, seed};
use super::proxy::Proxy;
use super::saving::{annotate, load, producer};
use super::selecting::{load_all, reference};
use super::server::{context, server, with_texts};
use super::strict::{Strict, Traits};
use futures::TryStreamExt;
use serde_json::{Value, json};
use skol_classifier::couchdb::{
    ConnectionParams, Connections, ErrorKind, Intent, RetryPolicy, Secret, Step, Timeouts, preflight,
};
use skol_classifier::document::Status;
use skol_classifier::sink::Saver;
use skol_classifier::sink::couchdb::{CouchSaveParams, CouchSaver};
use skol_classifier::source::couchdb::{CouchLoadParams, CouchLoader, CouchSelection, CouchSource};
use skol_classifier::source::{Decision, Loader, Source};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

async fn strict(traits: Traits) -> (Proxy, Arc<Strict>) {
    let strict = Arc::new(Strict::new(traits));
    (Proxy::strict(server().address(), Arc::clone(&strict)).await, strict)
}

fn statuses(outcomes: &[skol_classifier::document::Outcome]) -> Vec<Status> {
    outcomes.iter().map(|outcome| outcome.status).collect()
}

#[tokio::test]
async fn what_was_deleted_in_the_output_database_is_written_again() {
    let (input, output) = (server().database("from"), server().database("to"));
    let (proxy, _) = strict(Traits::default()).await;
    input.put_all(&[with_texts("a", &[("t.txt", "Amanita")], json!({ "title": "Fungi" }))]);
    let save = CouchSaveParams::new(output.params_at(&proxy.url), &input.params(), producer());
    let references = [reference("a", "t.txt")];
    for _ in 0..2 {
        for expected in [Status::Saved, Status::Unchanged] {
            let annotations = load(&input, &references).await;
            let outcomes = CouchSaver::open(&save, &context()).unwrap().save(annotations).await.unwrap();
            assert_eq!(statuses(&outcomes), [expected], "{outcomes:?}");
        }
        assert_eq!(output.get("a").unwrap()["title"], "Fungi");
        let rev = output.get("a").unwrap()["_rev"].as_str().unwrap().to_owned();
        assert_eq!(output.request("DELETE", &["a"], &format!("rev={rev}"), None).0, 200);
    }
}

#[tokio::test]
async fn a_run_is_the_same_in_whichever_shape_the_server_comes() {
    for traits in [
        Traits::default(),
        Traits { a_node_is_down: true, ..Traits::default() },
        Traits { no_bulk_get: true, ..Traits::default() },
        Traits { no_bulk_docs: true, ..Traits::default() },
        Traits { no_bulk_get: true, no_bulk_docs: true, ..Traits::default() },
        Traits { longest_body: Some(20_000), ..Traits::default() },
    ] {
        let database = server().database("shape");
        seed(&database, 30);
        let (proxy, strict) = strict(traits.clone()).await;
        let params = database.params_at(&proxy.url);
        for expected in [Status::Saved, Status::Unchanged] {
            let outcomes = run(&params, 10, &context()).await;
            assert_eq!(statuses(&outcomes), [expected; 30], "{traits:?}: {outcomes:?}");
        }
        assert_eq!(strict.logins(), 2, "one login a run: {traits:?}");
        let revisions = database.everything();
        assert!(revisions.iter().all(|doc| doc["_rev"].as_str().unwrap().starts_with("2-")), "{traits:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_and_a_locked_account_is_called_that() {
    let database = server().database("lock");
    let (proxy, strict) = strict(Traits { lockout: true, ..Traits::default() }).await;
    let params = database.params_at(&proxy.url);
    let wrong = params.clone().with_credentials(
        Some(format!("skol_test_{:x}", rand::random::<u64>())),
        Some(Secret::new(format!("f4lsch-{:x}", rand::random::<u64>()))),
    );
    for night in 1..=5 {
        let run = context();
        for _ in 0..3 {
            let connections = Connections::of(&run);
            let deadline = Instant::now() + Duration::from_secs(10);
            let error = preflight(&wrong, Intent::Read, &connections, deadline).await.unwrap_err();
            assert_eq!(error.source.kind(), ErrorKind::Unauthorized, "{error}");
        }
        assert_eq!(strict.logins(), night, "one attempt a run, whoever asks");
    }
    let error = check(&params, Intent::Read).await.unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::AccountLocked, "also for the right password: {error}");
}

#[tokio::test]
async fn what_the_server_forbids_is_found_out_before_anything_is_labelled() {
    let (input, output) = (server().database("in"), server().absent("out"));
    let (proxy, _) = strict(Traits { no_admin: true, ..Traits::default() }).await;
    let error = check(&output.params_at(&proxy.url), Intent::Create).await.unwrap_err();
    assert_eq!((error.step, error.source.kind()), (Step::Create, ErrorKind::Unauthorized), "{error}");

    let (proxy, _) = strict(Traits { read_only: true, ..Traits::default() }).await;
    assert!(check(&input.params_at(&proxy.url), Intent::Read).await.is_ok());
    let error = check(&input.params_at(&proxy.url), Intent::Write).await.unwrap_err();
    assert_eq!((error.step, error.source.kind()), (Step::CheckWriting, ErrorKind::Forbidden), "{error}");

    let (proxy, _) = strict(Traits { redirects: true, ..Traits::default() }).await;
    let error = check(&input.params_at(&proxy.url), Intent::Read).await.unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::Redirected);
    assert!(error.to_string().contains("https://couch.example.org/"), "{error}");

    let (proxy, _) = strict(Traits { partitioned: true, ..Traits::default() }).await;
    input.put_all(&["vol:1", "plain"].map(|id| with_texts(id, &[("t.txt", "Amanita")], json!({}))));
    let params = input.params_at(&proxy.url);
    let partitioned_output = check(&params, Intent::Write).await.unwrap().partitioned;
    assert!(partitioned_output);
    let selection = CouchSelection { partitioned_output, ..CouchSelection::default() };
    let source = CouchSource::new(params.clone(), params, selection, &context()).unwrap();
    let selected = source.select().try_concat().await.unwrap();
    assert!(
        matches!(&selected[0].decision, Decision::Fail(reason) if reason.to_string().contains("partition:id"))
    );
    assert!(matches!(selected[1].decision, Decision::Process), "{selected:?}");
}

#[tokio::test]
async fn a_database_that_refuses_every_document_ends_the_run_with_one_error() {
    let database = server().database("refuses");
    let references = seed(&database, 40);
    let (proxy, _) = strict(Traits { validates_nothing: true, ..Traits::default() }).await;
    let params = database.params_at(&proxy.url);
    let annotations = load(&database, &references).await;
    let save = CouchSaveParams::new(params.clone(), &params, producer());
    let error = CouchSaver::open(&save, &context()).unwrap().save(annotations).await.unwrap_err();
    assert!(error.to_string().contains("this replica is read-only"), "{error}");
    // A few of many are their own failures.
    let annotations = load(&database, &references[..3]).await;
    let outcomes = CouchSaver::open(&save, &context()).unwrap().save(annotations).await.unwrap();
    assert_eq!(statuses(&outcomes), [Status::Failed; 3]);
}

#[tokio::test]
async fn a_document_that_is_too_large_for_a_proxy_fails_alone_with_what_to_do() {
    let database = server().database("413");
    database.put_all(&[
        with_texts("a", &[("t.txt", "Amanita")], json!({})),
        with_texts("b", &[("t.txt", &"Boletus ".repeat(2_000))], json!({})),
        with_texts("c", &[("t.txt", "Russula")], json!({})),
    ]);
    let references = ["a", "b", "c"].map(|id| reference(id, "t.txt"));
    let (proxy, _) = strict(Traits { longest_body: Some(8_000), ..Traits::default() }).await;
    let params = database.params_at(&proxy.url);
    let save = CouchSaveParams::new(params.clone(), &params, producer());
    let annotations = load(&database, &references).await;
    let outcomes = CouchSaver::open(&save, &context()).unwrap().save(annotations).await.unwrap();
    assert_eq!(statuses(&outcomes), [Status::Saved, Status::Failed, Status::Saved], "{outcomes:?}");
    assert!(outcomes[1].error.as_ref().unwrap().contains("client_max_body_size"), "{outcomes:?}");
}

#[tokio::test]
async fn only_what_changed_since_the_last_good_run_is_selected() {
    let (input, output) = (server().database("changing"), server().database("changed"));
    seed(&input, 300);
    for (into, count) in [(&output, 300), (&input, 301)] {
        let select = async || {
            let run = context();
            let source =
                CouchSource::new(input.params(), into.params(), CouchSelection::default(), &run).unwrap();
            let (source, checkpoint) = source.since_last(&producer()).await.unwrap();
            let before = run.requests.counts().requests;
            let selected: Vec<_> = source.select().try_concat().await.unwrap();
            let ids: Vec<_> = selected.into_iter().map(|item| item.reference).collect();
            (ids, checkpoint, run.requests.counts().requests - before)
        };
        let save = async |references: &[_]| {
            let params = CouchSaveParams::new(into.params(), &input.params(), producer());
            let annotations = load(&input, references).await;
            let outcomes = CouchSaver::open(&params, &context()).unwrap().save(annotations).await.unwrap();
            assert!(outcomes.iter().all(|outcome| outcome.status != Status::Failed), "{outcomes:?}");
        };
        let (all, checkpoint, _) = select().await;
        assert_eq!(all.len(), count, "the first run lists everything");
        save(&all).await;
        // A run that did not end well keeps nothing: all are listed again.
        assert_eq!(select().await.0.len(), count);
        checkpoint.keep().await.unwrap();

        let (none, checkpoint, _) = select().await;
        assert!(none.is_empty(), "our own writes are not worked on again: {none:?}");
        checkpoint.keep().await.unwrap();
        let (none, checkpoint, requests) = select().await;
        assert!(none.is_empty() && requests <= 2, "{requests} requests for a quiet night");
        checkpoint.keep().await.unwrap();

        input.put_all(&[with_texts(&format!("new {}", into.name), &[("t.txt", "Amanita")], json!({}))]);
        let mut document = input.get("d0007").unwrap();
        document["_attachments"]["t.txt"] = json!({ "content_type": "text/plain", "data": "Qm9sZXR1cw==" });
        input.try_put(&document).unwrap();
        let (changed, checkpoint, _) = select().await;
        let mut ids: Vec<_> = changed.iter().map(|reference| reference.doc_id.as_str()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["d0007", &format!("new {}", into.name)]);
        save(&changed).await;
        checkpoint.keep().await.unwrap();
        assert!(select().await.0.is_empty());

        // Another model begins from the start.
        let source =
            CouchSource::new(input.params(), into.params(), CouchSelection::default(), &context()).unwrap();
        let other = skol_classifier::couchdb::Producer { model: "other".into(), ..producer() };
        let (source, _) = source.since_last(&other).await.unwrap();
        assert!(source.select().try_concat().await.unwrap().len() > 300);
    }
}

#[tokio::test]
async fn a_server_that_hides_its_changes_is_listed() {
    let database = server().database("hidden");
    seed(&database, 5);
    let (proxy, _) = strict(Traits { no_changes: true, ..Traits::default() }).await;
    let params = database.params_at(&proxy.url);
    for known in [false, true] {
        let run = context();
        let source =
            CouchSource::new(params.clone(), params.clone(), CouchSelection::default(), &run).unwrap();
        let (source, checkpoint) = source.since_last(&producer()).await.unwrap();
        assert_eq!(source.select().try_concat().await.unwrap().len(), 5);
        checkpoint.keep().await.unwrap();
        assert_eq!(Connections::of(&run).take_notes().len(), usize::from(known));
    }
}

/// A server that answers every request with what `answer` makes of its head and body, byte by byte as it says.
fn played(answer: impl Fn(&str, &[u8], &mut dyn Write) + Send + Sync + 'static) -> ConnectionParams {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (Ok(mut socket), answer) = (socket, Arc::clone(&answer)) else { return };
            std::thread::spawn(move || {
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                let split = loop {
                    match socket.read(&mut buffer) {
                        Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
                        _ => return,
                    }
                    if let Some(at) = request.windows(4).position(|window| window == b"\r\n\r\n") {
                        break at + 4;
                    }
                };
                let head = String::from_utf8_lossy(&request[..split]).to_lowercase();
                let length =
                    head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                while request.len() < split + length.unwrap_or(0) {
                    match socket.read(&mut buffer) {
                        Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
                        _ => return,
                    }
                }
                let head = String::from_utf8_lossy(&request[..split]).into_owned();
                answer(&head, &request[split..], &mut socket);
            });
        }
    });
    let mut params = ConnectionParams::new(&url, "db").unwrap();
    params.timeouts = Timeouts { connect_ms: 1_000, read_ms: 1_000, total_ms: 3_000 };
    params.retry = RetryPolicy { base_ms: 10, cap_ms: 50, budget_ms: 1_500 };
    params
}

fn whole(out: &mut dyn Write, headers: &str, body: &[u8]) {
    let head =
        format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = out.write_all(head.as_bytes()).and_then(|()| out.write_all(body));
}

#[tokio::test]
async fn a_login_that_unpacks_without_end_is_not_unpacked() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![b' '; 1 << 20]).unwrap();
    // A thousand members of one megabyte each.
    let bomb = encoder.finish().unwrap().repeat(1_000);
    let params = played(move |_, _, out| whole(out, "Content-Encoding: gzip\r\n", &bomb));
    let params = params.with_credentials(Some("ann".into()), Some(Secret::new("g3h3im")));
    let before = peak_memory();
    let error = check(&params, Intent::Read).await.unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::AnswerTooLarge, "{error}");
    assert!(peak_memory() - before < 500 << 20, "the answer was unpacked");
}

/// Peak resident memory of this process in bytes, where the system says it.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kilobytes.unwrap_or(0) * 1024
}

#[tokio::test]
async fn an_answer_that_drips_or_never_comes_ends_the_run_within_the_budget() {
    let drip = played(|_, _, out| {
        let _ = out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        while out.write_all(b" ").and_then(|()| out.flush()).is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let silent = played(|_, _, _| std::thread::sleep(Duration::from_secs(30)));
    for params in [drip, silent] {
        let begin = Instant::now();
        let load = CouchLoadParams::new(params.clone());
        let run = context();
        let mut loaders = [0; 3].map(|_| CouchLoader::open(&load, &run).unwrap());
        for loader in &mut loaders {
            let Err(error) = loader.load(&[reference("a", "t.txt")]).await else { panic!("loaded") };
            assert!(error.to_string().contains("did not answer for"), "{error}");
        }
        assert!(
            begin.elapsed() < Duration::from_secs(8),
            "once for the run, not once for each: {:?}",
            begin.elapsed()
        );
        let begin = Instant::now();
        let deadline = begin + Duration::from_millis(700);
        let error =
            preflight(&params, Intent::Read, &Connections::of(&context()), deadline).await.unwrap_err();
        assert_eq!((error.step, error.source.kind()), (Step::FirstContact, ErrorKind::Gone));
        assert!(begin.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test]
async fn https_at_a_plain_port_is_called_that_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let params = ConnectionParams::new(&format!("https://{}", listener.local_addr().unwrap()), "db").unwrap();
    std::thread::spawn(move || {
        // As a plain server answers what is no request.
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket
                .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let begin = Instant::now();
    let error = check(&params, Intent::Read).await.unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::NotTls, "{error}");
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_server_without_sessions_gets_the_password_itself_and_one_that_refuses_does_not() {
    let basic = played(|head, _, out| {
        if head.contains("_session") {
            let _ = out.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        } else if head.to_lowercase().contains("authorization: basic") {
            whole(out, "", b"{\"couchdb\":\"Welcome\",\"doc_count\":1}");
        } else {
            let _ = out.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let credentials =
        |params: ConnectionParams| params.with_credentials(Some("ann".into()), Some(Secret::new("g3h3im")));
    assert_eq!(check(&credentials(basic), Intent::Read).await.unwrap().documents, 1);
    let refusing = played(|head, _, out| {
        assert!(!head.to_lowercase().contains("authorization:"), "{head}");
        let body = r#"{"error":"unauthorized","reason":"Name or password is incorrect."}"#;
        let _ = write!(out, "HTTP/1.1 401 Unauthorized\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    });
    let error = check(&credentials(refusing), Intent::Read).await.unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::Unauthorized);
}

/// Fields as CouchDB may hold them, and some that only another server would send.
fn odd_fields() -> String {
    let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    format!(
        r#""barcode":36893488147419103233,"n64":18446744073709551615,"f":0.1,"g":0.10,"e":1E400,"z":-0,"\u00e9":"\u00e9\ud83c\udf44","é":"é","a":1,"a":2,"deep":{deep},"B":[ 1,2 ],"A":{{"n":1.0e+5}}"#
    )
}

#[tokio::test]
async fn every_field_comes_back_to_the_letter() {
    let fields = odd_fields();
    let stub = r#""t.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-x","length":7,"stub":true,"odd":1.50}"#;
    let inline = r#""t.txt":{"content_type":"text/plain","revpos":1,"digest":"md5-x","data":"QW1hbml0YQ==","odd":1.50}"#;
    let document = |attachments: &str| {
        format!(r#"{{"_id":"a","_rev":"1-x",{fields},"_attachments":{{{attachments}}}}}"#)
    };
    let written = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sent = Arc::clone(&written);
    let (with_stub, with_body) = (document(stub), document(inline));
    let params = played(move |head, body, out| {
        if head.contains("_bulk_get") {
            whole(
                out,
                "",
                format!(r#"{{"results":[{{"id":"a","docs":[{{"ok":{with_body}}}]}}]}}"#).as_bytes(),
            );
        } else if head.contains("_all_docs") {
            whole(
                out,
                "",
                format!(r#"{{"rows":[{{"id":"a","value":{{"rev":"1-x"}},"doc":{with_stub}}}]}}"#).as_bytes(),
            );
        } else if head.contains("_bulk_docs") {
            sent.lock().unwrap().push(String::from_utf8(body.to_vec()).unwrap());
            whole(out, "", br#"[{"ok":true,"id":"a","rev":"2-y"}]"#);
        } else {
            whole(out, "", b"{}");
        }
    });
    let mut source = CouchSource::new(params.clone(), params.clone(), CouchSelection::default(), &context())
        .unwrap()
        .select();
    assert_eq!(source.try_next().await.unwrap().unwrap().len(), 1);
    let load = CouchLoadParams::new(params.clone());
    let loaded =
        load_all(&mut CouchLoader::open(&load, &context()).unwrap(), &[reference("a", "t.txt")]).await;
    let annotation = annotate(loaded.into_iter().next().unwrap().unwrap().unwrap());
    for other_database in [false, true] {
        let mut save = CouchSaveParams::new(params.clone(), &params, producer());
        save.other_database = other_database;
        let begin = std::time::Instant::now();
        let outcomes =
            CouchSaver::open(&save, &context()).unwrap().save(vec![annotation.clone()]).await.unwrap();
        assert_eq!(statuses(&outcomes), [Status::Saved], "{outcomes:?}");
        assert!(begin.elapsed() < Duration::from_secs(5));
        let body = written.lock().unwrap().pop().unwrap();
        assert!(body.contains(&fields), "a field has changed: {}", &body[..body.len().min(400)]);
        assert!(body.contains(r#""odd":1.50"#) && body.contains("\"t.txt.ann\""));
    }
}

#[tokio::test]
async fn a_document_with_numbers_of_any_size_keeps_them_in_couchdb() {
    if !super::server::is_couchdb() {
        eprintln!("NOT TESTED here: pouchdb-server reads numbers as JavaScript does");
        return;
    }
    let database = server().database("numbers");
    let put = r#"{"_id":"specimen","barcode":36893488147419103233,"n64":18446744073709551615,"f":0.1,"_attachments":{"t.txt":{"content_type":"text/plain","data":"QW1hbml0YQ=="}}}"#;
    assert_eq!(database.request("PUT", &["specimen"], "", Some(("application/json", put.as_bytes()))).0, 201);
    let outcomes = run(&database.params(), 10, &context()).await;
    assert_eq!(statuses(&outcomes), [Status::Saved], "{outcomes:?}");
    let (_, body) = database.request("GET", &["specimen"], "", None);
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains(r#""barcode":36893488147419103233,"n64":18446744073709551615,"f":0.1"#), "{body}");
}

#[tokio::test]
async fn ids_that_no_url_can_hold_are_read_and_written_in_bulk() {
    let database = server().database("dots");
    let scan = "0123456789abcdef".repeat(60_000);
    let ids = ["..", "."];
    database.put_all(&ids.map(|id| with_texts(id, &[("t.txt", "Amanita"), ("..", &scan)], json!({}))));
    for expected in [Status::Saved, Status::Unchanged] {
        let outcomes = run(&database.params(), 10, &context()).await;
        assert_eq!(statuses(&outcomes), [expected; 2], "{outcomes:?}");
    }
    let everything: Vec<Value> = database.everything();
    assert!(everything.iter().all(|document| document["_attachments"].get("t.txt.ann").is_some()));
}
