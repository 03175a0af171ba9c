//! What can be wrong with parameters, data or parts of a model.

use thiserror::Error;

/// Why parameters, data or the parts of a model are refused, or a fit failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
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
    /// No epoch is allowed.
    #[error("epochs is 0, but all samples must be seen at least once")]
    NoEpochs,
    /// Samples, targets or weights differ in number.
    #[error("{samples} samples, but {found} {what}: there must be one for each sample")]
    MismatchedLengths {
        /// Samples of the records.
        samples: usize,
        /// What there is another number of: `targets` or `weights`.
        what: &'static str,
        /// How many of them there are.
        found: usize,
    },
    /// All targets are the same, or there are none.
    #[error("the targets hold {0} class(es), but at least two are needed to tell them apart")]
    TooFewClasses(usize),
    /// A feature value or weight is not finite, or a weight is negative.
    #[error("sample {sample} holds {value}: feature values must be finite, weights finite and at least 0")]
    InvalidValue {
        /// The sample, counted from 0.
        sample: usize,
        /// The value found.
        value: f64,
    },
    /// A column is not among the features.
    #[error("column {column} is out of range: there are {columns} features, counted from 0")]
    ColumnOutOfRange {
        /// The column, counted from 0.
        column: usize,
        /// How many there may be.
        columns: usize,
    },
    /// The parts of a fitted model do not fit each other.
    #[error("{classes} classes, {intercepts} intercepts and {weights} weights do not make a model")]
    MismatchedParts {
        /// How many classes there are.
        classes: usize,
        /// How many intercepts.
        intercepts: usize,
        /// How many weights, over all features.
        weights: usize,
    },
    /// A weight or intercept of a fitted model is not finite.
    #[error("{what} {at} of the model is {value}, but it must be a finite number")]
    InvalidPart {
        /// `weight` or `intercept`.
        what: &'static str,
        /// Which one, counted from 0 (weights row by row, features x classes).
        at: usize,
        /// The value found.
        value: f64,
    },
    /// The weights to start from are of another shape than the data.
    #[error(
        "the model to start from has {found_features} features and {found_classes} classes, but the data has \
         {features} and {classes}"
    )]
    MismatchedStart {
        /// Features of the data.
        features: usize,
        /// Classes of the data.
        classes: usize,
        /// Features of the model to start from.
        found_features: usize,
        /// Its classes.
        found_classes: usize,
    },
    /// The optimiser found no weights with a finite loss.
    #[error("the optimiser found no weights with a finite loss; scale the features to values near 1")]
    NoFiniteLoss,
    /// The optimiser could not go on.
    #[error("the optimiser stopped before its first step was done")]
    Optimiser(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A class cannot be written or read by serde, which is how it goes into linfa-logistic's fitted model.
    #[error("a class cannot go into linfa-logistic's fitted model")]
    Class(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// linfa refused the data.
    #[error(transparent)]
    Linfa(#[from] linfa::Error),
}
