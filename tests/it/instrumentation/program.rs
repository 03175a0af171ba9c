//! The instrumentation beside the pipeline, seen from outside: what the program says at each verbosity.

use std::path::Path;
use std::process::{Command, Output};

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
fn program_takes_the_verbosity_from_env_config() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("env_config"), "VERBOSITY=2  # or 3 for even more detail\n").unwrap();
    assert!(said(&predict(folder.path(), &[])).contains("Instrumentation Metrics Summary"));
}
