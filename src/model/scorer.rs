//! The hot path: a document's paragraphs to labels and probabilities.
//!
//! A [`Predictor`] is the model behind linfa's [`PredictInplace`]: records are the [`Paragraphs`] of one document,
//! targets are [`Predictions`]. It computes what the model's
//! [linear model](linfa_sparse_logistic::FittedSparseLogisticRegression) predicts for the rows of
//! [`Features::transform`](crate::features::Features::transform), without building rows: what a term adds to each
//! label's score is one short row of a [table](linfa_sparse_logistic::WeightTable) that is made once per model, with the
//! inverse document frequency, the neighbour's value and a word's suffixes folded in. A document is walked through once;
//! nothing is allocated per token, and per document only what a larger one than all before needs.
//!
//! ```text
//! word ─────────▶ number ─▶ row of labels ─▶ + score of its paragraph         (suffixes folded into the word)
//! token, pair ──▶ number ─▶ row of labels ─▶ + score, the first time it is met in the paragraph
//! outline ──────▶ number ─▶ row of labels ─▶ + score
//! layout ───────▶ number ─▶ row of (1 + 2 neighbours) x labels ─▶ + scores of the paragraph and of those around
//! ```
//!
//! Then the second stage, where the model has one, replaces the probabilities, and a fine model that has an auxiliary
//! model of the three labels asks that as well.

use super::Model;
use super::stacked::StackedScratch;
use super::tables::Tables;
use crate::document::Paragraph;
use crate::document::fold::Folded;
use crate::document::labels::{COLLAPSED_LABELS, collapse};
use crate::features::{Extraction, Features, Found, for_each_word, offsets, suffix};
use linfa::dataset::Records;
use linfa::traits::PredictInplace;
use linfa_sparse_logistic::{WeightTable, softmax};
use std::sync::Arc;

/// The paragraphs of one document, whole and in order, as linfa's records: a sample is a paragraph.
#[derive(Debug, Clone, Copy)]
pub struct Paragraphs<'a>(pub &'a [Paragraph<'a>]);

impl<'a> Records for Paragraphs<'a> {
    type Elem = Paragraph<'a>;

    fn nsamples(&self) -> usize {
        self.0.len()
    }

    /// One: the text. What a model makes of it are [its own features](Model::features).
    fn nfeatures(&self) -> usize {
        1
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

/// What a [`Predictor`] predicts into: labels and probabilities of one document, and scratch that is kept from one
/// document to the next.
#[derive(Debug, Default)]
pub struct Predictions {
    labels: Vec<u16>,
    probabilities: Vec<f32>,
    scratch: Scratch,
    /// Of the auxiliary model, where there is one.
    auxiliary: Option<Box<Predictions>>,
}

impl Predictions {
    /// Labels and probabilities of the document that was predicted last.
    #[must_use]
    pub fn scored(&self) -> Scored<'_> {
        Scored { labels: &self.labels, probabilities: &self.probabilities }
    }
}

#[derive(Debug, Default)]
struct Scratch {
    extraction: Extraction,
    tokens: Met,
    pairs: Met,
    folded: Folded,
    buffer: String,
    /// Row-major, paragraphs x padded labels.
    sums: Vec<f64>,
    observed: Vec<f64>,
    /// Row-major, paragraphs x labels.
    scores: Vec<f64>,
    stacked: StackedScratch,
}

impl Scratch {
    /// Makes the marks as many as the terms of a model's vocabularies.
    fn fit(&mut self, features: &Features) {
        self.tokens.resize(features.parts().tokens.len());
        self.pairs.resize(features.parts().pairs.len());
    }
}

/// A model as linfa predicts by it: shared by all workers, each with [`Predictions`] of its own.
#[derive(Debug, Clone)]
pub struct Predictor {
    model: Arc<Model>,
    tables: Arc<Tables>,
    /// Of the auxiliary model, where there is one.
    auxiliary: Option<Box<Predictor>>,
    /// For each of the model's labels, which of the [`COLLAPSED_LABELS`] it becomes; empty where none does.
    collapse: Vec<usize>,
    names: Vec<String>,
}

impl Model {
    /// This model as linfa predicts by it.
    #[must_use]
    pub(crate) fn predictor(self: &Arc<Self>) -> Predictor {
        Predictor {
            model: Arc::clone(self),
            tables: self.tables(),
            auxiliary: self.auxiliary().map(|auxiliary| Box::new(auxiliary.predictor())),
            collapse: Vec::new(),
            names: self.labels().to_vec(),
        }
    }

    /// A scorer by this model.
    #[must_use]
    pub fn scorer(self: &Arc<Self>) -> Scorer {
        Scorer { predictor: self.predictor(), predictions: Predictions::default() }
    }

    /// The first stage's probabilities, row-major (paragraphs x labels).
    pub(super) fn first_stage(&self, document: &[Paragraph<'_>]) -> Vec<f64> {
        let mut scratch = Scratch::default();
        first_stage(self.features(), &self.tables(), document, &mut scratch);
        scratch.scores
    }
}

impl Predictor {
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
}

impl<'a> PredictInplace<Paragraphs<'a>, Predictions> for Predictor {
    /// Labels one document. What `predictions` held before is replaced, whatever document and model it was of.
    fn predict_inplace(&self, document: &Paragraphs<'a>, predictions: &mut Predictions) {
        let Predictions { labels, probabilities, scratch, auxiliary } = predictions;
        let Self { model, tables, .. } = self;
        first_stage(model.features(), tables, document.0, scratch);
        if let Some(stacked) = model.stacked() {
            stacked.predict(&mut scratch.scores, &mut scratch.stacked);
        }
        if let (Some(of_model), Some(predictor)) = (&model.auxiliary, &self.auxiliary) {
            let opinion = auxiliary.get_or_insert_default();
            predictor.predict_inplace(document, opinion);
            of_model.pool.agree(&mut scratch.scores, &opinion.probabilities);
        }
        labels.clear();
        probabilities.clear();
        let mut sums = [0.0; COLLAPSED_LABELS.len()];
        for mut row in scratch.scores.chunks_exact(tables.labels) {
            if !self.collapse.is_empty() {
                sums.fill(0.0);
                self.collapse.iter().zip(row).for_each(|(&three, p)| sums[three] += p);
                row = &sums;
            }
            let best = row.iter().enumerate().fold(0, |best, (at, p)| if *p > row[best] { at } else { best });
            labels.push(best as u16);
            probabilities.extend(row.iter().map(|&p| p as f32));
        }
    }

    fn default_target(&self, _: &Paragraphs<'a>) -> Predictions {
        Predictions::default()
    }
}

/// Scores documents one after the other: with memory of its own, one per worker.
#[derive(Debug)]
pub struct Scorer {
    predictor: Predictor,
    predictions: Predictions,
}

impl Scorer {
    /// The same, answering one of the [`COLLAPSED_LABELS`]: that whose fine labels together are most likely.
    #[must_use]
    pub fn collapsed(mut self) -> Self {
        self.predictor = self.predictor.collapsed();
        self
    }

    /// The labels that it answers with.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        self.predictor.labels()
    }

    /// Scores one document, given whole and in order.
    pub fn score(&mut self, document: &[Paragraph<'_>]) -> Scored<'_> {
        self.predictor.predict_inplace(&Paragraphs(document), &mut self.predictions);
        self.predictions.scored()
    }
}

/// The first stage's probabilities, into `scratch.scores`.
fn first_stage(features: &Features, tables: &Tables, document: &[Paragraph<'_>], scratch: &mut Scratch) {
    scratch.fit(features);
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
    let add = |sums: &mut [f64], table: &WeightTable, number: u32| {
        table.add_fixed::<STRIDE>(number as usize, sums);
    };
    let Scratch { extraction, tokens, pairs, folded, buffer, sums, observed, .. } = scratch;
    sums.clear();
    sums.resize(document.len() * stride, 0.0);
    if !tables.words.is_empty() || !tables.suffixes.is_empty() {
        let parts = features.parts();
        for (paragraph, sums) in document.iter().zip(sums.chunks_exact_mut(stride)) {
            let paragraph = folded.paragraph(paragraph);
            for_each_word(paragraph.text, buffer, |word| match parts.words.lexicon().get(word) {
                Some(number) => add(sums, &tables.words, number),
                None => {
                    for end in features.suffix_lengths().iter().filter_map(|&n| suffix(word, n)) {
                        if let Some(number) = parts.suffixes.lexicon().get(end) {
                            add(sums, &tables.suffixes, number);
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
    extraction.run(features.extracted(), document, |place, found| {
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
        extraction.shrink();
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
    observed.resize(tables.layout.stride(), 0.0);
    for place in 0..paragraphs {
        observed.fill(0.0);
        for &number in extraction.layout(place) {
            tables.layout.add(number as usize, observed);
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

#[cfg(test)]
pub(super) mod tests;
