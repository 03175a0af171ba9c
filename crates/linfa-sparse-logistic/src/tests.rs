//! The solver against linfa-logistic's own, against finite differences, and against its promises.

use crate::objective::SparseProblem;
use crate::{
    Error, FittedSparseLogisticRegression, SparseLogisticRegression, SparseRecords,
    StochasticLogisticRegression, WeightTable,
};
use linfa::ParamGuard;
use linfa::dataset::{DatasetBase, Records};
use linfa::traits::{Fit, Predict, PredictInplace};
use linfa_logistic::{MultiFittedLogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, array};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::{Arc, Mutex};

/// Sparse rows of a noisy problem with `n_classes` classes.
fn problem(n: usize, m: usize, n_classes: usize, seed: u64) -> (SparseRecords, Array1<usize>) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut rows = SparseRecords::new(m);
    let mut targets = Vec::new();
    for _ in 0..n {
        let class = random.random_range(0..n_classes);
        let mut entries: Vec<(u32, f64)> = (0..m)
            .filter_map(|j| {
                let own = if j % n_classes == class { 0.5 } else { 0.2 };
                random.random_bool(own).then(|| (j as u32, random.random_range(1..=8) as f64 / 4.0))
            })
            .collect();
        rows.push(&mut entries).unwrap();
        targets.push(class);
    }
    (rows, Array1::from(targets))
}

/// The rows at `indices`.
fn select(rows: &SparseRecords, indices: &[usize]) -> SparseRecords {
    let mut selected = SparseRecords::new(rows.nfeatures());
    for &i in indices {
        let (columns, values) = rows.row(i);
        let mut entries: Vec<_> = columns.iter().copied().zip(values.iter().copied()).collect();
        selected.push(&mut entries).unwrap();
    }
    selected
}

type Fitted = FittedSparseLogisticRegression<f64, usize>;

fn objective(model: &Fitted, x: &SparseRecords, y: &Array1<usize>, alpha: f64) -> f64 {
    let probabilities = model.predict_probabilities(x);
    let losses = y.iter().enumerate().map(|(i, &class)| -probabilities[(i, class)].ln()).sum::<f64>();
    losses + 0.5 * alpha * model.weights().iter().map(|w| w * w).sum::<f64>()
}

#[test]
fn finds_the_same_optimum_as_linfa_on_small_unweighted_data() {
    for (n_classes, alpha) in [(2, 0.5), (3, 1.0), (5, 2.0)] {
        let (rows, targets) = problem(300, 12, n_classes, 7);
        let dense = rows.to_dense();
        let ours = SparseLogisticRegression::params()
            .alpha(alpha)
            .max_iterations(1000)
            .gradient_tolerance(1e-8)
            .fit(&DatasetBase::new(rows.clone(), targets.clone()))
            .unwrap();
        let theirs = MultiLogisticRegression::<f64>::default()
            .alpha(alpha)
            .max_iterations(1000)
            .gradient_tolerance(1e-8)
            .fit(&DatasetBase::new(dense.clone(), targets.clone()))
            .unwrap();
        // Each in the other's form.
        let converted = Fitted::try_from(&theirs).unwrap();
        let (a, b) =
            (objective(&ours, &rows, &targets, alpha), objective(&converted, &rows, &targets, alpha));
        assert!((a - b).abs() < 1e-6 * b, "{n_classes} classes: loss {a} and {b}");
        assert_eq!(ours.classes(), theirs.classes());
        for (ours, theirs) in ours.weights().iter().zip(theirs.params()) {
            assert!((ours - theirs).abs() < 1e-4, "{n_classes} classes: weight {ours} and {theirs}");
        }
        // The intercept is free up to a constant; the probabilities are what it is for.
        let difference = &ours.predict_probabilities(&rows) - &theirs.predict_probabilities(&dense);
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
            let mut near = at.clone();
            near[j] += step;
            let above = problem.evaluate(&near).0;
            near[j] -= 2.0 * step;
            let slope = (above - problem.evaluate(&near).0) / (2.0 * step);
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
    let params = SparseLogisticRegression::params().max_iterations(500).gradient_tolerance(1e-8);
    let (a, b): (Fitted, Fitted) = (params.fit(&weighted).unwrap(), params.fit(&repeated).unwrap());
    for (a, b) in a.weights().iter().zip(b.weights()) {
        assert!((a - b).abs() < 1e-5, "{a} and {b}");
    }
}

#[test]
fn many_threads_give_the_same_bits_each_time() {
    let (rows, targets) = problem(9_000, 200, 3, 1);
    assert!(rows.entries() > 2 * (1 << 17), "the problem must be large enough for several blocks");
    let dataset = DatasetBase::new(rows, targets);
    let params = SparseLogisticRegression::params().max_iterations(15);
    let first: Fitted = params.fit(&dataset).unwrap();
    for _ in 0..3 {
        assert_eq!(params.fit(&dataset).unwrap(), first);
    }
}

#[test]
fn the_observer_sees_a_falling_loss() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let observer = seen.clone();
    let (rows, targets) = problem(200, 10, 3, 9);
    let _: Fitted = SparseLogisticRegression::params()
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
    let params = SparseLogisticRegression::params;
    assert!(matches!(params().alpha(-1.0).check(), Err(Error::InvalidAlpha(_))));
    assert!(matches!(params().alpha(f64::NAN).check(), Err(Error::InvalidAlpha(_))));
    assert!(matches!(params().gradient_tolerance(0.0).check(), Err(Error::InvalidGradientTolerance(_))));
    assert!(matches!(params().max_iterations(0).check(), Err(Error::NoIterations)));

    let fit = |rows: &SparseRecords, targets: Array1<usize>, weights: Option<Array1<f32>>| {
        let mut dataset = DatasetBase::new(rows.clone(), targets);
        if let Some(weights) = weights {
            dataset = dataset.with_weights(weights);
        }
        params().fit(&dataset).map(|_: Fitted| ())
    };
    let mut rows = SparseRecords::new(2);
    rows.push(&mut [(0, 1.0)]).unwrap();
    rows.push(&mut [(1, 1.0)]).unwrap();
    assert!(matches!(fit(&rows, array![0, 0], None), Err(Error::TooFewClasses(1))));
    assert!(matches!(
        fit(&rows, array![0, 1, 1], None),
        Err(Error::MismatchedLengths { samples: 2, what: "targets", found: 3 })
    ));
    assert!(matches!(
        fit(&rows, array![0, 1], Some(array![1.0, -1.0])),
        Err(Error::InvalidValue { sample: 1, .. })
    ));
    rows.push(&mut [(0, f64::NAN)]).unwrap();
    assert!(matches!(fit(&rows, array![0, 1, 1], None), Err(Error::InvalidValue { sample: 2, .. })));
}

#[test]
fn a_fit_towards_a_model_stays_near_it_as_alpha_says() {
    let (rows, targets) = problem(300, 12, 3, 7);
    let model = SparseLogisticRegression::params().fit(&DatasetBase::new(rows, targets)).unwrap();
    let (others, other_targets) = problem(60, 12, 3, 8);
    let data = DatasetBase::new(others.clone(), (&other_targets + 1) % 3);
    let distance = |alpha: f64| {
        let adapted: Fitted = SparseLogisticRegression::params()
            .alpha(alpha)
            .max_iterations(500)
            .towards(&model)
            .fit(&data)
            .unwrap();
        let pairs = adapted.weights().iter().zip(model.weights());
        let intercepts = adapted.intercept().iter().zip(model.intercept());
        pairs.chain(intercepts).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    };
    let distances = [1e-2, 1.0, 1e2, 1e8].map(distance);
    assert!(distances.windows(2).all(|pair| pair[1] < pair[0]), "{distances:?}");
    assert!(distances[3] < 1e-5, "{distances:?}");

    let (narrow, targets) = problem(60, 5, 3, 8);
    let error = SparseLogisticRegression::params().towards(&model).fit(&DatasetBase::new(narrow, targets));
    assert!(matches!(error, Err(Error::MismatchedStart { features: 5, found_features: 12, .. })));
}

#[test]
fn the_gradient_of_a_fit_towards_a_model_is_that_of_its_loss() {
    let (rows, targets) = problem(40, 6, 3, 3);
    let targets: Vec<u32> = targets.iter().map(|&class| class as u32).collect();
    let mut random = StdRng::seed_from_u64(11);
    let problem = SparseProblem::new(&rows, &targets, None, 3, 0.7);
    let mut draw =
        || -> Vec<f64> { (0..problem.n_params()).map(|_| random.random_range(-1.0..1.0)).collect() };
    let (at, from) = (draw(), draw());
    let problem = SparseProblem::new(&rows, &targets, None, 3, 0.7).towards(Some(&from));
    let (_, gradient) = problem.evaluate(&at);
    for j in 0..at.len() {
        let [below, above] = [-1e-5, 1e-5].map(|step| {
            let mut near = at.clone();
            near[j] += step;
            problem.evaluate(&near).0
        });
        let slope = (above - below) / 2e-5;
        assert!((slope - gradient[j]).abs() < 1e-5 * (1.0 + slope.abs()), "{j}: {slope} {}", gradient[j]);
    }
}

#[test]
fn both_solvers_fit_and_predict_through_the_same_traits() {
    let (rows, targets) = problem(200, 9, 3, 2);
    let dense = rows.to_dense();
    let dataset = DatasetBase::new(rows.clone(), targets);
    let models: [Fitted; 2] = [
        SparseLogisticRegression::params().fit(&dataset).unwrap(),
        StochasticLogisticRegression::params().rate(0.5).fit(&dataset).unwrap(),
    ];
    for model in models {
        let predicted = model.predict(&dataset);
        assert_eq!(model.predict(&rows), predicted);
        assert_eq!(model.predict(&dense), predicted);
        let mut in_place = model.default_target(&rows);
        model.predict_inplace(&rows, &mut in_place);
        assert_eq!(in_place, predicted);
        let right = predicted.iter().zip(dataset.targets()).filter(|(a, b)| a == b).count();
        assert!(right > 120, "{right} of 200");
        // Halved weights predict the same, but for ties in the last bits.
        let single = model.cast(1.0, |weight| weight as f32).unwrap();
        assert_eq!(single.predict(&rows), predicted);
    }
}

#[test]
fn sparse_matrices_of_sprs_come_and_go_in_either_order() {
    let (rows, _) = problem(30, 7, 2, 4);
    let csr = sprs::CsMat::from(&rows);
    assert_eq!(csr.to_dense(), rows.to_dense());
    assert_eq!(SparseRecords::try_from(&csr).unwrap(), rows);
    assert_eq!(SparseRecords::try_from(&csr.to_csc()).unwrap(), rows);
    assert_eq!(SparseRecords::try_from(&csr.view()).unwrap(), rows);
    assert_eq!(SparseRecords::try_from(&rows.to_dense()).unwrap().to_dense(), rows.to_dense());
}

#[test]
fn a_column_out_of_range_is_an_error_and_adds_nothing() {
    let mut rows = SparseRecords::new(2);
    let error = rows.push(&mut [(0, 1.0), (2, 1.0)]);
    assert!(matches!(error, Err(Error::ColumnOutOfRange { column: 2, columns: 2 })));
    assert!(rows.is_empty() && rows.entries() == 0);
}

#[test]
fn parts_that_make_no_model_are_refused() {
    let parts = FittedSparseLogisticRegression::from_parts;
    assert!(matches!(parts(vec![0.0; 5], vec![0.0; 2], vec!["a", "b"]), Err(Error::MismatchedParts { .. })));
    assert!(matches!(parts(vec![0.0; 4], vec![0.0; 3], vec!["a", "b"]), Err(Error::MismatchedParts { .. })));
    let nan = parts(vec![0.0, f64::NAN], vec![0.0; 2], vec!["a", "b"]);
    assert!(matches!(nan, Err(Error::InvalidPart { what: "weight", at: 1, .. })));
    let infinite = parts(vec![0.0; 2], vec![0.0, f64::INFINITY], vec!["a", "b"]);
    assert!(matches!(infinite, Err(Error::InvalidPart { what: "intercept", at: 1, .. })));
}

proptest! {
    /// What goes in as parts comes out of linfa-logistic's accessors, and back again.
    #[test]
    fn a_model_goes_to_linfa_logistic_and_back(k in 1_usize..5, m in 0_usize..6, seed in any::<u64>()) {
        let mut random = StdRng::seed_from_u64(seed);
        let mut numbers = |n: usize| -> Vec<f64> { (0..n).map(|_| random.random_range(-9.0..9.0)).collect() };
        let (intercept, weights) = (numbers(k), numbers(k * m));
        let classes: Vec<String> = (0..k).map(|c| format!("class {c}")).collect();
        let ours = FittedSparseLogisticRegression::from_parts(weights.clone(), intercept.clone(), classes.clone()).unwrap();
        let model = MultiFittedLogisticRegression::try_from(&ours).unwrap();
        prop_assert_eq!(model.intercept().to_vec(), intercept);
        prop_assert_eq!(model.params().dim(), (m, k));
        prop_assert_eq!(model.params().iter().copied().collect::<Vec<_>>(), weights);
        prop_assert_eq!(model.classes(), &classes[..]);
        prop_assert_eq!(FittedSparseLogisticRegression::try_from(&model).unwrap(), ours);
    }

    /// A table's sums are the model's scores, in any stride.
    #[test]
    fn a_table_adds_up_to_the_scores(k in 1_usize..10, features in prop::collection::vec(0_usize..6, 0..20), seed in any::<u64>()) {
        let mut random = StdRng::seed_from_u64(seed);
        let weights: Vec<f32> = (0..6 * k).map(|_| random.random_range(-9.0..9.0)).collect();
        let model = FittedSparseLogisticRegression::from_parts(weights, vec![0.5; k], (0..k).collect()).unwrap();
        let table = WeightTable::new(6, k, |feature, row| row.copy_from_slice(model.feature(feature)));
        let mut sums = vec![0.0; table.stride()];
        let mut fixed = sums.clone();
        for &feature in &features {
            table.add(feature, &mut sums);
            if table.stride() == 4 { table.add_fixed::<4>(feature, &mut fixed) } else { table.add_fixed::<0>(feature, &mut fixed) }
        }
        prop_assert_eq!(&sums, &fixed);
        let mut scores = vec![0.0; k];
        model.scores_into(features.iter().map(|&feature| (feature, 1.0)), &mut scores);
        for (sum, score) in sums.iter().zip(&scores) {
            prop_assert!((sum + 0.5 - score).abs() < 1e-9);
        }
        prop_assert!(sums[k..].iter().all(|&padding| padding == 0.0));
    }
}
