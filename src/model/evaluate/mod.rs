//! How good a model is, counted in two ways.
//!
//! *Blocks* are the paragraphs as people annotated them. *Lines* tell what a user gets: the text without
//! its markers goes through the segmenter, and every line that is not blank is scored against the label of
//! the gold block that holds its first character that is not blank. Text outside of all gold blocks has no
//! label to be scored against: it is context for its neighbours and counts in neither.

mod calibration;
mod measure;
mod metrics;

pub use calibration::{Bin, Calibration, calibration, temperature};
pub use measure::{Measured, Surprise};
pub use metrics::{Confusion, LabelScores, Scores};

use super::{Model, catalog, gold};
use crate::document::labels::COLLAPSED_LABELS;
use crate::{Error, Result};
use serde_json::{Value, json};
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
    /// Where to write the evaluation as a page.
    pub report: Option<PathBuf>,
}

/// What an evaluation found.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// One line: what was evaluated on what.
    pub title: String,
    /// The counts.
    pub measured: Measured,
    /// The temperature that the calibration is shown at; 1 for a stored model, whose scores hold it already.
    pub temperature: f64,
}

/// Evaluates a model on annotated files, and writes the page when one is asked for.
///
/// # Errors
/// Usage error for an unknown model; unusable when the model or the gold files cannot be read, hold no
/// label, or the page cannot be written.
pub fn run(options: &EvaluateOptions) -> Result<Evaluation> {
    let model = Arc::new(Model::load(options.model.as_deref().unwrap_or(catalog::default_name()))?);
    let documents = gold::read(&options.gold)?;
    let collapsed = options.collapse && model.is_fine();
    let three = COLLAPSED_LABELS.map(str::to_owned);
    let mut measured = Measured::new(if collapsed { &three } else { model.labels() });
    measured.add(&model, &documents, collapsed);
    if measured.probabilities.is_empty() {
        return Err(Error::unusable(format!(
            "no labelled block in {}; give a folder with annotated files ([@text#Label*])",
            options.gold.display()
        )));
    }
    let repairs: usize = documents.iter().map(|document| document.repairs).sum();
    let title = format!(
        "model {} on {} files ({} places repaired){}",
        model.name(),
        documents.len(),
        repairs,
        if collapsed { ", fine labels as three" } else { "" }
    );
    let evaluation = Evaluation { title, measured, temperature: 1.0 };
    if let Some(path) = &options.report {
        super::stored::write_atomically(path, crate::report::evaluation_page(&evaluation, &[]).as_bytes())?;
    }
    Ok(evaluation)
}

impl Evaluation {
    /// The figures as JSON: `blocks` and `lines` as the README describes them, and beside them the
    /// confusion matrices, the calibration, the most confused pairs, the largest losses, and for fine labels
    /// the figures of both with those `collapsed` to three.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let Measured { blocks, lines, surprises, .. } = &self.measured;
        let confused = blocks
            .most_confused(CONFUSED)
            .into_iter()
            .map(|(gold, predicted, count)| json!({ "gold": gold, "predicted": predicted, "count": count }));
        let mut figures = json!({
            "blocks": blocks.scores(),
            "lines": lines.scores(),
            "confusion": {
                "blocks": { "labels": blocks.labels(), "counts": blocks.matrix() },
                "lines": { "labels": lines.labels(), "counts": lines.matrix() },
            },
            "calibration": self.measured.calibration(self.temperature),
            "most_confused": confused.collect::<Vec<_>>(),
            "largest_losses": surprises,
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
        let calibration = self.measured.calibration(self.temperature);
        let _ = writeln!(text, "\nExpected calibration error {:.3}", calibration.ece);
        text
    }
}
