//! The labels and probabilities that a model gives to the paragraphs of a document.

use crate::document::Paragraph;
use crate::model::Model;

/// The predictions for one document.
pub(super) struct Predicted {
    /// For each paragraph the place of its label.
    pub(super) labels: Vec<u16>,
    /// Row-major: paragraphs x labels.
    pub(super) probabilities: Vec<f32>,
}

/// Predicts document by document.
pub(super) struct Predictor<'m> {
    model: &'m Model,
}

impl<'m> Predictor<'m> {
    pub(super) fn new(model: &'m Model) -> Self {
        Self { model }
    }

    pub(super) fn predict(&mut self, document: &[Paragraph<'_>]) -> Predicted {
        let rows = self.model.features().transform(document);
        let (weights, k) = (self.model.weights(), self.model.labels().len());
        let mut predicted = Predicted { labels: Vec::new(), probabilities: Vec::new() };
        for i in 0..rows.len() {
            let (columns, values) = rows.row(i);
            let mut scores = self.model.intercept().to_vec();
            for (&column, &value) in columns.iter().zip(values) {
                let weights = weights.get(column as usize * k..).unwrap_or(&[]);
                scores.iter_mut().zip(weights).for_each(|(score, &w)| *score += value * f64::from(w));
            }
            let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|score| (score - max).exp()).sum();
            let row: Vec<f32> = scores.iter().map(|score| ((score - max).exp() / sum) as f32).collect();
            predicted.labels.push(most_likely(&row) as u16);
            predicted.probabilities.extend(row);
        }
        predicted
    }
}

/// The place of the largest probability; the first one of equals.
pub(super) fn most_likely(probabilities: &[f32]) -> usize {
    let first_larger =
        |best: usize, (place, p): (usize, &f32)| if *p > probabilities[best] { place } else { best };
    probabilities.iter().enumerate().fold(0, first_larger)
}
