//! Labels and probabilities for the paragraphs of a document.

use std::sync::Arc;

use super::Model;
use crate::document::Paragraph;

/// Scores documents by one model, with buffers of its own: one per worker.
#[derive(Debug)]
pub struct Scorer {
    model: Arc<Model>,
    labels: Vec<u16>,
    probabilities: Vec<f32>,
}

/// The scores of one document's paragraphs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored<'a> {
    /// Per paragraph the place of its label in [`Model::labels`].
    pub labels: &'a [u16],
    /// Per paragraph one probability per label, row-major (paragraphs x labels).
    pub probabilities: &'a [f32],
}

impl Model {
    /// A scorer by this model.
    #[must_use]
    pub fn scorer(self: &Arc<Self>) -> Scorer {
        Scorer { model: Arc::clone(self), labels: Vec::new(), probabilities: Vec::new() }
    }
}

impl Scorer {
    /// Scores one document, given whole and in order.
    pub fn score(&mut self, document: &[Paragraph<'_>]) -> Scored<'_> {
        let width = self.model.labels().len();
        let rows = self.model.features().transform(document);
        self.labels.clear();
        self.probabilities.clear();
        for row in 0..rows.len() {
            let mut scores = self.model.intercept().to_vec();
            let (columns, values) = rows.row(row);
            for (column, value) in columns.iter().zip(values) {
                let at = *column as usize * width;
                for (score, weight) in scores.iter_mut().zip(&self.model.weights()[at..at + width]) {
                    *score += value * f64::from(*weight);
                }
            }
            let (best, highest) =
                scores.iter().enumerate().fold((0, f64::NEG_INFINITY), |best, (label, score)| {
                    if *score > best.1 { (label, *score) } else { best }
                });
            let total: f64 = scores.iter().map(|score| (score - highest).exp()).sum();
            self.labels.push(best as u16);
            self.probabilities.extend(scores.iter().map(|score| ((score - highest).exp() / total) as f32));
        }
        Scored { labels: &self.labels, probabilities: &self.probabilities }
    }
}
