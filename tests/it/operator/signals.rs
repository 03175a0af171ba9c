//! A run that is stopped: what it saved is whole, what it left is told, and it does not wait for the rest.
//!
//! How fast that is, `benches/signals.py` measures; here only that it does not go on to the end.

use super::{Place, SAMPLES, names_below, wait_until};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const FILES: usize = 1_200;
/// Far more than stopping may take, far less than the whole run takes in a test's build.
const SOON: Duration = Duration::from_secs(8);

fn many_files() -> Place {
    let place = Place::new();
    let text = fs::read_to_string(Path::new(SAMPLES).join("fungi/checklist_hallowmere.txt")).unwrap();
    for number in 0..FILES {
        place.write(&format!("in/{number:04}.txt"), format!("Number {number}\n\n{text}"));
    }
    place
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// Waits for the end of a run that has been stopped.
fn end(child: &mut Child) -> Option<i32> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if begin.elapsed() > SOON {
            let _ = child.kill();
            panic!("it goes on");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_signal_stops_a_run_whatever_the_batches_and_cores_and_the_rest_is_told() {
    let place = many_files();
    for (signal, code) in [("-TERM", 143), ("-INT", 130)] {
        for (cores, batch) in [("1", "1"), ("2", "500"), ("1", "24")] {
            let out = format!("out{signal}{cores}{batch}");
            let mut child = place
                .program()
                .args(["in", "-o", &out, "--cores", cores, "--batch-size", batch, "--metrics-file", "m.json"])
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            wait_until("an annotation", || {
                place.path(&out).is_dir() && !names_below(&place.path(&out)).is_empty()
            });
            send(signal, &child);
            assert_eq!(end(&mut child), Some(code), "{out}");
            let mut told = String::new();
            child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
            let metrics: serde_json::Value = serde_json::from_str(&place.read("m.json")).unwrap();
            let (documents, left) = (&metrics["documents"], metrics["left"].as_u64().unwrap());
            let saved = documents["saved"].as_u64().unwrap();
            assert_eq!(documents["selected"], documents["saved"], "{out}: {documents}");
            assert!(left > 0, "{out}: nothing was left: {told}");
            assert_eq!(saved + left, FILES as u64, "{out}: {documents}");
            assert!(told.contains(&format!("{left} documents left")), "{out}: {told}");
            assert_eq!(metrics["exit_code"], code);
            // What was finished after the counting was over is there all the same.
            assert!(names_below(&place.path(&out)).len() as u64 >= saved, "{out}");
        }
    }
    // The next run goes on where the stopped one ended, and finds nothing of a person's.
    let (_, metrics) = place.run_measured(&["in", "-o", "out-TERM2500"]);
    assert_eq!(metrics["documents"]["kept"], 0, "{metrics}");
    assert_eq!(names_below(&place.path("out-TERM2500")).len(), FILES);
}

#[test]
fn a_second_signal_ends_at_once_and_leaves_whole_annotations() {
    let place = many_files();
    let mut child = place
        .program()
        .args(["in", "-o", "out", "--batch-size", "500"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("an annotation", || place.path("out").is_dir() && !names_below(&place.path("out")).is_empty());
    send("-TERM", &child);
    std::thread::sleep(Duration::from_millis(20));
    send("-INT", &child);
    // The first may have been enough.
    assert!(matches!(end(&mut child), Some(130 | 143)));
    let done = names_below(&place.path("out"));
    let (_, metrics) = place.run_measured(&["in", "-o", "out"]);
    assert_eq!(metrics["documents"]["unchanged"], done.len() as u64, "half an annotation: {metrics}");
    assert_eq!(metrics["documents"]["saved"], (FILES - done.len()) as u64);
}

#[test]
fn a_run_that_waits_for_its_input_or_its_reader_ends_too() {
    let place = many_files();
    // Standard input that never comes.
    let mut waiting =
        place.program().args(["-", "-o", "out"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the lock", || place.exists("out/.skol_classifier.lock"));
    std::thread::sleep(Duration::from_millis(300));
    send("-TERM", &waiting);
    assert_eq!(end(&mut waiting), Some(143));
    // A reader that reads nothing.
    let mut blocked = place
        .program()
        .args(["in", "-o", "-", "--cores", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    blocked.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    send("-INT", &blocked);
    assert_eq!(end(&mut blocked), Some(130));
}

#[test]
fn a_closed_pipe_ends_the_run() {
    let place = many_files();
    let mut child = place
        .program()
        .args(["in", "-o", "-", "--metrics-file", "m.json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = [0; 64];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"[@"));
    drop(child.stdout.take());
    assert_eq!(end(&mut child), Some(0));
    let metrics: serde_json::Value = serde_json::from_str(&place.read("m.json")).unwrap();
    assert!(metrics["left"].as_u64().unwrap() > 0, "{metrics}");
    assert_eq!(metrics["documents"]["failed"], 0, "{metrics}");
}
