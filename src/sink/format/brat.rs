//! brat standoff: one text-bound annotation per paragraph, beside a copy of the text.

use super::LabelledDocument;
use std::io::Write as _;

/// brat counts Unicode characters, and a span over several lines is given as one fragment per line.
pub(super) fn render(document: &LabelledDocument<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(document.bytes() * 2);
    let mut at = 0;
    for (number, paragraph) in document.paragraphs.iter().enumerate() {
        at += paragraph.before.chars().count();
        let mut fragments = Vec::new();
        let mut shown = String::with_capacity(paragraph.text.len());
        for line in paragraph.text.split_inclusive(['\n', '\r']) {
            let kept = line.trim_end_matches(['\n', '\r']);
            let length = kept.chars().count();
            if length > 0 {
                fragments.push(format!("{} {}", at, at + length));
                if !shown.is_empty() {
                    shown.push(' ');
                }
                shown.push_str(kept);
            }
            at += line.chars().count();
        }
        // Writing to a Vec cannot fail.
        let _ =
            writeln!(out, "T{}\t{} {}\t{shown}", number + 1, document.label(paragraph), fragments.join(";"));
    }
    out
}
