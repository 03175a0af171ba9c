//! Promises of the instrumentation, as its guide (`docs/instrumentation.md`) makes them.

mod checkpoints;
mod deep;
mod output;
mod sizes;
mod support;
