//! What can be wrong with parameters or data of a fit.

use thiserror::Error;

/// Why a fit is refused or failed.
#[derive(Debug, Error)]
pub enum SolverError {
    /// The penalty is negative or not finite.
    #[error("alpha is {0}, but the L2 penalty must be a finite number of at least 0")]
    InvalidAlpha(f64),
    /// The rate of a stochastic fit is not positive or not finite.
    #[error("rate is {0}, but it must be a finite number above 0")]
    InvalidRate(f32),
    /// The gradient tolerance is not positive or not finite.
    #[error("gradient_tolerance is {0}, but it must be a finite number above 0")]
    InvalidGradientTolerance(f64),
    /// No iteration is allowed.
    #[error("max_iterations is 0, but at least one iteration is needed")]
    NoIterations,
    /// Rows, targets or weights differ in number.
    #[error("{rows} rows of features, but {found} {what}: there must be one for each row")]
    MismatchedLengths {
        /// Rows of the records.
        rows: usize,
        /// What there is another number of: `targets` or `weights`.
        what: &'static str,
        /// How many of them there are.
        found: usize,
    },
    /// All targets are the same, or there are none.
    #[error("the targets hold {0} class(es), but at least two are needed to tell them apart")]
    TooFewClasses(usize),
    /// A feature value or weight is not finite, or a weight is negative.
    #[error("row {row} holds {value}: feature values must be finite, weights finite and at least 0")]
    InvalidValue {
        /// The row, counted from 0.
        row: usize,
        /// The value found.
        value: f64,
    },
    /// The optimiser could not go on.
    #[error("the optimiser stopped: {0}")]
    Optimiser(String),
    /// linfa refused the data.
    #[error(transparent)]
    Linfa(#[from] linfa::Error),
}
