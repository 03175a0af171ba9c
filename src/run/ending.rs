//! The one sentence at the end of a run.

use std::time::Duration;

use super::summary::RunSummary;
use crate::printable::several;

/// What a run that was stopped did not come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Documents that the next run finds, as many as were counted.
    pub documents: u64,
    /// Whether all were counted.
    pub complete: bool,
}

/// What happened, in one sentence for the operator. `left` is there when the run was stopped; `left_out`
/// counts what the listing passed over.
#[must_use]
pub fn sentence(
    summary: &RunSummary,
    elapsed: Duration,
    destination: &str,
    dry_run: bool,
    left: Option<Left>,
    left_out: &str,
) -> String {
    let counts = &summary.documents;
    let passed = if left_out.is_empty() { String::new() } else { format!("; passed over: {left_out}") };
    if counts.selected == 0 && left.is_none() {
        return format!(
            "No document was selected; nothing to do (annotations would be {destination}){passed}."
        );
    }
    let mut sentence = format!(
        "{}{} of {} ({}, {}) labelled in {:.1} s: ",
        if left.is_some() { "Stopped early: " } else { "" },
        counts.saved + counts.unchanged + counts.kept + counts.planned,
        several(counts.selected, "document"),
        several(summary.paragraphs, "paragraph"),
        bytesize::ByteSize(summary.bytes).display().si(),
        elapsed.as_secs_f64(),
    );
    if dry_run {
        sentence += &format!(
            "nothing written (dry run), {} would be, {} unchanged, {} kept, {} skipped, {} failed",
            counts.planned, counts.unchanged, counts.kept, counts.skipped, counts.failed
        );
    } else {
        sentence += &format!(
            "{} saved, {} unchanged, {} kept, {} skipped, {} failed",
            counts.saved, counts.unchanged, counts.kept, counts.skipped, counts.failed
        );
    }
    if summary.retries > 0 {
        sentence += &format!(", {} retries", summary.retries);
    }
    if let Some(left) = left {
        let least = if left.complete { "" } else { "at least " };
        sentence += &format!("; {least}{} left for the next run", several(left.documents, "document"));
    } else if counts.saved == 0 && counts.failed == 0 && !dry_run {
        sentence += "; nothing new to write";
    }
    format!("{sentence}{passed}; annotations are {destination}.")
}

/// What became of the field `taxonomy`, in one sentence for the operator.
#[must_use]
pub fn flag_sentence(
    summary: &RunSummary,
    elapsed: Duration,
    dry_run: bool,
    left: Option<Left>,
    left_out: &str,
) -> String {
    let counts = &summary.documents;
    let what = if dry_run {
        format!(
            "nothing written (dry run), the field taxonomy of {} would be set",
            several(counts.planned, "document")
        )
    } else {
        format!("the field taxonomy of {} is set", several(counts.saved, "document"))
    };
    let mut sentence = format!(
        "{}{} looked at in {:.1} s: {what}, {} right already, {} failed",
        if left.is_some() { "Stopped early: " } else { "" },
        several(counts.selected, "document"),
        elapsed.as_secs_f64(),
        counts.unchanged,
        counts.failed
    );
    if summary.retries > 0 {
        sentence += &format!(", {} retries", summary.retries);
    }
    if let Some(left) = left {
        let least = if left.complete { "" } else { "at least " };
        sentence += &format!("; {least}{} left for the next run", several(left.documents, "document"));
    }
    let passed = if left_out.is_empty() { String::new() } else { format!("; passed over: {left_out}") };
    format!("{sentence}{passed}.")
}
