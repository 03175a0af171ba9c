//! The forms in which an annotation is written.
//!
//! Each turns one whole labelled document into the bytes of one file. The same document with the same
//! labels gives the same bytes, so that a second run finds nothing to write.

use std::io::Write as _;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, Float32Array, RecordBatch, StringArray, StructArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::document::{DocumentRef, yedda};

/// How annotations are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// The document with a YEDDA block `[@text#Label*]` around each paragraph.
    #[default]
    Yedda,
    /// One JSON object per paragraph and line.
    Jsonl,
    /// One row per paragraph.
    Parquet,
    /// brat standoff: offsets in Unicode characters, beside a copy of the text.
    Brat,
}

impl OutputFormat {
    /// All formats, by the names that users type.
    pub const NAMES: [(&'static str, Self); 4] =
        [("yedda", Self::Yedda), ("jsonl", Self::Jsonl), ("parquet", Self::Parquet), ("brat", Self::Brat)];

    /// The name that users type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Yedda => "yedda",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Brat => "brat",
        }
    }

    /// The name of the annotation of `attachment_name`: `a/b.txt` becomes `a/b.txt.ann`; for brat, which
    /// wants `b.txt` and `b.ann` side by side, `a/b.ann`.
    #[must_use]
    pub fn annotation_name(self, attachment_name: &str) -> String {
        match self {
            Self::Yedda => format!("{attachment_name}.ann"),
            Self::Jsonl => format!("{attachment_name}.jsonl"),
            Self::Parquet => format!("{attachment_name}.parquet"),
            Self::Brat => format!("{}.ann", brat_stem(attachment_name)),
        }
    }

    /// The name of the copy of the text that goes with an annotation, where the format has one.
    #[must_use]
    pub fn text_name(self, attachment_name: &str) -> Option<String> {
        (self == Self::Brat).then(|| format!("{}.txt", brat_stem(attachment_name)))
    }

    /// The media type of an annotation.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Yedda | Self::Brat => "text/plain; charset=utf-8",
            Self::Jsonl => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// The document in this format.
    ///
    /// # Errors
    /// When the Parquet writer refuses the rows.
    pub fn render(self, document: &LabelledDocument<'_>) -> Result<Vec<u8>, String> {
        match self {
            Self::Yedda => Ok(yedda_text(document)),
            Self::Jsonl => json_lines(document).map_err(|error| error.to_string()),
            Self::Parquet => parquet_file(document).map_err(|error| error.to_string()),
            Self::Brat => Ok(brat_standoff(document)),
        }
    }
}

fn brat_stem(attachment_name: &str) -> &str {
    attachment_name.strip_suffix(".txt").unwrap_or(attachment_name)
}

/// A whole document with the labels of its paragraphs.
#[derive(Debug, Clone)]
pub struct LabelledDocument<'a> {
    /// Which document.
    pub reference: &'a DocumentRef,
    /// Its paragraphs, in order.
    pub paragraphs: Vec<LabelledParagraph<'a>>,
    /// White space after the last of them, or the whole text when there is none.
    pub after: &'a str,
    /// The model's labels, in the order of the probabilities.
    pub labels: &'a [String],
}

/// A paragraph with its label.
#[derive(Debug, Clone, Copy)]
pub struct LabelledParagraph<'a> {
    /// Byte offset of the text in its document.
    pub start: u64,
    /// White space before it.
    pub before: &'a str,
    /// The text.
    pub text: &'a str,
    /// Index of its label.
    pub label: usize,
    /// One probability per label.
    pub probabilities: &'a [f32],
}

impl LabelledDocument<'_> {
    /// Size of the document's text in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.paragraphs.iter().map(|paragraph| paragraph.before.len() + paragraph.text.len()).sum::<usize>()
            + self.after.len()
    }

    /// The document's text.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.bytes());
        for paragraph in &self.paragraphs {
            text.extend_from_slice(paragraph.before.as_bytes());
            text.extend_from_slice(paragraph.text.as_bytes());
        }
        text.extend_from_slice(self.after.as_bytes());
        text
    }

    fn label(&self, paragraph: &LabelledParagraph<'_>) -> &str {
        self.labels.get(paragraph.label).map_or("", String::as_str)
    }
}

fn yedda_text(document: &LabelledDocument<'_>) -> Vec<u8> {
    let markers: usize =
        document.paragraphs.iter().map(|paragraph| document.label(paragraph).len() + "[@#*]".len()).sum();
    let mut out = Vec::with_capacity(document.bytes() + markers + 16);
    for paragraph in &document.paragraphs {
        yedda::write_text(&mut out, paragraph.before);
        yedda::write_block(&mut out, paragraph.text, document.label(paragraph));
    }
    yedda::write_text(&mut out, document.after);
    out
}

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

fn json_lines(document: &LabelledDocument<'_>) -> serde_json::Result<Vec<u8>> {
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

fn parquet_file(document: &LabelledDocument<'_>) -> parquet::errors::Result<Vec<u8>> {
    let paragraphs = &document.paragraphs;
    let text = |value: &str| -> Arc<dyn Array> {
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, paragraphs.len())))
    };
    let probabilities: Vec<(Arc<Field>, Arc<dyn Array>)> = document
        .labels
        .iter()
        .enumerate()
        .map(|(index, label)| {
            let values =
                paragraphs.iter().map(|row| row.probabilities.get(index).copied().unwrap_or_default());
            let column: Arc<dyn Array> = Arc::new(Float32Array::from_iter_values(values));
            (Arc::new(Field::new(label, DataType::Float32, false)), column)
        })
        .collect();
    let columns: Vec<(&str, Arc<dyn Array>)> = vec![
        ("doc_id", text(&document.reference.doc_id)),
        ("attachment_name", text(&document.reference.attachment_name)),
        ("number", Arc::new(UInt32Array::from_iter_values(0..paragraphs.len() as u32))),
        ("start", Arc::new(UInt64Array::from_iter_values(paragraphs.iter().map(|row| row.start)))),
        (
            "end",
            Arc::new(UInt64Array::from_iter_values(
                paragraphs.iter().map(|row| row.start + row.text.len() as u64),
            )),
        ),
        ("text", Arc::new(StringArray::from_iter_values(paragraphs.iter().map(|row| row.text)))),
        ("label", Arc::new(StringArray::from_iter_values(paragraphs.iter().map(|row| document.label(row))))),
        ("probabilities", Arc::new(StructArray::from(probabilities))),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), false)).collect();
    let schema = Arc::new(Schema::new(fields));
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
    writer.write(&batch)?;
    writer.into_inner()
}

/// brat counts Unicode characters, and a span over several lines is given as one fragment per line.
fn brat_standoff(document: &LabelledDocument<'_>) -> Vec<u8> {
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
