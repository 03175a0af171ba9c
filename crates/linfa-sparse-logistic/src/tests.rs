//! The solver against linfa-logistic's own, against finite differences, and against its promises.

use super::problem::SparseProblem;
use super::{SolverError, SparseLogisticRegressionParams, fitted_from_parts};
use crate::Rows;
use linfa::ParamGuard;
use linfa::dataset::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::{MultiFittedLogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::{Arc, Mutex};

/// Sparse rows of a noisy problem with `n_classes` classes.
fn problem(n: usize, m: usize, n_classes: usize, seed: u64) -> (Rows, Array1<usize>) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut rows = Rows::new(m);
    let mut targets = Vec::new();
    for _ in 0..n {
        let class = random.random_range(0..n_classes);
        let mut entries: Vec<(u32, f64)> = (0..m)
            .filter_map(|j| {
                let own = if j % n_classes == class { 0.5 } else { 0.2 };
                random.random_bool(own).then(|| (j as u32, random.random_range(1..=8) as f64 / 4.0))
            })
            .collect();
        rows.push(&mut entries);
        targets.push(class);
    }
    (rows, Array1::from(targets))
}

/// The same numbers as a dense matrix.
fn dense(rows: &Rows) -> Array2<f64> {
    let mut dense = Array2::zeros((rows.len(), rows.columns()));
    for i in 0..rows.len() {
        let (columns, values) = rows.row(i);
        columns.iter().zip(values).for_each(|(&j, &value)| dense[(i, j as usize)] = value);
    }
    dense
}

/// The rows at `indices`.
fn select(rows: &Rows, indices: &[usize]) -> Rows {
    let mut selected = Rows::new(rows.columns());
    for &i in indices {
        let (columns, values) = rows.row(i);
        selected.push(&mut columns.iter().copied().zip(values.iter().copied()).collect::<Vec<_>>());
    }
    selected
}

fn objective(
    model: &MultiFittedLogisticRegression<f64, usize>,
    x: &Array2<f64>,
    y: &Array1<usize>,
    alpha: f64,
) -> f64 {
    let probabilities = model.predict_probabilities(x);
    let losses = y.iter().enumerate().map(|(i, &class)| -probabilities[(i, class)].ln()).sum::<f64>();
    losses + 0.5 * alpha * model.params().iter().map(|w| w * w).sum::<f64>()
}

#[test]
fn finds_the_same_optimum_as_linfa_on_small_unweighted_data() {
    for (n_classes, alpha) in [(2, 0.5), (3, 1.0), (5, 2.0)] {
        let (rows, targets) = problem(300, 12, n_classes, 7);
        let dense = dense(&rows);
        let ours = SparseLogisticRegressionParams::new()
            .alpha(alpha)
            .max_iterations(1000)
            .gradient_tolerance(1e-8)
            .fit(&DatasetBase::new(rows, targets.clone()))
            .unwrap();
        let theirs = MultiLogisticRegression::<f64>::default()
            .alpha(alpha)
            .max_iterations(1000)
            .gradient_tolerance(1e-8)
            .fit(&DatasetBase::new(dense.clone(), targets.clone()))
            .unwrap();
        let (a, b) = (objective(&ours, &dense, &targets, alpha), objective(&theirs, &dense, &targets, alpha));
        assert!((a - b).abs() < 1e-6 * b, "{n_classes} classes: loss {a} and {b}");
        assert_eq!(ours.classes(), theirs.classes());
        for (ours, theirs) in ours.params().iter().zip(theirs.params()) {
            assert!((ours - theirs).abs() < 1e-4, "{n_classes} classes: weight {ours} and {theirs}");
        }
        // The intercept is free up to a constant; the probabilities are what it is for.
        let difference = &ours.predict_probabilities(&dense) - &theirs.predict_probabilities(&dense);
        assert!(difference.iter().all(|d| d.abs() < 1e-5));
    }
}

#[test]
fn the_gradient_is_that_of_the_loss() {
    for n_classes in [2, 3, 4] {
        let (rows, targets) = problem(40, 6, n_classes, 3);
        let targets: Vec<u32> = targets.iter().map(|&class| class as u32).collect();
        let weights: Vec<f32> = (0..40).map(|i| 0.5 + (i % 3) as f32).collect();
        let problem = SparseProblem::new(&rows, &targets, Some(&weights), n_classes, 0.7);
        let mut random = StdRng::seed_from_u64(11);
        let at: Vec<f64> = (0..problem.n_params()).map(|_| random.random_range(-1.0..1.0)).collect();
        let (_, gradient) = problem.evaluate(&at);
        for j in 0..at.len() {
            let step = 1e-5;
            let mut beside = at.clone();
            beside[j] += step;
            let above = problem.evaluate(&beside).0;
            beside[j] -= 2.0 * step;
            let slope = (above - problem.evaluate(&beside).0) / (2.0 * step);
            assert!((slope - gradient[j]).abs() < 1e-5 * (1.0 + slope.abs()), "{j}: {slope} {}", gradient[j]);
        }
    }
}

#[test]
fn a_weight_counts_as_so_many_rows() {
    let (rows, targets) = problem(60, 8, 3, 5);
    let indices: Vec<usize> =
        (0..60).flat_map(|i| std::iter::repeat_n(i, if targets[i] == 0 { 3 } else { 1 })).collect();
    let repeated_targets: Array1<usize> = indices.iter().map(|&i| targets[i]).collect();
    let repeated = DatasetBase::new(select(&rows, &indices), repeated_targets);
    let weights = targets.mapv(|class| if class == 0 { 3.0_f32 } else { 1.0 });
    let weighted = DatasetBase::new(rows, targets).with_weights(weights);
    let params = SparseLogisticRegressionParams::new().max_iterations(500).gradient_tolerance(1e-8);
    let (a, b): (MultiFittedLogisticRegression<f64, usize>, MultiFittedLogisticRegression<f64, usize>) =
        (params.fit(&weighted).unwrap(), params.fit(&repeated).unwrap());
    for (a, b) in a.params().iter().zip(b.params()) {
        assert!((a - b).abs() < 1e-5, "{a} and {b}");
    }
}

#[test]
fn many_threads_give_the_same_bits_each_time() {
    let (rows, targets) = problem(9_000, 200, 3, 1);
    assert!(rows.entries() > 2 * (1 << 17), "the problem must be large enough for several blocks");
    let dataset = DatasetBase::new(rows, targets);
    let params = SparseLogisticRegressionParams::new().max_iterations(15);
    let first: MultiFittedLogisticRegression<f64, usize> = params.fit(&dataset).unwrap();
    for _ in 0..3 {
        assert_eq!(params.fit(&dataset).unwrap(), first);
    }
}

#[test]
fn the_observer_sees_a_falling_loss() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let observer = seen.clone();
    let (rows, targets) = problem(200, 10, 3, 9);
    let _: MultiFittedLogisticRegression<f64, usize> = SparseLogisticRegressionParams::new()
        .max_iterations(8)
        .observer(Arc::new(move |iteration, loss| observer.lock().unwrap().push((iteration, loss))))
        .fit(&DatasetBase::new(rows, targets))
        .unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.iter().map(|(iteration, _)| *iteration).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    assert!(seen.windows(2).all(|pair| pair[1].1 <= pair[0].1), "{seen:?}");
}

#[test]
fn refuses_bad_parameters_and_data() {
    let params = SparseLogisticRegressionParams::new;
    assert!(matches!(params().alpha(-1.0).check(), Err(SolverError::InvalidAlpha(_))));
    assert!(matches!(params().alpha(f64::NAN).check(), Err(SolverError::InvalidAlpha(_))));
    assert!(matches!(
        params().gradient_tolerance(0.0).check(),
        Err(SolverError::InvalidGradientTolerance(_))
    ));
    assert!(matches!(params().max_iterations(0).check(), Err(SolverError::NoIterations)));

    let fit = |rows: &Rows, targets: Array1<usize>, weights: Option<Array1<f32>>| {
        let mut dataset = DatasetBase::new(rows.clone(), targets);
        if let Some(weights) = weights {
            dataset = dataset.with_weights(weights);
        }
        params().fit(&dataset).map(|_: MultiFittedLogisticRegression<f64, usize>| ())
    };
    let mut rows = Rows::new(2);
    rows.push(&mut [(0, 1.0)]);
    rows.push(&mut [(1, 1.0)]);
    assert!(matches!(fit(&rows, array![0, 0], None), Err(SolverError::TooFewClasses(1))));
    assert!(matches!(
        fit(&rows, array![0, 1, 1], None),
        Err(SolverError::MismatchedLengths { rows: 2, what: "targets", found: 3 })
    ));
    assert!(matches!(
        fit(&rows, array![0, 1], Some(array![1.0, -1.0])),
        Err(SolverError::InvalidValue { row: 1, .. })
    ));
    rows.push(&mut [(0, f64::NAN)]);
    assert!(matches!(fit(&rows, array![0, 1, 1], None), Err(SolverError::InvalidValue { row: 2, .. })));
}

proptest! {
    /// What goes in as parts comes out of linfa's accessors.
    #[test]
    fn parts_make_a_fitted_model(k in 1_usize..5, m in 0_usize..6, seed in any::<u64>()) {
        let mut random = StdRng::seed_from_u64(seed);
        let mut numbers = |n: usize| -> Vec<f64> { (0..n).map(|_| random.random_range(-9.0..9.0)).collect() };
        let (intercept, weights) = (numbers(k), numbers(k * m));
        let classes: Vec<String> = (0..k).map(|c| format!("class {c}")).collect();
        let model = fitted_from_parts(intercept.clone(), weights.clone(), classes.clone()).unwrap();
        prop_assert_eq!(model.intercept().to_vec(), intercept);
        prop_assert_eq!(model.params().dim(), (m, k));
        prop_assert_eq!(model.params().iter().copied().collect::<Vec<_>>(), weights);
        prop_assert_eq!(model.classes(), &classes[..]);
    }
}
