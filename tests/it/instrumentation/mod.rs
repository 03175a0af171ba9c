//! The instrumentation beside the pipeline, and its guide (`docs/instrumentation.md`).

#[cfg(feature = "otel")]
#[path = "../../../crates/datafusion-measure/tests/it/collector.rs"]
mod collector;
#[cfg(feature = "otel")]
mod otel;
mod program;
