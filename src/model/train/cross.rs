//! Cross-validation over whole volumes, and the learning curve.

use super::labels::labels;
use super::split::{folds, part};
use super::{Event, Naming, Progress, fit};
use crate::document::LineLayout;
use crate::model::evaluate::{Confusion, Measured, Scores};
use crate::model::gold::GoldDocument;
use crate::model::{ModelError, Preset};
use serde::Serialize;
use std::sync::Arc;

/// The shares of the training files at which the learning curve is measured, besides all of them.
const SHARES: [f64; 3] = [0.125, 0.25, 0.5];

/// How good models are that were trained on a part of the files.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LearningPoint {
    /// Paragraphs trained on, mean over the folds.
    pub paragraphs: usize,
    /// Accuracy on blocks, pooled over the folds.
    pub accuracy: f64,
    /// Macro-F1 on blocks, pooled over the folds.
    pub macro_f1: f64,
}

/// How good the labels are where the same text has its lines set in another way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayoutFigures {
    /// The layout in words.
    pub layout: String,
    /// Figures of lines, pooled over the folds.
    pub lines: Scores,
}

/// What cross-validation found.
#[derive(Debug, Clone)]
pub struct CrossValidated {
    /// The counts, pooled over all folds: each file was scored once, by a model that had not seen its volume.
    pub measured: Measured,
    /// From few training files to all.
    pub learning_curve: Vec<LearningPoint>,
    /// The same volumes in every layout of [`LineLayout::ALL`].
    pub layouts: Vec<LayoutFigures>,
}

/// Tests every volume by a model trained on the volumes of other folds.
///
/// # Errors
/// [`ModelError::TooManyFolds`] when there are fewer volumes than folds; else as [`fit`].
pub fn cross_validate(
    documents: &[GoldDocument],
    k: usize,
    preset: &Preset,
    naming: &Naming<'_>,
    progress: &Progress,
) -> Result<CrossValidated, ModelError> {
    let folds = folds(documents, k)?;
    let labels = labels(&documents.iter().collect::<Vec<_>>(), preset);
    let mut pooled: Option<Measured> = None;
    let mut layouts = vec![Confusion::new(&labels); LineLayout::ALL.len()];
    let mut curve = vec![(0, None::<Measured>); SHARES.len() + 1];
    for (number, test) in folds.iter().enumerate() {
        let train: Vec<usize> = (0..documents.len()).filter(|file| !test.contains(file)).collect();
        for (place, share) in SHARES.into_iter().chain([1.0]).enumerate() {
            progress(&Event::Stage(&format!(
                "fold {} of {k}, {:.0} % of the files",
                number + 1,
                share * 100.0
            )));
            let files = part(documents, &train, share, naming.seed);
            let files: Vec<&GoldDocument> = files.into_iter().map(|file| &documents[file]).collect();
            let whole = share == 1.0;
            let model = match fit(&files, preset, naming, 1.0, progress) {
                Ok(model) => Arc::new(model),
                // A small part may hold too few labels; the whole must do.
                Err(_) if !whole => continue,
                Err(error) => return Err(error),
            };
            let mut measured = Measured::new(&labels).with_gold_labels(&labels);
            measured.add(&model, test.iter().map(|&file| &documents[file]), false);
            let paragraphs: usize = files.iter().map(|document| document.blocks.len()).sum();
            let (sum, counted) = &mut curve[place];
            *sum += paragraphs;
            if whole {
                merge(&mut pooled, measured.clone());
                progress(&Event::Stage(&format!("fold {} of {k}, other layouts", number + 1)));
                for (layout, lines) in LineLayout::ALL.iter().zip(&mut layouts) {
                    let mut measured = Measured::new(&labels).with_gold_labels(&labels);
                    test.iter()
                        .for_each(|&file| measured.add(&model, [&documents[file].set(*layout)], false));
                    lines.merge(&measured.lines);
                }
            }
            merge(counted, measured);
        }
    }
    let learning_curve = curve
        .into_iter()
        .filter_map(|(paragraphs, measured)| {
            let scores = measured?.blocks.scores();
            Some(LearningPoint {
                paragraphs: paragraphs / k,
                accuracy: scores.accuracy,
                macro_f1: scores.macro_f1,
            })
        })
        .collect();
    let layouts = LineLayout::ALL.iter().zip(layouts);
    let figures = |(layout, lines): (&LineLayout, Confusion)| LayoutFigures {
        layout: layout.to_string(),
        lines: lines.scores(),
    };
    let layouts = layouts.map(figures).collect();
    Ok(CrossValidated { measured: pooled.unwrap_or_default(), learning_curve, layouts })
}

fn merge(into: &mut Option<Measured>, measured: Measured) {
    match into {
        Some(all) => all.merge(measured),
        None => *into = Some(measured),
    }
}
