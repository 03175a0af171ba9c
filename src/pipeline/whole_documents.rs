//! Batches cut so that no document is split over two.
//!
//! The stages before keep documents whole. A checkpoint or a plan of the user's own may cut batches
//! anywhere, so the stages that need a document whole ask for it here.

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::common::{Result, exec_err};

use super::rows::{AFTER, NUMBER, strings, u32s};

/// Holds back a document's rows until the last of them has come.
#[derive(Default)]
pub(super) struct WholeDocuments {
    held: Vec<RecordBatch>,
}

impl WholeDocuments {
    /// Takes `batch` and gives the rows of all documents that are complete with it.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<Option<RecordBatch>> {
        let complete = complete_rows(&batch)?;
        if complete == 0 {
            self.held.push(batch);
            return Ok(None);
        }
        let rest = batch.slice(complete, batch.num_rows() - complete);
        let whole = if self.held.is_empty() {
            batch.slice(0, complete)
        } else {
            self.held.push(batch.slice(0, complete));
            let whole = concat_batches(batch.schema_ref(), &self.held)?;
            self.held.clear();
            whole
        };
        if rest.num_rows() > 0 {
            self.held.push(rest);
        }
        Ok(Some(whole))
    }

    /// The input has ended: nothing may be left.
    pub(super) fn end(&self) -> Result<()> {
        if self.held.is_empty() {
            Ok(())
        } else {
            exec_err!(
                "the rows of a document ended before its last paragraph: keep all rows of a document, in order"
            )
        }
    }
}

fn is_last(batch: &RecordBatch, row: usize) -> Result<bool> {
    Ok(strings(batch, AFTER)?.is_valid(row) || u32s(batch, NUMBER)?.is_null(row))
}

/// Number of leading rows that end with the end of a document.
fn complete_rows(batch: &RecordBatch) -> Result<usize> {
    for row in (0..batch.num_rows()).rev() {
        if is_last(batch, row)? {
            return Ok(row + 1);
        }
    }
    Ok(0)
}

/// The row ranges of the documents of `batch`, which must hold whole documents.
pub(super) fn documents(batch: &RecordBatch) -> Result<Vec<std::ops::Range<usize>>> {
    let (after, number) = (strings(batch, AFTER)?, u32s(batch, NUMBER)?);
    let mut ranges = Vec::new();
    let mut start = 0;
    for row in 0..batch.num_rows() {
        if after.is_valid(row) || number.is_null(row) {
            ranges.push(start..row + 1);
            start = row + 1;
        }
    }
    Ok(ranges)
}
