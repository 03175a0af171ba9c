//! The page that says what adapting a model has changed.

use super::html::{Cell, Page};
use super::plot::{Bar, LinePlot, Series, bars};
use crate::model::train::{Adapted, Change};

/// The page for an adapted model.
#[must_use]
pub fn adaptation_page(adapted: &Adapted) -> String {
    let mut page = Page::new("What did the corrections change?", adapted.model.name());
    page.paragraph(&adapted.sentence());
    page.section("Before and after");
    let change = |what: &str, change: Change| {
        vec![Cell::text(what), Cell::decimal(change.before), Cell::decimal(change.after)]
    };
    let rows = [
        change("corrected paragraphs, held out: labelled as corrected", adapted.accuracy),
        change("check set: macro-F1", adapted.check),
    ];
    page.table("Figures from 0 to 1, the larger the better", &["", "before", "after"], &rows);
    page.section("How far the model moved");
    page.paragraph(
        "Each strength of the penalty holds the model back by another force: the strongest, on the left, leaves it \
         nearly as it was. Paragraphs that were held out in turn tell how far the corrections carry.",
    );
    strengths(&mut page, adapted);
    if !adapted.moved.is_empty() {
        page.section("Labels that moved");
        let most = adapted.moved.iter().map(|(_, _, count)| *count).max().unwrap_or(1).max(1) as f64;
        let shown = adapted.moved.iter().take(12).map(|(from, to, count)| Bar {
            name: format!("{from} to {to}"),
            length: *count as f64 / most,
            figure: count.to_string(),
        });
        let shown: Vec<Bar> = shown.collect();
        page.figure(
            &bars("moved", "Corrected paragraphs by how their label moved", &shown),
            "Corrected paragraphs that have another label than before.",
        );
        let rows: Vec<Vec<Cell>> = adapted
            .moved
            .iter()
            .map(|(from, to, count)| vec![Cell::text(from), Cell::text(to), Cell::number(count)])
            .collect();
        page.table("Most frequent first", &["from", "to", "paragraphs"], &rows);
    }
    page.finish()
}

fn strengths(page: &mut Page, adapted: &Adapted) {
    // From the model as it was to the one that moved furthest.
    let last = adapted.strengths.len().saturating_sub(1) as f64;
    let points =
        adapted.strengths.iter().enumerate().map(|(at, point)| (at as f64, point.accuracy)).collect();
    let name =
        |strength: Option<f64>| strength.map_or("as it was".to_owned(), |strength| strength.to_string());
    let words: Vec<String> = adapted
        .strengths
        .iter()
        .map(|point| format!("{}: {:.3} as corrected", name(point.strength), point.accuracy))
        .collect();
    let low = adapted.strengths.iter().map(|point| point.accuracy).fold(1.0, f64::min);
    let plot = LinePlot {
        title: "Held-out paragraphs labelled as corrected".into(),
        description: words.join("; "),
        x_label: "steps from the model as it was".into(),
        y_label: "share labelled as corrected".into(),
        x_range: (0.0, last),
        y_range: ((low * 20.0).floor() / 20.0, 1.0),
        series: vec![Series { name: "held out".into(), points }],
        diagonal: false,
    };
    page.figure(
        &plot.to_svg("strengths"),
        "Corrected paragraphs, each labelled by a model that had not seen it.",
    );
    let rows: Vec<Vec<Cell>> = adapted
        .strengths
        .iter()
        .map(|point| {
            let chosen = if point.strength == Some(adapted.strength) { " (chosen)" } else { "" };
            let strength = format!("{}{chosen}", name(point.strength));
            vec![Cell::text(strength), Cell::decimal(point.log_loss), Cell::decimal(point.accuracy)]
        })
        .collect();
    page.table("The strengths", &["strength", "log-loss", "as corrected"], &rows);
}
