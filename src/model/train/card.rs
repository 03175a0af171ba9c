//! The model card: what the model is, what it was trained on, how good it is. It quotes no training text.

use super::{Adapted, Change, LayoutFigures, Trained};
use crate::model::ModelInfo;
use crate::model::evaluate::{Confusion, Scores};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The card as Markdown. `command` made the model.
pub(super) fn card(trained: &Trained, command: &str) -> String {
    let (model, evaluation) = (&trained.model, &trained.evaluation);
    let info = model.info();
    let measured = &evaluation.measured;
    let mut card = format!("# Model `{}`\n\n{}\n\n", info.name, info.preset.summary);
    let _ = write!(
        card,
        "| | |\n|---|---|\n\
         | date | {} |\n| program | skol_classifier {} |\n| command | `{}` |\n| seed | {} |\n\
         | labels | {} |\n| features | {} |\n| temperature | {} |\n| SHA-256 | `{}` |\n\n",
        info.date,
        info.version,
        command.replace('|', "\\|"),
        info.seed,
        model.labels().len(),
        model.features().n_features(),
        info.temperature,
        model.sha256(),
    );
    card.push_str(&data(info));
    let _ = write!(card, "## Figures\n\n{}.\n\n", evaluation.title);
    card.push_str(
        "*Blocks* are the paragraphs as annotated; *lines* are the lines of the text without markers, cut into \
         paragraphs by the segmenter and scored against the block that holds them.\n\n",
    );
    card.push_str("| | accuracy | macro-F1 | weighted F1 | support |\n|---|---|---|---|---|\n");
    let counts: Vec<(&str, Scores)> =
        measured.counts().map(|(what, confusion)| (what, confusion.scores())).collect();
    for (what, scores) in &counts {
        let _ = writeln!(
            card,
            "| {what} | {:.3} | {:.3} | {:.3} | {} |",
            scores.accuracy, scores.macro_f1, scores.weighted_f1, scores.support
        );
    }
    card.push('\n');
    for (what, scores) in &counts {
        card.push_str(&per_label(what, scores));
    }
    let _ = write!(card, "### Confusion (blocks)\n\n```text\n{}```\n\n", measured.blocks.to_table());
    card.push_str("Most confused: ");
    let confused = measured.blocks.most_confused(5).into_iter();
    let confused: Vec<String> =
        confused.map(|(gold, predicted, count)| format!("{gold} taken for {predicted} {count}x")).collect();
    card.push_str(&if confused.is_empty() { "nothing".to_owned() } else { confused.join("; ") });
    card.push_str(".\n\n");
    card.push_str(&volumes(&measured.volumes));
    card.push_str(&layouts(trained));
    card.push_str(&reliability(trained));
    if !trained.learning_curve.is_empty() {
        card.push_str("### Learning curve\n\n| paragraphs | accuracy | macro-F1 |\n|---|---|---|\n");
        for point in &trained.learning_curve {
            let _ =
                writeln!(card, "| {} | {:.3} | {:.3} |", point.paragraphs, point.accuracy, point.macro_f1);
        }
        card.push('\n');
    }
    let preset = toml::to_string(&info.preset).unwrap_or_default();
    let _ = write!(card, "## Preset `{}`\n\n```toml\n{preset}```\n", info.preset_name);
    card
}

/// The card of an adapted model as Markdown. `command` made the model.
pub(super) fn adapted_card(adapted: &Adapted, command: &str) -> String {
    let (model, info) = (&adapted.model, adapted.model.info());
    let mut card = format!("# Model `{}`\n\n{}\n\n", info.name, adapted.sentence());
    let _ = write!(
        card,
        "| | |\n|---|---|\n| date | {} |\n| program | skol_classifier {} |\n| command | `{}` |\n| adapted from | {} |\n\
         | strength | {} |\n| SHA-256 | `{}` |\n\n",
        info.date,
        env!("CARGO_PKG_VERSION"),
        command.replace('|', "\\|"),
        info.adapted_from.as_deref().unwrap_or_default(),
        adapted.strength,
        model.sha256(),
    );
    card.push_str(
        "## How the strength was chosen\n\nMean log-loss of corrected paragraphs that were held out in turn (whole \
         documents, or stretches of a single one), and the share of them that is labelled as corrected. The model as it \
         was has no strength.\n\n| strength | log-loss | as corrected |\n|---|---|---|\n",
    );
    for point in &adapted.strengths {
        let strength = point.strength.map_or("none".to_owned(), |strength| strength.to_string());
        let _ = writeln!(card, "| {strength} | {:.3} | {:.3} |", point.log_loss, point.accuracy);
    }
    let Change { before, after } = adapted.check;
    let _ = write!(card, "\nOn the check set macro-F1 is {after:.3}, where it was {before:.3}.\n\n");
    if !adapted.moved.is_empty() {
        card.push_str("## What moved\n\n| from | to | corrected paragraphs |\n|---|---|---|\n");
        for (from, to, count) in &adapted.moved {
            let _ = writeln!(card, "| {from} | {to} | {count} |");
        }
        card.push('\n');
    }
    card.push_str(&data(info));
    card
}

fn data(info: &ModelInfo) -> String {
    let total: usize = info.data.paragraphs.iter().map(|(_, count)| count).sum();
    let mut text = format!(
        "## Data\n\n{} annotated files with {total} paragraphs, from: {}.\n\n| label | paragraphs |\n|---|---|\n",
        info.data.files,
        shortened(&info.data.volumes),
    );
    for (label, count) in &info.data.paragraphs {
        let _ = writeln!(text, "| {label} | {count} |");
    }
    text.push('\n');
    text
}

/// All names, or the first and how many more.
fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 20;
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}

fn per_label(what: &str, scores: &Scores) -> String {
    let mut text = format!(
        "### Each label, {what}\n\n| label | precision | recall | F1 | support |\n|---|---|---|---|---|\n"
    );
    for (label, scores) in &scores.labels {
        let _ = writeln!(
            text,
            "| {label} | {:.3} | {:.3} | {:.3} | {} |",
            scores.precision, scores.recall, scores.f1, scores.support
        );
    }
    text.push('\n');
    text
}

/// Figures of each volume, where there are several; of very many files the card says nothing.
fn volumes(volumes: &BTreeMap<String, [Confusion; 2]>) -> String {
    const SHOWN: usize = 40;
    if !(2..=SHOWN).contains(&volumes.len()) {
        return String::new();
    }
    let mut text =
        "### Each volume\n\n| volume | blocks: accuracy | macro-F1 | lines: accuracy | macro-F1 | lines |\n\
         |---|---|---|---|---|---|\n"
            .to_owned();
    for (volume, [blocks, lines]) in volumes {
        let (blocks, lines) = (blocks.scores(), lines.scores());
        let _ = writeln!(
            text,
            "| {volume} | {:.3} | {:.3} | {:.3} | {:.3} | {} |",
            blocks.accuracy, blocks.macro_f1, lines.accuracy, lines.macro_f1, lines.support
        );
    }
    text.push('\n');
    text
}

/// Figures of the same volumes with their lines set in other ways, and what has seen them.
fn layouts(trained: &Trained) -> String {
    if trained.layouts.is_empty() {
        return String::new();
    }
    let mut text = "### Other layouts of lines\n\nThe same volumes, set anew.\n\n\
         | layout | accuracy | macro-F1 | lines |\n|---|---|---|---|\n"
        .to_owned();
    for LayoutFigures { layout, lines } in &trained.layouts {
        let _ = writeln!(
            text,
            "| {layout} | {:.3} | {:.3} | {} |",
            lines.accuracy, lines.macro_f1, lines.support
        );
    }
    text.push_str(
        "\n### What has seen what\n\nNo model was tested on a volume that it was trained on. The segmenter, which cuts \
         raw text, is the same in all of them: it was trained once on the volumes that the shipped models are trained on. \
         On those, figures of lines are of labels on cuts that the segmenter knows. Temperature and calibration error come \
         from the same folds as the figures.\n\n",
    );
    text
}

fn reliability(trained: &Trained) -> String {
    let evaluation = &trained.evaluation;
    let before = evaluation.measured.calibration(1.0);
    let after = evaluation.measured.calibration(evaluation.temperature);
    let mut text = format!("### Calibration\n\nExpected calibration error {:.3}", after.ece);
    if evaluation.temperature != 1.0 {
        let _ = write!(text, ", before temperature scaling {:.3}", before.ece);
    }
    text.push_str(".\n\n| confidence | right | paragraphs |\n|---|---|---|\n");
    for bin in &after.bins {
        let _ = writeln!(text, "| {:.3} | {:.3} | {} |", bin.confidence, bin.accuracy, bin.count);
    }
    text.push('\n');
    text
}
