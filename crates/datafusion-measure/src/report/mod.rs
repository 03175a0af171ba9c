//! A page of what was measured: one self-contained HTML file, without script or network.
//!
//! Plan trees with time and rows, stages as a waterfall, partitions and skew, sizes against their limits, lineage before
//! and after checkpoints, and what changed since an earlier run. It follows the reader's light or dark scheme, and colour
//! or length never say anything that words do not.

mod query;
mod sizes;
mod table;

use std::io;
use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use super::Instrumentation;
use super::files::write_atomically;
use super::growth::Comparison;
use super::limits::Limits;
use super::metrics::Metrics;
use super::session::QueryMetrics;

const STYLE: &str = include_str!("style.css");

/// Queries that get a section of their own at most: those that took longest.
const QUERIES: usize = 50;

/// By how many percent a plan may grow before the page marks it.
const GROWTH: f64 = 10.0;

impl Instrumentation {
    /// What was measured so far as a page; with the metrics of an earlier run ([`Metrics::to_json`], or a file that
    /// [`Metrics::write`] has written), also what changed since.
    #[must_use]
    pub fn report_page(&self, before: Option<&Value>) -> String {
        page(&self.metrics(), &self.settings.limits, before)
    }

    /// Writes the page to `path`, atomically.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_report(&self, path: &Path, before: Option<&Value>) -> io::Result<()> {
        write_atomically(path, self.report_page(before).as_bytes())
    }
}

fn page(metrics: &Metrics, limits: &Limits, before: Option<&Value>) -> String {
    let mut shown: Vec<&QueryMetrics> = metrics.queries.iter().collect();
    shown.sort_by(|a, b| b.elapsed_s.total_cmp(&a.elapsed_s));
    shown.truncate(QUERIES);
    shown.sort_by_key(|query| query.number);
    let title = "DataFusion, measured";
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main {
                h1 { (title) }
                p.quiet { (overview(metrics)) }
                (lines("Warnings", &metrics.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), true))
                (lines("Advice", &metrics.advice, false))
                (comparison(metrics, before))
                (sizes::sizes(metrics, limits))
                (sizes::lineage(metrics, limits))
                (contents(metrics, &shown))
                @for query in shown { (query::section(query)) "\n" }
            } }
        }
    }
    .into_string()
}

fn overview(metrics: &Metrics) -> String {
    let seconds: f64 = metrics.queries.iter().map(|query| query.elapsed_s).sum();
    let failed = metrics.queries.iter().filter(|query| query.error.is_some()).count();
    let failed = if failed > 0 { format!(", {failed} of them failed") } else { String::new() };
    format!(
        "{} queries{failed}, {}; {} DataFrames; {} warnings",
        metrics.queries.len(),
        query::time(seconds),
        metrics.dataframes.len(),
        metrics.warnings.len()
    )
}

/// Where there are many queries: which, and how to get to each.
fn contents(metrics: &Metrics, shown: &[&QueryMetrics]) -> Markup {
    html! {
        @if metrics.queries.len() > 1 {
            nav aria-label="Queries" {
                h2 { "Queries" }
                @if shown.len() < metrics.queries.len() {
                    p.quiet {
                        "The " (shown.len()) " of " (metrics.queries.len()) " that took longest; the metrics have all."
                    }
                }
                ol { @for query in shown {
                    li value=(query.number) {
                        a href={ "#query-" (query.number) } { (visible(&shortened(query.name(), 80))) }
                        " " span.quiet { (query::time(query.elapsed_s)) }
                        @if query.error.is_some() { " " span.bad { "failed" } }
                    }
                } }
            }
        }
    }
}

fn lines(heading: &str, lines: &[String], bad: bool) -> Markup {
    html! {
        @if !lines.is_empty() {
            h2 { (heading) }
            ul { @for line in lines {
                li { @if bad { span.bad aria-hidden="true" { "⚠ " } } (visible(line)) }
            } }
        }
    }
}

fn comparison(metrics: &Metrics, before: Option<&Value>) -> Markup {
    let Some(before) = before else { return html! {} };
    let compared = Comparison::of(before, &metrics.to_json(), GROWTH);
    html! {
        h2 { "Since the earlier run" }
        @if compared.changes.is_empty() { p { "Nothing notable changed." } }
        @if !compared.changes.is_empty() {
            ul { @for change in &compared.changes { li { (visible(change)) } } }
        }
        @if compared.passes() { p { "No plan grew by more than " (GROWTH) " %." } }
        @if !compared.passes() {
            p { "Plans that grew by more than " (GROWTH) " %:" }
            ul { @for grown in &compared.grown {
                li { span.bad { "grown " } (visible(&grown.to_string())) }
            } }
        }
    }
}

/// Text in which nothing is invisible: control characters become their pictures.
fn visible(text: &str) -> String {
    let picture = |c: char| match c {
        '\n' => ' ',
        '\u{7f}' => '\u{2421}',
        c if (c as u32) < 0x20 => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(picture).collect()
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
