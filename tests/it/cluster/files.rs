//! Files on a folder that client and executors share.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Cluster, contents, port};
use crate::operator::{Place, TEXT, answer, wait_until};

/// `count` documents, each with something of its own.
pub(super) fn texts(place: &Place, count: usize) {
    for n in 0..count {
        place.write(&format!("texts/{n:04}.txt"), format!("{n}. {}", TEXT.repeat(1 + n % 5)));
    }
}

#[test]
fn the_samples_are_labelled_as_in_one_process() {
    let place = Place::new();
    let here = place.run(&["--output-format", "jsonl"]);
    assert_eq!(here.code, Some(0), "{}", here.stderr);
    let expected = contents(&place.path("output"));
    assert!(expected.len() > 5);

    let place = Place::new();
    let answer = place.run(&["--cluster", "standalone", "--output-format", "jsonl"]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    assert_eq!(contents(&place.path("output")), expected);

    for scheduling in ["push", "pull"] {
        let (cluster, place) = (Cluster::start(scheduling, 2), Place::new());
        // A relative folder is one of the client's, whatever folder the executors run in.
        let arguments = ["--output-format", "jsonl", "--verbosity", "2"];
        let answer = cluster.run(&place, &arguments);
        assert_eq!(answer.code, Some(0), "{}", answer.stderr);
        assert_eq!(contents(&place.path("output")), expected, "{scheduling}");
        assert!(answer.stderr.contains("executor 127.0.0.1:"), "{}", answer.stderr);
        let again = cluster.run(&place, &arguments);
        assert_eq!(again.code, Some(0), "{}", again.stderr);
        assert!(again.stderr.contains("unchanged"), "{}", again.stderr);
    }
}

#[test]
fn a_signal_stops_a_run_and_leaves_no_job() {
    let place = Place::new();
    texts(&place, 4000);
    let cluster = Cluster::start("push", 2);
    let there = place.path("there");
    let mut client = place.program();
    client.args(["texts", "--output", "there", "--cluster", &cluster.address()]);
    let mut client = client.stderr(std::process::Stdio::null()).spawn().unwrap();
    let written = || fs::read_dir(&there).map_or(0, Iterator::count);
    wait_until("the first annotation", || written() > 20);
    let begin = Instant::now();
    let killed = std::process::Command::new("kill").args(["-TERM", &client.id().to_string()]).status();
    assert!(killed.unwrap().success());
    assert_eq!(client.wait().unwrap().code(), Some(143));
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    // What executors have in hand is a few documents.
    std::thread::sleep(Duration::from_secs(2));
    let before = written();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(written(), before, "somebody goes on");
    assert!(before < 4000);
}

#[test]
fn what_a_cluster_cannot_do_is_said_before_any_work() {
    let place = Place::with(&["a.txt"]);
    for (arguments, words) in [
        (&["a.txt", "--checkpoint", "always"][..], "checkpoint"),
        (&["a.txt", "--output", "-"], "standard output"),
        (&["-"], "standard input"),
        (&["a.txt", "--cluster", "host:50050"], "http://host:20050"),
    ] {
        let answer = place.run(&[&["--cluster", "standalone"], arguments].concat());
        assert_eq!(answer.code, Some(2), "{arguments:?}: {}", answer.stderr);
        assert!(answer.stderr.contains(words), "{arguments:?}: {}", answer.stderr);
    }
    let cluster = Cluster::start("push", 0);
    let begin = Instant::now();
    let answer = cluster.run(&place, &["a.txt", "--cluster-wait", "1"]);
    assert_eq!(answer.code, Some(3), "{}", answer.stderr);
    assert!(answer.stderr.contains("classifier_executor"), "{}", answer.stderr);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    assert!(!place.exists("output/a.txt.ann"));
}

#[test]
fn a_model_file_goes_by_its_path_from_the_root() {
    let place = Place::with(&["a.txt"]);
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/models/logistic_words_suffixes.skol");
    place.write("mine/own.skol", fs::read(shipped).unwrap());
    let cluster = Cluster::start("pull", 1);
    let answer = cluster.run(&place, &["a.txt", "--model", "mine/own.skol", "--output", "there"]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    assert_eq!(place.run(&["a.txt", "--model", "mine/own.skol", "--output", "here"]).code, Some(0));
    assert_eq!(contents(&place.path("there")), contents(&place.path("here")));
}

/// The first of five ports that follow each other; other tests take ports meanwhile.
fn five_ports() -> u16 {
    loop {
        let ports: Vec<u16> = (0..5).map(|_| port()).collect();
        if ports[4] - ports[0] == 4 {
            return ports[0];
        }
    }
}

/// The script that people try first, as they start it.
#[test]
fn the_example_script_starts_a_cluster_and_compares_what_it_writes() {
    for scheduling in ["push", "pull"] {
        let first = five_ports();
        let place = Place::new();
        let answer = answer(
            Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/cluster/loopback.sh"))
                .env("PROGRAMS", Path::new(env!("CARGO_BIN_EXE_predict_classifier")).parent().unwrap())
                .env("PORT", first.to_string())
                .env("SCHEDULING", scheduling)
                .env("TMPDIR", place.path(".")),
        );
        assert_eq!(answer.code, Some(0), "{}", answer.stderr);
        assert!(
            answer.stdout.ends_with("two executors wrote what one process writes\n"),
            "{}",
            answer.stdout
        );
    }
}
