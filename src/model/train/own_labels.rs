//! Labels that are not among the known ones: mistyped, of the annotator's own, or learnt.
//!
//! A label that a model does not tell apart counts as `Misc-exposition`. That is meant for the labels of the journals;
//! a label of the annotator's own, or a mistyped one, would be lost in silence. So it is learnt, or refused by name.

use crate::document::labels::{KNOWN_LABELS, canonical};
use crate::model::gold::GoldDocument;
use crate::model::{LabelSet, ModelError, Preset};
use std::collections::BTreeMap;

/// Where a label is met first, and how many paragraphs have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Met<'a> {
    pub file: &'a str,
    pub line: usize,
    pub count: usize,
}

/// The labels of `documents` that are not among the known ones.
pub(crate) fn unknown_labels<'a>(
    documents: impl IntoIterator<Item = &'a GoldDocument>,
) -> BTreeMap<&'a str, Met<'a>> {
    let mut found = BTreeMap::new();
    for document in documents {
        for block in &document.blocks {
            let Some(label) = block.label.as_deref().filter(|label| canonical(label).is_none()) else {
                continue;
            };
            let first = Met { file: &document.path, line: block.line, count: 0 };
            found.entry(label).or_insert(first).count += 1;
        }
    }
    found
}

/// The label that `label` was probably meant to be.
pub(crate) fn nearest<'a>(label: &str, labels: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |known: &str| strsim::damerau_levenshtein(&known.to_lowercase(), &label.to_lowercase());
    let near = |(distance, known): &(usize, &str)| *distance <= 2 && distance * 4 <= known.len();
    let near = labels.into_iter().map(|known| (distance(known), known)).filter(near);
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// Refuses labels that would be lost: those neither known nor among `learnt`, what a model trained by `preset` tells
/// apart.
pub(super) fn refuse_lost_labels(
    documents: &[&GoldDocument],
    preset: &Preset,
    learnt: &[String],
) -> Result<(), ModelError> {
    let mut lost = unknown_labels(documents.iter().copied());
    lost.retain(|label, _| !learnt.iter().any(|known| known == label));
    let known = || KNOWN_LABELS.into_iter().chain(learnt.iter().map(String::as_str));
    for (label, met) in &lost {
        if let Some(nearest) = nearest(label, known()) {
            return Err(ModelError::MistypedLabel {
                file: met.file.to_owned(),
                line: met.line,
                label: (*label).to_owned(),
                nearest: nearest.to_owned(),
            });
        }
    }
    let Some(first) = lost.values().next() else { return Ok(()) };
    let why = match preset.labels {
        LabelSet::Three => "each would become Misc-exposition".to_owned(),
        LabelSet::Fine => format!(
            "each would become Misc-exposition, because it has fewer than {} paragraphs",
            preset.min_paragraphs
        ),
    };
    let labels = lost.iter().map(|(label, met)| ((*label).to_owned(), met.count)).collect();
    Err(ModelError::OwnLabels { labels, file: first.file.to_owned(), line: first.line, why })
}

/// A sentence for each label that will be learnt as one of its own although it is probably another one mistyped.
pub(super) fn doubtful_labels(documents: &[&GoldDocument], learnt: &[String]) -> Vec<String> {
    let mut unknown = unknown_labels(documents.iter().copied());
    unknown.retain(|label, _| learnt.iter().any(|known| known == label));
    let counts: BTreeMap<&str, usize> = unknown.iter().map(|(label, met)| (*label, met.count)).collect();
    let sentence = |(label, met): (&str, Met<'_>)| {
        // Of two labels of her own that are nearly the same, the rarer one is the mistyped one.
        let other = |known: &&str| {
            *known != label && counts.get(known).is_none_or(|count| (met.count, label) < (*count, known))
        };
        let known = KNOWN_LABELS.into_iter().chain(counts.keys().copied());
        let nearest = nearest(label, known.filter(|known| other(known)))?;
        let Met { file, line, count } = met;
        Some(format!(
            "{file}:{line}: label {label:?} is learnt as a label of its own, from {count} paragraph(s); {nearest:?} is \
             nearly the same, so correct the file if it was meant"
        ))
    };
    unknown.into_iter().filter_map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_is_learnt_although_it_is_probably_mistyped_is_named() {
        let annotated =
            "[@a#Key*]\n[@b#Foobar*]\n[@c#Fobar*]\n[@d#Foobar*]\n[@e#Descripton*]\n[@f#Ecology*]\n";
        let document = GoldDocument::parse("v/a.ann", "v", annotated);
        let learnt = ["Key", "Foobar", "Fobar", "Descripton", "Ecology"].map(str::to_owned);
        let named = doubtful_labels(&[&document], &learnt);
        assert_eq!(named.len(), 2, "{named:?}");
        for part in ["v/a.ann:5", "\"Descripton\"", "1 paragraph", "\"Description\""] {
            assert!(named[0].contains(part), "{} has no {part}", named[0]);
        }
        assert!(named[1].contains("v/a.ann:3") && named[1].contains("\"Foobar\""), "{}", named[1]);
        assert!(doubtful_labels(&[&document], &["Key".to_owned()]).is_empty());
    }

    fn check(annotated: &str, preset: &str, learnt: &[&str]) -> Result<(), ModelError> {
        let document = GoldDocument::parse("v/a.ann", "v", annotated);
        let toml = format!("[p]\n{preset}\nfeatures = {{ words = {{ vocabulary = 5 }} }}");
        let preset = Preset::from_toml(&toml, "own.toml", "p").expect("possible");
        let learnt: Vec<String> = learnt.iter().map(|label| (*label).to_owned()).collect();
        refuse_lost_labels(&[&document], &preset, &learnt)
    }

    #[test]
    fn labels_of_one_s_own_are_refused_by_name_unless_they_are_learnt() {
        let annotated = "[@a#Key*]\n[@b#Foo*]\n[@c#Bar*]\n[@d#Foo*]\n";
        let error = check(annotated, "labels = 'three'", &["Misc-exposition"]).expect_err("lost").to_string();
        for part in ["\"Bar\" (1 paragraphs)", "\"Foo\" (2 paragraphs)", "v/a.ann:3", "Misc-exposition"] {
            assert!(error.contains(part), "{error} has no {part}");
        }
        let fine = "labels = 'fine'\nmin_paragraphs = 2";
        let error = check(annotated, fine, &["Foo", "Misc-exposition"]).expect_err("lost").to_string();
        assert!(error.contains("Bar") && !error.contains("Foo") && error.contains("fewer than 2"), "{error}");
        assert!(check(annotated, fine, &["Foo", "Bar"]).is_ok());
    }

    #[test]
    fn a_mistyped_label_is_named_with_file_and_line() {
        for (label, meant) in [
            ("Descripton", "Description"),
            ("Nomenclture", "Nomenclature"),
            ("misc-expositon", "Misc-exposition"),
            ("Bibliograhpy", "Bibliography"),
        ] {
            let annotated = format!("[@a#Key*]\n\n[@b#{label}*]\n");
            let error = check(&annotated, "labels = 'three'", &["Misc-exposition"]).expect_err(label);
            let text = error.to_string();
            assert!(text.contains("v/a.ann:3") && text.contains(label) && text.contains(meant), "{text}");
        }
        assert!(check("[@a#key*]\n[@b#page_header*]\n", "labels = 'three'", &["Misc-exposition"]).is_ok());
    }
}
