//! Writing documents in any form.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::{AnnotatedText, ConvertError, pages};
use crate::document::DocumentRef;
use crate::instrumentation::write_atomically;
use crate::sink::{LabelledDocument, LabelledParagraph, OutputFormat};

/// A form to convert to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantNames, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
#[non_exhaustive]
pub enum Target {
    /// The text without its marks.
    Text,
    /// The document with a YEDDA block `[@text#Label*]` around each paragraph.
    Yedda,
    /// brat standoff with a copy of the text.
    Brat,
    /// One JSON object per paragraph and line.
    Jsonl,
    /// One row per paragraph.
    Parquet,
    /// A page to look at and to correct.
    Html,
}

impl Target {
    fn format(self) -> Option<OutputFormat> {
        match self {
            Self::Text => None,
            Self::Yedda => Some(OutputFormat::Yedda),
            Self::Brat => Some(OutputFormat::Brat),
            Self::Jsonl => Some(OutputFormat::Jsonl),
            Self::Parquet => Some(OutputFormat::Parquet),
            Self::Html => Some(OutputFormat::Html),
        }
    }
}

/// Writes `document` below `folder`, and gives the files that were written. Nothing is written that is there already. A
/// file that holds something else is replaced if it is among `replaceable` (those that were read: what was edited in them
/// is in the document), else it is kept, and nothing of the document is written.
///
/// A paragraph without a label stands outside of all marks. Where a form holds probabilities and none are known, the
/// label counts as certain.
///
/// # Errors
/// When the document cannot be written in this form, or a file not at all; [`ConvertError::Exists`].
pub fn write(
    document: &AnnotatedText,
    to: Target,
    folder: &Path,
    replaceable: &BTreeSet<PathBuf>,
) -> Result<Vec<PathBuf>, ConvertError> {
    let files = files(document, to)?;
    for (name, content) in &files {
        let path = below(folder, name)?;
        let same = || fs::read(&path).is_ok_and(|there| there == *content);
        let replaced = || path.canonicalize().is_ok_and(|path| replaceable.contains(&path));
        if fs::symlink_metadata(&path).is_ok() && !same() && !replaced() {
            return Err(ConvertError::Exists(path));
        }
    }
    files.into_iter().map(|(name, content)| write_file(below(folder, &name)?, &content)).collect()
}

/// The path of a file below `folder`, whose name may not lead out of it.
fn below(folder: &Path, name: &str) -> Result<PathBuf, ConvertError> {
    let relative = Path::new(name);
    if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(ConvertError::Outside(name.to_owned()));
    }
    Ok(folder.join(relative))
}

/// The files of a document: names below the folder, and contents.
pub(super) fn files(document: &AnnotatedText, to: Target) -> Result<Vec<(String, Vec<u8>)>, ConvertError> {
    let Some(format) = to.format() else {
        return Ok(vec![(text_name(&document.name), document.text.clone().into_bytes())]);
    };
    let labels = labels(document);
    let name = format.annotation_name(&document.name);
    if to == Target::Html {
        return Ok(vec![(name, pages::page(document, &labels).into_bytes())]);
    }
    let reference = DocumentRef { doc_id: document.doc_id.clone(), attachment_name: document.name.clone() };
    let certain: Vec<Vec<f32>> = (0..labels.len())
        .map(|label| (0..labels.len()).map(|other| f32::from(u8::from(label == other))).collect())
        .collect();
    let (mut paragraphs, mut end) = (Vec::with_capacity(document.paragraphs.len()), 0);
    for paragraph in &document.paragraphs {
        let label = paragraph.label.as_ref().and_then(|label| labels.iter().position(|known| known == label));
        // Text without a label stands between the marks of others.
        let Some(label) = label else { continue };
        let (start, stop) = (paragraph.span.start, paragraph.span.end);
        paragraphs.push(LabelledParagraph {
            start: start as u64,
            before: &document.text[end..start],
            text: &document.text[start..stop],
            label,
            probabilities: match paragraph.probabilities.as_slice() {
                [] => &certain[label],
                known => known,
            },
        });
        end = stop;
    }
    let whole =
        LabelledDocument { reference: &reference, paragraphs, after: &document.text[end..], labels: &labels };
    let mut files = vec![(name, format.render(&whole)?)];
    files.extend(format.text_name(&document.name).map(|name| (name, document.text.clone().into_bytes())));
    Ok(files)
}

/// The name of a document's text: its own, but the text of a PDF is no PDF.
fn text_name(name: &str) -> String {
    let is_pdf = Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pdf"));
    if is_pdf { format!("{name}.txt") } else { name.to_owned() }
}

/// The labels of the probabilities, and those that occur beside them.
fn labels(document: &AnnotatedText) -> Vec<String> {
    let mut labels = document.labels.clone();
    for label in document.paragraphs.iter().filter_map(|paragraph| paragraph.label.as_ref()) {
        if !labels.contains(label) {
            labels.push(label.clone());
        }
    }
    labels
}

fn write_file(path: PathBuf, content: &[u8]) -> Result<PathBuf, ConvertError> {
    if fs::read(&path).is_ok_and(|there| there == content) {
        return Ok(path);
    }
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    match folder.and_then(|()| write_atomically(&path, content)) {
        Ok(()) => Ok(path),
        Err(source) => Err(ConvertError::Write { path, source }),
    }
}
