//! JSON lines: one object per paragraph.

use super::LabelledDocument;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

#[derive(Serialize)]
struct JsonLine<'a> {
    doc_id: &'a str,
    attachment_name: &'a str,
    number: usize,
    start: u64,
    end: u64,
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
    for (number, paragraph) in document.paragraphs.iter().enumerate() {
        let line = JsonLine {
            doc_id: &document.reference.doc_id,
            attachment_name: &document.reference.attachment_name,
            number,
            start: paragraph.start,
            end: paragraph.start + paragraph.text.len() as u64,
            label: document.label(paragraph),
            probability: paragraph.probabilities.get(paragraph.label).copied().unwrap_or_default(),
            probabilities: ByLabel(document.labels, paragraph.probabilities),
            text: paragraph.text,
        };
        serde_json::to_writer(&mut out, &line)?;
        out.push(b'\n');
    }
    Ok(out)
}
