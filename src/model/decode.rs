//! Decoding: a second stage that labels a paragraph by the scores of the paragraphs around it.
//!
//! The first stage sees text; this one sees only what the first thought of each paragraph: its
//! probabilities. It is itself a multinomial logistic regression (stacked sequential learning, Cohen and
//! Carvalho, IJCAI 2005), over
//!
//! - the logarithms of the paragraph's own probabilities;
//! - per neighbour within `neighbours` paragraphs: its probabilities, their logarithms, their products with
//!   the paragraph's own, and whether there is no such neighbour;
//! - with up to four labels, the products of before, own and after, which are a trigram of labels;
//! - the mean probabilities over wider windows, which tell a key or a bibliography from a treatment.
//!
//! It is fitted on probabilities that were given by models which had not seen the paragraph's volume, else it
//! would learn to trust the first stage too much.

use super::solver::SolverError;
use crate::features::Rows;
use serde::{Deserialize, Serialize};

/// Probabilities below this count as this in logarithms.
const LEAST: f64 = 1e-4;
/// Probabilities below this make no products: most labels of a paragraph are out of the question.
const PRODUCT_LEAST: f64 = 0.01;
/// Scale of the logarithms of the paragraph's own probabilities and of its neighbours', so that the L2
/// penalty bears on all features alike.
const OWN_SCALE: f64 = 0.5;
const NEIGHBOUR_SCALE: f64 = 0.2;
/// Up to so many labels there are trigrams.
const TRIGRAM_LABELS: usize = 4;
/// Widest window.
const WIDEST: usize = 1000;

/// What the second stage sees and how it is fitted; part of a preset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderParams {
    /// How many paragraphs before and after are seen one by one.
    pub neighbours: usize,
    /// How many paragraphs before and after are averaged over, one group of features for each.
    #[serde(default)]
    pub means: Vec<usize>,
    /// L2 penalty of the second stage, on the sum of the weighted losses.
    #[serde(default = "default_l2")]
    pub l2: f64,
    /// How many models of the first stage give the probabilities to fit on, each for the volumes it has not seen.
    #[serde(default = "default_folds")]
    pub folds: usize,
    /// Iterations of the solver for those models, which need not be as exact as the final one.
    #[serde(default = "default_iterations")]
    pub fold_iterations: u64,
}

fn default_l2() -> f64 {
    1.0
}

fn default_folds() -> usize {
    4
}

fn default_iterations() -> u64 {
    40
}

impl DecoderParams {
    /// Why these parameters are impossible, if they are.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.neighbours == 0 || self.neighbours > 16 {
            return Err(format!("decoder.neighbours = {}: must be 1 to 16", self.neighbours));
        }
        if let Some(mean) = self.means.iter().find(|&&mean| mean == 0 || mean > WIDEST) {
            return Err(format!("decoder.means holds {mean}: must be 1 to {WIDEST}"));
        }
        if !self.l2.is_finite() || self.l2 < 0.0 {
            return Err(format!("decoder.l2 = {}: must be a finite number, at least 0", self.l2));
        }
        if self.folds < 2 || self.fold_iterations == 0 {
            return Err("decoder.folds must be at least 2, decoder.fold_iterations at least 1".into());
        }
        Ok(())
    }

    /// Columns per neighbour: probabilities, logarithms, products, and one for its absence.
    fn width(labels: usize) -> usize {
        2 * labels + labels * labels + 1
    }

    /// First column of the trigrams.
    fn trigrams(&self, labels: usize) -> usize {
        labels + 2 * self.neighbours * Self::width(labels)
    }

    fn first_mean(&self, labels: usize) -> usize {
        self.trigrams(labels) + if labels <= TRIGRAM_LABELS { labels.pow(3) } else { 0 }
    }

    /// How many features the second stage has for so many labels.
    #[must_use]
    pub fn n_features(&self, labels: usize) -> usize {
        self.first_mean(labels) + self.means.len() * labels
    }

    /// What column `column` stands for, for people.
    #[must_use]
    pub fn feature_name(&self, column: usize, labels: &[String]) -> Option<String> {
        let k = labels.len();
        if column < k {
            return Some(format!("score of {}", labels[column]));
        }
        if column < self.trigrams(k) {
            let (slot, at) = ((column - k) / Self::width(k), (column - k) % Self::width(k));
            let offset = crate::features::offsets(self.neighbours).nth(slot)?;
            return Some(match at {
                at if at < k => format!("{offset:+}: {}", labels[at]),
                at if at < 2 * k => format!("{offset:+}: score of {}", labels[at - k]),
                at if at < 2 * k + k * k => {
                    let (theirs, own) = ((at - 2 * k) / k, (at - 2 * k) % k);
                    format!("{offset:+}: {} by {}", labels[theirs], labels[own])
                }
                _ => format!("{offset:+}: no paragraph"),
            });
        }
        if column < self.first_mean(k) {
            let at = column - self.trigrams(k);
            let [a, b, c] = [at / (k * k), at / k % k, at % k].map(|label| &labels[label]);
            return Some(format!("{a}, {b}, {c} in a row"));
        }
        let at = column - self.first_mean(k);
        Some(format!("mean over {} around: {}", self.means.get(at / k)?, labels[at % k]))
    }

    /// Appends the rows of one document to `rows`, out of the first stage's `probabilities`, row-major
    /// (paragraphs x `labels`).
    pub fn transform_into(&self, probabilities: &[f64], labels: usize, rows: &mut Rows) {
        let mut sight = Sight::default();
        sight.look(probabilities, labels);
        let mut entries = Vec::new();
        for place in 0..probabilities.len() / labels.max(1) {
            entries.clear();
            self.visit(&sight, probabilities, labels, place, |column, value| {
                entries.push((column as u32, value))
            });
            rows.push(&mut entries);
        }
    }

    /// Calls `visit` with each column of the paragraph at `place` that is not zero, and its value.
    fn visit(
        &self,
        sight: &Sight,
        probabilities: &[f64],
        k: usize,
        place: usize,
        mut visit: impl FnMut(usize, f64),
    ) {
        let paragraphs = probabilities.len() / k;
        let row = |at: usize| &probabilities[at * k..(at + 1) * k];
        let logarithms = |at: usize| &sight.logarithms[at * k..(at + 1) * k];
        let own = row(place);
        for (label, logarithm) in logarithms(place).iter().enumerate() {
            visit(label, OWN_SCALE * logarithm);
        }
        for (slot, offset) in crate::features::offsets(self.neighbours).enumerate() {
            let first = k + slot * Self::width(k);
            let Some(at) = place.checked_add_signed(offset).filter(|&at| at < paragraphs) else {
                visit(first + Self::width(k) - 1, 1.0);
                continue;
            };
            for (label, (&probability, logarithm)) in row(at).iter().zip(logarithms(at)).enumerate() {
                visit(first + label, probability);
                visit(first + k + label, NEIGHBOUR_SCALE * logarithm);
                if probability >= PRODUCT_LEAST {
                    for (other, &mine) in own.iter().enumerate().filter(|(_, mine)| **mine >= PRODUCT_LEAST) {
                        visit(first + 2 * k + label * k + other, probability * mine);
                    }
                }
            }
        }
        if k <= TRIGRAM_LABELS && place > 0 && place + 1 < paragraphs {
            let first = self.trigrams(k);
            for (a, &before) in row(place - 1).iter().enumerate().filter(|(_, p)| **p >= PRODUCT_LEAST) {
                for (b, &mine) in own.iter().enumerate().filter(|(_, p)| **p >= PRODUCT_LEAST) {
                    for (c, &after) in row(place + 1).iter().enumerate() {
                        visit(first + (a * k + b) * k + c, before * mine * after);
                    }
                }
            }
        }
        let first = self.first_mean(k);
        for (group, &window) in self.means.iter().enumerate() {
            let (start, end) = (place.saturating_sub(window), (place + window + 1).min(paragraphs));
            let count = (end - start) as f64;
            for label in 0..k {
                let sum = sight.sums[end * k + label] - sight.sums[start * k + label];
                visit(first + group * k + label, sum / count);
            }
        }
    }
}

/// What is computed once per document: logarithms, and sums from its start.
#[derive(Debug, Default)]
struct Sight {
    logarithms: Vec<f64>,
    /// Row-major, one row more than paragraphs: the sum of all rows before.
    sums: Vec<f64>,
}

impl Sight {
    fn look(&mut self, probabilities: &[f64], k: usize) {
        self.logarithms.clear();
        self.logarithms.extend(probabilities.iter().map(|p| p.max(LEAST).ln()));
        self.sums.clear();
        self.sums.resize(k, 0.0);
        for (at, probability) in probabilities.iter().enumerate() {
            let sum = self.sums[at] + probability;
            self.sums.push(sum);
        }
    }
}

/// A fitted second stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoder {
    params: DecoderParams,
    labels: usize,
    /// Row-major: features x labels.
    weights: Vec<f32>,
    intercept: Vec<f64>,
}

/// Scratch for [`Decoder::decode`], one per worker.
#[derive(Debug, Default)]
pub struct DecoderScratch {
    sight: Sight,
    before: Vec<f64>,
}

impl Decoder {
    /// A second stage out of its parts: `weights` row-major (features x labels), one intercept per label.
    ///
    /// # Errors
    /// When the lengths do not fit each other or a number is not finite.
    pub fn new(params: DecoderParams, weights: Vec<f32>, intercept: Vec<f64>) -> Result<Self, SolverError> {
        let labels = intercept.len();
        if labels < 2 || weights.len() != params.n_features(labels) * labels {
            return Err(SolverError::Optimiser(format!(
                "{labels} intercepts and {} weights do not make a decoder",
                weights.len()
            )));
        }
        if !(weights.iter().all(|w| w.is_finite()) && intercept.iter().all(|b| b.is_finite())) {
            return Err(SolverError::Optimiser(
                "some of the decoder's weights are not finite numbers".into(),
            ));
        }
        Ok(Self { params, labels, weights, intercept })
    }

    /// The same with all scores multiplied by `factor`.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        self.weights.iter_mut().for_each(|weight| *weight = (f64::from(*weight) * factor) as f32);
        self.intercept.iter_mut().for_each(|bias| *bias *= factor);
        self
    }

    /// What it sees.
    #[must_use]
    pub fn params(&self) -> &DecoderParams {
        &self.params
    }

    /// The weight of each feature in each label, row-major (features x labels).
    #[must_use]
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The intercept of each label.
    #[must_use]
    pub fn intercept(&self) -> &[f64] {
        &self.intercept
    }

    /// Replaces a document's probabilities, row-major (paragraphs x labels), by those of the second stage.
    pub fn decode(&self, probabilities: &mut [f64], scratch: &mut DecoderScratch) {
        let k = self.labels;
        let DecoderScratch { sight, before } = scratch;
        before.clear();
        before.extend_from_slice(probabilities);
        sight.look(before, k);
        for (place, scores) in probabilities.chunks_exact_mut(k).enumerate() {
            scores.copy_from_slice(&self.intercept);
            self.params.visit(sight, before, k, place, |column, value| {
                let weights = &self.weights[column * k..(column + 1) * k];
                for (score, weight) in scores.iter_mut().zip(weights) {
                    *score += value * f64::from(*weight);
                }
            });
            super::scorer::softmax(scores);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::solver::fitted_from_parts;
    use ndarray::Array2;
    use proptest::prelude::*;

    fn params() -> DecoderParams {
        DecoderParams { neighbours: 2, means: vec![3], l2: 1.0, folds: 2, fold_iterations: 9 }
    }

    proptest! {
        #[test]
        fn decoding_is_linfa_s_prediction_on_the_transformed_rows(
            k in 2_usize..6, seed in prop::collection::vec(0.01_f64..1.0, 0..60), salt in 0_u32..1000,
        ) {
            let mut probabilities: Vec<f64> = seed[..seed.len() / k * k].to_vec();
            probabilities.chunks_exact_mut(k).for_each(|row| {
                let sum: f64 = row.iter().sum();
                row.iter_mut().for_each(|p| *p /= sum);
            });
            let features = params().n_features(k);
            let weight = |i: usize| ((i as u32).wrapping_mul(2_654_435_761).wrapping_add(salt) % 1000) as f32 / 500.0 - 1.0;
            let weights: Vec<f32> = (0..features * k).map(weight).collect();
            let intercept: Vec<f64> = (0..k).map(|label| label as f64 / 7.0).collect();
            let fitted = fitted_from_parts(
                intercept.clone(), weights.iter().map(|&w| f64::from(w)).collect(), (0..k).collect::<Vec<usize>>(),
            ).expect("a model");
            let mut rows = Rows::new(features);
            params().transform_into(&probabilities, k, &mut rows);
            let mut dense = Array2::zeros((rows.len(), features));
            for i in 0..rows.len() {
                let (columns, values) = rows.row(i);
                columns.iter().zip(values).for_each(|(&j, &value)| dense[(i, j as usize)] = value);
            }
            let expected = fitted.predict_probabilities(&dense);
            let decoder = Decoder::new(params(), weights, intercept).expect("a decoder");
            decoder.decode(&mut probabilities, &mut DecoderScratch::default());
            for (found, expected) in probabilities.iter().zip(expected.iter()) {
                prop_assert!((found - expected).abs() < 1e-9, "{found} {expected}");
            }
        }
    }

    #[test]
    fn every_column_has_a_name_of_its_own() {
        for k in [2, 3, 6] {
            let labels: Vec<String> = (0..k).map(|label| format!("L{label}")).collect();
            let columns = params().n_features(k);
            let names: std::collections::BTreeSet<String> =
                (0..columns).map(|column| params().feature_name(column, &labels).expect("a name")).collect();
            assert_eq!(names.len(), columns);
            assert_eq!(params().feature_name(columns, &labels), None);
        }
    }

    #[test]
    fn impossible_parameters_are_refused() {
        assert!(params().check().is_ok());
        assert!(DecoderParams { neighbours: 0, ..params() }.check().is_err());
        assert!(DecoderParams { means: vec![0], ..params() }.check().is_err());
        assert!(DecoderParams { l2: -1.0, ..params() }.check().is_err());
        assert!(DecoderParams { folds: 1, ..params() }.check().is_err());
        assert!(Decoder::new(params(), vec![0.0; 3], vec![0.0; 2]).is_err());
    }
}
