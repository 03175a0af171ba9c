//! The page of one document.

use maud::{Markup, html};

use super::exact::Exact;
use super::lines::lines;
use super::summary::Summary;
use super::theme::{choices, data, label_style, page};
use super::{LabelledText, PageParagraph, visible};

const STYLE: &str = include_str!("assets/document.css");
const SCRIPT: &str = include_str!("assets/document.js");

/// The page of `document`: its text with coloured paragraphs, contents by label, and means to correct it.
///
/// The same document with the same labels gives the same page.
#[must_use]
pub fn document_page(document: &LabelledText<'_>) -> String {
    let summary = Summary::of(document);
    let labels = choices(document.labels);
    let depth = document.name.matches('/').count();
    let index = format!("{}index.html", "../".repeat(depth));
    let head = html! {
        (data("summary", &summary))
        (data("labels", &labels))
    };
    let body = html! {
        a.skip href="#text" { "To the text" }
        header {
            a href=(index) { "All documents" }
            h1 { bdi { (visible(document.name)) } }
            p.quiet {
                (summary.paragraphs) " paragraphs, " (summary.doubtful) " doubtful"
                @if summary.doubtful > 0 { " (a probability below 80 %, marked " b { "?" } ")" }
                @if document.doc_id != document.name { ". Document " bdi { (visible(document.doc_id)) } }
            }
            p.tools hidden {
                button type="button" data-do="save" title="Save corrections (key w)" { "Save corrections" }
                button type="button" data-do="help" title="Keys (key ?)" { "Keys" }
                span role="status" aria-live="polite" {}
            }
        }
        div.columns {
            nav aria-label="Contents by label" {
                @for (index, label) in document.labels.iter().enumerate() {
                    @if let Some(count) = summary.counts.get(label) {
                        details data-l=(index) {
                            summary { span.swatch { (label) } " " span.quiet { (count) } }
                        }
                    }
                }
                noscript { p.quiet { "The lists open where scripts may run." } }
            }
            main #text tabindex="-1" {
                (paragraphs(document))
            }
        }
        form #bar hidden aria-label="The paragraph" {
            p { output { "No paragraph is chosen." } }
            p {
                button type="button" data-do="previous" title="Previous doubtful paragraph (key p)" { "↑ " span { "doubtful" } }
                button type="button" data-do="next" title="Next doubtful paragraph (key n)" { "↓ " span { "doubtful" } }
                label { "Label " select {} }
                button type="button" data-do="confirm" title="The label is right (key c)" { "Right" }
                button type="button" data-do="split" title="Split before the marked line (key s)" { "Split" }
                button type="button" data-do="join" title="Join with the next paragraph (key m)" { "Join ↓" }
                button type="button" data-do="undo" title="Undo (key u)" { "Undo" }
            }
        }
        dialog #help aria-labelledby="help-title" {
            h2 #help-title { "Keys" }
            dl {
                @for (keys, meaning) in KEYS {
                    dt { @for key in keys.split(' ') { kbd { (key) } " " } }
                    dd { (meaning) }
                }
            }
            p.quiet {
                "Saved corrections are one small file for your downloads folder. They count when you give that file to "
                code { "train_classifier" } " or " code { "convert_annotations" } ", with the annotations."
            }
            form method="dialog" { button { "Close" } }
        }
        (data("exact", &Exact::of(document)))
    };
    page(document.name, &head, &format!("{STYLE}{}", label_style(&labels)), SCRIPT, &body)
}

const KEYS: &[(&str, &str)] = &[
    ("n p", "next, previous doubtful paragraph"),
    ("j k", "next, previous paragraph"),
    ("1 … 9", "give the paragraph the first, … ninth label of the list"),
    ("l", "choose its label from the list"),
    ("c", "its label is right"),
    ("↓ ↑", "mark the next, previous line of it"),
    ("s", "split it before the marked line"),
    ("m", "join it with the next one"),
    ("u", "undo"),
    ("w", "save corrections"),
    ("?", "this help"),
];

fn paragraphs(document: &LabelledText<'_>) -> Markup {
    let (mut start, mut line) = (0, 1);
    html! {
        @for (index, paragraph) in document.paragraphs.iter().enumerate() {
            ({
                start += paragraph.before.chars().count();
                line += newlines(paragraph.before);
                let shown = self::paragraph(document, index, paragraph, start, line);
                start += paragraph.text.chars().count();
                line += newlines(paragraph.text);
                shown
            })
            "\n"
        }
    }
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// One paragraph: `data-l` its label, `data-s` its first code point, `data-n` its first line, `data-p` the
/// probabilities in percent.
fn paragraph(
    document: &LabelledText<'_>,
    index: usize,
    paragraph: &PageParagraph<'_>,
    start: usize,
    line: usize,
) -> Markup {
    let label = paragraph.label.and_then(|label| document.labels.get(label));
    let percent: Vec<String> = paragraph.probabilities.iter().map(|p| format!("{:.0}", p * 100.0)).collect();
    let new_page = paragraph.before.contains('\u{c}');
    let class = match (paragraph.is_doubtful(), new_page) {
        (true, true) => Some("d pb"),
        (true, false) => Some("d"),
        (false, true) => Some("pb"),
        (false, false) => None,
    };
    html! {
        p id={ "p" (index + 1) } class=[class] data-l=[paragraph.label] data-s=(start) data-n=(line)
            data-p=[(!percent.is_empty()).then(|| percent.join(","))]
        {
            // A paragraph that is not drawn yet keeps its counters to itself: they begin inside.
            b style={ "counter-reset:n " (line - 1) } {
                (label.map_or("no label", String::as_str))
                @if let Some(probability) = paragraph.probability().filter(|_| paragraph.is_doubtful()) {
                    i { " " (format!("{:.0}", probability * 100.0)) " %?" }
                }
            }
            @for line in lines(paragraph.text) {
                @let end = (!matches!(line.end, "\n" | "")).then(|| hexadecimal(line.end));
                span class=[(!line.numbered).then_some("c")] data-t=[end] { (visible(line.text)) }
            }
        }
    }
}

/// The code points of `text`, hexadecimal, with dots between.
fn hexadecimal(text: &str) -> String {
    text.chars().map(|c| format!("{:x}", u32::from(c))).collect::<Vec<_>>().join(".")
}
