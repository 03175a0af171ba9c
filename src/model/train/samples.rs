//! Annotated documents as they are trained on.

use crate::document::{Paragraph, Span};
use crate::model::gold::GoldDocument;
use crate::segment::segment;
use linfa::dataset::DatasetBase;
use linfa_sparse_logistic::SparseRecords;
use ndarray::Array1;
use std::collections::BTreeMap;
use std::ops::Range;

/// The rows of all samples, with target and weight of each.
pub(super) type Targets = DatasetBase<SparseRecords, Array1<usize>>;

/// One document as it is trained on.
pub(super) struct Sample<'a> {
    pub document: &'a GoldDocument,
    /// Cut by the segmenter rather than by the annotator.
    pub segmented: bool,
    /// Its rows.
    pub rows: Range<usize>,
    pub cuts: Vec<Cut>,
}

/// One paragraph as it is trained on.
pub(super) struct Cut {
    pub label: Option<String>,
    /// The part that it is of an annotated paragraph, so that one that the segmenter cuts into forty, like a
    /// table, does not weigh forty times as much.
    share: f32,
}

impl Cut {
    /// Its part of an annotated paragraph, to the power for its label, 1 where `exponents` has none.
    pub fn weight(&self, exponents: &BTreeMap<String, f64>) -> f32 {
        let exponent = self.label.as_ref().and_then(|label| exponents.get(label));
        exponent.map_or(self.share, |&exponent| self.share.powf(exponent as f32))
    }
}

/// The documents as annotated, then (if `segmented`) as the segmenter cuts them, each with its paragraphs.
pub(super) fn samples<'a>(
    documents: &[&'a GoldDocument],
    segmented: bool,
) -> (Vec<Sample<'a>>, Vec<Vec<Paragraph<'a>>>) {
    let (mut samples, mut paragraphs) = (Vec::new(), Vec::new());
    let mut rows = 0;
    let mut add = |document: &'a GoldDocument, segmented, cuts: Vec<Cut>, cut: Vec<Paragraph<'a>>| {
        let end = rows + cuts.len();
        samples.push(Sample { document, segmented, rows: rows..end, cuts });
        paragraphs.push(cut);
        rows = end;
    };
    for document in documents {
        let cuts = document.blocks.iter().map(|block| Cut { label: block.label.clone(), share: 1.0 });
        add(document, false, cuts.collect(), document.paragraphs());
    }
    for document in documents.iter().filter(|_| segmented) {
        let spans = segment(&document.text);
        let cuts = majority(document, &spans);
        add(document, true, cuts, Paragraph::tile(&document.text, &spans).0);
    }
    (samples, paragraphs)
}

/// Each span with the label of most of its bytes (the earlier one of two that have as many), and the largest
/// part that it is of an annotated paragraph.
fn majority(document: &GoldDocument, spans: &[Span]) -> Vec<Cut> {
    let mut blocks = document.blocks.iter().peekable();
    spans
        .iter()
        .map(|span| {
            let mut bytes: Vec<(&Option<String>, usize)> = Vec::new();
            let mut share = 0.0_f32;
            while let Some(block) = blocks.peek() {
                let shared = block.span.end.min(span.end).saturating_sub(block.span.start.max(span.start));
                if shared > 0 {
                    share = share.max(shared as f32 / (block.span.end - block.span.start) as f32);
                    match bytes.iter_mut().find(|(label, _)| **label == block.label) {
                        Some((_, sum)) => *sum += shared,
                        None => bytes.push((&block.label, shared)),
                    }
                }
                if block.span.end > span.end {
                    break;
                }
                blocks.next();
            }
            let label = bytes.into_iter().rev().max_by_key(|(_, sum)| *sum);
            Cut { label: label.and_then(|(label, _)| label.clone()), share }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_weighs_its_part_to_the_power_for_its_label() {
        let cut = |label: &str| Cut { label: Some(label.to_owned()), share: 0.25 };
        let exponents = BTreeMap::from([("Key".to_owned(), 0.5), ("Table".to_owned(), 0.0)]);
        for (label, weight) in [("Key", 0.5), ("Table", 1.0), ("Figure", 0.25)] {
            assert_eq!(cut(label).weight(&exponents), weight, "{label}");
        }
        assert_eq!(Cut { label: None, share: 0.25 }.weight(&exponents), 0.25);
    }
}
