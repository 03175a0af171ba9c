//! How much a model gains when it learns, without labels, from a volume that it has not seen.
//!
//! `cargo run --release --example measure_self_training FOLDER [PRESET]`, where FOLDER holds volumes (folders) of annotated
//! articles. For each volume a model is trained on all others; then it learns from the volume's text, and is scored there.

use skol_classifier::model::evaluate::Measured;
use skol_classifier::model::gold::{self, GoldDocument};
use skol_classifier::model::train::{self, Naming, Progress};
use skol_classifier::model::{Model, Preset};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = arguments.first().ok_or("give a folder with volumes of annotated articles")?;
    let preset = Preset::built_in(arguments.get(1).map_or("context", String::as_str))?;
    let documents = gold::read(Path::new(folder))?;
    let volumes: BTreeSet<&str> = documents.iter().map(|document| document.volume.as_str()).collect();
    let silent: Progress = Arc::new(|_| ());
    let naming = Naming { name: "measured", preset_name: "measured", date: "2000-01-01", seed: 0 };
    println!("volume: sure / all paragraphs | macro-F1 of blocks: before, after | of lines: before, after");
    for volume in volumes {
        let (own, others): (Vec<_>, Vec<_>) =
            documents.iter().partition(|document| document.volume == volume);
        let model = Arc::new(train::fit(&others, &preset, &naming, 1.0, &silent)?);
        let texts = own.iter().map(|document| document.text.clone()).collect();
        let learned = train::self_train(&model, texts)?;
        let (before, after) = (scores(&model, &own), scores(&learned.model, &own));
        println!(
            "{volume}: {} / {} | {:.4} {:.4} {:+.4} | {:.4} {:.4} {:+.4}",
            learned.sure,
            learned.paragraphs,
            before.0,
            after.0,
            after.0 - before.0,
            before.1,
            after.1,
            after.1 - before.1
        );
    }
    Ok(())
}

/// Macro-F1 on blocks and on lines.
fn scores(model: &Arc<Model>, documents: &[&GoldDocument]) -> (f64, f64) {
    let mut measured = Measured::new(model.labels());
    measured.add(model, documents.iter().copied(), true);
    (measured.blocks.scores().macro_f1, measured.lines.scores().macro_f1)
}
