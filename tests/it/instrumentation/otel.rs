//! Spans reach a collector: stages from scopes, operators from the engine.

use std::time::Duration;

use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::*;
use skol_classifier::instrumentation::{Instrumentation, Verbosity, otel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

/// A collector of one endpoint: gives every request it got, head and body, and answers with 200.
async fn collector() -> (String, mpsc::UnboundedReceiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (send, receive) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let send = send.clone();
            tokio::spawn(async move {
                let mut data = Vec::new();
                let mut buffer = [0; 4096];
                loop {
                    let read = stream.read(&mut buffer).await.unwrap_or(0);
                    if read == 0 {
                        return;
                    }
                    data.extend_from_slice(&buffer[..read]);
                    let Some(end) = data.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
                    let head = String::from_utf8_lossy(&data[..end]).to_lowercase();
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                    let length: usize = length.trim().parse().unwrap();
                    if data.len() < end + 4 + length {
                        continue;
                    }
                    let body = data.drain(..end + 4 + length).skip(end + 4).collect();
                    let _ = send.send((head, body));
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                    stream.write_all(answer).await.unwrap();
                }
            });
        }
    });
    (address, receive)
}

/// Heads and bodies of all requests so far.
async fn sent(requests: &mut mpsc::UnboundedReceiver<(String, Vec<u8>)>) -> (Vec<String>, Vec<u8>) {
    let (mut bytes, mut heads) = (Vec::new(), Vec::new());
    while let Ok(Some((head, body))) = tokio::time::timeout(Duration::from_millis(200), requests.recv()).await
    {
        bytes.extend(body);
        heads.push(head);
    }
    (heads, bytes)
}

fn assert_has(bytes: &[u8], names: &[&str]) {
    for name in names {
        let there = bytes.windows(name.len()).any(|window| window == name.as_bytes());
        assert!(there, "{name} is not among the {} bytes that were sent", bytes.len());
    }
}

/// On one thread, because the subscriber is set for this thread alone and the engine's tasks must see it.
#[tokio::test(flavor = "current_thread")]
async fn spans_of_stages_and_operators_reach_a_collector() {
    let (address, mut requests) = collector().await;
    let (layer, exporter) = otel::layer(&address, "instrumentation_test").unwrap();
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));

    let state = SessionStateBuilder::new()
        .with_default_features()
        .with_physical_optimizer_rule(otel::operator_spans())
        .build();
    let context = SessionContext::new_with_state(state);
    let instr = Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink());
    let scope = instr.scope("my_stage");
    let span = scope.span().clone();
    let frame = super::support::numbers(&context, 100, 2).filter(col("n").gt(lit(10i64))).unwrap();
    let batches = frame.collect().instrument(span.clone()).await.unwrap();
    assert!(!batches.is_empty());
    drop(span);
    scope.complete();
    drop(guard);
    exporter.shutdown().await.unwrap();

    let (heads, bytes) = sent(&mut requests).await;
    assert!(
        heads[0].starts_with("post /v1/traces") && heads[0].contains("application/x-protobuf"),
        "{heads:?}"
    );
    assert_has(&bytes, &["instrumentation_test", "my_stage", "FilterExec", "output_rows"]);
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    let refused = otel::layer::<tracing_subscriber::Registry>("not an address", "x").err().unwrap();
    assert!(refused.to_string().contains("'not an address'"), "{refused}");
}

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
