//! What a person reads after the sentence that ends a run.

use std::path::PathBuf;

use super::summary::RunSummary;
use crate::printable::several;
use crate::report::pages::Summary;

/// Which labels were given, what is doubtful, where to look and what comes next; `labels` are the model's, and `index`
/// is there where pages were written.
pub(super) fn lines(
    summary: &RunSummary,
    labels: &[String],
    index: Option<&(PathBuf, Vec<Summary>)>,
) -> Vec<String> {
    let mut counts: Vec<(&str, u64)> = labels
        .iter()
        .zip(&summary.labels)
        .map(|(label, count)| (label.as_str(), *count))
        .filter(|(_, count)| *count > 0)
        .collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut lines = Vec::new();
    if !counts.is_empty() {
        let counts: Vec<_> = counts.iter().map(|(label, count)| format!("{count} {label}")).collect();
        lines.push(format!("Labels: {}.", counts.join(", ")));
    }
    let Some((path, pages)) = index else { return lines };
    let path = path.display();
    let doubtful: usize = pages.iter().map(|page| page.doubtful).sum();
    let paragraphs: usize = pages.iter().map(|page| page.paragraphs).sum();
    lines.push(format!(
        "Look: open {path} in a browser; it lists {}.",
        several(pages.len() as u64, "document")
    ));
    if doubtful > 0 {
        lines.push(format!(
            "Doubtful: {doubtful} of {}; the index lists the most doubtful ones.",
            several(paragraphs as u64, "paragraph")
        ));
    }
    lines.push(
        "Next: correct labels in the pages and save the corrections; convert_annotations puts them into the \
         annotations, and train_classifier learns from those."
            .to_owned(),
    );
    lines
}
