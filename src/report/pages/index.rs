//! The index over a folder of pages.

use indexmap::IndexMap;
use maud::{Markup, html};

use super::summary::{Doubtful, Summary};
use super::theme::{choices, data, label_style, page};
use super::{MOST_DOUBTFUL, visible};

const STYLE: &str = include_str!("assets/index.css");
const SCRIPT: &str = include_str!("assets/index.js");

/// The index of the pages with these summaries; each comes with the address of its page, relative to the index.
///
/// Entries are shown in the order given.
#[must_use]
pub fn index_page(pages: &[(String, Summary)]) -> String {
    let mut labels: Vec<String> = Vec::new();
    for label in pages.iter().flat_map(|(_, summary)| &summary.labels) {
        if !labels.contains(label) {
            labels.push(label.clone());
        }
    }
    let labels = choices(&labels);
    let index_of = |label: &str| labels.iter().position(|known| known == label);
    let mut totals: IndexMap<&str, usize> = IndexMap::new();
    for (label, count) in pages.iter().flat_map(|(_, summary)| &summary.counts) {
        *totals.entry(label).or_default() += count;
    }
    totals.sort_by(|_, a, _, b| b.cmp(a));
    let paragraphs: usize = pages.iter().map(|(_, summary)| summary.paragraphs).sum();
    let doubtful: usize = pages.iter().map(|(_, summary)| summary.doubtful).sum();
    let most = totals.values().copied().max().unwrap_or(1).max(1);
    let mut names: Vec<&[String]> = Vec::with_capacity(pages.len());
    names.extend(pages.iter().map(|(_, summary)| summary.names.as_slice()));
    let head = data("names", &names);
    let body = html! {
        main {
            h1 { "Labelled documents" }
            p.quiet {
                (pages.len()) " documents, " (paragraphs) " paragraphs, " (doubtful)
                " of them doubtful (a probability below 80 %)."
            }
            h2 { "Labels" }
            div.totals {
                @for (label, count) in &totals {
                    div {
                        span.swatch data-l=[index_of(label)] { (label) }
                        span.bar { i data-l=[index_of(label)] style={ "width:" (percent(*count, most)) "%" } {} }
                        span { (count) }
                    }
                }
            }
            h2 #find-title { "Documents" }
            div.find hidden {
                input type="search" aria-label="Search documents and names of taxa"
                    placeholder="Search: document or taxon";
                label { "Order " select #order {
                    option value="name" { "by name" }
                    option value="doubtful" { "most doubtful first" }
                    option value="paragraphs" { "longest first" }
                } }
                button #save type="button" { "Save all corrections" }
                span role="status" aria-live="polite" {}
            }
            ul #documents {
                @for (address, summary) in pages { (entry(address, summary, &index_of)) "\n" }
            }
            (most_doubtful(pages, &index_of))
        }
    };
    page("Labelled documents", &head, &format!("{STYLE}{}", label_style(&labels)), SCRIPT, &body)
}

fn percent(part: usize, whole: usize) -> String {
    format!("{:.1}", part as f64 * 100.0 / whole.max(1) as f64)
}

fn entry(address: &str, summary: &Summary, index_of: &impl Fn(&str) -> Option<usize>) -> Markup {
    html! {
        li data-doubtful=(summary.doubtful) data-paragraphs=(summary.paragraphs) data-sha256=(summary.sha256) {
            a href=(href(address)) { bdi { (visible(&summary.name)) } }
            div.bar aria-hidden="true" {
                @for (label, count) in &summary.counts {
                    i data-l=[index_of(label)] style={ "width:" (percent(*count, summary.paragraphs)) "%" } {}
                }
            }
            div.counts {
                @for (index, (label, count)) in summary.counts.iter().enumerate() {
                    @if index > 0 { ", " }
                    (label) " " (count)
                }
                @if summary.doubtful > 0 { ", " strong { (summary.doubtful) " doubtful" } }
            }
        }
    }
}

fn most_doubtful(pages: &[(String, Summary)], index_of: &impl Fn(&str) -> Option<usize>) -> Markup {
    let mut found: Vec<(&str, &Summary, &Doubtful)> = pages
        .iter()
        .flat_map(|(address, summary)| {
            summary.most_doubtful.iter().map(move |doubtful| (address.as_str(), summary, doubtful))
        })
        .collect();
    found.sort_by(|a, b| a.2.probability.total_cmp(&b.2.probability));
    found.truncate(MOST_DOUBTFUL);
    html! {
        @if !found.is_empty() {
            h2 { "The most doubtful paragraphs" }
            ol #doubtful {
                @for (address, summary, doubtful) in found {
                    li {
                        span.swatch data-l=[index_of(&doubtful.label)] { (doubtful.label) }
                        " " b.doubt { (format!("{:.0}", doubtful.probability * 100.0)) " %" } " "
                        a href={ (href(address)) "#p" (doubtful.paragraph) } { bdi { (visible(&doubtful.text)) } }
                        div.counts { bdi { (visible(&summary.name)) } ", line " (doubtful.line) }
                    }
                }
            }
        }
    }
}

/// A relative path as an address: nothing in it is taken for a scheme, a query or an anchor.
fn href(path: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');
    format!("./{}", utf8_percent_encode(path, KEPT))
}
