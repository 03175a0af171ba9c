//! Whether probabilities mean what they say, and the temperature that makes them.
//!
//! Of the paragraphs labelled with a confidence near 0.8, four in five should be right. The expected
//! calibration error (ECE) is the mean distance between confidence and share of right labels over ten bins
//! of confidence, weighted by how many paragraphs lie in each (Naeini et al., 2015). Temperature scaling
//! (Guo et al., 2017) divides all scores by one number, which makes no other label the most likely one.

use linfa_sparse_logistic::softmax;
use serde::Serialize;

/// Bins of equal width over the confidence.
const BINS: usize = 10;
/// Where the temperature is looked for.
const TEMPERATURES: (f64, f64) = (0.2, 8.0);
/// How many steps the first look takes.
const GRID: u32 = 24;

/// The paragraphs whose confidence lies in one bin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Mean confidence.
    pub confidence: f64,
    /// Share of right labels.
    pub accuracy: f64,
    /// How many paragraphs.
    pub count: u64,
}

/// The reliability curve, and the error that it sums up to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Calibration {
    /// Expected calibration error.
    pub ece: f64,
    /// Bins that hold anything, by confidence.
    pub bins: Vec<Bin>,
}

/// The reliability of predictions, each a confidence and whether the label was right.
#[must_use]
pub fn calibration(predictions: impl IntoIterator<Item = (f32, bool)>) -> Calibration {
    let mut bins = [(0.0_f64, 0_u64, 0_u64); BINS];
    for (confidence, right) in predictions {
        let bin = ((confidence * BINS as f32) as usize).min(BINS - 1);
        bins[bin].0 += f64::from(confidence);
        bins[bin].1 += u64::from(right);
        bins[bin].2 += 1;
    }
    let total: u64 = bins.iter().map(|bin| bin.2).sum();
    let bins: Vec<Bin> = bins
        .into_iter()
        .filter(|&(_, _, count)| count > 0)
        .map(|(sum, right, count)| Bin {
            confidence: sum / count as f64,
            accuracy: right as f64 / count as f64,
            count,
        })
        .collect();
    let error = bins.iter().map(|bin| (bin.confidence - bin.accuracy).abs() * bin.count as f64).sum::<f64>();
    Calibration { ece: if total == 0 { 0.0 } else { error / total as f64 }, bins }
}

/// The temperature under which the Brier score (mean squared distance between probabilities and truth) is
/// least: `rows` are the probabilities of all labels of a paragraph (at temperature 1) and the place of the
/// gold one.
///
/// Like the log-loss, which is more usual, this is a proper scoring rule; unlike the log-loss it is bounded,
/// so that a few wrongly annotated paragraphs, to which a good model gives almost no probability, do not
/// decide the temperature of all others.
#[must_use]
pub fn temperature(rows: &[(Vec<f32>, usize)]) -> f64 {
    if rows.is_empty() {
        return 1.0;
    }
    let brier = |log_temperature: f64| -> f64 {
        rows.iter().map(|(probabilities, gold)| brier_at(probabilities, *gold, log_temperature.exp())).sum()
    };
    // The score may have more than one dent: find the deepest on a grid, then its bottom by golden section.
    let (least, most) = (TEMPERATURES.0.ln(), TEMPERATURES.1.ln());
    let step = (most - least) / f64::from(GRID);
    let on_grid = (0..=GRID).map(|place| least + step * f64::from(place)).map(|at| (brier(at), at));
    let (_, best) = on_grid.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((0.0, 0.0));
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (best - step, best + step);
    let (mut a, mut b) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut score_a, mut score_b) = (brier(a), brier(b));
    while high - low > 1e-4 {
        if score_a <= score_b {
            (high, b, score_b) = (b, a, score_a);
            a = high - ratio * (high - low);
            score_a = brier(a);
        } else {
            (low, a, score_a) = (a, b, score_b);
            b = low + ratio * (high - low);
            score_b = brier(b);
        }
    }
    // Rounded, so that the last bits of a sum do not make another model.
    ((0.5 * (low + high)).exp() * 1000.0).round() / 1000.0
}

/// The probabilities at another temperature.
#[must_use]
pub fn rescale(probabilities: &[f32], temperature: f64) -> Vec<f32> {
    let mut scores: Vec<f64> = probabilities.iter().map(|&p| log(p) / temperature).collect();
    softmax(&mut scores);
    scores.into_iter().map(|p| p as f32).collect()
}

fn brier_at(probabilities: &[f32], gold: usize, temperature: f64) -> f64 {
    let scaled = rescale(probabilities, temperature);
    let truth = |place| f64::from(u8::from(place == gold));
    scaled.iter().enumerate().map(|(place, &p)| (f64::from(p) - truth(place)).powi(2)).sum()
}

/// The logarithm of a probability that may have been rounded to 0.
fn log(probability: f32) -> f64 {
    f64::from(probability.max(1e-30)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_the_mean_distance() {
        // Bin 0.9: three of four right at 0.95; bin 0.5: one of two right at 0.55.
        let predictions =
            [(0.95, true), (0.95, true), (0.95, true), (0.95, false), (0.55, true), (0.55, false)];
        let found = calibration(predictions);
        assert!((found.ece - (4.0 * 0.2 + 2.0 * 0.05) / 6.0).abs() < 1e-6, "{}", found.ece);
        assert_eq!(found.bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(calibration([]).ece, 0.0);
        assert_eq!(calibration([(1.0, true), (0.0, false)]).bins.len(), 2);
    }

    #[test]
    fn an_overconfident_model_is_cooled_and_labels_stay() {
        // Says 0.98, is right in 8 of 10: the temperature must bring 0.98 down to 0.8.
        let rows: Vec<(Vec<f32>, usize)> = (0..10).map(|i| (vec![0.98, 0.02], usize::from(i >= 8))).collect();
        let found = temperature(&rows);
        assert!(found > 1.0);
        let rescaled = rescale(&rows[0].0, found);
        assert!((rescaled[0] - 0.8).abs() < 1e-3, "{rescaled:?} at {found}");
        assert_eq!(temperature(&[]), 1.0);
    }

    #[test]
    fn a_calibrated_model_is_left_alone() {
        let rows: Vec<(Vec<f32>, usize)> = (0..10).map(|i| (vec![0.8, 0.2], usize::from(i >= 8))).collect();
        assert!((temperature(&rows) - 1.0).abs() < 1e-2);
    }
}
