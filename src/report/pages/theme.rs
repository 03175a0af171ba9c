//! What pages look like, and what may run in them.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::visible;
use super::visible::shown;
use crate::document::labels::{DESCRIPTION, KNOWN_LABELS, MISC_EXPOSITION, NOMENCLATURE};

const COMMON: &str = include_str!("assets/common.css");

/// The hue of a label in degrees and how its border is drawn: the second cue, together with its name.
fn look(label: &str, index: usize) -> (usize, &'static str) {
    const BORDERS: [&str; 4] = ["dashed", "dotted", "solid", "double"];
    match label {
        NOMENCLATURE => (212, "solid"),
        DESCRIPTION => (135, "double"),
        MISC_EXPOSITION => (40, "dotted"),
        _ => {
            // The same label looks the same in every document, whatever its model calls it first.
            let number = KNOWN_LABELS.iter().position(|known| *known == label).unwrap_or(25 + index);
            ((number * 67 + 255) % 360, BORDERS[number % 4])
        }
    }
}

/// Colour and border of each label, for elements with its index in `data-l`.
pub(super) fn label_style(labels: &[String]) -> String {
    let mut style = String::new();
    for (index, label) in labels.iter().enumerate() {
        let (hue, border) = look(label, index);
        // Misc-exposition is most of the text: it stays pale.
        let colour = if label == MISC_EXPOSITION { 12 } else { 70 };
        let _ = write!(style, "[data-l=\"{index}\"]{{--h:{hue};--c:{colour}%;--b:{border}}}");
    }
    style
}

/// `labels`, and after them every other known label: what a person can choose from.
pub(super) fn choices(labels: &[String]) -> Vec<String> {
    let more = KNOWN_LABELS.iter().filter(|known| !labels.iter().any(|label| label == *known));
    labels.iter().cloned().chain(more.map(|&known| known.to_owned())).collect()
}

/// Data for scripts and readers: JSON in which nothing can end the element that holds it.
pub(super) fn data(id: &str, value: &impl Serialize) -> Markup {
    // Names, numbers and texts: there is nothing that JSON could not hold.
    let json = serde_json::to_string(value).unwrap_or_default();
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        // What could end the element, and what would not be seen in it: all of them below U+FFFF.
        if matches!(c, '<' | '>' | '&') || shown(c) != c {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    html! { script type="application/json" id=(id) { (PreEscaped(escaped)) } }
}

/// A whole page. Only `script` may run in it, and nothing may be asked for over a network.
pub(super) fn page(title: &str, head: &Markup, style: &str, script: &str, body: &Markup) -> String {
    let hash = STANDARD.encode(Sha256::digest(script));
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; \
         form-action 'none'"
    );
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (visible(title)) }
                (head)
                style { (PreEscaped(COMMON)) (PreEscaped(style)) }
            }
            body {
                (body)
                script { (PreEscaped(script)) }
            }
        }
    }
    .into_string()
}
