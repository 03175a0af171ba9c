//! What the second stage of a model sees: what the first one thinks of a paragraph and of those around it.
//!
//! The first stage sees text; the second sees the first one's probabilities alone. It is itself a multinomial
//! logistic regression (stacked sequential learning, Cohen and Carvalho, IJCAI 2005), over
//!
//! - the logarithms of the paragraph's own probabilities;
//! - per neighbour within `neighbours` paragraphs: its probabilities, their logarithms, their products with
//!   the paragraph's own, and whether there is no such neighbour;
//! - with up to four labels, the products of before, own and after, which are a trigram of labels;
//! - the mean probabilities over wider windows, which tell a key or a bibliography from a treatment.
//!
//! It is fitted on probabilities that were given by models which had not seen the paragraph's volume, else it
//! would learn to trust the first stage too much.

use super::ModelError;
use linfa_sparse_logistic::SparseRecords;
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
pub struct ContextWindow {
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

impl ContextWindow {
    /// Why these parameters are impossible, if they are.
    pub(super) fn check(&self) -> Result<(), ModelError> {
        let of = |key: &str| format!("context_window.{key}");
        if self.neighbours == 0 || self.neighbours > 16 {
            return Err(ModelError::setting(of("neighbours"), self.neighbours, "1 to 16"));
        }
        if let Some(mean) = self.means.iter().find(|&&mean| mean == 0 || mean > WIDEST) {
            return Err(ModelError::setting(of("means"), mean, "paragraphs, 1 to 1000"));
        }
        if !self.l2.is_finite() || self.l2 < 0.0 {
            return Err(ModelError::setting(of("l2"), self.l2, "a finite number, at least 0"));
        }
        if self.folds < 2 {
            return Err(ModelError::setting(of("folds"), self.folds, "at least 2"));
        }
        if self.fold_iterations == 0 {
            return Err(ModelError::setting(of("fold_iterations"), self.fold_iterations, "at least 1"));
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
    pub(super) fn n_features(&self, labels: usize) -> usize {
        self.first_mean(labels) + self.means.len() * labels
    }

    /// What column `column` stands for, for people.
    #[must_use]
    pub(super) fn feature_name(&self, column: usize, labels: &[String]) -> Option<String> {
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
    ///
    /// # Errors
    /// When `rows` has fewer columns than [`n_features`](Self::n_features).
    pub(super) fn transform_into(
        &self,
        probabilities: &[f64],
        labels: usize,
        rows: &mut SparseRecords,
    ) -> Result<(), linfa_sparse_logistic::Error> {
        let mut window = Window::default();
        window.read(probabilities, labels);
        let mut entries = Vec::new();
        for place in 0..probabilities.len() / labels.max(1) {
            entries.clear();
            self.visit(&window, probabilities, labels, place, |column, value| {
                entries.push((column as u32, value));
            });
            rows.push(&mut entries)?;
        }
        Ok(())
    }

    /// Calls `visit` with each column of the paragraph at `place` that is not zero, and its value.
    #[inline]
    pub(super) fn visit(
        &self,
        window: &Window,
        probabilities: &[f64],
        k: usize,
        place: usize,
        mut visit: impl FnMut(usize, f64),
    ) {
        let paragraphs = probabilities.len() / k;
        let row = |at: usize| &probabilities[at * k..(at + 1) * k];
        let logarithms = |at: usize| &window.logarithms[at * k..(at + 1) * k];
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
        for (group, &width) in self.means.iter().enumerate() {
            let (start, end) = (place.saturating_sub(width), (place + width + 1).min(paragraphs));
            let count = (end - start) as f64;
            for label in 0..k {
                let sum = window.sums[end * k + label] - window.sums[start * k + label];
                visit(first + group * k + label, sum / count);
            }
        }
    }
}

/// What is computed once per document: logarithms, and sums from its start.
#[derive(Debug, Default)]
pub(super) struct Window {
    logarithms: Vec<f64>,
    /// Row-major, one row more than paragraphs: the sum of all rows before.
    sums: Vec<f64>,
}

impl Window {
    pub(super) fn read(&mut self, probabilities: &[f64], k: usize) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> ContextWindow {
        ContextWindow { neighbours: 2, means: vec![3], l2: 1.0, folds: 2, fold_iterations: 9 }
    }

    #[test]
    fn every_column_has_a_name_of_its_own() {
        for k in [2, 3, 6] {
            let labels: Vec<String> = (0..k).map(|label| format!("L{label}")).collect();
            let columns = window().n_features(k);
            let names: std::collections::BTreeSet<String> =
                (0..columns).map(|column| window().feature_name(column, &labels).expect("a name")).collect();
            assert_eq!(names.len(), columns);
            assert_eq!(window().feature_name(columns, &labels), None);
        }
    }

    #[test]
    fn impossible_parameters_are_refused() {
        assert!(window().check().is_ok());
        assert!(ContextWindow { neighbours: 0, ..window() }.check().is_err());
        assert!(ContextWindow { means: vec![0], ..window() }.check().is_err());
        assert!(ContextWindow { l2: -1.0, ..window() }.check().is_err());
        assert!(ContextWindow { folds: 1, ..window() }.check().is_err());
        assert!(ContextWindow { fold_iterations: 0, ..window() }.check().is_err());
    }
}
