//! Rows of features in compressed sparse row form, as linfa's `Records`.

use super::SolverError;
use linfa::dataset::Records;
use sprs::CsMatI;

/// A matrix of `n_samples` x `n_features`, of which only the entries that are not zero are stored
/// (compressed sparse rows: 8 bytes an entry).
#[derive(Debug, Clone, PartialEq)]
pub struct SparseRecords {
    n_features: usize,
    /// Where the entries of each row begin; one more at the end.
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f32>,
}

impl SparseRecords {
    /// A matrix without rows, to which [`push_row`](Self::push_row) adds.
    #[must_use]
    pub fn new(n_features: usize) -> Self {
        Self { n_features, starts: vec![0], columns: Vec::new(), values: Vec::new() }
    }

    /// Adds a row of (column, value) entries, columns ascending.
    ///
    /// # Errors
    /// [`SolverError::InvalidRows`] when columns do not ascend or one is not below `n_features`;
    /// nothing is added then.
    pub fn push_row(&mut self, row: impl IntoIterator<Item = (u32, f32)>) -> Result<(), SolverError> {
        let begin = self.columns.len();
        for (column, value) in row {
            let ascends = self.columns[begin..].last().is_none_or(|&last| last < column);
            if !ascends || column as usize >= self.n_features {
                self.columns.truncate(begin);
                self.values.truncate(begin);
                return Err(SolverError::InvalidRows(format!(
                    "column {column} in row {} of a matrix with {} columns, columns must ascend",
                    self.n_samples(),
                    self.n_features
                )));
            }
            self.columns.push(column);
            self.values.push(value);
        }
        self.starts.push(self.columns.len());
        Ok(())
    }

    /// Rows.
    #[must_use]
    pub fn n_samples(&self) -> usize {
        self.starts.len() - 1
    }

    /// Columns.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Entries that are stored.
    #[must_use]
    pub fn nnz(&self) -> usize {
        self.columns.len()
    }

    /// The columns and values of row `i`.
    ///
    /// # Panics
    /// When there is no row `i`.
    #[inline]
    #[must_use]
    pub fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let range = self.starts[i]..self.starts[i + 1];
        (&self.columns[range.clone()], &self.values[range])
    }

    /// The rows at `indices`, in that order, as a matrix of their own.
    ///
    /// # Panics
    /// When an index is not below [`n_samples`](Self::n_samples).
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let mut selected = Self::new(self.n_features);
        for &i in indices {
            let (columns, values) = self.row(i);
            selected.columns.extend_from_slice(columns);
            selected.values.extend_from_slice(values);
            selected.starts.push(selected.columns.len());
        }
        selected
    }

    /// The same numbers as a dense matrix, for what only takes those (small data).
    #[must_use]
    pub fn to_dense(&self) -> ndarray::Array2<f64> {
        let mut dense = ndarray::Array2::zeros((self.n_samples(), self.n_features));
        for i in 0..self.n_samples() {
            let (columns, values) = self.row(i);
            for (&j, &value) in columns.iter().zip(values) {
                dense[(i, j as usize)] = f64::from(value);
            }
        }
        dense
    }

    /// Where row `i` begins among the entries (`i` may be the number of rows).
    pub(super) fn start(&self, i: usize) -> usize {
        self.starts[i]
    }
}

impl Records for SparseRecords {
    type Elem = f64;

    fn nsamples(&self) -> usize {
        self.n_samples()
    }

    fn nfeatures(&self) -> usize {
        self.n_features
    }
}

impl TryFrom<CsMatI<f32, u32, usize>> for SparseRecords {
    type Error = SolverError;

    /// Takes the rows of an `sprs` matrix.
    ///
    /// # Errors
    /// When it is stored by columns.
    fn try_from(matrix: CsMatI<f32, u32, usize>) -> Result<Self, SolverError> {
        if !matrix.is_csr() {
            return Err(SolverError::InvalidRows(
                "the matrix is stored by columns, convert it with to_csr() first".into(),
            ));
        }
        let n_features = matrix.cols();
        let (starts, columns, values) = matrix.into_raw_storage();
        Ok(Self { n_features, starts, columns, values })
    }
}
