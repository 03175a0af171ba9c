//! brat standoff: one text-bound annotation per paragraph, beside a copy of the text.

use super::LabelledDocument;
use crate::document::brat::{BratSpans, type_names, write_annotation};

pub(super) fn render(document: &LabelledDocument<'_>, spans: BratSpans) -> Vec<u8> {
    let names = type_names(document.labels);
    let mut out = Vec::with_capacity(document.bytes() * 2);
    for (number, (paragraph, [start, _])) in document.with_offsets().enumerate() {
        let label = names.get(paragraph.label).map_or("", String::as_str);
        write_annotation(&mut out, number + 1, label, paragraph.text, start, spans);
    }
    out
}
