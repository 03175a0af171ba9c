//! Promises of the instrumentation, as its guide (`docs/instrumentation.md`) makes them.

mod checkpoints;
mod deep;
mod facts;
#[cfg(feature = "otel")]
mod otel;
mod output;
mod sizes;
mod support;
mod tpch;
