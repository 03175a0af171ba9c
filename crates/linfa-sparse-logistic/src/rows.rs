//! Sparse rows, the form in which features go to the solver.
//!
//! Compressed sparse rows (CSR) with 32-bit columns: 12 bytes per entry, a quarter less than with
//! native indices.

/// A sparse matrix in compressed-row form: one row per paragraph, one column per feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    columns: usize,
    starts: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f64>,
}

impl Rows {
    /// No rows yet, of `columns` features each.
    #[must_use]
    pub fn new(columns: usize) -> Self {
        Self { columns, starts: vec![0], indices: Vec::new(), values: Vec::new() }
    }

    /// Adds one row. Entries of the same column are added up; the row ends up sorted by column.
    pub fn push(&mut self, entries: &mut [(u32, f64)]) {
        entries.sort_unstable_by_key(|&(column, _)| column);
        let first = self.indices.len();
        for &(column, value) in entries.iter() {
            debug_assert!((column as usize) < self.columns);
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
    }

    /// Appends the rows of `other`, which must have as many columns.
    pub fn append(&mut self, other: &Self) {
        debug_assert_eq!(self.columns, other.columns);
        let base = self.indices.len();
        self.starts.extend(other.starts.iter().skip(1).map(|start| base + start));
        self.indices.extend_from_slice(&other.indices);
        self.values.extend_from_slice(&other.values);
    }

    /// Rows: paragraphs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Columns: features.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Entries that are stored, over all rows.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.indices.len()
    }

    /// The columns and the values of row `row`, ascending by column, each column at most once.
    #[must_use]
    pub fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let range = self.starts[row]..self.starts[row + 1];
        (&self.indices[range.clone()], &self.values[range])
    }

    /// The matrix as its parts: where each row starts (one more than rows), columns, values.
    #[must_use]
    pub fn parts(&self) -> (&[usize], &[u32], &[f64]) {
        (&self.starts, &self.indices, &self.values)
    }
}
