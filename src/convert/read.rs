//! Reading annotations and corrections of every form.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{AnnotatedText, ConvertError, Finding, LabelledSpan, pages, parquet, rows};
use crate::document::{CORRECTIONS_SUFFIX, Corrections, DocumentCorrections, Span, brat, text_digest, yedda};

/// What was read.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Read {
    /// The documents, with the corrections that were among the files.
    pub documents: Vec<AnnotatedText>,
    /// What is odd in the files, by file and line.
    pub findings: Vec<Finding>,
    /// Files that could not be used, and why.
    pub failures: Vec<(PathBuf, ConvertError)>,
    /// The annotated files that were read, by their true paths: what [`write`](super::write()) may replace.
    pub files: BTreeSet<PathBuf>,
    /// Files that were passed over because their document was read from another one.
    pub repeated: usize,
}

/// What a document was read from, those first that a person may have edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Annotation,
    Rows,
    Page,
}

/// A document and the file it comes from.
struct Found {
    document: AnnotatedText,
    form: Form,
    path: PathBuf,
}

/// Reads `inputs`: annotated files, files of corrections, and folders of both with all folders below them.
///
/// Corrections are put into the document with their text, wherever it was read from. Of several files of one document
/// (the same name and text) one counts: an annotation before rows, and rows before a page, which nobody edits by hand;
/// of one form that which was given first.
#[must_use]
pub fn read(inputs: &[PathBuf]) -> Read {
    let mut read = Read::default();
    let mut found = Vec::new();
    let mut corrections: Vec<(PathBuf, DocumentCorrections)> = Vec::new();
    for (path, name, is_given) in files(inputs, &mut read) {
        let outcome = if name.ends_with(CORRECTIONS_SUFFIX) {
            read_corrections(&path).map(|found| {
                corrections.extend(found.into_iter().map(|document| (path.clone(), document)));
            })
        } else {
            read_file(&path, &name, is_given, &mut read).map(|(documents, form)| {
                found.extend(documents.into_iter().map(|document| Found {
                    document,
                    form,
                    path: path.clone(),
                }));
            })
        };
        if let Err(error) = outcome {
            read.failures.push((path, error));
        }
    }
    once(found, &mut read);
    correct(&mut read, corrections);
    read
}

/// Each document once, in the order they were found.
fn once(found: Vec<Found>, read: &mut Read) {
    let mut best: HashMap<String, usize> = HashMap::new();
    let mut kept: Vec<Found> = Vec::new();
    for next in found {
        let Some(&at) = best.get(&next.document.name) else {
            best.insert(next.document.name.clone(), kept.len());
            kept.push(next);
            continue;
        };
        // Rows leave out what has no label, so their text is not the whole one.
        let comparable = (kept[at].form == Form::Rows) == (next.form == Form::Rows);
        if comparable && kept[at].document.text != next.document.text {
            let other = kept[at].path.clone();
            read.failures.push((next.path, ConvertError::SameName { name: next.document.name, other }));
            continue;
        }
        read.repeated += 1;
        if next.form < kept[at].form {
            kept[at] = next;
        }
    }
    read.documents = kept.into_iter().map(|found| found.document).collect();
}

/// The files to read, each with its name below the input and whether it was given itself, in a fixed order.
fn files(inputs: &[PathBuf], read: &mut Read) -> Vec<(PathBuf, String, bool)> {
    let mut files = Vec::new();
    for input in inputs {
        let is_hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
        let entries = WalkDir::new(input)
            .follow_links(true)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name()));
        for entry in entries {
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    let given = entry.depth() == 0;
                    let below = if given { Path::new(entry.file_name()) } else { below(entry.path(), input) };
                    let name = below.components().map(|part| part.as_os_str().to_string_lossy());
                    let name = name.collect::<Vec<_>>().join("/");
                    files.push((entry.path().to_owned(), name, given));
                }
                Ok(_) => {}
                Err(error) => {
                    let path = error.path().unwrap_or(input).to_owned();
                    read.failures.push((path, ConvertError::Read(error.into())));
                }
            }
        }
    }
    files
}

fn below<'a>(path: &'a Path, folder: &Path) -> &'a Path {
    path.strip_prefix(folder).unwrap_or(path)
}

fn read_corrections(path: &Path) -> Result<Vec<DocumentCorrections>, ConvertError> {
    Ok(Corrections::parse(&fs::read(path)?)?.documents)
}

/// Reads a file whose name tells its form; others are passed over unless they were given themselves.
fn read_file(
    path: &Path,
    name: &str,
    is_given: bool,
    read: &mut Read,
) -> Result<(Vec<AnnotatedText>, Form), ConvertError> {
    let lower = name.to_ascii_lowercase();
    let stem = |suffix: &str| name[..name.len() - suffix.len()].to_owned();
    let text = |path: &Path| -> Result<String, ConvertError> {
        let bytes = fs::read(path)?;
        std::str::from_utf8(&bytes)?;
        Ok(String::from_utf8(bytes).unwrap_or_default())
    };
    let (mut odd, mut form) = (Vec::new(), Form::Annotation);
    let found = if lower.ends_with(".ann") {
        let annotation = text(path)?;
        let text_file = path.with_extension("txt");
        // A document without paragraphs has an empty annotation: its text tells brat's from ours.
        let is_standoff =
            brat::is_standoff(&annotation) || annotation.trim().is_empty() && text_file.is_file();
        if is_standoff {
            let name = format!("{}.txt", stem(".ann"));
            vec![from_parsed(name, &brat::parse(&text(&text_file)?, &annotation), &mut odd)]
        } else {
            vec![from_parsed(stem(".ann"), &yedda::parse(&annotation), &mut odd)]
        }
    } else if lower.ends_with(".jsonl") {
        form = Form::Rows;
        named(rows::from_json_lines(&text(path)?)?, stem(".jsonl"), &mut odd)
    } else if lower.ends_with(".parquet") {
        form = Form::Rows;
        named(rows::documents(parquet::read(fs::read(path)?)?), stem(".parquet"), &mut odd)
    } else if lower.ends_with(".html") {
        form = Form::Page;
        match pages::read(&text(path)?) {
            Ok(document) => vec![document],
            // An index, or a page of somebody else.
            Err(ConvertError::Page(crate::report::pages::PageReadError::OtherPage)) if !is_given => vec![],
            Err(error) => return Err(error),
        }
    } else if is_given {
        return Err(ConvertError::Form);
    } else {
        vec![]
    };
    let finding = |(line, what)| Finding { path: path.to_owned(), line, what };
    read.findings.extend(odd.into_iter().map(finding));
    if !found.is_empty() {
        read.files.extend(path.canonicalize());
    }
    Ok((found, form))
}

/// Documents of a file of rows: a single one is named as the file is.
fn named(
    (mut documents, findings): rows::Found,
    name: String,
    odd: &mut Vec<(usize, String)>,
) -> Vec<AnnotatedText> {
    odd.extend(findings);
    if let [document] = documents.as_mut_slice() {
        document.name = name;
    }
    documents
}

fn from_parsed(name: String, parsed: &yedda::Parsed<'_>, odd: &mut Vec<(usize, String)>) -> AnnotatedText {
    odd.extend(parsed.repairs.iter().map(|repair| (repair.line, repair.kind.to_string())));
    let paragraphs = parsed
        .blocks
        .iter()
        .map(|block| LabelledSpan {
            span: block.span,
            label: block.label.map(str::to_owned),
            probabilities: Vec::new(),
        })
        .collect();
    AnnotatedText { doc_id: name.clone(), name, text: parsed.text.clone(), labels: Vec::new(), paragraphs }
}

/// Puts each correction into the document that has its text.
fn correct(read: &mut Read, corrections: Vec<(PathBuf, DocumentCorrections)>) {
    if corrections.is_empty() {
        return;
    }
    let mut by_text: HashMap<String, usize> = HashMap::new();
    for (index, document) in read.documents.iter().enumerate() {
        by_text.entry(text_digest(&document.text)).or_insert(index);
    }
    for (path, corrections) in corrections {
        let document = by_text.get(&corrections.sha256).and_then(|index| read.documents.get_mut(*index));
        let corrected = match document {
            Some(document) => corrections.apply(&document.text, &spans(document)).map(|paragraphs| {
                document.paragraphs = with_probabilities(&document.paragraphs, paragraphs);
            }),
            None => {
                read.failures.push((path, ConvertError::NoDocument(corrections.name)));
                continue;
            }
        };
        if let Err(error) = corrected {
            read.failures.push((path, error.into()));
        }
    }
}

fn spans(document: &AnnotatedText) -> Vec<(Span, Option<String>)> {
    document.paragraphs.iter().map(|paragraph| (paragraph.span, paragraph.label.clone())).collect()
}

/// The corrected paragraphs; those that stayed as they were keep their probabilities.
fn with_probabilities(before: &[LabelledSpan], corrected: Vec<(Span, Option<String>)>) -> Vec<LabelledSpan> {
    let known: HashMap<Span, &LabelledSpan> =
        before.iter().map(|paragraph| (paragraph.span, paragraph)).collect();
    corrected
        .into_iter()
        .map(|(span, label)| {
            let same = known.get(&span).filter(|paragraph| paragraph.label == label);
            let probabilities = same.map(|paragraph| paragraph.probabilities.clone()).unwrap_or_default();
            LabelledSpan { span, label, probabilities }
        })
        .collect()
}
