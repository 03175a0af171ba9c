//! The program's spans reach a collector, and a run without one labels all the same.

use tokio::net::TcpListener;

use super::collector::{assert_has, collector, sent};

/// A run of the program on one document, told of a collector at this base address.
async fn run_with_collector(base: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("one.txt"), "Agaricus testus Author, sp. nov.\n").unwrap();
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_predict_classifier"));
    program
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", base)
        .args(["one.txt", "--output", "out", "--verbosity", "1"]);
    let output = tokio::task::spawn_blocking(move || program.output()).await.unwrap().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(folder.path().join("out/one.txt.ann").exists(), "{said}");
    (folder, said)
}

#[tokio::test]
async fn program_exports_the_spans_of_a_run() {
    let (address, mut requests) = collector().await;
    let (_folder, said) = run_with_collector(address.strip_suffix("/v1/traces").unwrap()).await;
    assert!(!said.contains("spans"), "{said}");
    let (_, bytes) = sent(&mut requests).await;
    assert_has(&bytes, &["predict_classifier", "load_raw", "save_distributed", "MapPartitionsExec"]);
}

#[tokio::test]
async fn program_without_its_collector_labels_all_the_same() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let (_folder, said) = run_with_collector(&base).await;
    assert!(said.starts_with("warning: spans were lost: "), "{said}");
    assert!(said.contains("the labels are not affected; is OTEL_EXPORTER_OTLP_ENDPOINT right?"), "{said}");
}
