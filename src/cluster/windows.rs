//! The listing in windows: some hundred ids, spread over the partitions of one job.
//!
//! Windows bound what a run holds: rows in the client's memory, jobs in the scheduler's, and what is done again when
//! something is lost. A listing that is stopped ends the last window.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch, StringViewArray};
use datafusion::arrow::compute::concat_batches;
use datafusion::common::Result;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::TryStreamExt;

use crate::pipeline::rows::DOC_ID;

/// A window ends when its ids have this many bytes, however few they are.
const WINDOW_BYTES: usize = 1 << 20;

/// How large windows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSize {
    /// Partitions of a window: tasks that can run at the same time.
    pub partitions: usize,
    /// Ids of a partition: what is lost with an executor, and done again.
    pub ids: usize,
}

impl Default for WindowSize {
    fn default() -> Self {
        Self { partitions: 16, ids: 16 }
    }
}

impl WindowSize {
    fn rows(self) -> usize {
        self.partitions.max(1).saturating_mul(self.ids.max(1))
    }
}

/// Reads a listing and gives it out in windows.
pub(super) struct Windows {
    ids: SendableRecordBatchStream,
    size: WindowSize,
    waiting: Vec<RecordBatch>,
    ended: bool,
}

/// The ids of one job: batches for each partition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    pub(super) partitions: Vec<Vec<RecordBatch>>,
    pub(super) rows: usize,
}

impl Windows {
    pub(super) fn new(ids: SendableRecordBatchStream, size: WindowSize) -> Self {
        Self { ids, size, waiting: Vec::new(), ended: false }
    }

    /// The next window; `None` when the listing has ended. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Option<Window>> {
        while !self.ended && !self.is_full() {
            match self.ids.try_next().await? {
                Some(batch) if batch.num_rows() > 0 => self.waiting.push(compact(&batch)?),
                Some(_) => {}
                None => self.ended = true,
            }
        }
        if self.waiting.is_empty() {
            return Ok(None);
        }
        let batches = std::mem::take(&mut self.waiting);
        let all = concat_batches(&self.ids.schema(), &batches)?;
        let end = document_end(&all, self.size.rows())?;
        if end < all.num_rows() {
            self.waiting.push(compact(&all.slice(end, all.num_rows() - end))?);
        }
        Window::of(&all.slice(0, end), self.size).map(Some)
    }

    fn is_full(&self) -> bool {
        let rows: usize = self.waiting.iter().map(RecordBatch::num_rows).sum();
        let bytes: usize = self.waiting.iter().map(size_of_ids).sum();
        // One more than fits, so that the texts of its last document are seen to be all there.
        rows > self.size.rows() || bytes >= WINDOW_BYTES
    }
}

impl Window {
    /// `ids` over the partitions: as evenly as can be, so that a few documents keep all executors busy, with the texts
    /// of one document together.
    fn of(ids: &RecordBatch, size: WindowSize) -> Result<Self> {
        let rows = ids.num_rows();
        let share = rows.div_ceil(size.partitions.max(1)).clamp(1, rows.max(1));
        let mut partitions = Vec::with_capacity(size.partitions);
        let mut begin = 0;
        while begin < rows {
            let rest = ids.slice(begin, rows - begin);
            let length = document_end(&rest, share)?;
            partitions.push(vec![compact(&rest.slice(0, length))?]);
            begin += length;
        }
        Ok(Self { partitions, rows })
    }
}

/// The first row at or after `wanted` with which another document begins.
fn document_end(ids: &RecordBatch, wanted: usize) -> Result<usize> {
    let rows = ids.num_rows();
    let mut end = wanted.min(rows);
    let index = ids.schema_ref().index_of(DOC_ID)?;
    let Some(names) = ids.column(index).as_string_view_opt() else { return Ok(end) };
    while end > 0 && end < rows && names.value(end) == names.value(end - 1) {
        end += 1;
    }
    Ok(end)
}

/// Bytes of `batch` as it travels; what is only reserved does not.
fn size_of_ids(batch: &RecordBatch) -> usize {
    let of = |column: &Arc<dyn Array>| match column.as_string_view_opt() {
        Some(views) => {
            views.views().inner().len()
                + views.data_buffers().iter().map(|buffer| buffer.len()).sum::<usize>()
        }
        None => column.get_buffer_memory_size(),
    };
    batch.columns().iter().map(of).sum()
}

/// `batch` without what its views do not show: a slice carries the buffers of the whole page, and each task would too.
fn compact(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(|column| match column.as_string_view_opt() {
        Some(views) => Arc::new(StringViewArray::gc(views)) as Arc<dyn Array>,
        None => Arc::clone(column),
    });
    Ok(RecordBatch::try_new(batch.schema(), columns.collect())?)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::StringViewArray;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

    use super::*;
    use crate::pipeline::rows::selection_schema;

    fn batch(ids: &[&str]) -> RecordBatch {
        let names: Vec<_> =
            (0..ids.len()).map(|n| format!("an attachment with a long name, number {n}.txt")).collect();
        let none = || Arc::new(StringViewArray::from(vec![None::<&str>; ids.len()])) as Arc<dyn Array>;
        let columns = vec![
            Arc::new(StringViewArray::from(ids.to_vec())) as Arc<dyn Array>,
            Arc::new(StringViewArray::from_iter_values(names)),
            none(),
            none(),
        ];
        RecordBatch::try_new(selection_schema(), columns).unwrap()
    }

    async fn windows(batches: Vec<RecordBatch>, size: WindowSize) -> Vec<Vec<Vec<String>>> {
        let ids = futures::stream::iter(batches.into_iter().map(Ok));
        let ids = Box::pin(RecordBatchStreamAdapter::new(selection_schema(), ids));
        let mut windows = Windows::new(ids, size);
        let mut all = Vec::new();
        while let Some(window) = windows.next().await.unwrap() {
            assert!(window.partitions.len() <= size.partitions);
            let ids = |batches: &Vec<RecordBatch>| {
                batches
                    .iter()
                    .flat_map(|batch| {
                        batch.column(0).as_string_view().iter().map(|id| id.unwrap().to_owned())
                    })
                    .collect::<Vec<_>>()
            };
            let partitions: Vec<_> = window.partitions.iter().map(ids).collect();
            assert_eq!(partitions.iter().map(Vec::len).sum::<usize>(), window.rows);
            all.push(partitions);
        }
        all
    }

    #[tokio::test]
    async fn every_id_comes_once_and_in_order() {
        let names: Vec<_> = (0..1000).map(|n| format!("document {n:04}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        for page in [1, 7, 24, 1000] {
            let size = WindowSize { partitions: 3, ids: 16 };
            let all = windows(names.chunks(page).map(batch).collect(), size).await;
            assert_eq!(all.len(), 1000_usize.div_ceil(48));
            assert_eq!(all.into_iter().flatten().flatten().collect::<Vec<_>>(), names);
        }
        assert!(windows(vec![], WindowSize::default()).await.is_empty());
    }

    #[tokio::test]
    async fn a_few_documents_are_work_for_all_and_texts_of_one_stay_together() {
        let few = windows(vec![batch(&["a", "b", "c", "d", "e"])], WindowSize::default()).await;
        assert_eq!(few[0].len(), 5);
        let size = WindowSize { partitions: 2, ids: 2 };
        let texts = windows(vec![batch(&["a", "b", "b", "b", "b"]), batch(&["c"])], size).await;
        let counts: Vec<Vec<_>> = texts.iter().map(|window| window.iter().map(Vec::len).collect()).collect();
        assert_eq!(counts, [vec![5], vec![1]]);
    }

    #[tokio::test]
    async fn a_partition_does_not_carry_the_page_it_was_cut_from() {
        let names: Vec<_> =
            (0..1000).map(|n| format!("a document with a long name, number {n:04}")).collect();
        let page = batch(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let whole = size_of_ids(&page);
        let ids =
            Box::pin(RecordBatchStreamAdapter::new(selection_schema(), futures::stream::iter([Ok(page)])));
        let mut windows = Windows::new(ids, WindowSize { partitions: 10, ids: 10 });
        let window = windows.next().await.unwrap().unwrap();
        for partition in &window.partitions {
            let held: usize = partition.iter().map(size_of_ids).sum();
            assert!(held < whole / 50, "{held} of {whole} bytes for 10 of 1000 ids");
        }
    }
}
