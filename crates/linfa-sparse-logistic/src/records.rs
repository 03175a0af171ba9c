//! Sparse samples, in compressed sparse row (CSR) form.

use crate::Error;
use linfa::dataset::Records;
use ndarray::{Array2, ArrayBase, Data, Ix2};
use sprs::{CsMat, CsMatBase, SpIndex};
use std::ops::Deref;

/// Sparse samples in compressed sparse row form: one row a sample, one column a feature.
///
/// Column indices are 32 bits wide, so an entry takes 12 bytes, a quarter less than with native indices. This is the
/// [`Records`] type that the solvers of this crate are fitted on.
///
/// ```
/// use linfa::dataset::Records;
/// use linfa_sparse_logistic::SparseRecords;
///
/// let mut records = SparseRecords::new(1000);
/// records.push(&mut [(7, 1.0), (999, 0.5)])?;
/// records.push(&mut [])?;
/// assert_eq!((records.nsamples(), records.nfeatures(), records.entries()), (2, 1000, 2));
/// # Ok::<(), linfa_sparse_logistic::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SparseRecords {
    columns: usize,
    starts: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f64>,
}

impl SparseRecords {
    /// No samples yet, of `columns` features each.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        Self { columns, starts: vec![0], indices: Vec::new(), values: Vec::new() }
    }

    /// Adds one sample, given as pairs of column and value in any order. Values of the same column are added up.
    /// `entries` is left sorted by column.
    ///
    /// # Errors
    /// [`Error::ColumnOutOfRange`] when a column is not below the number of features; nothing is added then.
    pub fn push(&mut self, entries: &mut [(u32, f64)]) -> Result<(), Error> {
        entries.sort_unstable_by_key(|&(column, _)| column);
        if let Some(&(column, _)) = entries.last().filter(|(column, _)| *column as usize >= self.columns) {
            return Err(Error::ColumnOutOfRange { column: column as usize, columns: self.columns });
        }
        let first = self.indices.len();
        for &(column, value) in entries.iter() {
            match (self.indices.len() > first).then(|| self.indices.last().copied()).flatten() {
                Some(last) if last == column => {
                    if let Some(sum) = self.values.last_mut() {
                        *sum += value;
                    }
                }
                _ => {
                    self.indices.push(column);
                    self.values.push(value);
                }
            }
        }
        self.starts.push(self.indices.len());
        Ok(())
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.len() == 1
    }

    /// Entries that are stored, over all samples.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.indices.len()
    }

    /// The columns and the values of sample `row`, ascending by column, each column at most once.
    ///
    /// # Panics
    /// When there is no such sample, like indexing.
    #[must_use]
    #[inline]
    pub fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let range = self.starts[row]..self.starts[row + 1];
        (&self.indices[range.clone()], &self.values[range])
    }

    /// The samples one after the other, each as [`row`](Self::row) gives it.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (&[u32], &[f64])> {
        (0..self.nsamples()).map(|row| self.row(row))
    }

    /// Where each sample starts among the entries, and behind the last one their number.
    pub(crate) fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// The same numbers as a dense matrix (samples x features). Mind its size.
    #[must_use]
    pub fn to_dense(&self) -> Array2<f64> {
        let mut dense = Array2::zeros((self.nsamples(), self.columns));
        for (row, (columns, values)) in self.rows().enumerate() {
            columns.iter().zip(values).for_each(|(&column, &value)| dense[(row, column as usize)] = value);
        }
        dense
    }
}

impl Records for SparseRecords {
    type Elem = f64;

    fn nsamples(&self) -> usize {
        self.starts.len() - 1
    }

    fn nfeatures(&self) -> usize {
        self.columns
    }
}

/// The cells of a dense matrix that are not zero.
impl<D: Data<Elem = f64>> TryFrom<&ArrayBase<D, Ix2>> for SparseRecords {
    type Error = Error;

    fn try_from(dense: &ArrayBase<D, Ix2>) -> Result<Self, Error> {
        let mut records = Self::new(dense.ncols());
        let mut entries = Vec::new();
        for row in dense.rows() {
            entries.clear();
            for (column, &value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                entries.push((narrow(column)?, value));
            }
            records.push(&mut entries)?;
        }
        Ok(records)
    }
}

/// A matrix of `sprs`, as linfa's text vectorisers make it, in either storage order.
impl<I, P, X, V> TryFrom<&CsMatBase<f64, I, P, X, V>> for SparseRecords
where
    I: SpIndex,
    P: Deref<Target = [I]>,
    X: Deref<Target = [I]>,
    V: Deref<Target = [f64]>,
{
    type Error = Error;

    fn try_from(matrix: &CsMatBase<f64, I, P, X, V>) -> Result<Self, Error> {
        if matrix.is_csc() {
            return Self::try_from(&matrix.to_csr());
        }
        let mut records = Self::new(matrix.cols());
        let mut entries = Vec::new();
        for row in matrix.outer_iterator() {
            entries.clear();
            for (column, &value) in row.iter() {
                entries.push((narrow(column)?, value));
            }
            records.push(&mut entries)?;
        }
        Ok(records)
    }
}

impl From<&SparseRecords> for CsMat<f64> {
    fn from(records: &SparseRecords) -> Self {
        let shape = (records.nsamples(), records.nfeatures());
        let indices = records.indices.iter().map(|&column| column as usize).collect();
        CsMat::new(shape, records.starts.clone(), indices, records.values.clone())
    }
}

fn narrow(column: usize) -> Result<u32, Error> {
    u32::try_from(column).map_err(|_| Error::ColumnOutOfRange { column, columns: u32::MAX as usize })
}
