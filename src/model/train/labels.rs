//! Which labels a model tells apart.

use crate::document::labels::{COLLAPSED_LABELS, collapse};
use crate::model::gold::GoldDocument;
use crate::model::{LabelSet, Preset};
use std::collections::{BTreeMap, BTreeSet};

/// The labels to tell apart. Fine ones are ordered by frequency.
pub(super) fn labels(documents: &[&GoldDocument], preset: &Preset) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let blocks = documents.iter().flat_map(|document| &document.blocks);
    for label in blocks.filter_map(|block| block.label.as_deref()) {
        *counts.entry(label).or_default() += 1;
    }
    let three = |counts: &BTreeMap<&str, usize>| -> Vec<String> {
        let present: BTreeSet<&str> = counts.keys().map(|label| collapse(label)).collect();
        COLLAPSED_LABELS.into_iter().filter(|label| present.contains(label)).map(str::to_owned).collect()
    };
    match preset.labels {
        LabelSet::Three => three(&counts),
        LabelSet::Fine => {
            let (mut common, rare): (Vec<_>, BTreeMap<_, _>) = {
                let (common, rare): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    counts.into_iter().partition(|(_, count)| *count >= preset.min_paragraphs);
                (common.into_iter().collect(), rare)
            };
            common.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
            let mut labels: Vec<String> = common.into_iter().map(|(label, _)| label.to_owned()).collect();
            // A rare label's paragraphs go to one of the three, which therefore must be there.
            let needed = three(&rare);
            let missing: Vec<String> = needed.into_iter().filter(|label| !labels.contains(label)).collect();
            labels.extend(missing);
            labels
        }
    }
}
