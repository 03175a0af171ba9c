//! `--explain DOC:LINE`: which features made the label of a paragraph, for people.

use crate::Result;
use crate::document::Paragraph;
use crate::document::labels::collapse;
use crate::document::lines::lines;
use crate::model::{AROUND, AUXILIARY, Contribution, Model, catalog};
use crate::run::ProgramError;
use crate::segment::segment;
use crate::settings::Settings;
use std::fmt::Write as _;
use std::sync::Arc;

/// How many features of each stage are shown one by one.
const SHOWN: usize = 16;
/// How much of the paragraph is shown, in characters.
const EXCERPT: usize = 90;

/// Explains the label of the paragraph at `line` of `document`, a file or an id in the database.
///
/// # Errors
/// The document or the model cannot be read, or there is no paragraph at or after that line.
pub(super) fn explain(settings: &Settings, document: &str, line: usize) -> Result<String> {
    let model = settings.model.as_deref().unwrap_or(catalog::default_name());
    let model = Arc::new(Model::load(&catalog::find(model, &settings.model_folders)?)?);
    let text = crate::run::fetch(settings, document)?.content;
    let place = find(&text, line).ok_or_else(|| {
        let document = document.to_owned();
        ProgramError::NoParagraph { document, line, lines: lines(&text).count() }
    })?;
    explanation(&model, &place, document)
}

/// A paragraph of a document, and the lines it stands on.
struct Place<'a> {
    paragraphs: Vec<Paragraph<'a>>,
    number: usize,
    first_line: usize,
    last_line: usize,
}

/// The paragraph that holds `line` (counted from 1), or the next one after it.
fn find(text: &str, line: usize) -> Option<Place<'_>> {
    let starts: Vec<usize> = lines(text)
        .scan(0, |end, line| {
            *end += line.len();
            Some(*end - line.len())
        })
        .collect();
    let start = *starts.get(line.saturating_sub(1))?;
    let spans = segment(text);
    let number = spans.iter().position(|span| span.end > start)?;
    let span = spans[number];
    let line_of = |at: usize| starts.partition_point(|start| *start <= at);
    let (paragraphs, _) = Paragraph::tile(text, &spans);
    Some(Place { paragraphs, number, first_line: line_of(span.start), last_line: line_of(span.end - 1) })
}

fn explanation(model: &Arc<Model>, place: &Place<'_>, document: &str) -> Result<String> {
    let words = place.paragraphs[place.number].text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut excerpt: String = words.chars().take(EXCERPT).collect();
    if excerpt.len() < words.len() {
        excerpt.push('…');
    }
    let mut text = format!(
        "{document}, paragraph {} of {}, lines {} to {}\n  {excerpt}\n\nModel {}:\n",
        place.number + 1,
        place.paragraphs.len(),
        place.first_line,
        place.last_line,
        model.name()
    );
    let labels = model.labels();
    let mut scorer = model.scorer();
    let scored = scorer.score(&place.paragraphs);
    let row = scored.probabilities.chunks(labels.len()).nth(place.number).unwrap_or_default();
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    let width = labels.iter().map(String::len).max().unwrap_or_default();
    for &label in &order {
        let _ = writeln!(text, "  {:width$}  {:.4}", labels[label], row[label]);
    }
    // A model has at least two labels.
    let [label, next, ..] = order[..] else { return Ok(text) };
    let _ = writeln!(text, "\nWhy {} rather than {} (logarithm of the odds):", labels[label], labels[next]);
    let contributions = model.explain(&place.paragraphs, place.number, label)?;
    let odds = |term: &Contribution| term.scores[label] - term.scores[next];
    let named = |start: &'static str| {
        contributions.iter().filter_map(move |term| Some((odds(term), term.feature.strip_prefix(start)?)))
    };
    let own = contributions
        .iter()
        .filter(|term| [AROUND, AUXILIARY].iter().all(|start| !term.feature.starts_with(start)))
        .map(|term| (odds(term), term.feature.as_str()));
    let intercept = model.linear().intercept();
    let mut sum = terms(&mut text, "the paragraph by itself", own, intercept[label] - intercept[next]);
    if let Some(stacked) = model.stacked() {
        let bias = stacked.fitted().intercept()[label] - stacked.fitted().intercept()[next];
        sum = terms(&mut text, "then, by what was thought of it and of those around it", named(AROUND), bias);
    }
    for (odds, _) in named(AUXILIARY) {
        auxiliary(&mut text, model, (&labels[label], &labels[next]), (odds, sum));
    }
    Ok(text)
}

/// The terms of one stage, given as odds and names, and their sum.
fn terms<'a>(text: &mut String, title: &str, terms: impl Iterator<Item = (f64, &'a str)>, bias: f64) -> f64 {
    let mut odds: Vec<(f64, &str)> = terms.collect();
    odds.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    let _ = writeln!(text, "  {title}");
    for (odds, feature) in odds.iter().take(SHOWN) {
        let _ = writeln!(text, "    {odds:+8.3}  {feature}");
    }
    if let Some(rest) = odds.get(SHOWN..).filter(|rest| !rest.is_empty()) {
        let sum: f64 = rest.iter().map(|(odds, _)| odds).sum();
        let _ = writeln!(text, "    {sum:+8.3}  {} others", rest.len());
    }
    let sum: f64 = bias + odds.iter().map(|(odds, _)| odds).sum::<f64>();
    let _ = writeln!(text, "    {bias:+8.3}  whatever the paragraph (intercept)");
    let _ = writeln!(text, "    {sum:+8.3}  together");
    sum
}

/// What the model of the three labels adds to the odds of the fine labels' own scores.
fn auxiliary(text: &mut String, model: &Model, pair: (&str, &str), odds: (f64, f64)) {
    let (label, next) = (collapse(pair.0), collapse(pair.1));
    let _ = writeln!(text, "  then, half way to what {AUXILIARY} thinks");
    let (added, own) = odds;
    if label == next {
        let _ = writeln!(text, "    {added:+8.3}  nothing: to it both are {label}");
    } else {
        let _ = writeln!(text, "    {added:+8.3}  of {label} rather than {next}");
    }
    let temperature = model.info().temperature;
    let sum = (own + added) / temperature;
    let _ = writeln!(
        text,
        "    {sum:+8.3}  together, divided by {temperature:.3} (the temperature of calibration)"
    );
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn lines_end_where_they_end_for_python() {
        for end in
            ["\n", "\r\n", "\r", "\u{2028}", "\u{2029}", "\u{85}", "\u{b}", "\u{1c}", "\u{1d}", "\u{1e}"]
        {
            let text = "First paragraph.\n\nAnother one.\n\n".replace('\n', end);
            let lines = |line| find(&text, line).map(|place| (place.first_line, place.last_line));
            assert_eq!(
                [lines(1), lines(2), lines(3), lines(4)],
                [Some((1, 1)), Some((3, 3)), Some((3, 3)), None],
                "{end:?}"
            );
        }
    }

    #[test]
    fn a_line_leads_to_its_paragraph_and_a_blank_one_to_the_next() {
        let text = "\nFirst paragraph,\nsecond line.\n\n\nAnother one.\n\n";
        let lines = |line| find(text, line).map(|place| (place.first_line, place.last_line));
        let first = lines(2).unwrap();
        assert_eq!((lines(1), first.0), (Some(first), 2));
        assert_eq!(lines(4), Some((6, 6)));
        assert_eq!(lines(6), Some((6, 6)));
        assert_eq!(lines(7), None);
        assert_eq!(lines(99), None);
        assert!(find("", 1).is_none());
    }
}
