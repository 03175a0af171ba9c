//! Weights laid out for sums that are taken one term at a time.

/// Rows of weights, padded for vector registers, that are added to sums of `f64` one at a time.
///
/// A sparse sample need not be built to be scored: where features are found one after another, as in text, each one
/// found is a row of this table, and adding the rows up gives the scores without their intercepts. Weights are `f32`,
/// which halves what has to come from memory; sums are `f64`, so that long samples keep their last digits. What always
/// comes together (a feature's scale, other features that it implies, scores of neighbouring samples) can be folded
/// into one row when the table is made.
///
/// ```
/// use linfa_sparse_logistic::{WeightTable, softmax};
///
/// // Two features, three classes.
/// let weights = [[1.0, 0.0, -1.0], [0.0, 2.0, 0.0]];
/// let table = WeightTable::new(2, 3, |feature, row| row.copy_from_slice(&weights[feature]));
/// let mut sums = vec![0.0; table.stride()];
/// for feature in [0, 1, 1] {
///     table.add(feature, &mut sums);
/// }
/// assert_eq!(sums[..3], [1.0, 4.0, -1.0]);
/// softmax(&mut sums[..3]);
/// assert!(sums[1] > 0.9);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct WeightTable {
    stride: usize,
    weights: Vec<f32>,
}

impl WeightTable {
    /// Rows are padded to a multiple of this.
    const LANES: usize = 4;

    /// A table of `rows` rows of `width` weights; `fill` writes each of them, given its number and zeros.
    pub fn new(rows: usize, width: usize, mut fill: impl FnMut(usize, &mut [f32])) -> Self {
        let stride = width.next_multiple_of(Self::LANES);
        let mut weights = vec![0.0; rows * stride];
        for (row, padded) in weights.chunks_exact_mut(stride.max(1)).enumerate() {
            fill(row, &mut padded[..width]);
        }
        Self { stride, weights }
    }

    /// Whether there is no row.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// Weights from one row to the next: the width, padded. Sums have at least this length.
    #[must_use]
    #[inline]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// A row, padded with zeros.
    ///
    /// # Panics
    /// When there is no such row, like indexing.
    #[must_use]
    #[inline]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.weights[row * self.stride..][..self.stride]
    }

    /// Adds a row to `sums`.
    ///
    /// # Panics
    /// When there is no such row, or `sums` is shorter than the stride.
    #[inline]
    pub fn add(&self, row: usize, sums: &mut [f64]) {
        add(self.row(row), &mut sums[..self.stride]);
    }

    /// [`add`](Self::add) with a stride that is known when the caller is compiled, so that the sums of a row stay in
    /// one register; 0 stands for any stride.
    ///
    /// # Panics
    /// As [`add`](Self::add); in debug builds also when `STRIDE` is not the table's.
    #[inline]
    pub fn add_fixed<const STRIDE: usize>(&self, row: usize, sums: &mut [f64]) {
        if STRIDE == 0 {
            return self.add(row, sums);
        }
        debug_assert_eq!(STRIDE, self.stride);
        add(&self.weights[row * STRIDE..][..STRIDE], &mut sums[..STRIDE]);
    }
}

#[inline(always)]
fn add(row: &[f32], sums: &mut [f64]) {
    for (sum, &weight) in sums.iter_mut().zip(row) {
        *sum += f64::from(weight);
    }
}
