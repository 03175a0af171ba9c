//! The weights of a model's first stage as the hot path wants them.

use super::stored::Linear;
use crate::features::{Features, NEIGHBOUR_VALUE, suffix};
use linfa_sparse_logistic::WeightTable;
use std::sync::{Arc, OnceLock};

/// One table per group of features: what a term adds to each label's score.
#[derive(Debug)]
pub(super) struct Tables {
    pub labels: usize,
    /// Labels, padded.
    pub stride: usize,
    pub intercept: Vec<f64>,
    /// IDF and the word's suffixes are folded in.
    pub words: WeightTable,
    pub suffixes: WeightTable,
    pub tokens: WeightTable,
    pub pairs: WeightTable,
    pub outline: WeightTable,
    /// Per observation the labels for the paragraph itself, then for each neighbour in the order of
    /// [`offsets`](crate::features::offsets).
    pub layout: WeightTable,
}

impl Tables {
    fn new(features: &Features, linear: &Linear) -> Self {
        let labels = linear.classes().len();
        let columns = features.columns();
        let parts = features.parts();
        let table = |first: usize, count: usize, value: &dyn Fn(usize) -> f64| {
            WeightTable::new(count, labels, |number, row| {
                for (cell, &weight) in row.iter_mut().zip(linear.feature(first + number)) {
                    *cell = (f64::from(weight) * value(number)) as f32;
                }
            })
        };
        let (words, suffixes) = (&parts.words, &parts.suffixes);
        let of_suffixes = table(columns.suffixes, suffixes.len(), &|number| suffixes.idf()[number]);
        let of_words = WeightTable::new(words.len(), labels, |number, row| {
            let idf = words.idf()[number];
            for (cell, &weight) in row.iter_mut().zip(linear.feature(number)) {
                *cell = (f64::from(weight) * idf) as f32;
            }
            let Some(word) = words.lexicon().term(number) else { return };
            for found in features.suffix_lengths().iter().filter_map(|&n| suffix(word, n)) {
                let Some((number, _)) = suffixes.get(found) else { continue };
                row.iter_mut().zip(of_suffixes.row(number as usize)).for_each(|(cell, add)| *cell += add);
            }
        });
        let groups = 1 + 2 * features.neighbours();
        let observations = parts.layout.len();
        let layout = WeightTable::new(observations, groups * labels, |number, row| {
            for (group, cells) in row.chunks_exact_mut(labels).enumerate() {
                let value = if group == 0 { 1.0 } else { NEIGHBOUR_VALUE };
                let weights = linear.feature(columns.layout + group * observations + number);
                for (cell, &weight) in cells.iter_mut().zip(weights) {
                    *cell = (f64::from(weight) * value) as f32;
                }
            }
        });
        Self {
            labels,
            stride: of_words.stride(),
            intercept: linear.intercept().to_vec(),
            words: of_words,
            suffixes: of_suffixes,
            tokens: table(columns.tokens, parts.tokens.len(), &|_| 1.0),
            pairs: table(columns.pairs, parts.pairs.len(), &|_| 1.0),
            outline: table(columns.outline, parts.outline.len(), &|_| 1.0),
            layout,
        }
    }
}

/// What a model keeps for its scorers.
#[derive(Debug, Clone, Default)]
pub(super) struct TablesCell(OnceLock<Arc<Tables>>);

impl TablesCell {
    /// The tables of a model with these features and weights.
    pub(super) fn get_or_make(&self, features: &Features, linear: &Linear) -> Arc<Tables> {
        Arc::clone(self.0.get_or_init(|| Arc::new(Tables::new(features, linear))))
    }
}
