//! Promises of the instrumentation, as its guide (`docs/instrumentation.md`) makes them.

mod checkpoints;
#[cfg(feature = "otel")]
mod collector;
mod comparing;
mod deep;
mod events;
mod facts;
mod guide;
mod memory;
mod observing;
#[cfg(feature = "otel")]
mod otel;
mod output;
mod progress;
mod promises;
mod record;
#[cfg(feature = "report")]
mod report;
mod same_answers;
mod schemas;
mod sessions;
mod sizes;
mod support;
mod tpch;
