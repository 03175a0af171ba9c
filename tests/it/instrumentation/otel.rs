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

    let (mut bytes, mut heads) = (Vec::new(), Vec::new());
    while let Ok(Some((head, body))) = tokio::time::timeout(Duration::from_millis(200), requests.recv()).await
    {
        bytes.extend(body);
        heads.push(head);
    }
    assert!(
        heads[0].starts_with("post /v1/traces") && heads[0].contains("application/x-protobuf"),
        "{heads:?}"
    );
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    for name in ["instrumentation_test", "my_stage", "FilterExec", "output_rows"] {
        assert!(has(name), "{name} is not among the {} bytes that were sent", bytes.len());
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    let refused = otel::layer::<tracing_subscriber::Registry>("not an address", "x").err().unwrap();
    assert!(refused.to_string().contains("'not an address'"), "{refused}");
}
