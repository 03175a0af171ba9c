//! How good are the labels on texts whose lines are set another way than on the scanned page?
//!
//! ```sh
//! cargo run --release --example measure_layouts -- FOLDER [PRESET] [--folds 5 | --test VOLUME,VOLUME]
//! ```
//!
//! FOLDER holds volumes (folders) of annotated articles. Whole volumes are kept apart in turn (`--folds`), or those named
//! are (`--test`); a model trained on the others labels each of them as it is and in every layout of
//! [`LineLayout::ALL`]. Printed are, per layout: accuracy and macro-F1 of blocks (paragraphs as annotated) and of lines
//! (paragraphs as the segmenter cuts them), for fine labels also of the three that they become; the share of blocks that
//! begin where a paragraph does; and the share of blocks that have the same label as in the text as it is.

use skol_classifier::document::{LineLayout, Paragraph};
use skol_classifier::model::evaluate::{Confusion, Measured};
use skol_classifier::model::gold::{self, GoldDocument};
use skol_classifier::model::train::{self, Naming, Progress};
use skol_classifier::model::{Model, Preset};
use skol_classifier::segment::segment;
use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// What was counted for one layout.
#[derive(Default)]
struct Row {
    measured: Option<Measured>,
    blocks: usize,
    begun: usize,
    same: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut plain, mut folds, mut tests) = (Vec::new(), 5, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--folds" => folds = arguments.next().ok_or("--folds needs a number")?.parse()?,
            "--test" => {
                let names = arguments.next().ok_or("--test needs volumes")?;
                tests = names.split(',').map(str::to_owned).collect();
            }
            _ => plain.push(argument),
        }
    }
    let folder = plain.first().ok_or("give a folder with volumes of annotated articles")?;
    let preset = Preset::built_in(plain.get(1).map_or("context", String::as_str))?;
    let documents = gold::read(Path::new(folder))?;
    let volumes: BTreeSet<&str> = documents.iter().map(|document| document.volume.as_str()).collect();
    let kept_apart: Vec<BTreeSet<&str>> = if tests.is_empty() {
        let volume = |fold: usize| volumes.iter().skip(fold).step_by(folds).copied().collect();
        (0..folds.min(volumes.len())).map(volume).collect()
    } else {
        vec![volumes.iter().copied().filter(|volume| tests.iter().any(|test| test == volume)).collect()]
    };

    let layouts: Vec<Option<LineLayout>> = std::iter::once(None).chain(LineLayout::ALL.map(Some)).collect();
    let mut rows: Vec<Row> = layouts.iter().map(|_| Row::default()).collect();
    let silent: Progress = Arc::new(|_| ());
    let naming = Naming { name: "measured", preset_name: "measured", date: "2000-01-01", seed: 0 };
    let labels = labels_of(&documents, &preset, &naming, &silent)?;
    for apart in kept_apart {
        let (test, train): (Vec<_>, Vec<_>) =
            documents.iter().partition(|document| apart.contains(document.volume.as_str()));
        let model = Arc::new(train::fit(&train, &preset, &naming, 1.0, &silent)?);
        for document in test {
            let as_is = block_labels(&model, document);
            for (layout, row) in layouts.iter().zip(&mut rows) {
                let set = layout.map_or_else(|| document.clone(), |layout| document.set(layout));
                let new = || Measured::new(model.labels()).with_gold_labels(&labels);
                row.measured.get_or_insert_with(new).add(&model, [&set], false);
                let starts: BTreeSet<usize> = segment(&set.text).iter().map(|span| span.start).collect();
                row.blocks += set.blocks.len();
                row.begun += set.blocks.iter().filter(|block| starts.contains(&block.span.start)).count();
                row.same += block_labels(&model, &set).iter().zip(&as_is).filter(|(a, b)| a == b).count();
            }
        }
    }

    for (layout, row) in layouts.iter().zip(rows) {
        let name = layout.map_or_else(|| "as it is".to_owned(), |layout| layout.to_string());
        let Some(measured) = row.measured else { continue };
        let share = |part: usize| part as f64 / row.blocks.max(1) as f64;
        print!("{name:46} begun {:.3} same {:.3}", share(row.begun), share(row.same));
        for (what, confusion) in measured.counts() {
            print!(" | {what} {}", figures(confusion));
        }
        println!();
    }
    Ok(())
}

/// The labels that a model trained on everything has.
fn labels_of(
    documents: &[GoldDocument],
    preset: &Preset,
    naming: &Naming<'_>,
    silent: &Progress,
) -> Result<Vec<String>, Box<dyn Error>> {
    let quick = "[q]\nlabels = 'three'\nfeatures = { words = { vocabulary = 9 } }";
    let quick = Preset {
        labels: preset.labels,
        min_paragraphs: preset.min_paragraphs,
        max_iterations: 1,
        ..Preset::from_toml(quick, "measure_layouts", "q")?
    };
    let all: Vec<&GoldDocument> = documents.iter().collect();
    Ok(train::fit(&all, &quick, naming, 1.0, silent)?.labels().to_vec())
}

/// Accuracy, macro-F1, and the F1 of names and descriptions.
fn figures(confusion: &Confusion) -> String {
    let scores = confusion.scores();
    let of = |name: &str| {
        scores.labels.iter().find(|(label, _)| label == name).map_or(0.0, |(_, scores)| scores.f1)
    };
    format!(
        "{:.4} {:.4} ({:.3} {:.3})",
        scores.accuracy,
        scores.macro_f1,
        of("Nomenclature"),
        of("Description")
    )
}

/// The label of each block when the raw text is cut by the segmenter: that of the paragraph that holds its first byte.
fn block_labels(model: &Arc<Model>, document: &GoldDocument) -> Vec<Option<String>> {
    let spans = segment(&document.text);
    let mut scorer = model.scorer();
    let names = scorer.labels().to_vec();
    let labels = scorer.score(&Paragraph::tile(&document.text, &spans).0).labels.to_vec();
    let label = |start: usize| {
        let place = spans.partition_point(|span| span.end <= start);
        labels.get(place).and_then(|label| names.get(usize::from(*label))).cloned()
    };
    document.blocks.iter().map(|block| label(block.span.start)).collect()
}
