//! How well paragraphs fit the blocks of an annotation.

use crate::document::labels::{COLLAPSED_LABELS, collapse};
use crate::document::lines::lines;
use crate::document::yedda::Parsed;
use crate::document::{Span, is_blank};
use std::fmt;

/// Counts of how paragraphs fit gold blocks, over any number of documents. Lines that are blank do not count.
///
/// Two questions are asked. Do paragraphs begin where blocks begin
/// ([`boundary_f1`](Self::boundary_f1))? And what is lost to paragraphs that hold lines of two classes, even if
/// each paragraph were labelled as well as can be ([`line_macro_f1`](Self::line_macro_f1))?
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Lines by gold class and by the class most of their paragraph has.
    confusion: [[u64; COLLAPSED_LABELS.len()]; COLLAPSED_LABELS.len()],
    lines: u64,
    /// Places between two lines: where a block begins, where a paragraph does, where both do.
    blocks: u64,
    paragraphs: u64,
    both: u64,
}

/// What the annotation says of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gold {
    /// Which block holds its first character.
    pub block: usize,
    /// Which of the [`COLLAPSED_LABELS`] that has; `None` outside of all blocks.
    pub class: Option<usize>,
}

/// Where each line of `parsed` begins that is not blank, and what was annotated.
pub(super) fn gold_lines(parsed: &Parsed<'_>) -> Vec<(usize, Gold)> {
    let mut blocks = parsed.blocks.iter().enumerate().peekable();
    let mut found = Vec::new();
    let mut end = 0;
    for line in lines(&parsed.text).flat_map(|line| line.split_inclusive('\u{c}')) {
        end += line.len();
        let start = end - line.trim_start_matches(is_blank).len();
        while blocks.next_if(|(_, block)| block.span.end <= start).is_some() {}
        if let Some((index, block)) =
            blocks.peek().filter(|(_, block)| start < end && block.span.start <= start)
        {
            let class = block.label.map(|label| {
                let label = collapse(label);
                COLLAPSED_LABELS.iter().position(|known| *known == label).unwrap_or_default()
            });
            found.push((start, Gold { block: *index, class }));
        }
    }
    found
}

impl Agreement {
    /// Counts one document: `paragraphs` are spans of `gold.text`, as [`segment`](super::segment()) gives them.
    pub fn add(&mut self, gold: &Parsed<'_>, paragraphs: &[Span]) {
        self.add_lines(&gold_lines(gold), paragraphs);
    }

    pub(super) fn add_lines(&mut self, lines: &[(usize, Gold)], paragraphs: &[Span]) {
        let mut last: Option<Gold> = None;
        let mut rest = lines;
        for paragraph in paragraphs {
            let (held, later) = rest.split_at(rest.partition_point(|(start, _)| *start < paragraph.end));
            rest = later;
            let mut votes = [0_u64; COLLAPSED_LABELS.len()];
            for (n, (_, gold)) in held.iter().enumerate() {
                if let Some(last) = last {
                    let (block, paragraph) = (last.block != gold.block, n == 0);
                    self.blocks += u64::from(block);
                    self.paragraphs += u64::from(paragraph);
                    self.both += u64::from(block && paragraph);
                }
                last = Some(*gold);
                if let Some(class) = gold.class {
                    votes[class] += 1;
                }
            }
            let label = (0..votes.len()).rev().max_by_key(|class| votes[*class]).unwrap_or_default();
            for (class, count) in votes.into_iter().enumerate() {
                self.confusion[class][label] += count;
            }
            self.lines += held.len() as u64;
        }
    }

    /// Of the places where a paragraph begins, the share where a block does too.
    #[must_use]
    pub fn boundary_precision(&self) -> f64 {
        ratio(self.both, self.paragraphs)
    }

    /// Of the places where a block begins, the share where a paragraph does too.
    #[must_use]
    pub fn boundary_recall(&self) -> f64 {
        ratio(self.both, self.blocks)
    }

    /// The harmonic mean of [`boundary_precision`](Self::boundary_precision) and
    /// [`boundary_recall`](Self::boundary_recall).
    #[must_use]
    pub fn boundary_f1(&self) -> f64 {
        ratio(2 * self.both, self.paragraphs + self.blocks)
    }

    /// Paragraphs per gold block: above one, blocks are split; below, they are merged.
    #[must_use]
    pub fn paragraphs_per_block(&self) -> f64 {
        ratio(self.paragraphs, self.blocks)
    }

    /// Lines per paragraph, not counting blank ones.
    #[must_use]
    pub fn lines_per_paragraph(&self) -> f64 {
        ratio(self.lines, self.paragraphs)
    }

    /// The mean F1 of the three classes over lines, if each paragraph got the class that most of its lines have:
    /// what the best possible labeller of these paragraphs could reach.
    #[must_use]
    pub fn line_macro_f1(&self) -> f64 {
        let f1 = |class: usize| {
            let gold: u64 = self.confusion[class].iter().sum();
            let given: u64 = self.confusion.iter().map(|row| row[class]).sum();
            if gold == 0 { None } else { Some(ratio(2 * self.confusion[class][class], gold + given)) }
        };
        let present: Vec<f64> = (0..COLLAPSED_LABELS.len()).filter_map(f1).collect();
        present.iter().sum::<f64>() / present.len().max(1) as f64
    }
}

/// `part / whole`, and 0 of nothing.
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line macro-F1 {:.4}, boundary precision {:.3} recall {:.3} F1 {:.3}, paragraphs per block {:.2}, \
             lines per paragraph {:.2}",
            self.line_macro_f1(),
            self.boundary_precision(),
            self.boundary_recall(),
            self.boundary_f1(),
            self.paragraphs_per_block(),
            self.lines_per_paragraph(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::yedda::parse;

    fn agreement(annotation: &str, paragraphs: &[&str]) -> Agreement {
        let gold = parse(annotation);
        let spans: Vec<Span> = paragraphs
            .iter()
            .map(|paragraph| {
                let start = gold.text.find(paragraph).unwrap();
                Span { start, end: start + paragraph.len() }
            })
            .collect();
        let mut agreement = Agreement::default();
        agreement.add(&gold, &spans);
        agreement
    }

    const GOLD: &str =
        "[@Amanita rubra#Nomenclature*]\n[@Pileus red,\nsmooth.#Description*]\n\n[@Notes.#Key*]\n";

    #[test]
    fn blocks_agree_with_themselves() {
        let agreement = agreement(GOLD, &["Amanita rubra", "Pileus red,\nsmooth.", "Notes."]);
        assert_eq!(agreement.boundary_f1(), 1.0);
        assert_eq!(agreement.line_macro_f1(), 1.0);
        assert_eq!(agreement.paragraphs_per_block(), 1.0);
    }

    #[test]
    fn merging_costs_lines_and_splitting_costs_precision() {
        let merged = agreement(GOLD, &["Amanita rubra\nPileus red,\nsmooth.", "Notes."]);
        assert_eq!(merged.boundary_recall(), 0.5);
        assert_eq!(merged.boundary_precision(), 1.0);
        // Nomenclature 0, Description 2 * 2 / (2 + 3), the rest 1.
        assert!((merged.line_macro_f1() - (0.0 + 0.8 + 1.0) / 3.0).abs() < 1e-12);
        let split = agreement(GOLD, &["Amanita rubra", "Pileus red,", "smooth.", "Notes."]);
        assert_eq!(split.line_macro_f1(), 1.0);
        assert!((split.boundary_precision() - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(split.paragraphs_per_block(), 1.5);
    }
}
