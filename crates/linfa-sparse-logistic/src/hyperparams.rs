//! What a fit can be told, and linfa's check of it.

use super::SolverError;
use linfa::ParamGuard;
use std::fmt;
use std::sync::Arc;

/// Called after each iteration of the optimiser with its number (from 1) and the loss.
pub type Observer = Arc<dyn Fn(u64, f64) + Send + Sync>;

/// Parameters of the fit that have passed the check.
#[derive(Clone)]
pub struct SparseLogisticRegressionValidParams {
    pub(super) alpha: f64,
    pub(super) max_iterations: u64,
    pub(super) gradient_tolerance: f64,
    pub(super) observer: Option<Observer>,
}

impl fmt::Debug for SparseLogisticRegressionValidParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SparseLogisticRegression")
            .field("alpha", &self.alpha)
            .field("max_iterations", &self.max_iterations)
            .field("gradient_tolerance", &self.gradient_tolerance)
            .finish_non_exhaustive()
    }
}

/// Parameters of a multinomial logistic regression on sparse rows; the defaults are linfa-logistic's.
///
/// ```
/// use linfa::prelude::*;
/// use linfa_sparse_logistic::Rows;
/// use linfa_sparse_logistic::SparseLogisticRegressionParams;
///
/// let mut rows = Rows::new(1);
/// for x in [-1.0, -0.01, 0.01, 1.0] {
///     rows.push(&mut [(0, x)]);
/// }
/// let dataset = DatasetBase::new(rows, ndarray::array![0, 0, 1, 1]);
/// let model = SparseLogisticRegressionParams::new().alpha(1.0).fit(&dataset)?;
/// let probabilities = model.predict_probabilities(&ndarray::array![[2.0]]);
/// assert!(probabilities[(0, 1)] > 0.7);
/// # Ok::<(), linfa_sparse_logistic::SolverError>(())
/// ```
#[derive(Debug, Clone)]
pub struct SparseLogisticRegressionParams(SparseLogisticRegressionValidParams);

impl Default for SparseLogisticRegressionParams {
    fn default() -> Self {
        Self::new()
    }
}

impl SparseLogisticRegressionParams {
    /// `alpha` 1, at most 100 iterations, gradient tolerance 1e-4, no observer.
    #[must_use]
    pub fn new() -> Self {
        Self(SparseLogisticRegressionValidParams {
            alpha: 1.0,
            max_iterations: 100,
            gradient_tolerance: 1e-4,
            observer: None,
        })
    }

    /// The L2 penalty: `alpha / 2` times the sum of squared weights is added to the **sum** of losses
    /// (scikit-learn's `C` is `1 / alpha`).
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.0.alpha = alpha;
        self
    }

    /// After so many iterations the best weights so far are taken.
    #[must_use]
    pub fn max_iterations(mut self, max_iterations: u64) -> Self {
        self.0.max_iterations = max_iterations;
        self
    }

    /// The fit has converged when the Euclidean norm of the gradient is below this.
    #[must_use]
    pub fn gradient_tolerance(mut self, gradient_tolerance: f64) -> Self {
        self.0.gradient_tolerance = gradient_tolerance;
        self
    }

    /// Who is told of each iteration.
    #[must_use]
    pub fn observer(mut self, observer: Observer) -> Self {
        self.0.observer = Some(observer);
        self
    }
}

impl ParamGuard for SparseLogisticRegressionParams {
    type Checked = SparseLogisticRegressionValidParams;
    type Error = SolverError;

    fn check_ref(&self) -> Result<&Self::Checked, SolverError> {
        let params = &self.0;
        if !params.alpha.is_finite() || params.alpha < 0.0 {
            return Err(SolverError::InvalidAlpha(params.alpha));
        }
        if !params.gradient_tolerance.is_finite() || params.gradient_tolerance <= 0.0 {
            return Err(SolverError::InvalidGradientTolerance(params.gradient_tolerance));
        }
        if params.max_iterations == 0 {
            return Err(SolverError::NoIterations);
        }
        Ok(params)
    }

    fn check(self) -> Result<Self::Checked, SolverError> {
        self.check_ref()?;
        Ok(self.0)
    }
}
