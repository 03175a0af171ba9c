//! The one sentence at the end of a run.

use std::time::Duration;

use super::tally::Tally;

/// What happened, in one sentence for the operator.
#[must_use]
pub fn sentence(tally: &Tally, elapsed: Duration, destination: &str, dry_run: bool, stopped: bool) -> String {
    let counts = &tally.documents;
    let mut sentence = format!(
        "{}{} of {} ({}, {:.1} MB) labelled in {:.1} s: ",
        if stopped { "Stopped early: " } else { "" },
        counts.saved + counts.unchanged + if dry_run { counts.skipped } else { 0 },
        several(counts.selected, "document"),
        several(tally.paragraphs, "paragraph"),
        tally.bytes as f64 / 1e6,
        elapsed.as_secs_f64(),
    );
    if dry_run {
        sentence += &format!(
            "nothing written (dry run), {} would be, {} unchanged, {} failed",
            counts.skipped, counts.unchanged, counts.failed
        );
    } else {
        sentence += &format!(
            "{} saved, {} unchanged, {} kept, {} skipped, {} failed",
            counts.saved, counts.unchanged, counts.kept, counts.skipped, counts.failed
        );
    }
    if tally.retries > 0 {
        sentence += &format!(", {} retries", tally.retries);
    }
    if counts.selected == 0 {
        return format!("No document was selected; nothing to do (annotations would be {destination}).");
    }
    if counts.saved == 0 && counts.failed == 0 && !dry_run {
        sentence += "; nothing new to write";
    }
    format!("{sentence}; annotations are {destination}.")
}

fn several(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}
