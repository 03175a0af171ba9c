//! What became of the documents of a run: counts and failures.

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::common::Result;
use serde::Serialize;

use crate::document::Status;
use crate::pipeline::rows::{ATTACHMENT_NAME, ATTEMPTS, BYTES, DOC_ID, ERROR, PARAGRAPHS, STATUS};
use crate::pipeline::rows::{strings, u32s, u64s};

/// A document that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Which document.
    pub doc_id: String,
    /// Which attachment or file of it.
    pub attachment_name: String,
    /// Thing, value and way out.
    pub error: String,
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
    /// Left out on purpose.
    pub skipped: u64,
    /// Not written, for a reason that is named.
    pub failed: u64,
}

impl DocumentCounts {
    /// How many have come to an end.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.saved + self.unchanged + self.skipped + self.failed
    }
}

/// Counts and failures of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Documents by how they ended.
    pub documents: DocumentCounts,
    /// Paragraphs labelled.
    pub paragraphs: u64,
    /// Bytes of text labelled.
    pub bytes: u64,
    /// Tries beyond the first, over all documents.
    pub retries: u64,
    /// The documents that failed.
    pub failures: Vec<Failure>,
}

impl Tally {
    /// Counts a batch of outcomes.
    ///
    /// # Errors
    /// When `batch` does not have the rows of stage `outcomes`.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let (doc_id, name) = (strings(batch, DOC_ID)?, strings(batch, ATTACHMENT_NAME)?);
        let (status, error) = (strings(batch, STATUS)?, strings(batch, ERROR)?);
        let (attempts, paragraphs) = (u32s(batch, ATTEMPTS)?, u32s(batch, PARAGRAPHS)?);
        let bytes = u64s(batch, BYTES)?;
        for row in 0..batch.num_rows() {
            self.paragraphs += u64::from(paragraphs.value(row));
            self.bytes += bytes.value(row);
            self.retries += u64::from(attempts.value(row).saturating_sub(1));
            let status = status.value(row);
            if status == Status::Saved.as_str() {
                self.documents.saved += 1;
            } else if status == Status::Unchanged.as_str() {
                self.documents.unchanged += 1;
            } else if status == Status::Skipped.as_str() {
                self.documents.skipped += 1;
            } else {
                self.documents.failed += 1;
                self.failures.push(Failure {
                    doc_id: doc_id.value(row).to_string(),
                    attachment_name: name.value(row).to_string(),
                    error: if error.is_valid(row) { error.value(row) } else { "no reason was given" }
                        .to_string(),
                });
            }
        }
        self.documents.selected = self.documents.ended();
        Ok(())
    }
}
