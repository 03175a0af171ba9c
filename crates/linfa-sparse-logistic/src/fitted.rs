//! The fitted model, and prediction.

use crate::math::argmax;
use crate::{Error, SparseRecords, softmax};
use linfa::dataset::Records;
use linfa::traits::{Predict, PredictInplace};
use ndarray::{Array1, Array2, ArrayBase, ArrayView2, Data, Ix2};

/// A fitted multinomial logistic regression: per feature and class a weight, per class an intercept.
///
/// ```text
/// score_c = x·w_c + b_c                    p_c = exp(score_c) / sum_j exp(score_j)
/// ```
///
/// It predicts by linfa's [`Predict`] and [`PredictInplace`], on [`SparseRecords`] and on dense matrices, alone or in
/// a `DatasetBase`. Weights are of type `F` (`f64` as fitted, `f32` by [`cast`](Self::cast), which halves what has to
/// come from memory); intercepts and sums are always `f64`.
///
/// It converts to and from linfa-logistic's `MultiFittedLogisticRegression`, with feature `serde` by serde.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FittedSparseLogisticRegression<F, C> {
    /// Row-major: features x classes.
    weights: Vec<F>,
    intercept: Vec<f64>,
    classes: Vec<C>,
}

impl<F: Copy + Into<f64>, C> FittedSparseLogisticRegression<F, C> {
    /// A model out of its parts: `weights` row-major (features x classes), one intercept per class, and the classes.
    ///
    /// # Errors
    /// [`Error::MismatchedParts`] when the lengths do not fit each other, [`Error::InvalidPart`] when a number is not
    /// finite.
    pub fn from_parts(weights: Vec<F>, intercept: Vec<f64>, classes: Vec<C>) -> Result<Self, Error> {
        let k = classes.len();
        if k == 0 || intercept.len() != k || !weights.len().is_multiple_of(k) {
            return Err(Error::MismatchedParts {
                classes: k,
                intercepts: intercept.len(),
                weights: weights.len(),
            });
        }
        let bad = |value: &(usize, f64)| !value.1.is_finite();
        if let Some((at, value)) = weights.iter().map(|&weight| weight.into()).enumerate().find(bad) {
            return Err(Error::InvalidPart { what: "weight", at, value });
        }
        if let Some((at, value)) = intercept.iter().copied().enumerate().find(bad) {
            return Err(Error::InvalidPart { what: "intercept", at, value });
        }
        Ok(Self { weights, intercept, classes })
    }

    /// The classes that it tells apart, in the order of intercepts and probabilities.
    #[must_use]
    pub fn classes(&self) -> &[C] {
        &self.classes
    }

    /// The intercept of each class.
    #[must_use]
    pub fn intercept(&self) -> &[f64] {
        &self.intercept
    }

    /// The weights, row-major (features x classes).
    #[must_use]
    pub fn weights(&self) -> &[F] {
        &self.weights
    }

    /// How many features it has weights for.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.weights.len() / self.classes.len()
    }

    /// The weight of feature `feature` in each class.
    ///
    /// # Panics
    /// When there is no such feature, like indexing.
    #[must_use]
    #[inline]
    pub fn feature(&self, feature: usize) -> &[F] {
        let k = self.classes.len();
        &self.weights[feature * k..][..k]
    }

    /// The weights as a matrix (features x classes).
    #[must_use]
    pub fn params(&self) -> ArrayView2<'_, F> {
        let shape = (self.n_features(), self.classes.len());
        // The lengths were checked when the model was made.
        ArrayView2::from_shape(shape, &self.weights).unwrap_or_else(|_| unreachable!("checked in from_parts"))
    }

    /// The same model with other classes, in the same order.
    ///
    /// # Errors
    /// [`Error::MismatchedParts`] when there are more or fewer of them.
    pub fn with_classes<D>(self, classes: Vec<D>) -> Result<FittedSparseLogisticRegression<F, D>, Error> {
        FittedSparseLogisticRegression::from_parts(self.weights, self.intercept, classes)
    }

    /// The same model with its weights converted, such as to `f32`, and all scores multiplied by `factor`, which is
    /// the reciprocal of a temperature: 1 leaves the probabilities as they are.
    ///
    /// # Errors
    /// [`Error::InvalidPart`] when a product is not finite in `G`.
    pub fn cast<G: Copy + Into<f64>>(
        &self,
        factor: f64,
        convert: impl Fn(f64) -> G,
    ) -> Result<FittedSparseLogisticRegression<G, C>, Error>
    where
        C: Clone,
    {
        FittedSparseLogisticRegression::from_parts(
            self.weights.iter().map(|&weight| convert(weight.into() * factor)).collect(),
            self.intercept.iter().map(|bias| bias * factor).collect(),
            self.classes.clone(),
        )
    }

    /// Writes the score of each class for one sample, given as columns and values, to `scores`.
    ///
    /// # Panics
    /// When a column is not below [`n_features`](Self::n_features), or `scores` has another length than the classes.
    #[inline]
    pub fn scores_into(&self, entries: impl IntoIterator<Item = (usize, f64)>, scores: &mut [f64]) {
        scores.copy_from_slice(&self.intercept);
        entries.into_iter().for_each(|(column, value)| self.add_feature(column, value, scores));
    }

    /// Adds what `value` of feature `column` makes of each class's score to `scores`.
    ///
    /// # Panics
    /// When there is no such feature, like indexing.
    #[inline]
    pub fn add_feature(&self, column: usize, value: f64, scores: &mut [f64]) {
        for (score, &weight) in scores.iter_mut().zip(self.feature(column)) {
            *score += value * weight.into();
        }
    }

    /// Writes the probability of each class for one sample, given as columns and values, to `probabilities`.
    ///
    /// # Panics
    /// As [`scores_into`](Self::scores_into).
    #[inline]
    pub fn probabilities_into(
        &self,
        entries: impl IntoIterator<Item = (usize, f64)>,
        probabilities: &mut [f64],
    ) {
        self.scores_into(entries, probabilities);
        softmax(probabilities);
    }

    /// The probabilities of all samples (samples x classes).
    ///
    /// # Panics
    /// When `records` has another number of features than the model.
    #[must_use]
    pub fn predict_probabilities(&self, records: &SparseRecords) -> Array2<f64> {
        let mut probabilities = Array2::zeros((records.nsamples(), self.classes.len()));
        self.each(records, |sample, row| {
            probabilities.row_mut(sample).iter_mut().zip(&*row).for_each(|(to, &from)| *to = from);
        });
        probabilities
    }

    /// Calls `visit` with each sample and its probabilities.
    fn each(&self, records: &SparseRecords, mut visit: impl FnMut(usize, &mut [f64])) {
        assert_eq!(
            records.nfeatures(),
            self.n_features(),
            "the records must have as many features as the model was fitted on"
        );
        let mut row = vec![0.0; self.classes.len()];
        for (sample, (columns, values)) in records.rows().enumerate() {
            let entries = columns.iter().map(|&column| column as usize).zip(values.iter().copied());
            self.probabilities_into(entries, &mut row);
            visit(sample, &mut row);
        }
    }
}

impl<F: Copy + Into<f64>, C: Clone + Default> PredictInplace<SparseRecords, Array1<C>>
    for FittedSparseLogisticRegression<F, C>
{
    /// The most probable class of each sample, the first of equally probable ones.
    ///
    /// # Panics
    /// When samples and targets, or the features of records and model, differ in number.
    fn predict_inplace(&self, records: &SparseRecords, targets: &mut Array1<C>) {
        assert_eq!(records.nsamples(), targets.len(), "there must be as many targets as samples");
        self.each(records, |sample, row| targets[sample] = self.classes[argmax(row)].clone());
    }

    fn default_target(&self, records: &SparseRecords) -> Array1<C> {
        Array1::default(records.nsamples())
    }
}

/// On records alone, as linfa offers it for dense ones.
impl<F: Copy + Into<f64>, C: Clone + Default> Predict<&SparseRecords, Array1<C>>
    for FittedSparseLogisticRegression<F, C>
{
    fn predict(&self, records: &SparseRecords) -> Array1<C> {
        let mut targets = self.default_target(records);
        self.predict_inplace(records, &mut targets);
        targets
    }
}

impl<F: Copy + Into<f64>, C: Clone + Default, D: Data<Elem = f64>>
    PredictInplace<ArrayBase<D, Ix2>, Array1<C>> for FittedSparseLogisticRegression<F, C>
{
    /// The most probable class of each row of a dense matrix.
    ///
    /// # Panics
    /// When rows and targets, or the columns of matrix and features of model, differ in number.
    fn predict_inplace(&self, dense: &ArrayBase<D, Ix2>, targets: &mut Array1<C>) {
        assert_eq!(dense.nrows(), targets.len(), "there must be as many targets as samples");
        assert_eq!(
            dense.ncols(),
            self.n_features(),
            "the records must have as many features as the model was fitted on"
        );
        let mut scores = vec![0.0; self.classes.len()];
        for (row, target) in dense.rows().into_iter().zip(targets) {
            self.scores_into(row.iter().copied().enumerate(), &mut scores);
            *target = self.classes[argmax(&scores)].clone();
        }
    }

    fn default_target(&self, dense: &ArrayBase<D, Ix2>) -> Array1<C> {
        Array1::default(dense.nrows())
    }
}
