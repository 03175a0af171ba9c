//! One model against one document: blocks as annotated, and lines of the raw text.

use super::calibration::{Calibration, calibration, rescale};
use super::metrics::Confusion;
use crate::document::labels::{COLLAPSED_LABELS, canonical, collapse};
use crate::document::lines::lines;
use crate::document::{Paragraph, Span, is_blank};
use crate::model::gold::{GoldBlock, GoldDocument, label_index};
use crate::model::{Model, Scorer};
use crate::segment::segment;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many of the paragraphs with the largest loss are kept.
const LOSSES: usize = 30;
/// Longest excerpt of a paragraph, in characters.
const EXCERPT: usize = 100;

/// A paragraph whose gold label the model thinks unlikely: often the annotation is wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Surprise {
    /// The annotated file.
    pub file: String,
    /// Line of the file where the paragraph begins, from 1.
    pub line: usize,
    /// As annotated.
    pub gold: String,
    /// As predicted.
    pub predicted: String,
    /// `-ln p(gold)`.
    pub loss: f64,
    /// The beginning of its text.
    pub excerpt: String,
}

/// What has been counted so far.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Measured {
    /// Paragraphs as annotated.
    pub blocks: Confusion,
    /// Lines of the text without markers, cut into paragraphs by the segmenter.
    pub lines: Confusion,
    /// The same, blocks and lines, with the fine labels' probabilities summed to those of the three; `None` where no
    /// label is one of the known fine ones: the three say nothing about labels of the annotator's own.
    pub collapsed: Option<[Confusion; 2]>,
    /// Blocks and lines of each volume: the folder that its files lie in, or a file where all lie in one folder.
    pub volumes: BTreeMap<String, [Confusion; 2]>,
    /// For each block that was scored: the probabilities of the model's labels, and the place of the gold one,
    /// beyond the end for a label that the model does not know.
    pub probabilities: Vec<(Vec<f32>, usize)>,
    /// The blocks with the largest loss, largest first.
    pub surprises: Vec<Surprise>,
    /// The labels that gold paragraphs may have; those of the model when empty.
    gold_labels: Vec<String>,
}

impl Measured {
    /// Nothing counted yet; `labels` come first in the tables.
    #[must_use]
    pub fn new(labels: &[String]) -> Self {
        let three = COLLAPSED_LABELS.map(str::to_owned);
        let is_fine = labels.iter().any(|label| canonical(label).is_some() && !three.contains(label));
        Self {
            blocks: Confusion::new(labels),
            lines: Confusion::new(labels),
            collapsed: is_fine.then(|| [Confusion::new(&three), Confusion::new(&three)]),
            ..Self::default()
        }
    }

    /// The same, with gold labels that the model need not know: a label that a fold's training volumes do not
    /// have counts as itself, and no model can get it right, rather than as the one that it collapses to.
    #[must_use]
    pub fn with_gold_labels(mut self, labels: &[String]) -> Self {
        self.gold_labels = labels.to_vec();
        self
    }

    /// Scores `model` on `documents`. With `collapsed`, gold and predicted labels are made three first.
    pub fn add<'a>(
        &mut self,
        model: &Arc<Model>,
        documents: impl IntoIterator<Item = &'a GoldDocument>,
        collapsed: bool,
    ) {
        let mut scorer = if collapsed { model.scorer().collapsed() } else { model.scorer() };
        documents.into_iter().for_each(|document| self.add_one(&mut scorer, document));
    }

    fn add_one(&mut self, scorer: &mut Scorer, document: &GoldDocument) {
        let labels = scorer.labels().to_vec();
        let known = if self.gold_labels.is_empty() { labels.clone() } else { self.gold_labels.clone() };
        let mut counted = [Confusion::new(self.blocks.labels()), Confusion::new(self.lines.labels())];
        let gold_of = |label: &str| label_index(&known, label).map(|index| known[index].as_str());

        let scored = scorer.score(&document.paragraphs());
        let rows = scored.probabilities.chunks_exact(labels.len().max(1));
        for ((block, &label), row) in document.blocks.iter().zip(scored.labels).zip(rows) {
            let Some(own) = block.label.as_deref().and_then(gold_of) else { continue };
            let gold = labels.iter().position(|label| label == own);
            let label = &labels[usize::from(label)];
            counted[0].add(own, label);
            if let Some([blocks, _]) = &mut self.collapsed {
                blocks.add(collapse(own), collapsed_label(&labels, row));
            }
            self.surprise(document, block, own, label, gold.map_or(0.0, |gold| row[gold]));
            self.probabilities.push((row.to_vec(), gold.unwrap_or(labels.len())));
        }

        let spans = segment(&document.text);
        let scored = scorer.score(&Paragraph::tile(&document.text, &spans).0);
        let rows: Vec<&[f32]> = scored.probabilities.chunks_exact(labels.len().max(1)).collect();
        let mut gold = Holder::new(document.blocks.iter().map(|block| block.span));
        let mut paragraphs = Holder::new(spans.iter().copied());
        for at in line_starts(&document.text) {
            let block = gold.holding(at).and_then(|index| document.blocks[index].label.as_deref());
            let (Some(own), Some(paragraph)) = (block.and_then(gold_of), paragraphs.holding(at)) else {
                continue;
            };
            let label = scored.labels.get(paragraph).and_then(|&label| labels.get(usize::from(label)));
            if let Some(label) = label {
                counted[1].add(own, label);
            }
            if let (Some([_, lines]), Some(row)) = (&mut self.collapsed, rows.get(paragraph)) {
                lines.add(collapse(own), collapsed_label(&labels, row));
            }
        }
        self.blocks.merge(&counted[0]);
        self.lines.merge(&counted[1]);
        merge_volume(&mut self.volumes, &document.volume, counted);
    }

    fn surprise(&mut self, document: &GoldDocument, block: &GoldBlock, gold: &str, predicted: &str, p: f32) {
        let loss = -f64::from(p.max(1e-30)).ln();
        if gold == predicted || self.surprises.len() >= LOSSES && self.surprises[LOSSES - 1].loss >= loss {
            return;
        }
        let place = self.surprises.partition_point(|other| other.loss >= loss);
        let words: Vec<&str> = block.span.of(&document.text).split_whitespace().take(EXCERPT).collect();
        self.surprises.insert(
            place,
            Surprise {
                file: document.path.clone(),
                line: block.line,
                gold: gold.to_owned(),
                predicted: predicted.to_owned(),
                loss,
                excerpt: words.join(" ").chars().take(EXCERPT).collect(),
            },
        );
        self.surprises.truncate(LOSSES);
    }

    /// Adds what `other` has counted.
    pub fn merge(&mut self, other: Self) {
        self.blocks.merge(&other.blocks);
        self.lines.merge(&other.lines);
        if let (Some(ours), Some(others)) = (&mut self.collapsed, &other.collapsed) {
            ours.iter_mut().zip(others).for_each(|(ours, others)| ours.merge(others));
        }
        for (volume, counted) in other.volumes {
            merge_volume(&mut self.volumes, &volume, counted);
        }
        self.probabilities.extend(other.probabilities);
        self.surprises.extend(other.surprises);
        self.surprises.sort_by(|a, b| {
            b.loss.total_cmp(&a.loss).then_with(|| (&a.file, a.line).cmp(&(&b.file, b.line)))
        });
        self.surprises.truncate(LOSSES);
    }

    /// Every table of counts and what it counts: blocks, lines, and for fine labels both collapsed.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, &Confusion)> {
        let collapsed = ["blocks, collapsed to three", "lines, collapsed to three"];
        [("blocks", &self.blocks), ("lines", &self.lines)]
            .into_iter()
            .chain(collapsed.into_iter().zip(self.collapsed.iter().flatten()))
    }

    /// How far the probabilities of the blocks can be trusted, were all scores divided by `temperature`.
    #[must_use]
    pub fn calibration(&self, temperature: f64) -> Calibration {
        calibration(self.probabilities.iter().map(|(row, gold)| {
            let row = if temperature == 1.0 { row.clone() } else { rescale(row, temperature) };
            let best = most_likely(&row);
            (row.get(best).copied().unwrap_or(0.0), best == *gold)
        }))
    }
}

fn merge_volume(volumes: &mut BTreeMap<String, [Confusion; 2]>, volume: &str, counted: [Confusion; 2]) {
    match volumes.get_mut(volume) {
        Some(known) => known.iter_mut().zip(&counted).for_each(|(known, counted)| known.merge(counted)),
        None => drop(volumes.insert(volume.to_owned(), counted)),
    }
}

/// That of the three labels whose fine labels together are most likely, as [`Scorer::collapsed`] answers.
fn collapsed_label(labels: &[String], row: &[f32]) -> &'static str {
    let mut sums = [0.0; COLLAPSED_LABELS.len()];
    for (label, p) in labels.iter().zip(row) {
        let three = collapse(label);
        COLLAPSED_LABELS
            .iter()
            .zip(&mut sums)
            .filter(|(name, _)| **name == three)
            .for_each(|(_, sum)| *sum += p);
    }
    COLLAPSED_LABELS[most_likely(&sums)]
}

/// The place of the largest probability; the first one of equals.
fn most_likely(probabilities: &[f32]) -> usize {
    let larger = |best: usize, (place, p): (usize, &f32)| if *p > probabilities[best] { place } else { best };
    probabilities.iter().enumerate().fold(0, larger)
}

/// Where the first character that is not blank stands in each line that has one.
fn line_starts(text: &str) -> impl Iterator<Item = usize> + '_ {
    let mut start = 0;
    lines(text).filter_map(move |line| {
        let at = line.find(|c| !is_blank(c)).map(|offset| start + offset);
        start += line.len();
        at
    })
}

/// Finds the span that holds a place; places must come in ascending order.
struct Holder<I: Iterator<Item = Span>> {
    spans: std::iter::Peekable<std::iter::Enumerate<I>>,
}

impl<I: Iterator<Item = Span>> Holder<I> {
    fn new(spans: I) -> Self {
        Self { spans: spans.enumerate().peekable() }
    }

    fn holding(&mut self, at: usize) -> Option<usize> {
        while self.spans.next_if(|(_, span)| span.end <= at).is_some() {}
        self.spans.peek().filter(|(_, span)| span.start <= at).map(|&(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fine_labels_become_the_one_of_the_three_that_is_most_likely_together() {
        let labels = ["Nomenclature", "Key", "Figure", "Description"].map(str::to_owned);
        assert_eq!(collapsed_label(&labels, &[0.4, 0.3, 0.2, 0.1]), "Misc-exposition");
        assert_eq!(collapsed_label(&labels, &[0.5, 0.2, 0.2, 0.1]), "Nomenclature");
        let mut measured = Measured::new(&labels);
        let other = Measured::new(&labels);
        if let Some([blocks, _]) = &mut measured.collapsed {
            blocks.add("Description", "Description");
        }
        measured.merge(other);
        assert_eq!(measured.collapsed.map(|[blocks, _]| blocks.scores().support), Some(1));
        assert!(Measured::new(&COLLAPSED_LABELS.map(str::to_owned)).collapsed.is_none());
        assert!(Measured::new(&["Nomenclature", "Ecology"].map(str::to_owned)).collapsed.is_none());
    }

    #[test]
    fn lines_are_held_by_spans() {
        let text = "ab\n\n \tcd\nef\n";
        assert_eq!(line_starts(text).collect::<Vec<_>>(), [0, 6, 9]);
        let spans = [Span { start: 0, end: 2 }, Span { start: 9, end: 11 }];
        let mut holder = Holder::new(spans.into_iter());
        assert_eq!(
            line_starts(text).map(|at| holder.holding(at)).collect::<Vec<_>>(),
            [Some(0), None, Some(1)]
        );
    }
}
