//! The programs as a user meets them: help, exit codes, standard output and standard error.

use skol_classifier::document::yedda;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PREDICT: &str = env!("CARGO_BIN_EXE_predict_classifier");
const TRAIN: &str = env!("CARGO_BIN_EXE_train_classifier");
const EVALUATE: &str = env!("CARGO_BIN_EXE_evaluate_classifier");

/// The program in an empty folder, without any variable.
fn program(program: &str, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

fn run(name: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    program(name, folder.path(), arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn help_teaches() {
    for name in [PREDICT, TRAIN, EVALUATE] {
        let stem = Path::new(name).file_stem().unwrap().to_str().unwrap();
        for (kind, option) in [("short", "-h"), ("long", "--help")] {
            let output = run(name, &[option]);
            assert_eq!(output.status.code(), Some(0));
            assert!(output.stderr.is_empty());
            // What stands there in a build without the feature `cluster` only.
            let help = out(&output).replace("          [not built in]\n\n", "");
            assert_eq!(help == out(&output), cfg!(feature = "cluster") || name != PREDICT || kind == "short");
            insta::assert_snapshot!(format!("{stem}_{kind}_help"), help);
        }
    }
}

#[test]
fn version_names_program_and_version() {
    let output = run(PREDICT, &["--version"]);
    assert_eq!(out(&output), concat!("predict_classifier ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_wrong_command_line_ends_with_2_and_says_why_on_standard_error() {
    for (name, arguments) in [
        (PREDICT, &["--no-such-option"][..]),
        (PREDICT, &["--cores=none"]),
        (PREDICT, &["--config=nowhere.toml"]),
        (TRAIN, &[]),
        (TRAIN, &["--input"]),
        (EVALUATE, &["--gold", "x", "--json=perhaps"]),
    ] {
        let output = run(name, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
        let message = err(&output);
        assert!(message.starts_with("error: ") && !message.starts_with("error: error"), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_not_unicode_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(PREDICT, folder.path(), &[]);
    command.arg(std::ffi::OsStr::from_bytes(b"\xff.txt"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));

    let mut command = program(PREDICT, folder.path(), &["--show-config"]);
    command.env("OUTPUT_FORMAT", std::ffi::OsStr::from_bytes(b"\xff"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("environment variable OUTPUT_FORMAT is not valid UTF-8"));
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = program(PREDICT, folder.path(), &["--completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut message = String::new();
    child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
    assert_eq!((child.wait().unwrap().code(), message.as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = program(PREDICT, folder.path(), &["--man"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(err(&output).contains("cannot write to standard output"), "{}", err(&output));
}

#[test]
fn show_config_reads_the_real_surroundings() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("env_config"), "LIMIT=5\n").unwrap();
    let mut command = program(PREDICT, folder.path(), &["--show-config", "--dry-run"]);
    let output = command.env("VERBOSITY", "3").env("COUCHDB_PASSWORD", "hunter2").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = out(&output);
    for line in [
        ("limit = 5", "env_config:1 (LIMIT)"),
        ("verbosity = 3", "environment VERBOSITY"),
        ("dry_run = true", "command line --dry-run"),
        ("# couchdb_password = \"********\"", "environment COUCHDB_PASSWORD"),
    ] {
        assert!(
            text.lines().any(|l| l.starts_with(line.0) && l.ends_with(&format!("# {}", line.1))),
            "{line:?}\n{text}"
        );
    }
    assert!(!text.contains("hunter2"));
}

#[test]
fn man_page_and_completions_are_printed() {
    let output = run(PREDICT, &["--man"]);
    assert!(out(&output).contains(".SH \"EXIT STATUS\""), "{}", out(&output));
    assert!(out(&run(TRAIN, &["--completions=fish"])).contains("cross-validate"));
    let output = run(PREDICT, &["--completions=cmd"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("powershell"));
}

#[test]
fn list_models_names_every_shipped_model_and_the_default() {
    let output = run(PREDICT, &["--list-models"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = out(&output);
    let names = skol_classifier::model::catalog::names();
    assert_eq!(text.lines().count(), names.len().max(1), "{text}");
    for name in &names {
        assert!(
            text.lines().any(|line| line.starts_with(name) && line.contains(" labels ")),
            "{name}: {text}"
        );
    }
    assert_eq!(text.matches("(default)").count(), usize::from(!names.is_empty()), "{text}");
}

#[test]
fn explain_says_which_features_made_the_label() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "Amanita rubra Smith sp. nov.\n\nThe genus is discussed.\n")
        .unwrap();
    let explain = |place: &str| program(PREDICT, folder.path(), &["--explain", place]).output().unwrap();
    let output = explain("a.txt:1");
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = out(&output);
    assert!(
        text.starts_with("a.txt, paragraph 1 of 2, lines 1 to 1\n  Amanita rubra Smith sp. nov.\n"),
        "{text}"
    );
    // Which label it is, is the model's business.
    assert!(text.contains("Why ") && text.contains(" rather than ") && text.contains("together"), "{text}");
    assert!(out(&explain("a.txt:2")).starts_with("a.txt, paragraph 2 of 2, lines 3 to 3\n"));
    for (place, code, said) in
        [("a.txt:9", 2, "no paragraph at line 9"), ("b.txt:1", 2, "'b.txt' does not exist")]
    {
        let output = explain(place);
        assert_eq!(output.status.code(), Some(code));
        assert!(err(&output).contains(said), "{}", err(&output));
    }
}

/// The invented articles with their labels.
fn gold() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gold").display().to_string()
}

#[test]
fn a_model_is_trained_evaluated_listed_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let train = |output: &str| {
        let input = gold();
        let preset = "--model=logistic_words_suffixes";
        let arguments = ["--input", &input, preset, "--name=mine", "--replace", "--json", "-o", output];
        let done =
            program(TRAIN, folder.path(), &arguments).env("SOURCE_DATE_EPOCH", "86400").output().unwrap();
        assert_eq!(done.status.code(), Some(0), "{}", err(&done));
        done
    };
    let figures: serde_json::Value = serde_json::from_slice(&train("models").stdout).unwrap();
    assert!(figures["blocks"]["macro_f1"].is_number() && figures["lines"]["labels"].is_object(), "{figures}");
    let card = std::fs::read_to_string(folder.path().join("models/mine.md")).unwrap();
    assert!(card.contains("train_classifier --input") && card.contains("1970-01-02"), "{card}");
    train("again");
    let bytes = |name: &str| std::fs::read(folder.path().join(name).join("mine.skol")).unwrap();
    assert!(bytes("models") == bytes("again"));

    let evaluate = |options: &[&str]| {
        let input = gold();
        let arguments = [&["--model=mine", "--gold", &input][..], options].concat();
        program(EVALUATE, folder.path(), &arguments).output().unwrap()
    };
    let output = evaluate(&["--json", "--report=page.html"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for part in ["blocks", "lines"] {
        for key in ["accuracy", "macro_f1", "weighted_f1", "support"] {
            assert!(figures[part][key].is_number(), "{part}.{key}: {figures}");
        }
        for key in ["precision", "recall", "f1", "support"] {
            assert!(figures[part]["labels"]["Nomenclature"][key].is_number(), "{part}.Nomenclature.{key}");
        }
    }
    assert!(std::fs::read_to_string(folder.path().join("page.html")).unwrap().contains("<html"));
    assert!(out(&evaluate(&[])).contains("Blocks"));

    std::fs::write(folder.path().join("a.txt"), "Amanita rubra sp. nov.\n").unwrap();
    let output = program(PREDICT, folder.path(), &["--model=mine", "--explain=a.txt:1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).contains("Model mine:") && out(&output).contains("together"), "{}", out(&output));
}

#[test]
fn what_cannot_be_trained_or_evaluated_says_why() {
    let input = gold();
    for (name, arguments, code, said) in [
        (TRAIN, &["--input", "nowhere"][..], 3, "nowhere"),
        (TRAIN, &["--input", &input, "--model=logistic_word_suffixes"], 2, "logistic_words_suffixes"),
        (EVALUATE, &["--gold", "nowhere", "--model=nosuch"], 2, "nosuch"),
    ] {
        let output = run(name, arguments);
        assert_eq!(output.status.code(), Some(code), "{}", err(&output));
        assert!(err(&output).contains(said) && output.stdout.is_empty(), "{}", err(&output));
    }
}

#[test]
fn fine_labels_are_explained_with_the_auxiliary_model_and_collapse_to_three() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "Amanita rubra Novak, sp. nov.  Fig. 1\n").unwrap();
    let output =
        program(PREDICT, folder.path(), &["--model=context_fine", "--explain=a.txt:1"]).output().unwrap();
    let explained = out(&output);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let auxiliary = explained.find("then, half way to what the auxiliary model of the three labels thinks\n");
    let last = explained.rfind("together, divided by ");
    assert!(auxiliary.is_some() && auxiliary < last, "{explained}");

    // What is written is what is counted.
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/documents").display().to_string();
    let labels = |output: &str, options: &[&str]| -> BTreeMap<String, u64> {
        let metrics = format!("--metrics-file={output}.json");
        let arguments =
            [&[samples.as_str(), "--model=context_fine", "-o", output, &metrics], options].concat();
        let done = program(PREDICT, folder.path(), &arguments).output().unwrap();
        assert_eq!(done.status.code(), Some(0), "{}", err(&done));
        let mut written = BTreeMap::new();
        for file in walkdir::WalkDir::new(folder.path().join(output)).into_iter().map(Result::unwrap) {
            if file.path().extension().is_some_and(|end| end == "ann") {
                let text = std::fs::read_to_string(file.path()).unwrap();
                for label in yedda::parse(&text).blocks.iter().filter_map(|block| block.label) {
                    *written.entry(label.to_owned()).or_default() += 1;
                }
            }
        }
        let metrics = std::fs::read(folder.path().join(format!("{output}.json"))).unwrap();
        let metrics: serde_json::Value = serde_json::from_slice(&metrics).unwrap();
        let counted: BTreeMap<String, u64> = serde_json::from_value(metrics["labels"].clone()).unwrap();
        let counted: BTreeMap<String, u64> = counted.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(written, counted);
        written
    };
    let fine = labels("fine", &[]);
    assert!(fine.contains_key("Bibliography") && fine.contains_key("Nomenclature"), "{fine:?}");
    let three = labels("three", &["--collapse"]);
    assert_eq!(three.keys().collect::<Vec<_>>(), ["Description", "Misc-exposition", "Nomenclature"]);
}
