//! The hot path: a document's paragraphs to labels and probabilities.
//!
//! It computes what `transform`, times weights, plus intercept, would give, without rows: what a term adds to
//! each label's score is one short row of a [table](Tables) that is made once per model, with the inverse document
//! frequency, the neighbour's value and a word's endings folded in. A document is walked through once; nothing is
//! allocated per token, and per document only what a larger one than all before needs.
//!
//! ```text
//! word ─────────▶ number ─▶ row of labels ─▶ + score of its paragraph          (endings folded into the word)
//! token, pair ──▶ number ─▶ row of labels ─▶ + score, the first time it is met in the paragraph
//! outline ──────▶ number ─▶ row of labels ─▶ + score
//! layout ───────▶ number ─▶ row of (1 + 2 neighbours) x labels ─▶ + scores of the paragraph and of those around
//! ```
//!
//! A fine model that has a [model of the three labels](super::Coarse) beside it asks that as well.
//!
//! Tables hold `f32`, which halves what has to come from memory; sums are `f64`, so that long paragraphs keep
//! their last digits.

use super::Model;
use super::decode::DecoderScratch;
use crate::document::Paragraph;
use crate::document::labels::{COLLAPSED_LABELS, collapse};
use crate::features::{Extraction, Features, Found, NEIGHBOUR_VALUE, ending, for_each_word, offsets};
use std::sync::Arc;

/// Weights as the hot path wants them: one row per term, padded to a multiple of four labels.
#[derive(Debug)]
pub(super) struct Tables {
    labels: usize,
    /// Labels, padded.
    stride: usize,
    intercept: Vec<f64>,
    /// IDF and the word's endings are folded in.
    words: Vec<f32>,
    endings: Vec<f32>,
    tokens: Vec<f32>,
    pairs: Vec<f32>,
    outline: Vec<f32>,
    /// Per observation the labels for the paragraph itself, then for each neighbour in [`offsets`]' order.
    layout: Vec<f32>,
    layout_stride: usize,
}

impl Tables {
    /// The tables of `weights` (row-major, features x labels).
    pub(super) fn new(features: &Features, weights: &[f32], intercept: &[f64]) -> Self {
        let labels = intercept.len();
        let stride = labels.next_multiple_of(4);
        let columns = features.columns();
        let parts = features.parts();
        let row = |column: usize| &weights[column * labels..(column + 1) * labels];
        let table = |first: usize, count: usize, value: &dyn Fn(usize) -> f64| {
            let mut table = vec![0.0; count * stride];
            for (number, padded) in table.chunks_exact_mut(stride).enumerate() {
                for (cell, &weight) in padded.iter_mut().zip(row(first + number)) {
                    *cell = (f64::from(weight) * value(number)) as f32;
                }
            }
            table
        };
        let mut words = table(0, parts.words.len(), &|number| parts.words.idf()[number]);
        let endings = table(columns.endings, parts.endings.len(), &|number| parts.endings.idf()[number]);
        if parts.endings.len() > 0 {
            for (number, padded) in words.chunks_exact_mut(stride).enumerate() {
                let Some(word) = parts.words.lexicon().term(number) else { continue };
                for ending in features.ending_lengths().iter().filter_map(|&n| ending(word, n)) {
                    let Some((ending, _)) = parts.endings.get(ending) else { continue };
                    let folded = &endings[ending as usize * stride..][..stride];
                    padded.iter_mut().zip(folded).for_each(|(cell, add)| *cell += add);
                }
            }
        }
        let groups = 1 + 2 * features.neighbours();
        let layout_stride = (groups * labels).next_multiple_of(4);
        let observations = parts.layout.len();
        let mut layout = vec![0.0; observations * layout_stride];
        for (number, padded) in layout.chunks_exact_mut(layout_stride).enumerate() {
            for (group, cells) in padded.chunks_exact_mut(labels).take(groups).enumerate() {
                let value = if group == 0 { 1.0 } else { NEIGHBOUR_VALUE };
                for (cell, &weight) in
                    cells.iter_mut().zip(row(columns.layout + group * observations + number))
                {
                    *cell = (f64::from(weight) * value) as f32;
                }
            }
        }
        Self {
            labels,
            stride,
            intercept: intercept.to_vec(),
            words,
            endings,
            tokens: table(columns.tokens, parts.tokens.len(), &|_| 1.0),
            pairs: table(columns.pairs, parts.pairs.len(), &|_| 1.0),
            outline: table(columns.outline, parts.outline.len(), &|_| 1.0),
            layout,
            layout_stride,
        }
    }
}

/// Marks what has been met in the current paragraph, without clearing between paragraphs.
#[derive(Debug, Default)]
struct Met {
    marks: Vec<u32>,
    paragraph: u32,
}

impl Met {
    fn resize(&mut self, count: usize) {
        self.marks.resize(count, 0);
    }

    fn next_paragraph(&mut self) {
        self.paragraph = self.paragraph.wrapping_add(1);
        if self.paragraph == 0 {
            self.marks.fill(0);
            self.paragraph = 1;
        }
    }

    /// Whether `number` is met for the first time in this paragraph.
    #[inline]
    fn first(&mut self, number: u32) -> bool {
        let mark = &mut self.marks[number as usize];
        let first = *mark != self.paragraph;
        *mark = self.paragraph;
        first
    }
}

/// The scores of one document's paragraphs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored<'a> {
    /// Per paragraph the place of its label in [`Scorer::labels`].
    pub labels: &'a [u16],
    /// Per paragraph one probability per label, row-major (paragraphs x labels).
    pub probabilities: &'a [f32],
}

/// Scores documents by one model, with scratch of its own: one per worker, the model and its tables shared.
#[derive(Debug)]
pub struct Scorer {
    model: Arc<Model>,
    tables: Arc<Tables>,
    scratch: Scratch,
    /// Of the model of the three labels, where there is one beside.
    coarse: Option<Box<Scorer>>,
    /// For each of the model's labels, which of the [`COLLAPSED_LABELS`] it becomes; empty where none does.
    collapse: Vec<usize>,
    names: Vec<String>,
    labels: Vec<u16>,
    probabilities: Vec<f32>,
}

#[derive(Debug, Default)]
struct Scratch {
    extraction: Extraction,
    tokens: Met,
    pairs: Met,
    buffer: String,
    /// Row-major, paragraphs x padded labels.
    sums: Vec<f64>,
    observed: Vec<f64>,
    /// Row-major, paragraphs x labels.
    scores: Vec<f64>,
    decoder: DecoderScratch,
}

impl Model {
    /// A scorer by this model.
    #[must_use]
    pub fn scorer(self: &Arc<Self>) -> Scorer {
        Scorer {
            model: Arc::clone(self),
            tables: self.tables(),
            scratch: self.scratch(),
            coarse: self.coarse().map(|coarse| Box::new(coarse.model().scorer())),
            collapse: Vec::new(),
            names: self.labels().to_vec(),
            labels: Vec::new(),
            probabilities: Vec::new(),
        }
    }
}

impl Scorer {
    /// The same, answering one of the [`COLLAPSED_LABELS`]: that whose fine labels together are most likely.
    #[must_use]
    pub fn collapsed(mut self) -> Self {
        let place = |label: &String| COLLAPSED_LABELS.iter().position(|three| *three == collapse(label));
        self.collapse = self.model.labels().iter().map(|label| place(label).unwrap_or_default()).collect();
        self.names = self.model.answers(true);
        self
    }

    /// The labels that it answers with.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.names
    }

    /// Scores one document, given whole and in order.
    pub fn score(&mut self, document: &[Paragraph<'_>]) -> Scored<'_> {
        let Self { model, tables, scratch, coarse, collapse, labels, probabilities, .. } = self;
        first_stage(model.features(), tables, document, scratch);
        if let Some(decoder) = model.decoder() {
            decoder.decode(&mut scratch.scores, &mut scratch.decoder);
        }
        if let (Some(coarse), Some(scorer)) = (model.coarse(), coarse) {
            coarse.agree(&mut scratch.scores, scorer.score(document).probabilities);
        }
        labels.clear();
        probabilities.clear();
        let mut sums = [0.0; COLLAPSED_LABELS.len()];
        for mut row in scratch.scores.chunks_exact(tables.labels) {
            if !collapse.is_empty() {
                sums.fill(0.0);
                collapse.iter().zip(row).for_each(|(&three, p)| sums[three] += p);
                row = &sums;
            }
            let best = row.iter().enumerate().fold(0, |best, (at, p)| if *p > row[best] { at } else { best });
            labels.push(best as u16);
            probabilities.extend(row.iter().map(|&p| p as f32));
        }
        Scored { labels, probabilities }
    }
}

/// The first stage's probabilities, into `scratch.scores`.
fn first_stage(features: &Features, tables: &Tables, document: &[Paragraph<'_>], scratch: &mut Scratch) {
    // Up to four labels is what most models have, and what fits one vector register.
    match tables.stride {
        4 => sum::<4>(features, tables, document, scratch),
        _ => sum::<0>(features, tables, document, scratch),
    }
    scratch.scores.clear();
    for sums in scratch.sums.chunks_exact(tables.stride) {
        let start = scratch.scores.len();
        scratch.scores.extend(sums.iter().zip(&tables.intercept).map(|(sum, bias)| sum + bias));
        softmax(&mut scratch.scores[start..]);
    }
}

/// The sums of weights, into `scratch.sums`. `STRIDE` is the tables' stride, or 0 for any.
fn sum<const STRIDE: usize>(
    features: &Features,
    tables: &Tables,
    document: &[Paragraph<'_>],
    scratch: &mut Scratch,
) {
    let stride = if STRIDE == 0 { tables.stride } else { STRIDE };
    let add = |sums: &mut [f64], table: &[f32], number: u32| {
        let row = &table[number as usize * stride..][..stride];
        for (sum, &weight) in sums[..stride].iter_mut().zip(row) {
            *sum += f64::from(weight);
        }
    };
    let Scratch { extraction, tokens, pairs, buffer, sums, observed, .. } = scratch;
    sums.clear();
    sums.resize(document.len() * stride, 0.0);
    if !tables.words.is_empty() || !tables.endings.is_empty() {
        let parts = features.parts();
        for (paragraph, sums) in document.iter().zip(sums.chunks_exact_mut(stride)) {
            for_each_word(paragraph.text, buffer, |word| match parts.words.lexicon().get(word) {
                Some(number) => add(sums, &tables.words, number),
                None => {
                    for ending in features.ending_lengths().iter().filter_map(|&n| ending(word, n)) {
                        if let Some(number) = parts.endings.lexicon().get(ending) {
                            add(sums, &tables.endings, number);
                        }
                    }
                }
            });
        }
    }
    let from_tokens = [&tables.tokens, &tables.pairs, &tables.outline, &tables.layout];
    if from_tokens.iter().all(|table| table.is_empty()) {
        return;
    }
    let mut current = usize::MAX;
    extraction.run(features, document, |place, found| {
        if place != current {
            current = place;
            tokens.next_paragraph();
            pairs.next_paragraph();
        }
        let sums = &mut sums[place * stride..];
        match found {
            Found::Token(number) if tokens.first(number) => add(sums, &tables.tokens, number),
            Found::Pair(number) if pairs.first(number) => add(sums, &tables.pairs, number),
            Found::Outline(number) => add(sums, &tables.outline, number),
            _ => {}
        }
    });
    if !tables.layout.is_empty() {
        layout(features, tables, document.len(), extraction, observed, sums, stride);
    }
}

/// Adds what each paragraph's layout says about itself and about its neighbours.
fn layout(
    features: &Features,
    tables: &Tables,
    paragraphs: usize,
    extraction: &Extraction,
    observed: &mut Vec<f64>,
    sums: &mut [f64],
    stride: usize,
) {
    let labels = tables.labels;
    observed.resize(tables.layout_stride, 0.0);
    for place in 0..paragraphs {
        observed.fill(0.0);
        for &number in extraction.layout(place) {
            let row = &tables.layout[number as usize * tables.layout_stride..][..tables.layout_stride];
            for (sum, &weight) in observed.iter_mut().zip(row) {
                *sum += f64::from(weight);
            }
        }
        // A neighbour at offset o sees this paragraph from place - o.
        let viewers = std::iter::once(0).chain(offsets(features.neighbours()));
        for (offset, parts) in viewers.zip(observed.chunks_exact(labels)) {
            let Some(viewer) = place.checked_add_signed(-offset).filter(|&at| at < paragraphs) else {
                continue;
            };
            for (sum, part) in sums[viewer * stride..].iter_mut().zip(parts) {
                *sum += part;
            }
        }
    }
}

/// Scores to probabilities, in place: `exp(s) / sum exp(s)`, from the largest down so that nothing overflows.
pub(super) fn softmax(scores: &mut [f64]) {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - highest).exp();
        total += *score;
    }
    scores.iter_mut().for_each(|score| *score /= total);
}

/// What [`Model`] keeps for its scorers.
#[derive(Debug, Clone, Default)]
pub(super) struct TablesCell(std::sync::OnceLock<Arc<Tables>>);

impl Model {
    fn tables(&self) -> Arc<Tables> {
        let tables = || Arc::new(Tables::new(self.features(), self.weights(), self.intercept()));
        Arc::clone(self.tables.0.get_or_init(tables))
    }

    fn scratch(&self) -> Scratch {
        let mut scratch = Scratch::default();
        scratch.tokens.resize(self.features().parts().tokens.len());
        scratch.pairs.resize(self.features().parts().pairs.len());
        scratch
    }

    /// The first stage's probabilities, row-major (paragraphs x labels).
    pub(super) fn first_stage(&self, document: &[Paragraph<'_>]) -> Vec<f64> {
        let mut scratch = self.scratch();
        first_stage(self.features(), &self.tables(), document, &mut scratch);
        scratch.scores
    }
}

#[cfg(test)]
pub(super) mod tests;
