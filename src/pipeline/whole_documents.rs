//! Batches cut so that no document is split over two.
//!
//! The stages before keep documents whole. A checkpoint or a plan of the user's own may cut batches
//! anywhere, so the stages that need a document whole ask for it here.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::common::{Result, exec_err};

use super::rows::ends_of_documents;

/// Holds back a document's rows until the last of them has come.
#[derive(Default)]
pub(super) struct WholeDocuments {
    held: Vec<RecordBatch>,
}

impl WholeDocuments {
    /// Takes `batch` and gives the rows of all documents that are complete with it.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<Option<RecordBatch>> {
        let Some(complete) = ends_of_documents(&batch)?.last().map(|row| row + 1) else {
            self.held.push(batch);
            return Ok(None);
        };
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
