//! What a fit can be given, and linfa's check of it.

use crate::{Error, FittedSparseLogisticRegression};
use linfa::ParamGuard;
use std::fmt;
use std::sync::Arc;

/// Called after each pass of a solver with its number (from 1) and, where the solver computes it, the loss.
///
/// A pass is an iteration of L-BFGS, or an epoch of stochastic gradient descent (whose loss is the mean over the epoch,
/// taken before each step).
pub type Observer = Arc<dyn Fn(u64, f64) + Send + Sync>;

/// [`SparseLogisticRegressionParams`] that have passed the check.
#[derive(Clone)]
pub struct SparseLogisticRegressionValidParams {
    pub(crate) alpha: f64,
    pub(crate) max_iterations: u64,
    pub(crate) gradient_tolerance: f64,
    pub(crate) towards: Option<Towards>,
    pub(crate) observer: Option<Observer>,
}

/// The weights and intercepts that a fit starts from and is pulled towards.
#[derive(Clone)]
pub(crate) struct Towards {
    pub features: usize,
    pub classes: usize,
    /// Weights row by row (features x classes), then the intercepts.
    pub params: Arc<[f64]>,
}

impl fmt::Debug for SparseLogisticRegressionValidParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SparseLogisticRegression")
            .field("alpha", &self.alpha)
            .field("max_iterations", &self.max_iterations)
            .field("gradient_tolerance", &self.gradient_tolerance)
            .field("towards", &self.towards.as_ref().map(|towards| (towards.features, towards.classes)))
            .finish_non_exhaustive()
    }
}

/// Parameters of a multinomial logistic regression fitted by L-BFGS; the defaults are linfa-logistic's.
///
/// ```
/// use linfa::prelude::*;
/// use linfa_sparse_logistic::{SparseLogisticRegression, SparseRecords};
///
/// let records = SparseRecords::try_from(&ndarray::array![[-1.0], [-0.01], [0.01], [1.0]])?;
/// let dataset = DatasetBase::new(records, ndarray::array![0, 0, 1, 1]);
/// let model = SparseLogisticRegression::params().alpha(1.0).fit(&dataset)?;
/// assert_eq!(model.predict(&dataset), ndarray::array![0, 0, 1, 1]);
/// # Ok::<(), linfa_sparse_logistic::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SparseLogisticRegressionParams(SparseLogisticRegressionValidParams);

impl Default for SparseLogisticRegressionParams {
    fn default() -> Self {
        Self::new()
    }
}

impl SparseLogisticRegressionParams {
    /// `alpha` 1, at most 100 iterations, gradient tolerance 1e-4, from zero, no observer.
    #[must_use]
    pub fn new() -> Self {
        Self(SparseLogisticRegressionValidParams {
            alpha: 1.0,
            max_iterations: 100,
            gradient_tolerance: 1e-4,
            towards: None,
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

    /// Starts from `model` and pulls towards it: the penalty becomes `alpha / 2` times the sum of squared
    /// **differences** from its weights, and, unlike a penalty towards zero, it bears on the intercepts too. The
    /// larger `alpha`, the closer the result stays to `model`.
    ///
    /// The classes are matched by place: the sorted targets must be `model`'s classes. A class without a sample of its
    /// own can be kept by a sample of weight 0.
    #[must_use]
    pub fn towards<F: Copy + Into<f64>, C>(mut self, model: &FittedSparseLogisticRegression<F, C>) -> Self {
        let weights = model.weights().iter().map(|&weight| weight.into());
        self.0.towards = Some(Towards {
            features: model.n_features(),
            classes: model.classes().len(),
            params: weights.chain(model.intercept().iter().copied()).collect(),
        });
        self
    }

    /// Sees each iteration.
    #[must_use]
    pub fn observer(mut self, observer: Observer) -> Self {
        self.0.observer = Some(observer);
        self
    }
}

impl ParamGuard for SparseLogisticRegressionParams {
    type Checked = SparseLogisticRegressionValidParams;
    type Error = Error;

    fn check_ref(&self) -> Result<&Self::Checked, Error> {
        let params = &self.0;
        if !params.alpha.is_finite() || params.alpha < 0.0 {
            return Err(Error::InvalidAlpha(params.alpha));
        }
        if !params.gradient_tolerance.is_finite() || params.gradient_tolerance <= 0.0 {
            return Err(Error::InvalidGradientTolerance(params.gradient_tolerance));
        }
        if params.max_iterations == 0 {
            return Err(Error::NoIterations);
        }
        Ok(params)
    }

    fn check(self) -> Result<Self::Checked, Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}

/// [`StochasticLogisticRegressionParams`] that have passed the check.
#[derive(Clone)]
pub struct StochasticLogisticRegressionValidParams {
    pub(crate) epochs: usize,
    pub(crate) rate: f32,
    pub(crate) seed: u64,
    pub(crate) observer: Option<Observer>,
}

impl fmt::Debug for StochasticLogisticRegressionValidParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StochasticLogisticRegression")
            .field("epochs", &self.epochs)
            .field("rate", &self.rate)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

/// Parameters of a multinomial logistic regression fitted by stochastic gradient descent (AdaGrad).
///
/// ```
/// use linfa::prelude::*;
/// use linfa_sparse_logistic::{SparseRecords, StochasticLogisticRegression};
///
/// let records = SparseRecords::try_from(&ndarray::array![[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])?;
/// let dataset = DatasetBase::new(records, ndarray::array!["left", "right", "left", "right"]);
/// let model = StochasticLogisticRegression::params().epochs(8).rate(0.5).fit(&dataset)?;
/// assert_eq!(model.predict(&dataset), ndarray::array!["left", "right", "left", "right"]);
/// # Ok::<(), linfa_sparse_logistic::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StochasticLogisticRegressionParams(StochasticLogisticRegressionValidParams);

impl Default for StochasticLogisticRegressionParams {
    fn default() -> Self {
        Self::new()
    }
}

impl StochasticLogisticRegressionParams {
    /// Four epochs at rate 0.1, a fixed seed, no observer.
    #[must_use]
    pub fn new() -> Self {
        Self(StochasticLogisticRegressionValidParams {
            epochs: 4,
            rate: 0.1,
            seed: 20_111_207,
            observer: None,
        })
    }

    /// How often all samples are seen.
    #[must_use]
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.0.epochs = epochs;
        self
    }

    /// The length of a first step, for a feature of value 1. It falls to a fifth over the epochs.
    #[must_use]
    pub fn rate(mut self, rate: f32) -> Self {
        self.0.rate = rate;
        self
    }

    /// Seed of the order in which samples are taken; the same seed gives the same model to the bit.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// Sees each epoch.
    #[must_use]
    pub fn observer(mut self, observer: Observer) -> Self {
        self.0.observer = Some(observer);
        self
    }
}

impl ParamGuard for StochasticLogisticRegressionParams {
    type Checked = StochasticLogisticRegressionValidParams;
    type Error = Error;

    fn check_ref(&self) -> Result<&Self::Checked, Error> {
        if self.0.epochs == 0 {
            return Err(Error::NoEpochs);
        }
        if !self.0.rate.is_finite() || self.0.rate <= 0.0 {
            return Err(Error::InvalidRate(self.0.rate));
        }
        Ok(&self.0)
    }

    fn check(self) -> Result<Self::Checked, Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}
