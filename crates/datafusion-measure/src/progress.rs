//! Queries while they run: how far each has come, operator by operator, for a program and for a terminal.
//!
//! Reads the counters that the engine keeps anyway, when it is asked. Nothing is done per row or batch.

use std::fmt;
use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;

use super::Instrumentation;
use super::execution::ExecutionMetrics;
use super::format::{format_bytes, format_duration};

/// How much of a line on a terminal is used.
const LINE_CHARS: usize = 100;

/// A query that runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Progress {
    /// Its number, as it will be in [`QueryMetrics::number`](super::QueryMetrics::number).
    pub number: u64,
    /// Its text, or the topmost operator of its plan.
    pub name: String,
    /// Seconds since its first partition was started.
    pub elapsed_s: f64,
    /// Rows of the result so far.
    pub rows: u64,
    /// Partitions of the result.
    pub partitions: usize,
    /// How many of them have ended.
    pub partitions_ended: usize,
    /// Most bytes that the session's memory pool had reserved since the start, where anything was reserved.
    pub memory_peak_bytes: Option<usize>,
    /// What each operator has done so far.
    #[serde(flatten)]
    pub execution: ExecutionMetrics,
}

impl fmt::Display for Progress {
    /// One line: time, rows of the result, what was read so far, and the operator that computed longest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elapsed = Duration::try_from_secs_f64(self.elapsed_s).unwrap_or_default();
        write!(f, "Query {}: {}, {} rows", self.number, format_duration(elapsed), self.rows)?;
        if self.partitions > 1 {
            write!(f, ", {} of {} partitions", self.partitions_ended, self.partitions)?;
        }
        let operators = &self.execution.operators;
        let read: u64 = operators.iter().filter(|operator| operator.inputs == 0).filter_map(|o| o.rows).sum();
        if read > 0 {
            write!(f, ", {read} read")?;
        }
        if let Some(bytes) = self.memory_peak_bytes {
            write!(f, ", {} at most", format_bytes(bytes))?;
        }
        let busiest = operators.iter().max_by_key(|operator| operator.compute_ns);
        if let Some((name, ns)) = busiest.and_then(|busiest| Some((&busiest.name, busiest.compute_ns?))) {
            write!(f, ", {name} {}", format_duration(Duration::from_nanos(ns)))?;
        }
        Ok(())
    }
}

/// Looks at running queries until it is dropped.
#[derive(Debug)]
#[must_use = "nothing is shown once it is dropped"]
pub struct Watcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            // It ends at once; a callback that panicked has been reported on its own thread.
            let _ = thread.join();
        }
    }
}

impl Instrumentation {
    /// The queries that run at this moment in attached sessions, in the order of their starts.
    #[must_use]
    pub fn running(&self) -> Vec<Progress> {
        self.runs().iter().map(|run| run.progress()).collect()
    }

    /// Calls `show` with the running queries, every so often, on a thread of its own, until the watcher is dropped; once
    /// more then. It is not called where nothing has run since the last call.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn watch(
        &self,
        every: Duration,
        mut show: impl FnMut(&[Progress]) + Send + 'static,
    ) -> io::Result<Watcher> {
        let (stop, stopped) = channel::<()>();
        let instrumentation = self.clone();
        let thread = std::thread::Builder::new().name("datafusion-measure".to_owned()).spawn(move || {
            let mut shown = false;
            loop {
                let ends = !matches!(stopped.recv_timeout(every), Err(RecvTimeoutError::Timeout));
                let running = instrumentation.running();
                if shown || !running.is_empty() {
                    show(&running);
                }
                shown = !running.is_empty();
                if ends {
                    return;
                }
            }
        })?;
        Ok(Watcher { stop: Some(stop), thread: Some(thread) })
    }

    /// Shows the running queries on a terminal: one line, written anew twice a second, and taken away when nothing runs.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn watch_on(&self, mut terminal: impl Write + Send + 'static) -> io::Result<Watcher> {
        self.watch(Duration::from_millis(500), move |running| {
            let _ = terminal.write_all(line(running).as_bytes()).and_then(|()| terminal.flush());
        })
    }
}

/// What a terminal shows: it replaces the line that is there.
fn line(running: &[Progress]) -> String {
    let mut text = String::from("\r\u{1b}[2K");
    if let Some(first) = running.first() {
        let more = running.len() - 1;
        let shown = if more > 0 { format!("{first} (and {more} more)") } else { first.to_string() };
        text.extend(shown.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE_CHARS));
    }
    text
}
