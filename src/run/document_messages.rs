//! What is written about single documents while a run goes on.

use std::io::{self, Write};

use super::error::ProgramError;
use super::message::Message;
use super::progress::Progress;
use super::summary::{Failure, Kept, Note, RunSummary};
use crate::document::Status;
use crate::error::Result;
use crate::pipeline::rows::OutcomeRows;
use crate::printable::printable;
use crate::source::LeftOut;

/// How many kept annotations are named at verbosity 1.
const MOST_KEPT: usize = 20;

/// What has been written so far.
#[derive(Debug)]
pub(super) struct DocumentMessages {
    verbosity: u8,
    failures: usize,
    kept: usize,
    notes: usize,
}

impl DocumentMessages {
    pub(super) fn new(verbosity: u8) -> Self {
        Self { verbosity, failures: 0, kept: 0, notes: 0 }
    }

    /// Names the failures that were not named yet, whatever the verbosity: cron's mail must hold them; and, from
    /// verbosity 1, the annotations that a person changed.
    pub(super) fn write_new(&mut self, progress: &Progress, summary: &RunSummary) {
        for failure in summary.failures.iter().skip(self.failures) {
            let Failure { doc_id, attachment_name, error } = failure;
            progress.write(&Message::DocumentFailed { doc_id, attachment_name, error });
        }
        self.failures = summary.failures.len();
        if self.verbosity == 0 {
            return;
        }
        let most = if self.verbosity == 1 { MOST_KEPT } else { usize::MAX };
        for Kept { doc_id, attachment_name, reason } in summary.kept.iter().take(most).skip(self.kept) {
            let why = reason.as_deref().unwrap_or("a person changed the annotation");
            let message = &format!("{why}; --force overwrites it and keeps a copy");
            progress.write(&Message::Kept { doc_id, attachment_name, message });
        }
        if self.kept <= most && summary.kept.len() > most {
            progress
                .warn("more annotations are kept; they are named at --verbosity 2 and in the --metrics-file");
        }
        self.kept = summary.kept.len();
        for Note { doc_id, attachment_name, text } in summary.notes.iter().skip(self.notes) {
            progress.write(&Message::Note { doc_id, attachment_name, message: text });
        }
        self.notes = summary.notes.len();
    }
}

/// Names what a listing left out: what was asked for by name, whatever the verbosity, and what somebody may have to
/// mend.
pub(super) fn write_left_out(progress: &Progress, left_out: &LeftOut, verbosity: u8) {
    for passed in left_out.names().iter().filter(|passed| passed.asked_for || verbosity >= 1) {
        progress.write(&Message::LeftOut { name: &passed.name, message: passed.reason.sentence() });
    }
}

/// What a listing left out, by kind, for the sentence at the end; empty where that is nothing.
pub(super) fn left_out_by_kind(left_out: &LeftOut) -> String {
    let counts = left_out.counts();
    let kinds: Vec<String> =
        counts.iter().map(|(reason, count)| format!("{count} {}", reason.counted())).collect();
    kinds.join(", ")
}

/// Lists on standard output what a run would do with each document of `outcomes`.
///
/// # Errors
/// When standard output cannot be written to. A reader that has seen enough is no error.
pub(super) fn print_plan(outcomes: &OutcomeRows) -> Result<()> {
    let mut list = String::new();
    for row in 0..outcomes.len() {
        let what = match outcomes.status(row) {
            Status::Planned => "would save",
            Status::Unchanged => "unchanged",
            Status::Kept => "would keep",
            Status::Skipped => "would skip",
            // Failures are named as such.
            Status::Saved | Status::Unread | Status::Failed => continue,
        };
        list += &format!("{what}: {}\n", printable(&outcomes.reference(row).attachment_name));
    }
    let mut out = io::stdout().lock();
    match out.write_all(list.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(ProgramError::StandardOutput(error).into())
        }
        _ => Ok(()),
    }
}
