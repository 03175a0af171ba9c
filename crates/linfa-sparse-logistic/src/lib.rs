//! Multinomial logistic regression on sparse samples for [linfa], with sample and class weights.
//!
//! # The Big Picture
//!
//! linfa-logistic fits dense matrices and does not read sample weights. Text, clicks and genes are neither dense nor
//! balanced: a corpus of 20,000 paragraphs over 4,000 words is 640 MB dense and 20 MB sparse. This crate minimises the
//! same objective,
//!
//! ```text
//! L(W, b) = sum_i  m_i * ( ln sum_c exp(x_i·w_c + b_c)  -  (x_i·w_{y_i} + b_{y_i}) )  +  alpha/2 * ||W||²
//! ```
//!
//! on compressed sparse rows, where `m_i` is the weight of sample `i` ([`DatasetBase::weights`]; a class weight is the
//! weight of all samples of that class: [`class_weights`], [`balanced_weights`]). The intercept `b` is not penalised.
//!
//! # Two solvers, one pattern
//!
//! | | [`SparseLogisticRegression`] | [`StochasticLogisticRegression`] |
//! |---|---|---|
//! | method | L-BFGS (Liu and Nocedal, Mathematical Programming 45, 1989) with the line search of Moré and Thuente (ACM TOMS 20, 1994), by [argmin], as in linfa-logistic | AdaGrad (Duchi, Hazan and Singer, JMLR 12, 2011): a weight's step is `rate * g / sqrt(sum of g² so far)` |
//! | finds | the optimum of `L` | no penalty: stopping early holds the weights back, those of rare features most, since a weight that moved n times is at most about `2 rate sqrt(n)` |
//! | take it | for the exact optimum, for `alpha` by cross-validation, to adapt a model ([`towards`](SparseLogisticRegressionParams::towards)) | for many rare features, where it may generalise better, in about a tenth of the time |
//!
//! Both are checked by linfa's [`ParamGuard`](linfa::ParamGuard) and fitted by linfa's [`Fit`](linfa::traits::Fit) on a
//! [`DatasetBase`] of [`SparseRecords`], whose targets are any `Ord + Clone` classes. Both give a
//! [`FittedSparseLogisticRegression`], which predicts by linfa's [`Predict`](linfa::traits::Predict) and
//! [`PredictInplace`](linfa::traits::PredictInplace) and converts to and from linfa-logistic's
//! `MultiFittedLogisticRegression`. Where features are found one at a time, a [`WeightTable`] takes the same sums without
//! building a sample.
//!
//! Both are deterministic. L-BFGS sums samples in blocks whose bounds depend on the data alone, on up to four threads,
//! and adds the blocks in order; the stochastic solver takes samples in a seeded order on one thread.
//!
//! # Example
//!
//! ```
//! use linfa::prelude::*;
//! use linfa_sparse_logistic::{SparseLogisticRegression, SparseRecords, class_weights};
//! use ndarray::{Array1, array};
//!
//! // Three words, and which of them each text holds.
//! let mut records = SparseRecords::new(3);
//! for words in [[0, 1], [0, 1], [1, 2], [2, 2]] {
//!     records.push(&mut words.map(|word| (word, 1.0)))?;
//! }
//! let targets = array!["praise", "praise", "blame", "blame"];
//! let weights = class_weights(&targets, |class| if *class == "blame" { 2.0 } else { 1.0 });
//! let dataset = DatasetBase::new(records, targets).with_weights(weights);
//!
//! let model = SparseLogisticRegression::params().alpha(0.1).fit(&dataset)?;
//! let predicted: Array1<&str> = model.predict(&dataset);
//! assert_eq!(predicted, array!["praise", "praise", "blame", "blame"]);
//! # Ok::<(), linfa_sparse_logistic::Error>(())
//! ```
//!
//! [linfa]: https://crates.io/crates/linfa
//! [argmin]: https://crates.io/crates/argmin
//! [`DatasetBase`]: linfa::DatasetBase
//! [`DatasetBase::weights`]: linfa::DatasetBase::weights

mod classes;
mod error;
mod fitted;
mod hyperparams;
mod interop;
mod lbfgs;
mod math;
mod objective;
mod records;
mod stochastic;
mod table;

pub use classes::{balanced_weights, class_weights};
pub use error::Error;
pub use fitted::FittedSparseLogisticRegression;
pub use hyperparams::{
    Observer, SparseLogisticRegressionParams, SparseLogisticRegressionValidParams,
    StochasticLogisticRegressionParams, StochasticLogisticRegressionValidParams,
};
pub use math::softmax;
pub use records::SparseRecords;
pub use table::WeightTable;

/// Multinomial logistic regression fitted by L-BFGS; the way to its [parameters](SparseLogisticRegressionParams).
#[derive(Debug, Clone, Copy)]
pub struct SparseLogisticRegression;

impl SparseLogisticRegression {
    /// The parameters with their defaults.
    #[must_use]
    pub fn params() -> SparseLogisticRegressionParams {
        SparseLogisticRegressionParams::new()
    }
}

/// Multinomial logistic regression fitted by stochastic gradient descent; the way to its
/// [parameters](StochasticLogisticRegressionParams).
#[derive(Debug, Clone, Copy)]
pub struct StochasticLogisticRegression;

impl StochasticLogisticRegression {
    /// The parameters with their defaults.
    #[must_use]
    pub fn params() -> StochasticLogisticRegressionParams {
        StochasticLogisticRegressionParams::new()
    }
}

#[cfg(test)]
mod tests;
