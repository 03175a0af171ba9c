//! Targets to numbers of classes, and what a class or a sample weighs.

use crate::Error;
use linfa::dataset::{AsSingleTargets, DatasetBase, Records};
use ndarray::Array1;

use crate::SparseRecords;

/// The distinct targets, sorted, and for each sample the place of its target among them.
pub(crate) struct Classes<C> {
    pub classes: Vec<C>,
    pub targets: Vec<u32>,
}

impl<C: Ord + Clone> Classes<C> {
    /// Checks a dataset and numbers its classes.
    pub(crate) fn of<T: AsSingleTargets<Elem = C>>(
        dataset: &DatasetBase<SparseRecords, T>,
    ) -> Result<Self, Error> {
        let targets = dataset.as_single_targets();
        validate(dataset.records(), targets.len(), dataset.weights())?;
        let mut classes: Vec<C> = targets.to_vec();
        classes.sort();
        classes.dedup();
        if classes.len() < 2 {
            return Err(Error::TooFewClasses(classes.len()));
        }
        // Each target was put among the classes above: the search finds its place.
        let place = |target: &C| classes.partition_point(|class| class < target) as u32;
        let targets = targets.iter().map(place).collect();
        Ok(Self { classes, targets })
    }
}

fn validate(records: &SparseRecords, targets: usize, weights: Option<&[f32]>) -> Result<(), Error> {
    let samples = records.nsamples();
    let lengths = [("targets", Some(targets)), ("weights", weights.map(<[f32]>::len))];
    for (what, found) in lengths.into_iter().filter_map(|(what, found)| Some((what, found?))) {
        if found != samples {
            return Err(Error::MismatchedLengths { samples, what, found });
        }
    }
    for (sample, (_, values)) in records.rows().enumerate() {
        let weight = weights.map_or(1.0, |weights| f64::from(weights[sample]));
        let bad_weight = Some(weight).filter(|weight| !weight.is_finite() || *weight < 0.0);
        if let Some(value) = bad_weight.or_else(|| values.iter().copied().find(|value| !value.is_finite())) {
            return Err(Error::InvalidValue { sample, value });
        }
    }
    Ok(())
}

/// A weight for each sample out of a weight for each class, for [`DatasetBase::with_weights`].
///
/// ```
/// use linfa::DatasetBase;
/// use linfa_sparse_logistic::{SparseRecords, class_weights};
/// use ndarray::array;
///
/// let targets = array!["rare", "common", "common"];
/// let weights = class_weights(&targets, |class| if *class == "rare" { 2.0 } else { 1.0 });
/// assert_eq!(weights, array![2.0, 1.0, 1.0]);
/// let dataset = DatasetBase::new(SparseRecords::new(10), targets).with_weights(weights);
/// ```
pub fn class_weights<C>(targets: &Array1<C>, weight: impl Fn(&C) -> f32) -> Array1<f32> {
    targets.iter().map(weight).collect()
}

/// Weights under which all classes weigh the same together, and all samples as much as without weights:
/// `samples / (classes * samples of the class)`, scikit-learn's `class_weight="balanced"`.
///
/// ```
/// use linfa_sparse_logistic::balanced_weights;
/// let weights = balanced_weights(&ndarray::array![0, 1, 1, 1]);
/// assert_eq!(weights[0], 2.0);
/// assert!((weights.sum() - 4.0).abs() < 1e-6);
/// ```
pub fn balanced_weights<C: Ord>(targets: &Array1<C>) -> Array1<f32> {
    let mut counts = std::collections::BTreeMap::<&C, usize>::new();
    targets.iter().for_each(|class| *counts.entry(class).or_default() += 1);
    let share = targets.len() as f64 / counts.len().max(1) as f64;
    targets.iter().map(|class| (share / counts[class] as f64) as f32).collect()
}
