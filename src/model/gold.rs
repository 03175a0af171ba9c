//! Annotated files, read for training and for measuring.

use super::ModelError;
use crate::document::labels::{canonical, collapse};
use crate::document::{
    CORRECTIONS_SUFFIX, Corrections, CorrectionsError, DocumentCorrections, LineLayout, Paragraph, Span,
    brat, is_blank, text_digest, yedda,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file extension of an annotation.
const EXTENSION: &str = "ann";

/// One annotated document.
#[derive(Debug, Clone)]
pub struct GoldDocument {
    /// Path below the folder that was read, with `/` between folders.
    pub path: String,
    /// Its volume: the folder it lies in (articles of a volume share style, scanner and annotator), or
    /// the file itself where all files lie in one folder.
    pub volume: String,
    /// The text without markers.
    pub text: String,
    /// Blocks in the order of the text.
    pub blocks: Vec<GoldBlock>,
    /// How many faults of the file had to be repaired to be read.
    pub repairs: usize,
}

/// One annotated paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoldBlock {
    /// Where it lies in the text.
    pub span: Span,
    /// Its label in the usual spelling; `None` outside of all blocks: such text is context for its
    /// neighbours, but is neither trained on nor scored.
    pub label: Option<String>,
    /// Its first line in the annotated file, from 1.
    pub line: usize,
}

impl GoldDocument {
    /// Reads the contents of an annotated file.
    #[must_use]
    pub fn parse(path: &str, volume: &str, annotated: &str) -> Self {
        Self::of(path, volume, yedda::parse(annotated))
    }

    /// Reads brat standoff: `annotation` lies next to `text`.
    #[must_use]
    pub(crate) fn parse_standoff(path: &str, volume: &str, text: &str, annotation: &str) -> Self {
        Self::of(path, volume, brat::parse(text, annotation))
    }

    fn of(path: &str, volume: &str, parsed: yedda::Parsed<'_>) -> Self {
        let blocks = parsed.blocks.iter().map(|block| GoldBlock {
            span: block.span,
            label: block.label.map(|label| canonical(label).unwrap_or(label).to_owned()),
            line: block.line,
        });
        Self {
            path: path.to_owned(),
            volume: volume.to_owned(),
            blocks: blocks.collect(),
            repairs: parsed.repairs.len(),
            text: parsed.text,
        }
    }

    /// Puts corrections into it: each corrected range is a block with the corrected label.
    ///
    /// # Errors
    /// When they were made for another text, or contradict each other.
    pub(crate) fn correct(&mut self, corrections: &DocumentCorrections) -> Result<(), CorrectionsError> {
        let before: Vec<_> = self.blocks.iter().map(|block| (block.span, block.label.clone())).collect();
        let corrected = corrections.apply(&self.text, &before)?;
        let line = |start: usize| {
            let at = self.blocks.partition_point(|block| block.span.start <= start);
            let Some(block) = self.blocks.get(at.saturating_sub(1)) else { return 1 };
            let between = self.text.get(block.span.start..start).unwrap_or_default();
            block.line + between.bytes().filter(|byte| *byte == b'\n').count()
        };
        let blocks = corrected.into_iter().map(|(span, label)| GoldBlock {
            span,
            label: label.map(|label| canonical(&label).map_or(label.clone(), str::to_owned)),
            line: line(span.start),
        });
        self.blocks = blocks.collect();
        Ok(())
    }

    /// A digest of its text, whatever white space stands where: the same for the same text under another name, with
    /// other labels or other line ends. 16 hexadecimal digits.
    #[must_use]
    pub(crate) fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for word in self.text.split(is_blank).filter(|word| !word.is_empty()) {
            hasher.update(word.as_bytes());
            hasher.update([0]);
        }
        hex::encode(&hasher.finalize()[..8])
    }

    /// The same document with its lines set another way; each block is a paragraph.
    #[must_use]
    pub fn set(&self, layout: LineLayout) -> Self {
        let spans: Vec<Span> = self.blocks.iter().map(|block| block.span).collect();
        let (text, spans) = layout.set(&self.text, &spans);
        let blocks = self.blocks.iter().zip(spans).map(|(block, span)| GoldBlock { span, ..block.clone() });
        Self { text, blocks: blocks.collect(), ..self.clone() }
    }

    /// Its paragraphs as annotated, one for each block.
    #[must_use]
    pub fn paragraphs(&self) -> Vec<Paragraph<'_>> {
        let spans: Vec<Span> = self.blocks.iter().map(|block| block.span).collect();
        Paragraph::tile(&self.text, &spans).0
    }
}

/// Reads all `.ann` files in `folder` and the folders below it, sorted by path; or one such file. An annotation is YEDDA, or
/// brat standoff with its text in the `.txt` of its name. Files of corrections among them are put into the document with
/// their text.
///
/// # Errors
/// When there is no such folder, no `.ann` file in it, one that cannot be read as UTF-8, or corrections without their
/// document.
pub fn read(folder: &Path) -> Result<Vec<GoldDocument>, ModelError> {
    read_with(folder, None)
}

/// Reads as [`read`] does. Corrections whose document is not in `folder` are put into the one in `annotations`, which
/// then counts as if it were in `folder`; so does no other document of `annotations`.
///
/// # Errors
/// As [`read`]; `folder` may hold nothing but corrections.
pub(crate) fn read_with(folder: &Path, annotations: Option<&Path>) -> Result<Vec<GoldDocument>, ModelError> {
    let Files { annotated, corrections } = list(folder)?;
    if annotated.is_empty() && corrections.is_empty() {
        return Err(ModelError::NoAnnotatedFile(folder.to_owned()));
    }
    let mut documents = read_annotated(folder, &annotated)?;
    if !corrections.is_empty() {
        correct(&mut documents, &corrections, annotations)?;
    }
    let one_folder = documents.windows(2).all(|pair| pair[0].volume == pair[1].volume);
    if one_folder {
        documents.iter_mut().for_each(|document| document.volume.clone_from(&document.path));
    }
    documents.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(documents)
}

fn read_annotated(folder: &Path, files: &[PathBuf]) -> Result<Vec<GoldDocument>, ModelError> {
    let base = if folder.is_file() { folder.parent().unwrap_or(Path::new("")) } else { folder };
    let below = |path: &Path| -> Vec<String> {
        let path = path.strip_prefix(base).unwrap_or(path);
        path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
    };
    let folder_of = |path: &[String]| path[..path.len().saturating_sub(1)].join("/");
    let mut documents = Vec::with_capacity(files.len());
    for file in files {
        let annotation = read_utf8(file)?;
        let parts = below(file);
        let (path, volume) = (parts.join("/"), folder_of(&parts));
        documents.push(if brat::is_standoff(&annotation) {
            let text = read_utf8(&file.with_extension("txt"))?;
            GoldDocument::parse_standoff(&path, &volume, &text, &annotation)
        } else {
            GoldDocument::parse(&path, &volume, &annotation)
        });
    }
    Ok(documents)
}

/// Puts the corrections of `files` into the documents with their texts.
fn correct(
    documents: &mut Vec<GoldDocument>,
    files: &[PathBuf],
    annotations: Option<&Path>,
) -> Result<(), ModelError> {
    let mut others: BTreeMap<String, GoldDocument> = BTreeMap::new();
    if let Some(folder) = annotations {
        let others_read = read_annotated(folder, &list(folder)?.annotated)?;
        others.extend(others_read.into_iter().map(|document| (text_digest(&document.text), document)));
    }
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (at, document) in documents.iter().enumerate() {
        known.entry(text_digest(&document.text)).or_insert(at);
    }
    for file in files {
        let bytes = std::fs::read(file).map_err(|source| ModelError::Read { path: file.clone(), source })?;
        let wrong = |source| ModelError::Corrections { path: file.clone(), source };
        for corrections in Corrections::parse(&bytes).map_err(wrong)?.documents {
            let at = match known.get(&corrections.sha256) {
                Some(&at) => at,
                None => {
                    let other = others.remove(&corrections.sha256).ok_or_else(|| {
                        ModelError::NoCorrectedDocument { path: file.clone(), name: corrections.name.clone() }
                    })?;
                    known.insert(corrections.sha256.clone(), documents.len());
                    documents.push(other);
                    documents.len() - 1
                }
            };
            if let Some(document) = documents.get_mut(at) {
                document.correct(&corrections).map_err(wrong)?;
            }
        }
    }
    Ok(())
}

fn read_utf8(file: &Path) -> Result<String, ModelError> {
    let path = || file.to_owned();
    let bytes = std::fs::read(file).map_err(|source| ModelError::Read { path: path(), source })?;
    String::from_utf8(bytes).map_err(|error| ModelError::NotUtf8 { path: path(), source: error.utf8_error() })
}

/// The files of a folder that count.
#[derive(Default)]
struct Files {
    annotated: Vec<PathBuf>,
    corrections: Vec<PathBuf>,
}

/// What counts in `folder` and the folders below it; of a single file, that file.
fn list(folder: &Path) -> Result<Files, ModelError> {
    let mut files = Files::default();
    for entry in walkdir::WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let entry =
            entry.map_err(|source| ModelError::List { path: folder.to_owned(), source: source.into() })?;
        let is_annotated = entry.path().extension().is_some_and(|end| end.eq_ignore_ascii_case(EXTENSION));
        let is_correction = entry.file_name().as_encoded_bytes().ends_with(CORRECTIONS_SUFFIX.as_bytes());
        match (entry.file_type().is_file(), is_correction) {
            (true, true) => files.corrections.push(entry.into_path()),
            (true, false) if is_annotated || entry.depth() == 0 => files.annotated.push(entry.into_path()),
            _ => {}
        }
    }
    Ok(files)
}

/// The label that counts for a model with `labels` when a paragraph is annotated as `gold`: the label
/// itself where the model has it, else the one of the three that it collapses to.
#[must_use]
pub(crate) fn label_index(labels: &[String], gold: &str) -> Option<usize> {
    let find = |label: &str| labels.iter().position(|known| known == label);
    find(gold).or_else(|| find(collapse(gold)))
}
