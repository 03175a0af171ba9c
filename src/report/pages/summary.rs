//! What a page says about itself to the index.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{LabelledText, MOST_DOUBTFUL};
use crate::document::labels::NOMENCLATURE;

/// Names what kind of page it is, and the version of the data in it.
pub(super) const FORMAT: &str = "skol_classifier page 1";

/// How many characters of a paragraph are shown of it elsewhere.
const EXCERPT: usize = 120;
/// How many names of taxa of a document can be searched for in the index.
const NAMES: usize = 24;

/// What a page says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// `skol_classifier page 1`.
    pub format: String,
    /// The document's name: path below the input folder, or the attachment's name.
    pub name: String,
    /// Which document it belongs to.
    pub doc_id: String,
    /// SHA-256 of the text in UTF-8, in hexadecimal digits.
    pub sha256: String,
    /// Length of the text in Unicode code points.
    pub length: usize,
    /// The labels that its paragraphs can have, in the order of the probabilities.
    pub labels: Vec<String>,
    /// Number of paragraphs.
    pub paragraphs: usize,
    /// Paragraphs by label, those labels that occur.
    pub counts: IndexMap<String, usize>,
    /// Number of doubtful paragraphs.
    pub doubtful: usize,
    /// The most doubtful of them, the most doubtful first.
    pub most_doubtful: Vec<Doubtful>,
    /// How the first paragraphs labelled as names of taxa begin.
    pub names: Vec<String>,
}

/// A paragraph that should be looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Doubtful {
    /// Number of the paragraph in its document, from 1; its anchor is `p` and this number.
    pub paragraph: usize,
    /// The line of the document where it begins, from 1.
    pub line: usize,
    /// Its label.
    pub label: String,
    /// The probability of its label, from 0 to 1.
    pub probability: f32,
    /// How it begins.
    pub text: String,
}

impl Summary {
    /// The summary of `document`.
    pub(super) fn of(document: &LabelledText<'_>) -> Self {
        let mut hash = Sha256::new();
        let (mut length, mut line) = (0, 1);
        let mut take = |text: &str| {
            hash.update(text);
            length += text.chars().count();
            let before = line;
            line += text.bytes().filter(|byte| *byte == b'\n').count();
            before
        };
        let mut counts: IndexMap<String, usize> =
            document.labels.iter().map(|label| (label.clone(), 0)).collect();
        let (mut doubtful, mut names) = (Vec::new(), Vec::new());
        for (number, paragraph) in document.paragraphs.iter().enumerate() {
            take(paragraph.before);
            let line = take(paragraph.text);
            let Some(label) = paragraph.label.and_then(|label| document.labels.get(label)) else { continue };
            if let Some(count) = counts.get_mut(label) {
                *count += 1;
            }
            if label == NOMENCLATURE && names.len() < NAMES {
                names.push(excerpt(paragraph.text));
            }
            if let Some(probability) = paragraph.probability().filter(|_| paragraph.is_doubtful()) {
                let text = excerpt(paragraph.text);
                doubtful.push(Doubtful {
                    paragraph: number + 1,
                    line,
                    label: label.clone(),
                    probability,
                    text,
                });
            }
        }
        take(document.after);
        counts.retain(|_, count| *count > 0);
        let number = doubtful.len();
        doubtful.sort_by(|a, b| a.probability.total_cmp(&b.probability));
        doubtful.truncate(MOST_DOUBTFUL);
        Self {
            format: FORMAT.to_owned(),
            name: document.name.to_owned(),
            doc_id: document.doc_id.to_owned(),
            sha256: hex::encode(hash.finalize()),
            length,
            labels: document.labels.to_vec(),
            paragraphs: document.paragraphs.len(),
            counts,
            doubtful: number,
            most_doubtful: doubtful,
            names,
        }
    }
}

/// How `text` begins: its first words, with single spaces between them.
fn excerpt(text: &str) -> String {
    let mut short = String::new();
    for word in text.split_whitespace() {
        if short.len() + word.len() > EXCERPT {
            if short.is_empty() {
                short.extend(word.chars().take(EXCERPT));
            }
            short.push('…');
            break;
        }
        if !short.is_empty() {
            short.push(' ');
        }
        short.push_str(word);
    }
    short
}
