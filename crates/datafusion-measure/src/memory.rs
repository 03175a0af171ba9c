//! Memory of batches in a stream, each shared buffer once.

use std::collections::HashSet;

use datafusion::arrow::array::{Array, ArrayData};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::record_batch::RecordBatch;

/// Counts the memory of batches that are dropped one after the other.
///
/// Batches of a stream are often slices of one large batch: a buffer that somebody else holds as well is counted once.
/// One that only its batch holds is freed with it, and its address comes again with other rows.
#[derive(Debug, Default)]
pub(crate) struct StreamMemory {
    shared: HashSet<usize>,
}

impl StreamMemory {
    /// Bytes of `batch` that were not counted before.
    pub(crate) fn count(&mut self, batch: &RecordBatch) -> usize {
        batch.columns().iter().map(|column| self.of_data(&column.to_data())).sum()
    }

    fn of_data(&mut self, data: &ArrayData) -> usize {
        let mut bytes = 0;
        for buffer in data.buffers() {
            bytes += self.of_buffer(buffer);
        }
        if let Some(nulls) = data.nulls() {
            bytes += self.of_buffer(nulls.inner().inner());
        }
        bytes + data.child_data().iter().map(|child| self.of_data(child)).sum::<usize>()
    }

    fn of_buffer(&mut self, buffer: &Buffer) -> usize {
        let address = buffer.data_ptr().as_ptr() as usize;
        if self.shared.contains(&address) {
            return 0;
        }
        // The batch's own array and the copy in its `ArrayData` are two.
        if buffer.strong_count() > 2 {
            self.shared.insert(address);
        }
        buffer.capacity()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn batch(rows: i64) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|n| format!("text {n}"))));
        RecordBatch::try_from_iter([("n", numbers), ("t", texts)]).unwrap()
    }

    #[test]
    fn slices_of_one_batch_weigh_as_much_as_it() {
        let whole = batch(10_000);
        let bytes = StreamMemory::default().count(&whole);
        let mut memory = StreamMemory::default();
        let sliced: usize = (0..100).map(|part| memory.count(&whole.slice(part * 100, 100))).sum();
        assert_eq!(sliced, bytes);
    }

    #[test]
    fn batches_of_their_own_are_counted_each_also_where_memory_comes_again() {
        let one = StreamMemory::default().count(&batch(1000));
        let mut memory = StreamMemory::default();
        let all: usize = (0..50).map(|_| memory.count(&batch(1000))).sum();
        assert_eq!(all, 50 * one);
    }
}
