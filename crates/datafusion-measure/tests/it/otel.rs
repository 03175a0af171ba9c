//! Spans reach a collector: stages from scopes, operators from the engine.

use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::*;
use datafusion_measure::{Instrumentation, Verbosity, otel};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use super::collector::{assert_has, collector, sent};

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
