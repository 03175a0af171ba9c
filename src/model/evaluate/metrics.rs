//! Counts of gold and predicted labels, and the figures made of them.
//!
//! The figures are scikit-learn's: of a label, precision = tp / (tp + fp), recall = tp / (tp + fn) and
//! F1 = 2 tp / (2 tp + fp + fn), each 0 where the denominator is 0; the macro average is the plain mean over
//! all labels that occur as gold or as prediction, the weighted average is weighted by support.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How often each label was predicted for each gold label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confusion {
    labels: Vec<String>,
    counts: BTreeMap<(usize, usize), u64>,
}

/// Precision, recall, F1 and support of one label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LabelScores {
    /// Of those predicted so, the share that is.
    pub precision: f64,
    /// Of those that are, the share predicted so.
    pub recall: f64,
    /// The harmonic mean of the two.
    pub f1: f64,
    /// How many there are in the gold data.
    pub support: u64,
}

/// The figures of one way to count (blocks or lines).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Scores {
    /// Share of right predictions.
    pub accuracy: f64,
    /// Mean F1 over the labels.
    pub macro_f1: f64,
    /// Mean F1 weighted by support.
    pub weighted_f1: f64,
    /// Mean F1 over the labels with a support of at least 20; 0 when there is none.
    pub macro_f1_support_20: f64,
    /// What was counted: blocks or lines.
    pub support: u64,
    /// Per label, in the model's order.
    #[serde(serialize_with = "as_map")]
    pub labels: Vec<(String, LabelScores)>,
}

fn as_map<S: serde::Serializer>(labels: &[(String, LabelScores)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(labels.iter().map(|(label, scores)| (label, scores)))
}

impl Confusion {
    /// No counts yet; `labels` come first, in this order.
    #[must_use]
    pub fn new(labels: &[String]) -> Self {
        Self { labels: labels.to_vec(), counts: BTreeMap::new() }
    }

    /// Counts one prediction.
    pub fn add(&mut self, gold: &str, predicted: &str) {
        let place = (self.intern(gold), self.intern(predicted));
        *self.counts.entry(place).or_default() += 1;
    }

    /// Adds all counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (&(gold, predicted), count) in &other.counts {
            let place = (self.intern(&other.labels[gold]), self.intern(&other.labels[predicted]));
            *self.counts.entry(place).or_default() += count;
        }
    }

    fn intern(&mut self, label: &str) -> usize {
        self.labels.iter().position(|known| known == label).unwrap_or_else(|| {
            self.labels.push(label.to_owned());
            self.labels.len() - 1
        })
    }

    /// The labels, in the order of rows and columns.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The counts: a row for each gold label, in it a column for each predicted one.
    #[must_use]
    pub fn matrix(&self) -> Vec<Vec<u64>> {
        let n = self.labels.len();
        (0..n).map(|gold| (0..n).map(|predicted| self.count(gold, predicted)).collect()).collect()
    }

    fn count(&self, gold: usize, predicted: usize) -> u64 {
        self.counts.get(&(gold, predicted)).copied().unwrap_or(0)
    }

    /// The figures.
    #[must_use]
    pub fn scores(&self) -> Scores {
        let n = self.labels.len();
        let total: u64 = self.counts.values().sum();
        let right: u64 = (0..n).map(|label| self.count(label, label)).sum();
        let ratio = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let mut labels = Vec::new();
        let mut occurring = Vec::new();
        for (label, name) in self.labels.iter().enumerate() {
            let hits = self.count(label, label);
            let support: u64 = (0..n).map(|other| self.count(label, other)).sum();
            let predicted: u64 = (0..n).map(|other| self.count(other, label)).sum();
            let scores = LabelScores {
                precision: ratio(hits, predicted),
                recall: ratio(hits, support),
                f1: ratio(2 * hits, predicted + support),
                support,
            };
            if predicted + support > 0 {
                occurring.push(scores);
            }
            labels.push((name.clone(), scores));
        }
        let mean = |scores: &mut dyn Iterator<Item = f64>| {
            let (sum, count) = scores.fold((0.0, 0_u32), |(sum, count), score| (sum + score, count + 1));
            if count == 0 { 0.0 } else { sum / f64::from(count) }
        };
        let weighted: f64 = occurring.iter().map(|scores| scores.f1 * scores.support as f64).sum();
        Scores {
            accuracy: ratio(right, total),
            macro_f1: mean(&mut occurring.iter().map(|scores| scores.f1)),
            weighted_f1: if total == 0 { 0.0 } else { weighted / total as f64 },
            macro_f1_support_20: mean(
                &mut occurring.iter().filter(|scores| scores.support >= 20).map(|scores| scores.f1),
            ),
            support: total,
            labels,
        }
    }

    /// The most frequent confusions: gold label, predicted label, how often; most frequent first.
    #[must_use]
    pub(crate) fn most_confused(&self, at_most: usize) -> Vec<(String, String, u64)> {
        let wrong = self.counts.iter().filter(|((gold, predicted), count)| gold != predicted && **count > 0);
        let mut wrong: Vec<_> = wrong
            .map(|(&(gold, predicted), &count)| {
                (self.labels[gold].clone(), self.labels[predicted].clone(), count)
            })
            .collect();
        wrong.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| (&a.0, &a.1).cmp(&(&b.0, &b.1))));
        wrong.truncate(at_most);
        wrong
    }

    /// The matrix for a terminal or a card: gold labels down, predicted ones across.
    #[must_use]
    pub(crate) fn to_table(&self) -> String {
        let used: Vec<usize> = (0..self.labels.len())
            .filter(|&label| self.counts.keys().any(|&(gold, predicted)| gold == label || predicted == label))
            .collect();
        let widest = used.iter().map(|&label| self.labels[label].chars().count()).max().unwrap_or(0);
        let first = widest.max("gold \\ predicted".len());
        let mut heads: Vec<String> = used.iter().map(|&label| self.labels[label].clone()).collect();
        if used.len() > 6 {
            // Too many for whole names: number the columns, as the rows are.
            heads = (1..=used.len()).map(|number| number.to_string()).collect();
        }
        let largest = self.counts.values().max().copied().unwrap_or(0).to_string().len();
        let widths: Vec<usize> = heads.iter().map(|head| head.chars().count().max(largest)).collect();
        let mut table = String::new();
        let number = |place: usize| if used.len() > 6 { format!("{:>2} ", place + 1) } else { String::new() };
        let indent = number(0).len();
        let _ = write!(table, "{:indent$}{:first$}", "", "gold \\ predicted");
        for (head, width) in heads.iter().zip(&widths) {
            let _ = write!(table, "  {head:>width$}");
        }
        table.push('\n');
        for (place, &gold) in used.iter().enumerate() {
            let _ = write!(table, "{}{:first$}", number(place), self.labels[gold]);
            for (&predicted, width) in used.iter().zip(&widths) {
                let _ = write!(table, "  {:>width$}", self.count(gold, predicted));
            }
            table.push('\n');
        }
        table
    }
}

impl Scores {
    /// The figures per label for a terminal.
    #[must_use]
    pub(crate) fn to_table(&self) -> String {
        let shown = || self.labels.iter().filter(|(_, scores)| scores.support > 0 || scores.precision > 0.0);
        let first =
            shown().map(|(label, _)| label.chars().count()).max().unwrap_or(0).max("weighted mean".len());
        let mut table = format!("{:first$}  precision  recall     F1  support\n", "label");
        for (label, scores) in shown() {
            let _ = writeln!(
                table,
                "{label:first$}  {:>9.3}  {:>6.3}  {:>5.3}  {:>7}",
                scores.precision, scores.recall, scores.f1, scores.support
            );
        }
        let _ = writeln!(table, "{:first$}  {:>24.3}  {:>7}", "macro mean", self.macro_f1, self.support);
        let _ =
            writeln!(table, "{:first$}  {:>24.3}  {:>7}", "weighted mean", self.weighted_f1, self.support);
        let _ = writeln!(table, "{:first$}  {:>24.3}  {:>7}", "accuracy", self.accuracy, self.support);
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gold a a a a b b b c, predicted a a b c b b a d.
    fn example() -> Confusion {
        let mut confusion =
            Confusion::new(&["a".to_owned(), "b".to_owned(), "c".to_owned(), "never".to_owned()]);
        for (gold, predicted) in "aaaabbbc".chars().zip("aabcbbad".chars()) {
            confusion.add(&gold.to_string(), &predicted.to_string());
        }
        confusion
    }

    /// By hand, and as `sklearn.metrics.classification_report(..., zero_division=0)` prints them.
    #[test]
    fn figures_are_scikit_learn_s() {
        let scores = example().scores();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} is not {b}");
        close(scores.accuracy, 4.0 / 8.0);
        let a = scores.labels[0].1;
        close(a.precision, 2.0 / 3.0);
        close(a.recall, 2.0 / 4.0);
        close(a.f1, 4.0 / 7.0);
        let b = scores.labels[1].1;
        close(b.precision, 2.0 / 3.0);
        close(b.recall, 2.0 / 3.0);
        close(b.f1, 2.0 / 3.0);
        // c: predicted once, wrongly; d: predicted, but never gold. Both count 0 in the macro mean.
        close(scores.labels[2].1.f1, 0.0);
        close(scores.macro_f1, (4.0 / 7.0 + 2.0 / 3.0) / 4.0);
        close(scores.weighted_f1, (4.0 * 4.0 / 7.0 + 3.0 * 2.0 / 3.0) / 8.0);
        assert_eq!(scores.support, 8);
        assert_eq!(scores.labels[0].1.support, 4);
        close(scores.macro_f1_support_20, 0.0);
    }

    #[test]
    fn nothing_counted_is_zero_and_no_panic() {
        let scores = Confusion::new(&["a".to_owned()]).scores();
        assert_eq!(
            (scores.accuracy, scores.macro_f1, scores.weighted_f1, scores.support),
            (0.0, 0.0, 0.0, 0)
        );
    }

    #[test]
    fn merging_is_counting_all() {
        let mut merged = Confusion::new(&["b".to_owned()]);
        merged.merge(&example());
        merged.merge(&example());
        assert!((merged.scores().macro_f1 - example().scores().macro_f1).abs() < 1e-12);
        assert_eq!(merged.scores().support, 16);
        assert_eq!(merged.most_confused(2), [("a".into(), "b".into(), 2), ("a".into(), "c".into(), 2)]);
    }

    #[test]
    fn tables_for_people() {
        insta::assert_snapshot!(format!("{}\n{}", example().to_table(), example().scores().to_table()), @r"
        gold \ predicted  a  b  c  d
        a                 2  1  1  0
        b                 1  2  0  0
        c                 0  0  0  1
        d                 0  0  0  0

        label          precision  recall     F1  support
        a                  0.667   0.500  0.571        4
        b                  0.667   0.667  0.667        3
        c                  0.000   0.000  0.000        1
        macro mean                        0.310        8
        weighted mean                     0.536        8
        accuracy                          0.500        8
        ");
    }
}
