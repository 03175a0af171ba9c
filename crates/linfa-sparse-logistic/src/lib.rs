//! Multinomial logistic regression on sparse rows, behind linfa's doors.
//!
//! # The Big Picture
//!
//! `linfa-logistic` fits dense matrices and does not read sample weights. A corpus of text is neither
//! dense nor balanced, so this room minimises the same objective,
//!
//! ```text
//! L(W, b) = sum_i  m_i * ( log sum_c exp(x_i·w_c + b_c)  -  (x_i·w_{y_i} + b_{y_i}) )  +  alpha/2 * ||W||²
//! ```
//!
//! with the solver that linfa itself uses (argmin's L-BFGS with memory 10 and the More-Thuente line
//! search), but takes the gradient from compressed sparse rows and multiplies each sample's loss by its
//! weight `m_i` ([`linfa::DatasetBase::weights`]). The intercept `b` is not penalised. What comes out is
//! linfa-logistic's own [`MultiFittedLogisticRegression`](linfa_logistic::MultiFittedLogisticRegression).
//!
//! [`SparseLogisticRegressionParams`] are checked by linfa's [`ParamGuard`](linfa::ParamGuard) and fitted
//! by linfa's [`Fit`](linfa::traits::Fit) on a `DatasetBase` of [`Rows`](crate::Rows). The result is
//! deterministic: rows are summed in blocks whose bounds depend on the data alone, and the blocks are
//! added in order, however many threads work on them.
//!
//! This room knows numbers only; it may not touch text, labels' names or files.

mod algorithm;
mod error;
mod fitted;
mod hyperparams;
mod problem;
mod rows;
mod stochastic;

pub use error::SolverError;
pub use fitted::fitted_from_parts;
pub use hyperparams::{Observer, SparseLogisticRegressionParams, SparseLogisticRegressionValidParams};
pub use rows::Rows;
pub use stochastic::{StochasticParams, StochasticValidParams};

impl linfa::dataset::Records for Rows {
    type Elem = f64;

    fn nsamples(&self) -> usize {
        self.len()
    }

    fn nfeatures(&self) -> usize {
        self.columns()
    }
}

#[cfg(test)]
mod tests;
