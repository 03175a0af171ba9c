//! Progress: a bar on a terminal, one line a minute in a log.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::console::Console;
use super::message::Message;
use super::summary::DocumentCounts;
use crate::instrumentation::{Event, Reporter, Verbosity, Warning};

/// How often a line is written to a log.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Shows how far a run has come, on standard error.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: Option<ProgressBar>,
    log: Option<Arc<Mutex<Instant>>>,
    console: Console,
    start: Instant,
}

impl Progress {
    /// Shows nothing when `shown` is false; else a bar on a terminal, lines in a log.
    #[must_use]
    pub fn new(shown: bool, console: Console) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = (shown && terminal).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
            set_style(&bar, "{spinner} {pos} documents  {rate} per second  {elapsed}  {msg}");
            bar
        });
        let log = (shown && !terminal).then(|| Arc::new(Mutex::new(Instant::now())));
        Self { bar, log, console, start: Instant::now() }
    }

    /// Whether people are watching a bar.
    #[must_use]
    pub fn is_bar(&self) -> bool {
        self.bar.is_some()
    }

    /// There are `total` documents: from now on the bar shows the time that remains.
    pub fn set_total(&self, total: u64) {
        let Some(bar) = &self.bar else { return };
        bar.set_length(total);
        set_style(bar, "{wide_bar} {pos}/{len} documents  {rate} per second  {eta} left  {msg}");
    }

    /// Shows the counts.
    pub fn update(&self, counts: &DocumentCounts) {
        if let Some(bar) = &self.bar {
            bar.set_position(counts.ended());
            if counts.failed > 0 {
                bar.set_message(format!("{} failed", counts.failed));
            }
        }
        let Some(last) = self.log.as_ref().and_then(|last| last.try_lock().ok()) else { return };
        let mut last = last;
        if last.elapsed() >= LOG_EVERY {
            *last = Instant::now();
            let elapsed_s = self.start.elapsed().as_secs_f64();
            self.write(&Message::Progress { ended: counts.ended(), failed: counts.failed, elapsed_s });
        }
    }

    /// Writes a message to standard error, above the bar.
    pub fn write(&self, message: &Message<'_>) {
        self.above(|| self.console.write(message));
    }

    /// Writes a warning to standard error, above the bar.
    pub fn warn(&self, message: &str) {
        self.write(&Message::Warning { message });
    }

    /// The instrumentation's events on standard error, above the bar.
    #[must_use]
    pub fn reporter(&self) -> impl Reporter + use<> {
        AboveBar { progress: self.clone(), reporter: self.console.reporter() }
    }

    fn above(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A reporter whose lines do not mix with the bar.
struct AboveBar {
    progress: Progress,
    reporter: Box<dyn Reporter>,
}

impl Reporter for AboveBar {
    fn report(&self, event: &Event, verbosity: Verbosity) {
        // The error that ends the run says as much, with its remedy: below verbosity 2 once is enough.
        let failed = matches!(event, Event::Warning { warning: Warning::ScopeFailed { .. }, .. });
        if failed && verbosity < Verbosity::Info {
            return;
        }
        self.progress.above(|| self.reporter.report(event, verbosity));
    }
}

fn set_style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // Writing into a line cannot fail.
            let _ = write!(out, "{:.1}", state.per_sec());
        }));
    }
}
