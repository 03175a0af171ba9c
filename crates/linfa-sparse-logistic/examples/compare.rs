//! The same problem by linfa-logistic (dense) and by this crate (sparse): time, loss and agreement.
//!
//! `cargo run --release --example compare [SAMPLES] [FEATURES]`; memory: `/usr/bin/time -v`, with `--sparse` alone.

use linfa::prelude::*;
use linfa_logistic::MultiLogisticRegression;
use linfa_sparse_logistic::{FittedSparseLogisticRegression, SparseLogisticRegression, SparseRecords};
use ndarray::Array1;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Instant;

const CLASSES: usize = 3;
/// Entries of a sample, as in a paragraph of text.
const ENTRIES: usize = 80;
const ITERATIONS: u64 = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let samples = numbers.first().copied().unwrap_or(4_000);
    let features = numbers.get(1).copied().unwrap_or(1_000);
    let dataset = invent(samples, features)?;
    println!("{samples} samples, {features} features, {CLASSES} classes, {ITERATIONS} iterations");

    let start = Instant::now();
    let sparse = SparseLogisticRegression::params().max_iterations(ITERATIONS).fit(&dataset)?;
    println!("sparse  {:8.2} s  accuracy {:.4}", start.elapsed().as_secs_f64(), accuracy(&sparse, &dataset));
    if std::env::args().any(|argument| argument == "--sparse") {
        return Ok(());
    }

    let dense = DatasetBase::new(dataset.records().to_dense(), dataset.targets().clone());
    let start = Instant::now();
    let model = MultiLogisticRegression::default().max_iterations(ITERATIONS).fit(&dense)?;
    let seconds = start.elapsed().as_secs_f64();
    let model = FittedSparseLogisticRegression::try_from(&model)?;
    println!("dense   {seconds:8.2} s  accuracy {:.4}", accuracy(&model, &dataset));
    let pairs = sparse.weights().iter().zip(model.weights());
    let furthest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("weights differ by at most {furthest:.1e}");
    Ok(())
}

type Sparse = DatasetBase<SparseRecords, Array1<usize>>;

/// Samples whose features are drawn as words are: a few often, most seldom, some of them typical of a class.
fn invent(samples: usize, features: usize) -> Result<Sparse, linfa_sparse_logistic::Error> {
    let mut random = StdRng::seed_from_u64(20);
    let mut records = SparseRecords::new(features);
    let targets: Array1<usize> = (0..samples).map(|_| random.random_range(0..CLASSES)).collect();
    for &class in &targets {
        let mut draw = || {
            let word = (random.random::<f64>().powi(3) * features as f64) as usize;
            let typical = random.random_bool(0.15);
            let word = if typical { word / CLASSES * CLASSES + class } else { word };
            (word.min(features - 1) as u32, 1.0)
        };
        records.push(&mut (0..ENTRIES).map(|_| draw()).collect::<Vec<_>>())?;
    }
    Ok(DatasetBase::new(records, targets))
}

fn accuracy(model: &FittedSparseLogisticRegression<f64, usize>, dataset: &Sparse) -> f64 {
    let predicted = model.predict(dataset);
    let right = predicted.iter().zip(dataset.targets()).filter(|(a, b)| a == b).count();
    right as f64 / predicted.len() as f64
}
