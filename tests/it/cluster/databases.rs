//! A CouchDB database that client and executors reach, each with a login of its own.

use serde_json::json;

use super::Cluster;
use crate::couchdb::faults::contents;
use crate::couchdb::proxy::Proxy;
use crate::couchdb::server::{server, with_texts};
use crate::operator::{Place, TEXT};

#[test]
fn a_database_is_labelled_as_in_one_process_and_no_secret_travels() {
    let (here, there) = (server().database("cluster-here"), server().database("cluster-there"));
    let documents: Vec<_> = (0..60)
        .map(|n| with_texts(&format!("d{n:03}"), &[("t.txt", &format!("{n}. {TEXT}"))], json!({ "n": n })))
        .collect();
    here.put_all(&documents);
    there.put_all(&documents);
    let place = Place::new();
    place.write("password", &server().secret);
    let (url, user) = (server().url(), server().user.clone());
    let arguments = |database: &str| {
        let own = ["--couchdb-url", &url, "--couchdb-username", &user, "--couchdb-password-file", "password"];
        let mut all: Vec<String> = own.iter().map(ToString::to_string).collect();
        all.extend(["--ingest-db-name".to_owned(), database.to_owned()]);
        all
    };
    let in_process = arguments(&here.name);
    let in_process = place.run(&in_process.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(in_process.code, Some(0), "{}", in_process.stderr);

    let mut cluster = Cluster::start("push", 1);
    let on_cluster = arguments(&there.name);
    let on_cluster: Vec<_> = on_cluster.iter().map(String::as_str).collect();
    // An executor without a login says so, and what to do.
    let refused = cluster.run(&place, &on_cluster);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(refused.stderr.contains("COUCHDB_USER"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--send-credentials"), "{}", refused.stderr);
    assert!(!refused.stderr.contains(&server().secret), "{}", refused.stderr);
    cluster.executors.clear();

    let login = [("COUCHDB_USER", user.as_str()), ("COUCHDB_PASSWORD", server().secret.as_str())];
    let one = cluster.executor(&login);
    let other = cluster.executor(&login);
    cluster.executors.extend([one, other]);
    let labelled = cluster.run(&place, &on_cluster);
    assert_eq!(labelled.code, Some(0), "{}", labelled.stderr);
    for document in &documents {
        let id = document["_id"].as_str().unwrap();
        let annotation = there.attachment(id, "t.txt.ann");
        assert!(annotation.is_some(), "{id}");
        assert_eq!(annotation, here.attachment(id, "t.txt.ann"), "{id}");
    }
    // What a client sends goes to whoever needs it.
    cluster.executors.clear();
    let poor = cluster.executor(&[]);
    cluster.executors.push(poor);
    let sent = cluster.run(&place, &[&on_cluster[..], &["--send-credentials", "--force"]].concat());
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
}

/// Executors fetch and save on a bad network: connections are cut in the middle of requests and answers.
#[test]
fn cut_connections_between_executors_and_database_change_nothing() {
    let (here, there) = (server().database("cut-here"), server().database("cut-there"));
    let documents: Vec<_> = (0..120)
        .map(|n| with_texts(&format!("d{n:03}"), &[("t.txt", &format!("{n}. {TEXT}"))], json!({ "n": n })))
        .collect();
    here.put_all(&documents);
    there.put_all(&documents);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let proxy = runtime.block_on(Proxy::start(server().address(), 7, Proxy::one_in_ten));
    let place = Place::new();
    place.write("password", &server().secret);
    let user = server().user.clone();
    let run = |url: &str, database: &str, more: &[&str]| {
        let login = ["--couchdb-username", &user, "--couchdb-password-file", "password"];
        let what = ["--couchdb-url", url, "--ingest-db-name", database];
        let answer = place.run(&[&what[..], &login, more].concat());
        assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    };
    run(&server().url(), &here.name, &[]);
    let mut cluster = Cluster::start("push", 0);
    let login = [("COUCHDB_USER", user.as_str()), ("COUCHDB_PASSWORD", server().secret.as_str())];
    for _ in 0..2 {
        let executor = cluster.executor(&login);
        cluster.executors.push(executor);
    }
    run(&proxy.url, &there.name, &["--cluster", &cluster.address()]);
    assert!(proxy.failures() > 3, "{:?}", proxy.seen());
    assert!(contents(&there) == contents(&here), "the databases differ");
}
