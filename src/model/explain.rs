//! Why a paragraph got its label: what each of its features adds to the scores.

use super::Model;
use crate::document::Paragraph;
use crate::features::Rows;

/// What one feature added to the score of each label.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// The feature: see [`Features::feature_name`]. Those of the second stage begin with `around:`.
    pub feature: String,
    /// What it added to the score of each label, in the order of [`Model::labels`].
    pub scores: Vec<f64>,
}

impl Model {
    /// Why the paragraph at `place` of `document` (given whole) got `label`: what each of its features adds to
    /// the scores, those first that speak most for or against the label compared with the mean of all.
    ///
    /// Empty if there is no such paragraph or label.
    #[must_use]
    pub fn explain(&self, document: &[Paragraph<'_>], place: usize, label: usize) -> Vec<Contribution> {
        let labels = self.labels().len();
        if place >= document.len() || label >= labels {
            return Vec::new();
        }
        let contribution = |feature: String, value: f64, weights: &[f32]| Contribution {
            feature,
            scores: weights.iter().map(|&weight| value * f64::from(weight)).collect(),
        };
        let rows = self.features().transform(document);
        let (columns, values) = rows.row(place);
        let mut found: Vec<Contribution> = columns
            .iter()
            .zip(values)
            .filter_map(|(&column, &value)| {
                let column = column as usize;
                let weights = &self.weights()[column * labels..(column + 1) * labels];
                Some(contribution(self.features().feature_name(column)?, value, weights))
            })
            .collect();
        if let Some(decoder) = self.decoder() {
            let mut rows = Rows::new(decoder.params().n_features(labels));
            decoder.params().transform_into(&self.first_stage(document), labels, &mut rows);
            let (columns, values) = rows.row(place);
            found.extend(columns.iter().zip(values).filter_map(|(&column, &value)| {
                let column = column as usize;
                let name = decoder.params().feature_name(column, self.labels())?;
                let weights = &decoder.weights()[column * labels..(column + 1) * labels];
                Some(contribution(format!("around: {name}"), value, weights))
            }));
        }
        let says = |contribution: &Contribution| {
            let mean = contribution.scores.iter().sum::<f64>() / labels as f64;
            (contribution.scores[label] - mean).abs()
        };
        found.sort_by(|a, b| says(b).total_cmp(&says(a)).then_with(|| a.feature.cmp(&b.feature)));
        found
    }
}
