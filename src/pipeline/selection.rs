//! The leaf of the plan: what a [`Source`] selects, as a table that streams.
//!
//! One listing feeds all partitions through an exchange of small batches of ids; no content passes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use datafusion::arrow::array::{RecordBatch, StringViewBuilder};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::{StreamExt, TryStreamExt};

use super::rows::selection_schema;
use crate::document::Status;
use crate::source::{Decision, Selected, Source};

/// Stops a run at the source: nothing new is selected, and what is in hand flows through and is saved.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for the stop. May be called from any thread, and again.
    pub fn stop(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The table of selected documents.
#[derive(Debug)]
pub(super) struct SelectionStream {
    source: Arc<dyn Source>,
    batch_size: usize,
    stop: Stop,
    selected: Arc<AtomicU64>,
    schema: SchemaRef,
}

impl SelectionStream {
    pub(super) fn new(
        source: Arc<dyn Source>,
        batch_size: usize,
        stop: Stop,
        selected: Arc<AtomicU64>,
    ) -> Self {
        Self { source, batch_size: batch_size.max(1), stop, selected, schema: selection_schema() }
    }

    pub(super) fn into_table(self) -> Result<StreamingTable> {
        StreamingTable::try_new(Arc::clone(&self.schema), vec![Arc::new(self)])
    }
}

impl PartitionStream for SelectionStream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (schema, stop, counter) =
            (Arc::clone(&self.schema), self.stop.clone(), Arc::clone(&self.selected));
        counter.store(0, Ordering::SeqCst);
        let batch_size = self.batch_size;
        let batches = self
            .source
            .select()
            .map_err(DataFusionError::from)
            .map_ok(move |page| {
                let batches: Vec<_> =
                    whole_documents(&page, batch_size).map(|ids| to_batch(&schema, ids)).collect();
                futures::stream::iter(batches)
            })
            .try_flatten()
            .take_while(move |_| std::future::ready(!stop.is_stopped()))
            .inspect_ok(move |batch| {
                counter.fetch_add(batch.num_rows() as u64, Ordering::SeqCst);
            });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches.boxed()))
    }
}

/// `page` in batches of about `size`: several texts of one document stay together, since a document that two partitions
/// write to is read and merged again and again.
fn whole_documents(page: &[Selected], size: usize) -> impl Iterator<Item = &[Selected]> {
    let mut rest = page;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = size.clamp(1, rest.len());
        while end < rest.len() && rest[end].reference.doc_id == rest[end - 1].reference.doc_id {
            end += 1;
        }
        let (batch, others) = rest.split_at(end);
        rest = others;
        Some(batch)
    })
}

fn to_batch(schema: &SchemaRef, page: &[Selected]) -> Result<RecordBatch> {
    let mut columns = [(); 4].map(|()| StringViewBuilder::with_capacity(page.len()));
    let [doc_id, attachment_name, status, error] = &mut columns;
    for selected in page {
        doc_id.append_value(&selected.reference.doc_id);
        attachment_name.append_value(&selected.reference.attachment_name);
        match &selected.decision {
            Decision::Process => {
                status.append_null();
                error.append_null();
            }
            Decision::Skip => {
                status.append_value(Status::Skipped.as_str());
                error.append_null();
            }
            Decision::Fail(reason) => {
                status.append_value(Status::Failed.as_str());
                error.append_value(reason.to_string());
            }
        }
    }
    let columns = columns.map(|mut column| Arc::new(column.finish()) as _).to_vec();
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_one_document_stay_in_one_batch() {
        let page: Vec<_> = [("a", 2), ("b", 5), ("c", 1), ("d", 1)]
            .iter()
            .flat_map(|(id, texts)| {
                (0..*texts).map(move |text| Selected::process(*id, format!("{text}.txt")))
            })
            .collect();
        let lengths: Vec<_> = whole_documents(&page, 3).map(<[_]>::len).collect();
        assert_eq!(lengths, [7, 2]);
        assert_eq!(whole_documents(&[], 3).count(), 0);
    }
}
