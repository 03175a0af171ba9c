//! The objective and its gradient on sparse rows, as an argmin problem.

use crate::{SparseRecords, softmax};
use argmin::core::{CostFunction, Error, Gradient};
use linfa::dataset::Records;
use ndarray::Array1;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// The most blocks of rows that are worked on at the same time.
const MAX_BLOCKS: usize = 4;
/// A block has at least so many entries, lest starting a thread costs more than it brings.
const MIN_BLOCK_ENTRIES: usize = 1 << 17;

/// The weighted multinomial loss over sparse rows.
///
/// Parameters are one vector: for each feature its weight in each class (row-major, features x classes), then the
/// intercept of each class.
pub(super) struct SparseProblem<'a> {
    rows: &'a SparseRecords,
    /// The class of each row.
    targets: &'a [u32],
    /// The weight of each row, or nothing when all weigh 1.
    weights: Option<&'a [f32]>,
    n_classes: usize,
    alpha: f64,
    /// What the parameters are pulled towards, intercepts too; `None`: the weights towards zero.
    towards: Option<&'a [f64]>,
    blocks: Vec<Range<usize>>,
    /// The line search asks for loss and gradient at the same point one after the other, and both
    /// come out of one pass.
    last: Mutex<Option<Evaluation>>,
}

struct Evaluation {
    at: Array1<f64>,
    loss: f64,
    gradient: Array1<f64>,
}

impl<'a> SparseProblem<'a> {
    pub(super) fn new(
        rows: &'a SparseRecords,
        targets: &'a [u32],
        weights: Option<&'a [f32]>,
        n_classes: usize,
        alpha: f64,
    ) -> Self {
        let blocks = blocks(rows);
        Self { rows, targets, weights, n_classes, alpha, towards: None, blocks, last: Mutex::new(None) }
    }

    /// The same, with the penalty on the differences from `params`, intercepts too.
    pub(super) fn towards(mut self, params: Option<&'a [f64]>) -> Self {
        self.towards = params;
        self
    }

    /// Length of the parameter vector.
    pub(super) fn n_params(&self) -> usize {
        (self.rows.nfeatures() + 1) * self.n_classes
    }

    /// Loss and gradient at `params`.
    pub(super) fn evaluate(&self, params: &[f64]) -> (f64, Array1<f64>) {
        let mut parts: Vec<(f64, Vec<f64>)> = std::thread::scope(|scope| {
            let workers: Vec<_> = self
                .blocks
                .iter()
                .skip(1)
                .map(|block| scope.spawn(move || self.evaluate_block(block.clone(), params)))
                .collect();
            let first = self.blocks.first().map(|block| self.evaluate_block(block.clone(), params));
            let others = workers.into_iter().map(|worker| match worker.join() {
                Ok(part) => part,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            first.into_iter().chain(others).collect()
        });
        let mut parts = parts.drain(..);
        let (mut loss, mut gradient) = parts.next().unwrap_or_else(|| (0.0, vec![0.0; params.len()]));
        for (other_loss, other_gradient) in parts {
            loss += other_loss;
            gradient.iter_mut().zip(&other_gradient).for_each(|(sum, part)| *sum += part);
        }
        let mut square = 0.0;
        match self.towards {
            None => {
                let n_weights = self.rows.nfeatures() * self.n_classes;
                for (slope, weight) in gradient[..n_weights].iter_mut().zip(params) {
                    *slope += self.alpha * weight;
                    square += weight * weight;
                }
            }
            Some(towards) => {
                for ((slope, param), from) in gradient.iter_mut().zip(params).zip(towards) {
                    let difference = param - from;
                    *slope += self.alpha * difference;
                    square += difference * difference;
                }
            }
        }
        (loss + 0.5 * self.alpha * square, Array1::from(gradient))
    }

    fn evaluate_block(&self, block: Range<usize>, params: &[f64]) -> (f64, Vec<f64>) {
        match self.n_classes {
            2 => self.evaluate_fixed::<2>(block, params),
            3 => self.evaluate_fixed::<3>(block, params),
            _ => self.evaluate_any(block, params),
        }
    }

    /// As [`evaluate_any`](Self::evaluate_any), with the scores of a row in registers.
    fn evaluate_fixed<const K: usize>(&self, block: Range<usize>, params: &[f64]) -> (f64, Vec<f64>) {
        let mut gradient = vec![0.0; params.len()];
        let (weights, _) = params.as_chunks::<K>();
        let (slopes, _) = gradient.as_chunks_mut::<K>();
        let intercept = self.rows.nfeatures();
        let mut loss = 0.0;
        for i in block {
            let (columns, values) = self.rows.row(i);
            let mut scores = weights[intercept];
            for (&j, &value) in columns.iter().zip(values) {
                let weight = &weights[j as usize];
                for c in 0..K {
                    scores[c] += value * weight[c];
                }
            }
            loss += self.loss_and_slopes(i, &mut scores);
            for (&j, &value) in columns.iter().zip(values) {
                let slope = &mut slopes[j as usize];
                for c in 0..K {
                    slope[c] += value * scores[c];
                }
            }
            for c in 0..K {
                slopes[intercept][c] += scores[c];
            }
        }
        (loss, gradient)
    }

    fn evaluate_any(&self, block: Range<usize>, params: &[f64]) -> (f64, Vec<f64>) {
        let k = self.n_classes;
        let mut gradient = vec![0.0; params.len()];
        let intercept = self.rows.nfeatures() * k;
        let mut scores = vec![0.0; k];
        let mut loss = 0.0;
        for i in block {
            let (columns, values) = self.rows.row(i);
            scores.copy_from_slice(&params[intercept..]);
            for (&j, &value) in columns.iter().zip(values) {
                let weight = &params[j as usize * k..][..k];
                scores.iter_mut().zip(weight).for_each(|(score, w)| *score += value * w);
            }
            loss += self.loss_and_slopes(i, &mut scores);
            for (&j, &value) in columns.iter().zip(values) {
                let slope = &mut gradient[j as usize * k..][..k];
                slope.iter_mut().zip(&scores).for_each(|(slope, s)| *slope += value * s);
            }
            gradient[intercept..].iter_mut().zip(&scores).for_each(|(slope, s)| *slope += s);
        }
        (loss, gradient)
    }

    /// Turns the scores of row `i` into the slopes of its loss (`softmax(scores) - onehot(target)`, times
    /// the row's weight) and returns the loss.
    #[inline]
    fn loss_and_slopes(&self, i: usize, scores: &mut [f64]) -> f64 {
        let weight = self.weights.map_or(1.0, |weights| f64::from(weights[i]));
        let target = self.targets[i] as usize;
        let own = scores[target];
        let normalizer = softmax(scores);
        scores.iter_mut().for_each(|score| *score *= weight);
        scores[target] -= weight;
        weight * (normalizer - own)
    }

    fn with_last<T>(&self, params: &Array1<f64>, take: impl Fn(&Evaluation) -> T) -> T {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let evaluation = match last.take() {
            Some(evaluation) if evaluation.at == *params => evaluation,
            _ => {
                let (loss, gradient) = self.evaluate(params.as_slice().unwrap_or(&[]));
                Evaluation { at: params.clone(), loss, gradient }
            }
        };
        take(last.insert(evaluation))
    }
}

/// Cuts the rows into blocks of about as many entries; where depends on the rows alone.
fn blocks(rows: &SparseRecords) -> Vec<Range<usize>> {
    let count = (rows.entries() / MIN_BLOCK_ENTRIES).clamp(1, MAX_BLOCKS);
    let mut blocks = Vec::with_capacity(count);
    let starts = rows.starts();
    let mut begin = 0;
    for block in 1..=count {
        let entries = rows.entries() / count * block;
        let mut end = begin;
        while end < rows.nsamples() && (block == count || starts[end + 1] <= entries) {
            end += 1;
        }
        blocks.push(begin..end);
        begin = end;
    }
    blocks
}

impl CostFunction for SparseProblem<'_> {
    type Param = Array1<f64>;
    type Output = f64;

    fn cost(&self, params: &Array1<f64>) -> Result<f64, Error> {
        Ok(self.with_last(params, |evaluation| evaluation.loss))
    }
}

impl Gradient for SparseProblem<'_> {
    type Param = Array1<f64>;
    type Gradient = Array1<f64>;

    fn gradient(&self, params: &Array1<f64>) -> Result<Array1<f64>, Error> {
        Ok(self.with_last(params, |evaluation| evaluation.gradient.clone()))
    }
}
