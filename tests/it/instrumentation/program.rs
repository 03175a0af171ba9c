//! The instrumentation beside the pipeline, seen from outside: what the program says at each verbosity.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn predict(folder: &Path, arguments: &[&str]) -> Output {
    std::fs::write(
        folder.join("one.txt"),
        "Agaricus testus Author, sp. nov.\n\nPileus 3 cm broad, white. Spores 5 µm.\n",
    )
    .unwrap();
    Command::new(env!("CARGO_BIN_EXE_predict_classifier"))
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .args(["one.txt", "--output", "out", "--no-progress", "--checkpoint-dir", "checkpoints"])
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn program_says_as_much_as_the_verbosity_asks() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(said(&predict(folder.path(), &["--force", "--verbosity", "0"])), "", "no line at verbosity 0");
    let warnings = said(&predict(folder.path(), &["--force", "--verbosity", "1"]));
    assert!(
        !warnings.contains("Instrumentation Metrics Summary") && !warnings.contains("Closure '"),
        "{warnings}"
    );
    let info = said(&predict(folder.path(), &["--force", "--verbosity", "2"]));
    for part in
        ["  Closure '", "    Lineage depth: ", "Instrumentation Metrics Summary", "DataFrame Lineage Depths:"]
    {
        assert!(info.contains(part), "{part} is missing:\n{info}");
    }
    assert!(!info.contains("    Physical plan: "), "{info}");
    let debug = said(&predict(folder.path(), &["--force", "--verbosity", "3"]));
    assert!(debug.contains("    Physical plan: depth "), "{debug}");
}

#[test]
fn program_measures_all_stages_also_below_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    for policy in ["never", "always"] {
        let arguments = ["--verbosity", "3", "--checkpoint", policy, "--metrics-file", "m.json"];
        let text = said(&predict(folder.path(), &[&["--force", "--cores", "2"], &arguments[..]].concat()));
        for function in ["load", "segment", "predict", "annotate", "save"] {
            assert!(text.contains(&format!("\n    {function}_partition: ")), "{policy}: {function}\n{text}");
        }
        assert!(text.contains("1 exchanges"), "documents are shared among partitions: {text}");
        let plans = text.matches("  Operators '").count();
        assert_eq!(plans, if policy == "always" { 5 } else { 1 }, "{text}");
        let metrics = std::fs::read_to_string(folder.path().join("m.json")).unwrap();
        let metrics: serde_json::Value = serde_json::from_str(&metrics).unwrap();
        let mut stages: Vec<&String> = metrics["stages"].as_object().unwrap().keys().collect();
        stages.sort_unstable();
        assert_eq!(stages, ["annotations", "documents", "outcomes", "paragraphs", "predictions"], "{policy}");
    }
}

#[test]
fn program_takes_the_verbosity_from_env_config() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("env_config"), "VERBOSITY=2  # or 3 for even more detail\n").unwrap();
    assert!(said(&predict(folder.path(), &[])).contains("Instrumentation Metrics Summary"));
}

/// One JSON object a line, whatever it is about: settings, documents, sizes, the end.
#[test]
fn json_log_is_one_object_a_line_with_time_level_and_event() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.txt"), b"\xff\xfe\x00\xd8").unwrap();
    std::fs::write(folder.path().join("env_config"), "NOSUCH_SETTING=1\nMODEL_NAMEE=x\n").unwrap();
    let output = predict(folder.path(), &["bad.txt", "--verbosity=3", "--log-format=json"]);
    let text = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{text}")))
        .collect();
    for line in &lines {
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z'), "{line}");
        assert!(["debug", "info", "warn", "error"].contains(&line["level"].as_str().unwrap()), "{line}");
        assert!(line["event"].is_string(), "{line}");
    }
    let of = |event: &str| lines.iter().find(|line| line["event"] == event);
    assert_eq!(of("setting").map(|line| line["level"].as_str()), Some(Some("warn")), "{text}");
    for event in ["scope_started", "closure", "broadcast", "task", "data_frame", "execution", "summary"] {
        assert!(of(event).is_some(), "{event}\n{text}");
    }
    let finished = of("finished").unwrap();
    assert!(finished["documents"]["saved"].as_u64().unwrap() >= 1, "{finished}");
    assert!(of("closure").unwrap()["bytes"].as_u64().is_some());
}

/// Also what ends the program: before the settings are known, and after.
#[test]
fn json_log_holds_for_fatal_errors() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], i32); 4] = [
        (&["--log-format=json", "--nosuch"], 2),
        (&["--verbosity", "9", "--log-format", "json"], 2),
        (&["--log-format=json", "--model=nosuch"], 2),
        (&["--log-format=json", "--metrics-file=missing/m.json"], 3),
    ];
    for (arguments, code) in cases {
        let output = predict(folder.path(), arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert_eq!(
            (last["level"].as_str(), last["event"].as_str()),
            (Some("error"), Some("error")),
            "{text}"
        );
        assert_eq!(last["exit_code"], code);
        assert!(!last["message"].as_str().unwrap().is_empty() && last["timestamp"].is_string());
        assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
    }
    // A configuration file asks for it: known once the settings are.
    let config = folder.path().join(".config/skol_classifier");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "log-format = 'json'\n").unwrap();
    let output = predict(folder.path(), &["--metrics-file=missing/m.json"]);
    let text = String::from_utf8(output.stderr).unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "error", "{text}");
}

/// A run that keeps its checkpoints on disk, on enough text to be stopped in the middle of it.
#[cfg(unix)]
struct Stoppable {
    folder: tempfile::TempDir,
    child: std::process::Child,
    said: Option<std::thread::JoinHandle<String>>,
    told: std::sync::mpsc::Receiver<()>,
}

#[cfg(unix)]
impl Stoppable {
    fn start() -> Self {
        use std::io::BufRead;
        let folder = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/documents/fungi/velkoria_gen_nov.txt"),
        );
        let input = folder.path().join("input");
        std::fs::create_dir(&input).unwrap();
        for number in 0..400 {
            std::fs::write(input.join(format!("{number:03}.txt")), text.as_ref().unwrap().repeat(10))
                .unwrap();
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_predict_classifier"))
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .args(["input", "--output", "out", "--no-progress", "--checkpoint-dir", "checkpoints"])
            .args(["--checkpoint", "always", "--memory-limit", "64KiB", "--cores", "1"])
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = std::io::BufReader::new(child.stderr.take().unwrap());
        let (tell, told) = std::sync::mpsc::channel();
        let said = std::thread::spawn(move || {
            let mut text = String::new();
            for line in stderr.lines() {
                let line = line.unwrap();
                if line.contains("once more ends the program") {
                    let _ = tell.send(());
                }
                text += &line;
                text.push('\n');
            }
            text
        });
        let mut this = Self { folder, child, said: Some(said), told };
        let start = std::time::Instant::now();
        while this.checkpoints() == 0 {
            assert!(
                start.elapsed().as_secs() < 60 && this.child.try_wait().unwrap().is_none(),
                "no checkpoint"
            );
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        this
    }

    /// Files of checkpoints.
    fn checkpoints(&self) -> usize {
        let files = walkdir::WalkDir::new(self.folder.path().join("checkpoints")).into_iter().flatten();
        files.filter(|file| file.path().extension().is_some_and(|ending| ending == "parquet")).count()
    }

    fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Exit code, and what was said; nothing of a checkpoint is left.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let said = self.said.take().unwrap().join().unwrap();
        assert_eq!(self.checkpoints(), 0, "{said}");
        let left = std::fs::read_dir(self.folder.path().join("checkpoints")).unwrap().flatten();
        let left: Vec<_> = left.map(|entry| entry.file_name()).filter(|name| *name != "runs").collect();
        assert!(left.is_empty(), "{left:?}\n{said}");
        (code, said)
    }
}

#[cfg(unix)]
#[test]
fn a_run_that_is_terminated_removes_its_checkpoints() {
    let run = Stoppable::start();
    run.terminate();
    let (code, said) = run.end();
    assert_eq!(code, Some(143), "{said}");
    assert!(said.contains("Stopped early"), "what is in hand is finished first: {said}");
}

#[cfg(unix)]
#[test]
fn a_run_that_is_ended_by_a_second_signal_removes_its_checkpoints() {
    let run = Stoppable::start();
    run.terminate();
    run.told.recv_timeout(std::time::Duration::from_secs(30)).unwrap();
    run.terminate();
    assert_eq!(run.end().0, Some(143));
}

#[test]
fn a_run_is_compared_with_the_last_one_to_the_same_output() {
    let folder = tempfile::tempdir().unwrap();
    let run = |output: &str, limit: &str| {
        let done = Command::new(env!("CARGO_BIN_EXE_predict_classifier"))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/documents"))
            .args(["--verbosity=2", "--checkpoint-dir=checkpoints", "-o", output, "--limit", limit])
            .current_dir(folder.path())
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(0));
        String::from_utf8(done.stderr).unwrap()
    };
    assert!(!run("a", "3").contains("Since the last run"));
    assert!(!run("b", "1").contains("Since the last run"), "another output is no last run");
    let again = run("a", "2");
    assert!(again.contains("Since the last run") && again.contains("documents.selected: 3 -> 2"), "{again}");
}
