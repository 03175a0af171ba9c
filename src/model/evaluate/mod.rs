//! How good a model is, counted in two ways.
//!
//! *Blocks* are the paragraphs as people annotated them. *Lines* tell what a user gets: the text without
//! its markers goes through the segmenter, and every line that is not blank is scored against the label of
//! the gold block that holds its first character that is not blank. Text outside of all gold blocks has no
//! label to be scored against: it is context for its neighbours and counts in neither.

mod calibration;
mod compare;
mod measure;
mod metrics;

pub(crate) use calibration::temperature;
pub use calibration::{Bin, Calibration};
pub use compare::compare;
pub use measure::{Measured, Surprise};
pub use metrics::{Confusion, LabelScores, Scores};

use super::gold::GoldDocument;
use super::train::own_labels::{Met, nearest, unknown_labels};
use super::{Model, ModelError, catalog, gold};
use crate::document::labels::{COLLAPSED_LABELS, KNOWN_LABELS};
use crate::printable::several;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

/// How many of the most confused pairs are shown.
const CONFUSED: usize = 12;

/// What to evaluate on what.
#[derive(Debug, Clone)]
pub struct EvaluateOptions {
    /// Name or path of the model; `None`: the best one in the program.
    pub model: Option<String>,
    /// Folder with `.ann` files that hold the right labels, or one such file.
    pub gold: PathBuf,
    /// Whether fine labels are made three before they are compared.
    pub collapse: bool,
}

/// What an evaluation found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Evaluation {
    /// One line: what was evaluated on what.
    pub title: String,
    /// The counts.
    pub measured: Measured,
    /// The temperature that the calibration is shown at; 1 for a stored model, whose scores hold it already.
    pub temperature: f64,
    /// What is odd about data or figures, a sentence each.
    pub notices: Vec<String>,
}

impl Evaluation {
    /// An evaluation at temperature 1, with nothing odd.
    #[must_use]
    pub fn new(title: String, measured: Measured) -> Self {
        Self { title, measured, temperature: 1.0, notices: Vec::new() }
    }
}

/// Evaluates a model on annotated files.
///
/// # Errors
/// When the model is unknown, or model or gold files cannot be read or hold no label.
pub fn run(options: &EvaluateOptions) -> Result<Evaluation, ModelError> {
    let model = Arc::new(Model::load(options.model.as_deref().unwrap_or(catalog::default_name()))?);
    let documents = gold::read(&options.gold)?;
    let collapsed = options.collapse && model.is_fine();
    let three = COLLAPSED_LABELS.map(str::to_owned);
    let scorer_labels = if collapsed { &three[..] } else { model.labels() };
    let mut measured = Measured::new(scorer_labels);
    measured.add(&model, &documents, collapsed);
    if measured.probabilities.is_empty() {
        let blocks = documents.iter().flat_map(|document| &document.blocks);
        let found: BTreeSet<&str> = blocks.filter_map(|block| block.label.as_deref()).collect();
        return Err(match found.is_empty() {
            true => ModelError::NoLabelledBlock(options.gold.clone()),
            false => ModelError::NoKnownLabel {
                gold: options.gold.clone(),
                found: found.into_iter().map(str::to_owned).collect(),
                model: model.name().to_owned(),
                known: scorer_labels.to_vec(),
            },
        });
    }
    let repairs: usize = documents.iter().map(|document| document.repairs).sum();
    let title = format!(
        "model {} on {} ({}){}",
        model.name(),
        several(documents.len() as u64, "file"),
        several(repairs as u64, "repair"),
        if collapsed { ", fine labels as three" } else { "" }
    );
    let mut evaluation = Evaluation::new(title, measured);
    let overlap = model.info().data.overlap(&documents);
    if overlap > 0 {
        let what =
            if model.info().data.documents.is_empty() { "lie in volumes that" } else { "are among what" };
        evaluation.notices.push(format!(
            "{overlap} of the {} gold files {what} model {} was trained on: the figures are better than they will be on \
             other files",
            documents.len(),
            model.name()
        ));
    }
    evaluation.notices.extend(odd_labels(&documents, scorer_labels));
    Ok(evaluation)
}

/// A sentence for each gold label that is neither known nor among `labels`.
fn odd_labels(documents: &[GoldDocument], labels: &[String]) -> Vec<String> {
    let mut unknown = unknown_labels(documents);
    unknown.retain(|label, _| !labels.iter().any(|known| known == label));
    let sentence = |(label, met): (&str, Met<'_>)| {
        let known = KNOWN_LABELS.into_iter().chain(labels.iter().map(String::as_str));
        let meant =
            nearest(label, known).map(|known| format!(" (did you mean {known}?)")).unwrap_or_default();
        let Met { file, line, count } = met;
        format!(
            "{file}:{line}: label {label:?} is not known{meant}; its {count} paragraphs count as Misc-exposition"
        )
    };
    unknown.into_iter().map(sentence).collect()
}

impl Evaluation {
    /// How far the probabilities can be trusted; `None` where there are none, as in annotations.
    #[must_use]
    pub fn calibration(&self) -> Option<Calibration> {
        (!self.measured.probabilities.is_empty()).then(|| self.measured.calibration(self.temperature))
    }

    /// The figures as JSON: `blocks` and `lines` as the README describes them, with the confusion matrices, both for each
    /// of the `volumes`, the calibration, the most confused pairs, the largest losses, and for fine labels the figures of
    /// both with those `collapsed` to three.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let Measured { blocks, lines, volumes, surprises, .. } = &self.measured;
        let confused = blocks
            .most_confused(CONFUSED)
            .into_iter()
            .map(|(gold, predicted, count)| json!({ "gold": gold, "predicted": predicted, "count": count }));
        let volumes: BTreeMap<&str, Value> = volumes
            .iter()
            .map(|(volume, [blocks, lines])| {
                (volume.as_str(), json!({ "blocks": blocks.scores(), "lines": lines.scores() }))
            })
            .collect();
        let mut figures = json!({
            "blocks": blocks.scores(),
            "lines": lines.scores(),
            "confusion": {
                "blocks": { "labels": blocks.labels(), "counts": blocks.matrix() },
                "lines": { "labels": lines.labels(), "counts": lines.matrix() },
            },
            "volumes": volumes,
            "calibration": self.calibration(),
            "most_confused": confused.collect::<Vec<_>>(),
            "largest_losses": surprises,
            "notices": self.notices,
        });
        if let Some([blocks, lines]) = &self.measured.collapsed {
            figures["collapsed"] = json!({ "blocks": blocks.scores(), "lines": lines.scores() });
        }
        figures
    }

    /// The figures for a terminal.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        for (heading, confusion) in [
            ("Blocks: paragraphs as annotated", &self.measured.blocks),
            ("Lines: raw text, cut by the segmenter", &self.measured.lines),
        ] {
            let _ =
                write!(text, "\n{heading}\n\n{}\n{}", confusion.scores().to_table(), confusion.to_table());
        }
        for (what, confusion) in self.measured.counts().skip(2) {
            let _ = write!(text, "\nFine labels: {what}\n\n{}", confusion.scores().to_table());
        }
        if let Some(calibration) = self.calibration() {
            let _ = writeln!(text, "\nExpected calibration error {:.3}", calibration.ece);
        }
        text
    }
}
