//! A named part of the caller's work: reported when it starts, and with its time when it ends.
//!
//! A scope that is dropped without [`Scope::complete`] was left by an error, and is reported as failed.

use std::fmt::Display;
use std::time::{Duration, Instant};

use tracing::Span;

use super::Instrumentation;

/// An open scope. End it with [`complete`](Self::complete) or [`fail`](Self::fail).
#[must_use = "a scope that is dropped at once has failed"]
#[derive(Debug)]
pub struct Scope {
    instrumentation: Instrumentation,
    name: String,
    start: Instant,
    span: Span,
    rows: Option<u64>,
    partitions: Option<usize>,
    ended: bool,
}

impl Scope {
    pub(super) fn start(instrumentation: &Instrumentation, name: &str, description: &str) -> Self {
        instrumentation.scope_started(name, description);
        let silent = instrumentation.is_silent();
        Self {
            instrumentation: instrumentation.clone(),
            name: if silent { String::new() } else { name.to_owned() },
            start: Instant::now(),
            span: if silent {
                Span::none()
            } else {
                tracing::info_span!("stage", otel.name = name, stage = name, rows = tracing::field::Empty)
            },
            rows: None,
            partitions: None,
            ended: false,
        }
    }

    /// The scope's span, for `tracing::Instrument::instrument` on the futures that do its work.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Sets how many rows the scope handled, for the metrics.
    pub fn set_rows(&mut self, rows: u64) {
        self.span.record("rows", rows);
        self.rows = Some(rows);
    }

    /// Sets over how many partitions the scope ran, for the metrics.
    pub fn set_partitions(&mut self, partitions: usize) {
        self.partitions = Some(partitions);
    }

    /// Time since the scope started.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Ends the scope: `Completed in 1.23 s`.
    pub fn complete(mut self) {
        self.end(None);
    }

    /// Ends the scope: `Failed after 1.23 s: <error>`.
    pub fn fail(mut self, error: impl Display) {
        self.end(Some(Some(error.to_string())));
    }

    /// Ends the scope as the result is, and gives the result back.
    pub fn finish<T, E: Display>(self, result: Result<T, E>) -> Result<T, E> {
        match &result {
            Ok(_) => self.complete(),
            Err(error) => self.fail(error),
        }
        result
    }

    fn end(&mut self, failure: Option<Option<String>>) {
        self.ended = true;
        self.instrumentation.scope_ended(
            &self.name,
            self.start.elapsed(),
            self.rows,
            self.partitions,
            failure,
        );
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Some(None));
        }
    }
}
