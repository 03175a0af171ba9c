//! The page that says how good a model is.

use super::html::{Cell, Page};
use super::plot::{Bar, LinePlot, Series, bars};
use crate::model::evaluate::{Calibration, Confusion, Evaluation, Scores};
use crate::model::train::{LayoutFigures, LearningPoint};

/// How many of the most confused pairs, largest losses and volumes are shown.
const SHOWN: usize = 30;

/// The page for an evaluation; learning curve and layouts may be empty.
#[must_use]
pub fn evaluation_page(
    evaluation: &Evaluation,
    learning_curve: &[LearningPoint],
    layouts: &[LayoutFigures],
) -> String {
    let measured = &evaluation.measured;
    let (blocks, lines) = (measured.blocks.scores(), measured.lines.scores());
    let mut page = Page::new("How good are the labels?", &evaluation.title);
    page.section("Figures");
    page.paragraph(
        "Blocks are the paragraphs as annotated. Lines are the lines of the text without markers, cut into \
         paragraphs by the segmenter, each scored against the annotated block that holds it: what a user gets.",
    );
    let row = |what: &str, scores: &Scores| {
        vec![
            Cell::text(what),
            Cell::decimal(scores.accuracy),
            Cell::decimal(scores.macro_f1),
            Cell::decimal(scores.weighted_f1),
            Cell::number(scores.support),
        ]
    };
    page.table(
        "All labels together",
        &["", "accuracy", "macro-F1", "weighted F1", "support"],
        &measured.counts().map(|(what, confusion)| row(what, &confusion.scores())).collect::<Vec<_>>(),
    );
    for (what, scores, confusion) in
        [("Blocks", &blocks, &measured.blocks), ("Lines", &lines, &measured.lines)]
    {
        page.section(what);
        per_label(&mut page, what, scores);
        confusion_table(&mut page, what, confusion);
    }
    most_confused(&mut page, &measured.blocks);
    if let Some(calibration) = evaluation.calibration() {
        reliability(&mut page, &calibration);
    }
    volumes(&mut page, evaluation);
    if !layouts.is_empty() {
        page.section("Other layouts of lines").paragraph("Lines of the same volumes, set anew.");
        let row = |figures: &LayoutFigures| {
            let LayoutFigures { layout, lines } = figures;
            vec![
                Cell::text(layout),
                Cell::decimal(lines.accuracy),
                Cell::decimal(lines.macro_f1),
                Cell::number(lines.support),
            ]
        };
        let rows: Vec<Vec<Cell>> = layouts.iter().map(row).collect();
        page.table("Each layout", &["layout", "accuracy", "macro-F1", "lines"], &rows);
    }
    if learning_curve.len() > 1 {
        learning(&mut page, learning_curve);
    }
    surprises(&mut page, evaluation);
    page.finish()
}

fn per_label(page: &mut Page, what: &str, scores: &Scores) {
    let shown: Vec<_> = scores.labels.iter().filter(|(_, label)| label.support > 0).collect();
    let f1: Vec<Bar> = shown.iter().map(|(name, label)| Bar::of_share(name, label.f1)).collect();
    let of = what.to_lowercase();
    let svg = bars(&format!("f1-{of}"), &format!("F1 of each label, {of}"), &f1);
    page.figure(&svg, "F1 of each label.");
    let rows: Vec<Vec<Cell>> = shown
        .iter()
        .map(|(name, label)| {
            vec![
                Cell::text(name),
                Cell::decimal(label.precision),
                Cell::decimal(label.recall),
                Cell::decimal(label.f1),
                Cell::number(label.support),
            ]
        })
        .collect();
    page.table(&format!("{what}: per label"), &["label", "precision", "recall", "F1", "support"], &rows);
}

/// Lines of each volume, where there are several, those with the most mistakes first.
fn volumes(page: &mut Page, evaluation: &Evaluation) {
    let all = &evaluation.measured.volumes;
    if all.len() < 2 {
        return;
    }
    let mut figures: Vec<(&str, Scores)> =
        all.iter().map(|(volume, [_, lines])| (volume.as_str(), lines.scores())).collect();
    figures.sort_by(|(_, a), (_, b)| a.accuracy.total_cmp(&b.accuracy));
    let row = |(volume, lines): &(&str, Scores)| {
        vec![
            Cell::text(*volume),
            Cell::decimal(lines.accuracy),
            Cell::decimal(lines.macro_f1),
            Cell::number(lines.support),
        ]
    };
    let rows: Vec<Vec<Cell>> = figures.iter().take(SHOWN).map(row).collect();
    page.section("Each volume");
    page.table("Lines, the least accurate first", &["volume", "accuracy", "macro-F1", "lines"], &rows);
}

fn confusion_table(page: &mut Page, what: &str, confusion: &Confusion) {
    let matrix = confusion.matrix();
    let mut heads = vec!["annotated \\ predicted"];
    heads.extend(confusion.labels().iter().map(String::as_str));
    let rows: Vec<Vec<Cell>> = confusion
        .labels()
        .iter()
        .zip(&matrix)
        .map(|(label, counts)| {
            let total = counts.iter().sum::<u64>().max(1) as f64;
            let cells = counts.iter().map(|&count| Cell::Shaded(count.to_string(), count as f64 / total));
            std::iter::once(Cell::text(label)).chain(cells).collect()
        })
        .collect();
    page.table(&format!("{what}: annotated labels down, predicted labels across"), &heads, &rows);
}

fn most_confused(page: &mut Page, confusion: &Confusion) {
    let pairs = confusion.most_confused(SHOWN);
    if pairs.is_empty() {
        return;
    }
    page.section("Most confused");
    let rows: Vec<Vec<Cell>> = pairs
        .into_iter()
        .map(|(gold, predicted, count)| vec![Cell::text(gold), Cell::text(predicted), Cell::number(count)])
        .collect();
    page.table("Blocks, most frequent first", &["annotated", "predicted", "blocks"], &rows);
}

fn reliability(page: &mut Page, calibration: &Calibration) {
    page.section("Do probabilities mean what they say?");
    page.paragraph(&format!(
        "Of the paragraphs labelled with probability 0.8, four in five should be right: the curve should lie \
         on the dashed line. The expected calibration error is {:.3}.",
        calibration.ece
    ));
    let points = calibration.bins.iter().map(|bin| (bin.confidence, bin.accuracy)).collect();
    let words: Vec<String> = calibration
        .bins
        .iter()
        .map(|bin| format!("at probability {:.2} {:.2} are right", bin.confidence, bin.accuracy))
        .collect();
    let plot = LinePlot {
        title: "Reliability of the probabilities".into(),
        description: words.join(", "),
        x_label: "probability of the label".into(),
        y_label: "share that is right".into(),
        x_range: (0.0, 1.0),
        y_range: (0.0, 1.0),
        series: vec![Series { name: "blocks".into(), points }],
        diagonal: true,
    };
    page.figure(&plot.to_svg("reliability"), "Mean probability and share of right labels, in ten bins.");
    let rows: Vec<Vec<Cell>> = calibration
        .bins
        .iter()
        .map(|bin| vec![Cell::decimal(bin.confidence), Cell::decimal(bin.accuracy), Cell::number(bin.count)])
        .collect();
    page.table("The bins", &["probability", "right", "blocks"], &rows);
}

fn learning(page: &mut Page, curve: &[LearningPoint]) {
    page.section("Would more annotation help?");
    let series = |name: &str, figure: fn(&LearningPoint) -> f64| Series {
        name: name.into(),
        points: curve.iter().map(|point| (point.paragraphs as f64, figure(point))).collect(),
    };
    let series = vec![series("accuracy", |point| point.accuracy), series("macro-F1", |point| point.macro_f1)];
    let values = || series.iter().flat_map(|series| series.points.iter().map(|point| point.1));
    let low = values().fold(1.0, f64::min);
    let words: Vec<String> = curve
        .iter()
        .map(|point| {
            let (accuracy, macro_f1) = (point.accuracy, point.macro_f1);
            format!("{} paragraphs: accuracy {accuracy:.3}, macro-F1 {macro_f1:.3}", point.paragraphs)
        })
        .collect();
    let plot = LinePlot {
        title: "Learning curve".into(),
        description: words.join("; "),
        x_label: "paragraphs trained on".into(),
        y_label: "score on blocks".into(),
        x_range: (0.0, curve.iter().map(|point| point.paragraphs as f64).fold(1.0, f64::max)),
        y_range: ((low * 20.0).floor() / 20.0, 1.0),
        series,
        diagonal: false,
    };
    page.figure(&plot.to_svg("learning"), "Models trained on a part of the files, on the same test volumes.");
}

fn surprises(page: &mut Page, evaluation: &Evaluation) {
    let surprises = &evaluation.measured.surprises;
    if surprises.is_empty() {
        return;
    }
    page.section("Largest losses");
    page.paragraph(
        "Paragraphs whose annotated label the model thinks least likely. Many of them turn out to be wrongly \
         annotated.",
    );
    let rows: Vec<Vec<Cell>> = surprises
        .iter()
        .take(SHOWN)
        .map(|surprise| {
            vec![
                Cell::text(format!("{}:{}", surprise.file, surprise.line)),
                Cell::text(&surprise.gold),
                Cell::text(&surprise.predicted),
                Cell::number(format!("{:.1}", surprise.loss)),
                Cell::text(&surprise.excerpt),
            ]
        })
        .collect();
    page.table(
        "Largest loss first (natural logarithm)",
        &["file and line", "annotated", "predicted", "loss", "text"],
        &rows,
    );
}
