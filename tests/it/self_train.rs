//! `--self-train`: the model learns from the documents of the run before it labels them.

use crate::couchdb::proxy::front;
use crate::couchdb::server::{server, with_texts};
use crate::operator::{Place, names_below};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

fn contents(folder: &Path) -> BTreeMap<String, String> {
    let read = |name: String| (name.clone(), std::fs::read_to_string(folder.join(name)).unwrap());
    names_below(folder).into_iter().map(read).collect()
}

#[test]
fn a_batch_gives_the_same_labels_however_it_is_worked_on() {
    let place = Place::new();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/documents");
    for name in names_below(&samples).iter().filter(|name| name.ends_with(".txt")).take(12) {
        place.write(&format!("texts/{name}"), std::fs::read(samples.join(name)).unwrap());
    }
    for (output, more) in [
        ("plain", &[][..]),
        ("one", &["--self-train", "--partitions", "1", "--cores", "1", "--verbosity", "2"]),
        ("three", &["--self-train", "--partitions", "3", "--batch-size", "2"]),
    ] {
        let run = place.run(&[&["texts", "--output-format", "jsonl", "--output", output], more].concat());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(run.stderr.contains("learned from the"), output == "one", "{}", run.stderr);
    }
    let [plain, one, three] = ["plain", "one", "three"].map(|output| contents(&place.path(output)));
    assert!(one == three);
    // It has learned something: probabilities differ, and the texts do not.
    assert_eq!(one.keys().collect::<Vec<_>>(), plain.keys().collect::<Vec<_>>());
    assert!(one != plain);
}

#[test]
fn what_can_be_read_only_once_is_refused() {
    let place = Place::new();
    let run = place.run(&["-", "--self-train", "--output", "-"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("standard input can be read only once"), "{}", run.stderr);
    assert!(run.stderr.contains("self-train"), "{}", run.stderr);
}

#[test]
fn a_database_says_which_annotations_come_from_it() {
    let database = server().database("self-train");
    let documents: Vec<Value> = (0..8)
        .map(|n| with_texts(&format!("d{n}"), &[("t.txt", crate::operator::TEXT)], json!({ "n": n })))
        .collect();
    database.put_all(&documents);
    let place = Place::new();
    place.write("password", &server().secret);
    let (url, user) = (front(), server().user.clone());
    let login = ["--couchdb-username", &user, "--couchdb-password-file", "password"];
    let what = ["--couchdb-url", &url, "--ingest-db-name", &database.name, "--self-train"];
    for expected in ["saved", "unchanged"] {
        let (run, metrics) = place.run_measured(&[&what[..], &login].concat());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(metrics["documents"][expected], 8, "{}", metrics["documents"]);
    }
    let document = database.get("d3").unwrap();
    let provenance = &document["skol_classifier"]["annotations"]["t.txt.ann"];
    assert_eq!(provenance["model"], "context, self-trained", "{document}");
}

/// The fit cannot be stopped in the middle: a run does not wait for it.
#[cfg(unix)]
#[test]
fn a_signal_ends_a_run_that_is_still_learning() {
    let place = Place::new();
    // A volume of three megabytes takes long enough, on any machine.
    place.write("volume.txt", crate::operator::TEXT.repeat(3_000_000 / crate::operator::TEXT.len()));
    let mut run = place.program();
    run.args(["volume.txt", "--self-train", "--metrics-file", "metrics.json"]);
    let mut run = run.stderr(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(run.try_wait().unwrap().is_none(), "it was over before it could be stopped");
    let begin = std::time::Instant::now();
    let killed = std::process::Command::new("kill").args(["-TERM", &run.id().to_string()]).status();
    assert!(killed.unwrap().success());
    let ended = run.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(143), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(begin.elapsed() < std::time::Duration::from_secs(10), "{:?}", begin.elapsed());
    assert!(!place.exists("output/volume.txt.ann"));
}
