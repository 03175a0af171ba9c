//! Finished annotations of any program against gold ones.
//!
//! Annotations may differ in white space and in where paragraphs are cut, so both texts are walked through by the
//! characters that are not blank, which must be the same. A gold block counts as labelled the way most of its characters
//! are, a line the way its first character is.

use super::{Evaluation, Measured};
use crate::document::is_blank;
use crate::document::labels::{COLLAPSED_LABELS, collapse};
use crate::model::ModelError;
use crate::model::gold::{self, GoldDocument};
use std::collections::BTreeMap;
use std::path::Path;

/// What text without a label counts as labelled with.
const NO_LABEL: &str = "(no label)";
/// How much of a text is shown where it differs, in characters.
const EXCERPT: usize = 30;

/// Scores the annotations in folder `predicted` against those in folder `gold`, each document by its path; or one file
/// against one. With `collapsed`, all labels are made three first.
///
/// # Errors
/// When a folder or file cannot be read, a gold document has no counterpart, both are not of the same text, or nothing
/// has a label.
pub fn compare(predicted: &Path, gold: &Path, collapsed: bool) -> Result<Evaluation, ModelError> {
    let gold_documents = gold::read(gold)?;
    let mut predictions: BTreeMap<String, GoldDocument> = gold::read(predicted)?
        .into_iter()
        .map(|document| (key(&document.path).to_owned(), document))
        .collect();
    let one_file = gold.is_file() && predicted.is_file();
    let name = |label: &str| if collapsed { collapse(label).to_owned() } else { label.to_owned() };
    let mut measured = Measured::new(&labels(&gold_documents, &name));
    for document in &gold_documents {
        let found = if one_file {
            predictions.pop_first().map(|(_, document)| document)
        } else {
            predictions.remove(key(&document.path))
        };
        let prediction = found.ok_or_else(|| ModelError::NoCounterpart {
            file: document.path.clone(),
            folder: predicted.to_owned(),
            other: gold.to_owned(),
        })?;
        add(&mut measured, document, &prediction, &name)?;
    }
    if measured.blocks.scores().support == 0 {
        return Err(ModelError::NoLabelledBlock(gold.to_owned()));
    }
    let collapsed = if collapsed { ", all labels as three" } else { "" };
    let files = gold_documents.len();
    let title = format!("annotations against gold ones, {files} files{collapsed}");
    let mut evaluation = Evaluation::new(title, measured);
    if !predictions.is_empty() {
        evaluation.notices.push(format!(
            "{} annotations in {} have no gold counterpart, the first {}: they are not scored",
            predictions.len(),
            predicted.display(),
            predictions.keys().next().map_or("", String::as_str)
        ));
    }
    Ok(evaluation)
}

/// What documents are known by: `a/b` for `a/b.txt.ann` (YEDDA) and for `a/b.ann` (brat).
fn key(path: &str) -> &str {
    let path = path.strip_suffix(".ann").unwrap_or(path);
    path.strip_suffix(".txt").unwrap_or(path)
}

/// The gold labels: the three first, then others by name.
fn labels(documents: &[GoldDocument], name: &impl Fn(&str) -> String) -> Vec<String> {
    let blocks = documents.iter().flat_map(|document| &document.blocks);
    let found: std::collections::BTreeSet<String> =
        blocks.filter_map(|block| block.label.as_deref()).map(name).collect();
    let three = COLLAPSED_LABELS.into_iter().map(str::to_owned).filter(|label| found.contains(label));
    let others = found.iter().filter(|label| !COLLAPSED_LABELS.contains(&label.as_str())).cloned();
    three.chain(others).collect()
}

/// The characters of a document that are not blank, each with the label of its block and whether it is the first of its
/// line.
fn characters(document: &GoldDocument) -> Vec<(char, Option<&str>, bool)> {
    let mut blocks = document.blocks.iter().peekable();
    let mut found = Vec::new();
    let mut begins = true;
    for (at, c) in document.text.char_indices() {
        begins |= c == '\n';
        if is_blank(c) {
            continue;
        }
        while blocks.next_if(|block| block.span.end <= at).is_some() {}
        let block = blocks.peek().filter(|block| block.span.start <= at);
        found.push((c, block.and_then(|block| block.label.as_deref()), begins));
        begins = false;
    }
    found
}

fn add(
    measured: &mut Measured,
    gold: &GoldDocument,
    predicted: &GoldDocument,
    name: &impl Fn(&str) -> String,
) -> Result<(), ModelError> {
    let (right, found) = (characters(gold), characters(predicted));
    let same = right.iter().zip(&found).take_while(|(a, b)| a.0 == b.0).count();
    if same < right.len().max(found.len()) {
        let excerpt = |characters: &[(char, Option<&str>, bool)]| -> String {
            characters.iter().skip(same).take(EXCERPT).map(|(c, _, _)| *c).collect()
        };
        return Err(ModelError::OtherText {
            file: gold.path.clone(),
            predicted: excerpt(&found),
            gold: excerpt(&right),
        });
    }
    let named = |label: Option<&str>| label.map_or_else(|| NO_LABEL.to_owned(), name);
    let mut at = 0;
    for block in &gold.blocks {
        let length = block.span.of(&gold.text).chars().filter(|c| !is_blank(*c)).count();
        let end = at + length;
        if let Some(label) = &block.label {
            let mut counts: Vec<(Option<&str>, usize)> = Vec::new();
            for (_, label, _) in &found[at..end] {
                match counts.iter_mut().find(|(known, _)| known == label) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((*label, 1)),
                }
            }
            let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
            measured.blocks.add(&name(label), &named(most.and_then(|(label, _)| label)));
        }
        at = end;
    }
    for ((_, right, _), (_, found, _)) in right.iter().zip(&found).filter(|((_, _, begins), _)| *begins) {
        if let Some(right) = right {
            measured.lines.add(&name(right), &named(*found));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("created");
            std::fs::write(path, text).expect("written");
        }
        folder
    }

    #[test]
    fn blocks_count_by_most_of_their_characters_and_lines_by_their_first() {
        let gold =
            folder(&[("v/a.txt.ann", "[@Cap red,\nsmooth.#Description*]\n\n[@Fig. 1#Figure*]\n\nloose\n")]);
        // Cut otherwise, with other line ends: one line of the description has another label.
        let other = "[@Cap red,#Nomenclature*]\r\n[@smooth.#Description*]\r\n[@Fig. 1\r\nloose#Key*]\r\n";
        let predicted = folder(&[("v/a.txt.ann", other), ("w.ann", "[@x#Key*]")]);
        let found = compare(predicted.path(), gold.path(), false).expect("scored");
        let json = found.to_json();
        // "Capred," and "smooth." have seven characters each; the first of equals counts.
        assert_eq!(json["blocks"]["support"], 2);
        assert_eq!(json["blocks"]["labels"]["Description"]["recall"], 0.0);
        assert_eq!(json["lines"]["support"], 3);
        assert_eq!(json["lines"]["labels"]["Description"]["recall"], 0.5);
        assert_eq!(json["lines"]["labels"]["Figure"]["recall"], 0.0);
        assert!(json["calibration"].is_null());
        assert!(
            found.notices[0].contains("1 annotations") && found.notices[0].contains('w'),
            "{:?}",
            found.notices
        );
        let three = compare(predicted.path(), gold.path(), true).expect("scored").to_json();
        assert_eq!(three["lines"]["labels"]["Misc-exposition"]["recall"], 1.0, "Key and Figure are both");
        let itself = compare(gold.path(), gold.path(), false).expect("scored");
        assert_eq!(itself.measured.blocks.scores().accuracy, 1.0);
        assert_eq!(itself.measured.lines.scores().accuracy, 1.0);
    }

    #[test]
    fn other_texts_and_missing_annotations_are_named() {
        let gold = folder(&[("a.ann", "[@Cap red#Key*]"), ("b.ann", "[@x#Key*]")]);
        let missing =
            compare(folder(&[("a.ann", "[@Cap red#Key*]")]).path(), gold.path(), false).expect_err("b");
        assert!(missing.to_string().contains("b.ann"), "{missing}");
        let changed = folder(&[("a.ann", "[@Cap blue#Key*]"), ("b.ann", "[@x#Key*]")]);
        let changed = compare(changed.path(), gold.path(), false).expect_err("other text").to_string();
        assert!(
            changed.contains("a.ann") && changed.contains("blue") && changed.contains("red"),
            "{changed}"
        );
    }
}
