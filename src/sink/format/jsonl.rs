//! JSON lines: one object per paragraph.

use super::LabelledDocument;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};
use std::io;

#[derive(Serialize)]
struct JsonLine<'a> {
    doc_id: &'a str,
    attachment_name: &'a str,
    number: usize,
    start: u64,
    end: u64,
    start_byte: u64,
    end_byte: u64,
    label: &'a str,
    probability: f32,
    probabilities: ByLabel<'a>,
    text: &'a str,
}

struct ByLabel<'a>(&'a [String], &'a [f32]);

impl Serialize for ByLabel<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (label, probability) in self.0.iter().zip(self.1) {
            map.serialize_entry(label, probability)?;
        }
        map.end()
    }
}

pub(super) fn render(document: &LabelledDocument<'_>) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(document.bytes() * 2);
    for (number, (paragraph, [start, end])) in document.with_offsets().enumerate() {
        let line = JsonLine {
            doc_id: &document.reference.doc_id,
            attachment_name: &document.reference.attachment_name,
            number,
            start,
            end,
            start_byte: paragraph.start,
            end_byte: paragraph.start + paragraph.text.len() as u64,
            label: document.label(paragraph),
            probability: paragraph.probability(),
            probabilities: ByLabel(document.labels, paragraph.probabilities),
            text: paragraph.text,
        };
        line.serialize(&mut serde_json::Serializer::with_formatter(&mut out, OneLine(CompactFormatter)))?;
        out.push(b'\n');
    }
    Ok(out)
}

/// Escapes the line separators beyond ASCII too, which JSON allows in a string as they are: an object stays one line for
/// programs that split a text as Python's `str.splitlines` does.
struct OneLine(CompactFormatter);

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, separator)) = find_separator(rest) {
            self.0.write_string_fragment(writer, &rest[..at])?;
            write!(writer, "\\u{:04x}", u32::from(separator))?;
            rest = &rest[at + separator.len_utf8()..];
        }
        self.0.write_string_fragment(writer, rest)
    }
}

fn find_separator(text: &str) -> Option<(usize, char)> {
    let start = text.find(['\u{85}', '\u{2028}', '\u{2029}'])?;
    Some((start, text[start..].chars().next()?))
}
