//! What became of the documents of a run: counts and failures.

use serde::Serialize;

use crate::document::{DocumentRef, Outcome, Status};
use crate::pipeline::rows::OutcomeRows;

/// A document that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Which document.
    pub doc_id: String,
    /// Which attachment or file of it.
    pub attachment_name: String,
    /// Thing, value and remedy.
    pub error: String,
}

/// A document whose annotation was left as a person made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Which document.
    pub doc_id: String,
    /// Which attachment or file of it.
    pub attachment_name: String,
    /// How that was seen, where the sink says so.
    pub reason: Option<String>,
}

/// Something to know about a document that did not fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Which document.
    pub doc_id: String,
    /// Which attachment or file of it.
    pub attachment_name: String,
    /// What is to be known.
    pub text: String,
}

/// Documents by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DocumentCounts {
    /// Selected; the sum of the others once a run has ended.
    pub selected: u64,
    /// Written.
    pub saved: u64,
    /// Already there with the same annotation.
    pub unchanged: u64,
    /// There with changes of a person, and left as they are.
    pub kept: u64,
    /// To be written, if this were no dry run.
    pub planned: u64,
    /// Left out on purpose.
    pub skipped: u64,
    /// Not written, for a reason that is named.
    pub failed: u64,
}

impl DocumentCounts {
    /// How many have come to an end.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.saved + self.unchanged + self.kept + self.planned + self.skipped + self.failed
    }
}

/// Counts and failures of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// Documents by how they ended.
    pub documents: DocumentCounts,
    /// Left for the next run, where this one was stopped: as many as were counted.
    pub left: Option<u64>,
    /// Paragraphs labelled.
    pub paragraphs: u64,
    /// Bytes of text labelled.
    pub bytes: u64,
    /// Paragraphs per label, in the model's label order.
    pub labels: Vec<u64>,
    /// Tries beyond the first, over all documents.
    pub retries: u64,
    /// Whoever read the annotations has seen enough.
    #[serde(skip)]
    pub reader_is_gone: bool,
    /// The documents that failed.
    pub failures: Vec<Failure>,
    /// The documents whose annotation a person changed.
    pub kept: Vec<Kept>,
    /// What else is to be known of single documents.
    pub notes: Vec<Note>,
}

impl RunSummary {
    /// Counts outcomes.
    pub fn add(&mut self, outcomes: &OutcomeRows) {
        self.labels.resize(self.labels.len().max(outcomes.labels().len()), 0);
        for row in 0..outcomes.len() {
            self.paragraphs += u64::from(outcomes.paragraphs(row));
            self.bytes += outcomes.bytes(row);
            self.retries += u64::from(outcomes.attempts(row).saturating_sub(1));
            for (sum, count) in self.labels.iter_mut().zip(outcomes.label_counts(row)) {
                *sum += u64::from(*count);
            }
            let error = || outcomes.error(row).map(str::to_owned);
            self.count(outcomes.status(row), || outcomes.reference(row), error);
        }
    }

    /// Counts one outcome.
    pub fn outcome(&mut self, outcome: Outcome) {
        let Outcome { reference, status, attempts, error } = outcome;
        self.retries += u64::from(attempts.saturating_sub(1));
        self.count(status, || reference, || error);
    }

    fn count(
        &mut self,
        status: Status,
        reference: impl FnOnce() -> DocumentRef,
        error: impl FnOnce() -> Option<String>,
    ) {
        match status {
            Status::Saved => {
                self.documents.saved += 1;
                if let Some(text) = error() {
                    let DocumentRef { doc_id, attachment_name } = reference();
                    self.notes.push(Note { doc_id, attachment_name, text });
                }
            }
            Status::Unchanged => self.documents.unchanged += 1,
            Status::Kept => {
                self.documents.kept += 1;
                let DocumentRef { doc_id, attachment_name } = reference();
                self.kept.push(Kept { doc_id, attachment_name, reason: error() });
            }
            Status::Planned => self.documents.planned += 1,
            Status::Skipped => self.documents.skipped += 1,
            Status::Unread => {
                self.documents.skipped += 1;
                self.reader_is_gone = true;
            }
            Status::Failed => {
                self.documents.failed += 1;
                let DocumentRef { doc_id, attachment_name } = reference();
                let error = error().unwrap_or_else(|| "no reason was given".to_string());
                self.failures.push(Failure { doc_id, attachment_name, error });
            }
        }
        self.documents.selected = self.documents.ended();
    }
}
