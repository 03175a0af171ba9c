//! How much a model gains from the corrections of one article, on the other articles of a volume it has not seen.
//!
//! `cargo run --release --example measure_adaptation FOLDER [PRESET]`, where FOLDER holds volumes (folders) of annotated
//! articles. For each volume a model is trained on all others; then, for each article with at least 30 paragraphs, it
//! is adapted to that article and scored on the rest of the volume.

use skol_classifier::model::evaluate::Measured;
use skol_classifier::model::gold::{self, GoldDocument};
use skol_classifier::model::train::{self, Naming, Progress};
use skol_classifier::model::{Model, ModelError, Preset};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Paragraphs that an article must have to be adapted to.
const PARAGRAPHS: usize = 30;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = arguments.first().ok_or("give a folder with volumes of annotated articles")?;
    let preset = Preset::built_in(arguments.get(1).map_or("context", String::as_str))?;
    let documents = gold::read(Path::new(folder))?;
    let volumes: BTreeSet<&str> = documents.iter().map(|document| document.volume.as_str()).collect();
    let silent: Progress = Arc::new(|_| ());
    let naming = Naming { name: "measured", preset_name: "measured", date: "2000-01-01", seed: 0 };
    println!(
        "volume: article (paragraphs) | strength | macro-F1, lines | macro-F1, paragraphs | accuracy, paragraphs"
    );
    let mut changes: [Vec<f64>; 3] = Default::default();
    for volume in volumes {
        let (own, others): (Vec<_>, Vec<_>) =
            documents.iter().partition(|document| document.volume == volume);
        if own.len() < 2 {
            continue;
        }
        let model = Arc::new(train::fit(&others, &preset, &naming, 1.0, &silent)?);
        for article in own.iter().filter(|document| document.blocks.len() >= PARAGRAPHS) {
            let rest = || own.iter().copied().filter(|document| document.path != article.path);
            let before = scores(&model, rest());
            let (after, how) = match train::adapt_to(&model, &[GoldDocument::clone(article)], &silent) {
                Ok(adapted) => (scores(&adapted.model, rest()), adapted.strength.to_string()),
                Err(ModelError::NothingToLearn { .. }) => (before, "unchanged".to_owned()),
                Err(ModelError::CheckSet { .. }) => (before, "refused".to_owned()),
                Err(error) => return Err(error.into()),
            };
            let figures: Vec<String> = before
                .iter()
                .zip(after)
                .zip(&mut changes)
                .map(|((before, after), changes)| {
                    changes.push(after - before);
                    format!("{before:.4} {after:.4} {:+.4}", after - before)
                })
                .collect();
            println!("{} ({}) | {how} | {}", article.path, article.blocks.len(), figures.join(" | "));
        }
    }
    for (name, changes) in
        ["macro-F1, lines", "macro-F1, paragraphs", "accuracy, paragraphs"].iter().zip(changes)
    {
        let mean = changes.iter().sum::<f64>() / changes.len().max(1) as f64;
        let least = changes.iter().copied().fold(f64::INFINITY, f64::min);
        let better = changes.iter().filter(|change| **change > 0.0).count();
        println!("{name}: {} articles, mean {mean:+.4}, least {least:+.4}, better {better}", changes.len());
    }
    Ok(())
}

/// Macro-F1 per line of raw text and per paragraph, and the share of paragraphs that are labelled right.
fn scores<'a>(model: &Arc<Model>, documents: impl Iterator<Item = &'a GoldDocument>) -> [f64; 3] {
    let mut measured = Measured::new(model.labels());
    measured.add(model, documents, true);
    let (lines, blocks) = (measured.lines.scores(), measured.blocks.scores());
    [lines.macro_f1, blocks.macro_f1, blocks.accuracy]
}
