//! Documents from rows of paragraphs, as JSON lines and Parquet files hold them.

use indexmap::IndexMap;
use serde::Deserialize;

use super::{AnnotatedText, ConvertError, LabelledSpan};
use crate::document::labels::canonical;
use crate::document::{Span, yedda};

/// Documents, and what is odd, by line or row.
pub(super) type Found = (Vec<AnnotatedText>, Vec<(usize, String)>);

/// One paragraph of a document.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Row {
    pub doc_id: String,
    pub attachment_name: String,
    /// First code point of the text; its first byte where there is no `start_byte`.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// First byte of the text in UTF-8. Without it the file is of a version that counted bytes only.
    #[serde(default)]
    pub start_byte: Option<usize>,
    pub label: String,
    #[serde(default)]
    pub probabilities: IndexMap<String, f32>,
    pub text: String,
}

/// The documents in the JSON lines `text`, with what is odd by line.
pub(super) fn from_json_lines(text: &str) -> Result<Found, ConvertError> {
    let mut rows = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if !line.trim().is_empty() {
            let row = serde_json::from_str(line);
            rows.push((index + 1, row.map_err(|source| ConvertError::Json { line: index + 1, source })?));
        }
    }
    Ok(documents(rows))
}

/// The documents that `rows` make, each row with its number, and what is odd.
///
/// Rows do not say what stands between paragraphs: line ends stand for it, as many as the offsets tell.
pub(super) fn documents(rows: Vec<(usize, Row)>) -> Found {
    let mut by_document: IndexMap<(String, String), Vec<(usize, Row)>> = IndexMap::new();
    for (number, row) in rows {
        by_document.entry((row.doc_id.clone(), row.attachment_name.clone())).or_default().push((number, row));
    }
    let (mut documents, mut findings) = (Vec::with_capacity(by_document.len()), Vec::new());
    for ((doc_id, name), mut rows) in by_document {
        rows.sort_by_key(|(_, row)| row.start);
        let labels: Vec<String> = rows[0].1.probabilities.keys().cloned().collect();
        let mut document = AnnotatedText {
            name,
            doc_id,
            text: String::new(),
            labels,
            paragraphs: Vec::with_capacity(rows.len()),
        };
        let mut end = 0;
        for (number, row) in rows {
            let in_bytes = row.start_byte.is_none();
            let length = if in_bytes { row.text.len() } else { row.text.chars().count() };
            if length == 0 || row.end != row.start + length {
                let what = format!("offsets {} to {} for a text of length {length}", row.start, row.end);
                findings.push((number, format!("{what}: left out")));
                continue;
            }
            if row.start < end {
                let what =
                    format!("'{}' overlaps with the paragraph before (offset {})", row.label, row.start);
                findings.push((number, format!("{what}: left out")));
                continue;
            }
            findings.extend(odd_label(&row.label).map(|what| (number, what)));
            document.text.extend(std::iter::repeat_n('\n', row.start - end));
            let start = document.text.len();
            document.text.push_str(&row.text);
            end = row.end;
            let probabilities = document.labels.iter().map(|label| row.probabilities.get(label).copied());
            document.paragraphs.push(LabelledSpan {
                span: Span { start, end: document.text.len() },
                label: Some(canonical(&row.label).map_or(row.label, str::to_owned)),
                probabilities: probabilities.collect::<Option<_>>().unwrap_or_default(),
            });
        }
        if end > 0 {
            document.text.push('\n');
        }
        documents.push(document);
    }
    (documents, findings)
}

/// What is odd about a label, if anything.
pub(super) fn odd_label(label: &str) -> Option<String> {
    match canonical(label) {
        Some(known) if known == label => None,
        Some(known) => Some(format!("label '{label}' read as '{known}'")),
        None if yedda::is_label(label) => Some(format!("label '{label}' is not a known one: kept as it is")),
        None => Some(format!("'{label}' is no label that an annotation can carry")),
    }
}
