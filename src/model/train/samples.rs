//! Annotated documents as they are trained on.

use super::synthetic;
use crate::document::{LineLayout, Paragraph, Span};
use crate::model::Preset;
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
    /// How much its paragraphs weigh.
    pub weight: f32,
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

/// Documents that are trained on in addition to the annotated ones, made from them.
pub(super) struct Made {
    /// Each in another layout, to be cut by the segmenter.
    pub set: Vec<GoldDocument>,
    /// With names under other forms.
    pub named: Vec<GoldDocument>,
}

impl Made {
    /// What `preset` asks for; the same for the same documents.
    pub fn of(documents: &[&GoldDocument], preset: &Preset, seed: u64) -> Self {
        let set = documents.iter().enumerate().filter(|_| preset.layouts > 0.0);
        Self {
            set: set
                .map(|(place, document)| document.set(LineLayout::ALL[place % LineLayout::ALL.len()]))
                .collect(),
            named: if preset.names > 0.0 { synthetic::documents(documents, seed) } else { Vec::new() },
        }
    }
}

/// The documents as annotated, then (if the preset says so) as the segmenter cuts them, then those that were made from
/// them; each with its paragraphs.
pub(super) fn samples<'a>(
    documents: &[&'a GoldDocument],
    made: &'a Made,
    preset: &Preset,
) -> (Vec<Sample<'a>>, Vec<Vec<Paragraph<'a>>>) {
    let (mut samples, mut paragraphs) = (Vec::new(), Vec::new());
    let mut rows = 0;
    let mut add = |document: &'a GoldDocument, weight: f64, segmented: bool| {
        let (cuts, cut): (Vec<Cut>, _) = if segmented {
            let spans = segment(&document.text);
            (majority(document, &spans), Paragraph::tile(&document.text, &spans).0)
        } else {
            let cuts = document.blocks.iter().map(|block| Cut { label: block.label.clone(), share: 1.0 });
            (cuts.collect(), document.paragraphs())
        };
        let end = rows + cuts.len();
        samples.push(Sample { document, weight: weight as f32, rows: rows..end, cuts });
        paragraphs.push(cut);
        rows = end;
    };
    documents.iter().for_each(|document| add(document, 1.0, false));
    if preset.segmented > 0.0 {
        documents.iter().for_each(|document| add(document, preset.segmented, true));
    }
    made.set.iter().for_each(|document| add(document, preset.layouts, true));
    made.named.iter().for_each(|document| add(document, preset.names, false));
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
