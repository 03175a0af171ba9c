//! The summary at the end, in the guide's layout.
//!
//! Turns metrics into lines; the unit is always `stages` and `partitions`, so that a line can be read by a program.

use std::fmt::Write as _;

use super::format::format_bytes;
use super::limits::Limits;
use super::metrics::{DataFrameMetrics, Metrics, Travel};
use super::reporter::RULE;

/// The whole summary, from rule to rule, with a newline at the end.
pub(super) fn render(metrics: &Metrics, limits: &Limits) -> String {
    let mut text = format!("{RULE}\nInstrumentation Metrics Summary\n{RULE}\n");
    let sized =
        |(name, bytes): (&str, &usize), limit: usize| line(*bytes > limit, name, &format_bytes(*bytes));
    section(
        &mut text,
        "Closure Sizes",
        metrics.closures.iter().map(|entry| sized(entry, limits.closure_bytes)),
    );
    section(
        &mut text,
        "Broadcast Sizes",
        metrics.broadcasts.iter().map(|(name, bytes)| {
            let travel = match metrics.broadcast_travel.get(name) {
                Some(Travel::Reference) => " (by reference)",
                Some(Travel::Inline) => " (inline)",
                None => "",
            };
            line(*bytes > limits.broadcast_bytes, name, &format!("{}{travel}", format_bytes(*bytes)))
        }),
    );
    section(&mut text, "Task Sizes", metrics.tasks.iter().map(|entry| sized(entry, limits.task_bytes)));
    section(
        &mut text,
        "DataFrame Lineage Depths",
        metrics.dataframes.iter().flat_map(|(name, frame)| frame_lines(name, frame, limits)),
    );
    section(&mut text, "Advice", metrics.advice.iter().map(|advice| format!("    {advice}")));
    let _ = writeln!(text, "{RULE}");
    text
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "\n{title}:");
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
}

fn line(marked: bool, name: &str, value: &str) -> String {
    format!("  {} {name}: {value}", if marked { '⚠' } else { ' ' })
}

fn frame_lines(name: &str, frame: &DataFrameMetrics, limits: &Limits) -> Vec<String> {
    let partitions = match frame.partitions {
        Some(partitions) => format!(", {partitions} partitions"),
        None => String::new(),
    };
    let depth = |depth: usize, note: &str| {
        line(depth > limits.lineage_checkpoint, name, &format!("{depth} stages{partitions}{note}"))
    };
    match frame.lineage_depth_before {
        Some(before) => {
            vec![depth(before, " (before checkpoint)"), depth(frame.lineage_depth, " (after checkpoint)")]
        }
        None => vec![depth(frame.lineage_depth, "")],
    }
}
