//! Events for people: the headings, blocks and blank lines of the guide.
//!
//! Every event is written under one lock, so that blocks of parallel stages do not mix.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Reporter;
use crate::event::Event;
use crate::format::{format_bytes, format_duration};
use crate::lineage::Lineage;
use crate::metrics::{DataFrameMetrics, Travel};
use crate::recorder::ago;
use crate::session::{MemoryPeak, QueryMetrics, RuleMetrics};
use crate::verbosity::Verbosity;

/// The rule above and below a heading.
pub(crate) const RULE: &str = "======================================================================";

/// Writes events as the lines of the guide. Control characters other than line ends are escaped (`\u{1b}`), so that a
/// name from outside cannot steer a terminal.
pub struct TextReporter {
    state: Mutex<State>,
}

struct State {
    writer: Box<dyn Write + Send>,
    last: Last,
}

/// What was written last: it decides on a blank line.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Nothing,
    Heading,
    Line,
    Block,
}

impl std::fmt::Debug for TextReporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextReporter").finish_non_exhaustive()
    }
}

impl TextReporter {
    /// Writes to `writer`; what cannot be written is lost.
    #[must_use]
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self { state: Mutex::new(State { writer: Box::new(writer), last: Last::Nothing }) }
    }

    fn write(&self, last: Last, text: impl FnOnce(Last) -> String) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let text = escaped(text(state.last));
        let _ = state.writer.write_all(text.as_bytes()).and_then(|()| state.writer.flush());
        state.last = last;
    }

    /// A heading between two rules, after a blank line unless it is the first.
    fn heading(&self, title: &str) {
        self.write(Last::Heading, |last| {
            let gap = if last == Last::Nothing { "" } else { "\n" };
            format!("{gap}{RULE}\n{title}\n{RULE}\n")
        });
    }

    /// Lines that belong together, set apart by a blank line unless a heading is right above.
    fn block(&self, lines: &str) {
        self.write(Last::Block, |last| {
            let gap = if matches!(last, Last::Nothing | Last::Heading) { "" } else { "\n" };
            format!("{gap}{lines}\n")
        });
    }

    /// A line that belongs to the block right above.
    fn more(&self, line: &str) {
        self.write(Last::Block, |_| format!("{line}\n"));
    }

    /// A single line; lines of the same kind stand together.
    fn line(&self, line: &str) {
        self.write(Last::Line, |last| {
            let gap = if last == Last::Block { "\n" } else { "" };
            format!("{gap}{line}\n")
        });
    }
}

impl Reporter for TextReporter {
    fn report(&self, event: &Event, verbosity: Verbosity) {
        match event {
            Event::ScopeStarted { name, description } => self.heading(&format!("{name}: {description}")),
            Event::ScopeCompleted { name, elapsed_s, .. } => {
                let elapsed = Duration::try_from_secs_f64(*elapsed_s).unwrap_or_default();
                self.block(&format!("{name}: Completed in {}", format_duration(elapsed)));
            }
            Event::Closure { name, size } => {
                self.block(&format!("  Closure '{name}': {}", format_bytes(size.bytes)));
            }
            Event::Broadcast { name, bytes, travel } => {
                let how = match travel {
                    Travel::Reference => "by reference",
                    Travel::Inline => "inline",
                };
                self.block(&format!("  Broadcast '{name}': {} ({how})", format_bytes(*bytes)));
            }
            Event::Task { name, size } => self.block(&format!(
                "  Task '{name}': {} (stage {} of {})",
                format_bytes(size.bytes),
                size.stage,
                size.stages
            )),
            Event::DataFrame { name, metrics } => self.block(&frame(name, metrics, verbosity)),
            Event::CheckpointStarted { name, lineage_depth, reason } => {
                self.block(&format!("  Checkpointing '{name}' {}", reason.describe(*lineage_depth)));
            }
            Event::CheckpointCompleted { name, files: 0, .. } => self.more(&format!("  ✓ Cached '{name}'")),
            Event::CheckpointCompleted { name, files, bytes, .. } => {
                let bytes = format_bytes(usize::try_from(*bytes).unwrap_or(usize::MAX));
                self.more(&format!("  ✓ Cached '{name}' on disk: {files} Parquet files, {bytes}"));
            }
            Event::Execution { name, metrics } => self.block(&metrics.lines(name)),
            Event::Query { query } => self.line(&query_lines(query, verbosity)),
            Event::Warning { message, .. } => self.line(&format!("  ⚠ {message}")),
            Event::Changes { since_s, changes } => {
                let mut lines = format!("Since the last run ({}):", ago(*since_s));
                if changes.is_empty() {
                    lines.push_str("\n    nothing notable changed");
                }
                for change in changes {
                    lines.push_str("\n    ");
                    lines.push_str(change);
                }
                self.block(&lines);
            }
            Event::Summary { text, .. } => self.block(text.trim_end()),
        }
    }
}

/// The lines of one DataFrame.
fn frame(name: &str, found: &DataFrameMetrics, verbosity: Verbosity) -> String {
    let mut lines = format!("  DataFrame '{name}':\n    Columns: {}", found.columns);
    if let Some(partitions) = found.partitions {
        lines += &format!("\n    Partitions: {partitions}");
    }
    lines += &format!("\n    Lineage depth: {} stages", found.lineage_depth);
    if let Some(rows) = found.rows() {
        lines += &format!("\n    Rows: {rows}");
    }
    if verbosity >= Verbosity::Debug {
        lines += &format!("\n    Logical plan: {}", shape(&found.logical));
        if let Some(physical) = &found.physical {
            lines += &format!("\n    Physical plan: {}", shape(physical));
        }
        if let Some(bytes) = found.task_bytes {
            lines += &format!("\n    Largest task: {}", format_bytes(bytes));
        }
    }
    lines
}

/// One line for a query, and at verbosity 3 its details.
fn query_lines(query: &QueryMetrics, verbosity: Verbosity) -> String {
    let time = |elapsed: f64| format_duration(seconds(elapsed));
    let depth = match query.lineage_depth {
        Some(written) if written != query.lineage_depth_optimized => {
            format!("{written} stages, {} after optimizing", query.lineage_depth_optimized)
        }
        _ => format!("{} stages", query.lineage_depth_optimized),
    };
    let mut more = String::new();
    let size = |bytes: u64| format_bytes(usize::try_from(bytes).unwrap_or(usize::MAX));
    let scanned: u64 = query.execution.stages.iter().filter_map(|stage| stage.scanned_bytes).sum();
    if scanned > 0 {
        more += &format!(", {} read", size(scanned));
    }
    if let Some(bytes) = query.memory_peak_bytes {
        more += &format!(", {} at most", format_bytes(bytes));
    }
    let spills: u64 = query.execution.stages.iter().map(|stage| stage.spills).sum();
    if spills > 0 {
        more += &format!(", spilled {spills} times");
    }
    let mut lines = format!(
        "  Query {}: {} rows in {}{more}, planned in {} ({depth}): {}",
        query.number,
        query.rows,
        time(query.elapsed_s),
        time(query.optimizing_s.unwrap_or_default() + query.planning_s),
        query.name()
    );
    if let Some(error) = &query.error {
        lines += &format!("\n    failed: {error}");
    }
    if verbosity >= Verbosity::Debug {
        lines += &query_details(query);
    }
    lines
}

/// What verbosity 3 adds to a query: its stages, its operators with every metric, memory, plan and rules.
fn query_details(query: &QueryMetrics) -> String {
    let mut lines = query.execution.stage_lines();
    if !query.memory_consumers.is_empty() {
        let peak = |peak: &MemoryPeak| format!("{} {}", peak.consumer, format_bytes(peak.bytes));
        let consumers: Vec<_> = query.memory_consumers.iter().map(peak).collect();
        lines += &format!("\n    Memory: {}", consumers.join(", "));
    }
    if let (Some(plan), Some(task)) = (query.plan_bytes, query.task_bytes) {
        lines += &format!("\n    Plan: {}, largest task {}", format_bytes(plan), format_bytes(task));
    }
    let mut rules: Vec<_> = query.rules.iter().collect();
    rules.sort_by(|a, b| b.elapsed_s.total_cmp(&a.elapsed_s));
    if !rules.is_empty() {
        let all = format_duration(seconds(rules.iter().map(|rule| rule.elapsed_s).sum()));
        let rule =
            |rule: &&RuleMetrics| format!("{} {}", rule.name, format_duration(seconds(rule.elapsed_s)));
        let slowest: Vec<_> = rules.iter().take(5).map(rule).collect();
        lines += &format!("\n    Rules: {all}, of which {}", slowest.join(", "));
    }
    format!("{lines}\n{}", query.execution.lines(&format!("query {}", query.number)))
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn shape(lineage: &Lineage) -> String {
    format!(
        "depth {}, {} operators, {} exchanges, {} unions, {} scans",
        lineage.depth, lineage.operators, lineage.exchanges, lineage.unions, lineage.scans
    )
}

/// The text with its control characters escaped, line ends left out.
fn escaped(text: String) -> String {
    let harmless = |c: char| !c.is_control() || c == '\n';
    if text.chars().all(harmless) {
        return text;
    }
    let escape = |c: char| if harmless(c) { c.to_string() } else { c.escape_default().to_string() };
    text.chars().map(escape).collect()
}
