//! Samples that nobody wrote: names under forms that annotated journals have few of.
//!
//! Journals that publish new species write names with `sp. nov.` and a citation. A flora or a field guide sets
//! `Genus epithet Author` alone, others write hybrids, sections or all capitals. So each annotated name that heads a
//! description is trained on once more under another form, between the paragraphs that it stands between; treatments are
//! made of names and descriptions. Half of the words are put together from parts of two, so that a model learns what names
//! look like and not which there are. Lists of names are not made: annotators of journals took most lists for something
//! else, and made ones teach to take every name in a list for nomenclature.
//!
//! The same documents and seed give the same samples. They are trained on, never measured on.

mod forms;
mod words;

use crate::document::Span;
use crate::document::labels::{DESCRIPTION, NOMENCLATURE};
use crate::model::gold::{GoldBlock, GoldDocument};
use forms::{name, tail};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use words::Words;

/// The label of where something grows, which a guide notes under its descriptions.
const HABITAT: &str = "Habitat-distribution";
/// Treatments of a guide.
const TREATED: std::ops::Range<usize> = 1..4;
/// The share of documents that get such treatments: with them in all, precision of names fell by .01 over whole volumes.
const GUIDES: f64 = 0.15;

/// For each of `documents` that has annotated names, one with those names under other forms, and for some a few treatments.
pub(super) fn documents(documents: &[&GoldDocument], seed: u64) -> Vec<GoldDocument> {
    let words = Words::of(documents);
    if !words.suffice() {
        return Vec::new();
    }
    let mut made = Vec::new();
    for (place, document) in documents.iter().enumerate() {
        let mut random = StdRng::seed_from_u64(seed ^ (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut builder = Builder::default();
        renamed(document, &words, &mut random, &mut builder);
        if !builder.blocks.is_empty() {
            if random.random_bool(GUIDES) {
                guide(document, &words, &mut random, &mut builder);
            }
            made.push(GoldDocument {
                path: document.path.clone(),
                volume: document.volume.clone(),
                text: builder.text,
                blocks: builder.blocks,
                repairs: 0,
            });
        }
    }
    made
}

/// A document that grows paragraph by paragraph.
#[derive(Default)]
struct Builder {
    text: String,
    blocks: Vec<GoldBlock>,
}

impl Builder {
    fn add(&mut self, before: &str, text: &str, label: Option<&str>) {
        if !self.text.is_empty() {
            self.text.push_str(before);
        }
        let start = self.text.len();
        self.text.push_str(text);
        let span = Span { start, end: self.text.len() };
        self.blocks.push(GoldBlock { span, label: label.map(str::to_owned), line: 0 });
    }
}

/// Each annotated name that heads a description, under another form; the paragraphs around it are what they were, and
/// teach nothing but the description. A name that heads none is left alone: without its citation nothing would tell it
/// from one that is mentioned.
fn renamed(document: &GoldDocument, words: &Words, random: &mut StdRng, out: &mut Builder) {
    let text = |at: usize| document.blocks.get(at).map(|block| block.span.of(&document.text));
    let is = |at: usize, label: &str| {
        document.blocks.get(at).is_some_and(|block| block.label.as_deref() == Some(label))
    };
    let is_described =
        |at: usize| is(at + 1, DESCRIPTION) || is(at + 2, DESCRIPTION) && !is(at + 1, NOMENCLATURE);
    for at in (0..document.blocks.len()).filter(|&at| is(at, NOMENCLATURE) && is_described(at)) {
        for before in at.saturating_sub(2)..at {
            out.add("\n\n", text(before).unwrap_or_default(), None);
        }
        let name = name(words, random) + &tail(words, random);
        let between = if random.random_bool(0.7) { "\n\n" } else { "\n" };
        out.add(between, &name, Some(NOMENCLATURE));
        if let Some(next) = text(at + 1) {
            out.add(between, next, Some(DESCRIPTION).filter(|label| is(at + 1, label)));
        }
        if let Some(next) = text(at + 2) {
            out.add("\n\n", next, None);
        }
    }
}

/// The texts of the blocks with a label.
fn of_label<'a>(document: &'a GoldDocument, label: &str) -> Vec<&'a str> {
    let blocks = document.blocks.iter().filter(|block| block.label.as_deref() == Some(label));
    blocks.map(|block| block.span.of(&document.text)).collect()
}

/// Treatments as a flora or a field guide has them: a name, a description, perhaps a few words on where it grows.
fn guide(document: &GoldDocument, words: &Words, random: &mut StdRng, out: &mut Builder) {
    let (descriptions, notes) = (of_label(document, DESCRIPTION), of_label(document, HABITAT));
    let between = if random.random_bool(0.7) { "\n\n" } else { "\n" };
    for _ in 0..random.random_range(TREATED) {
        let Some(description) = descriptions.choose(random) else { return };
        let mut name = name(words, random);
        if random.random_bool(0.4) {
            name.push_str(&tail(words, random));
        }
        out.add("\n\n", &name, Some(NOMENCLATURE));
        out.add(between, description, Some(DESCRIPTION));
        if let Some(note) = notes.choose(random).filter(|_| random.random_bool(0.4)) {
            out.add(between, note, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::name::read;

    fn annotated() -> GoldDocument {
        let treatment = "[@Murrella opaca (Wendt) Stolz, sp. nov.#Nomenclature*]\n\n[@Cap red.#Description*]\n\n\
            [@Corrania nivea Ahlberg, Fl. Mont. 3: 12. 1888.#Nomenclature*]\n\n[@On wood, in Ohio.#Misc-exposition*]\n\n";
        GoldDocument::parse("v/a.ann", "v", &treatment.repeat(9))
    }

    #[test]
    fn names_are_trained_on_under_other_forms() {
        let document = annotated();
        let made = documents(&[&document], 0);
        let made = &made[0];
        assert_eq!(made.text, documents(&[&document], 0)[0].text, "the same each time");
        let names: Vec<&str> = made
            .blocks
            .iter()
            .filter(|block| block.label.as_deref() == Some(NOMENCLATURE))
            .map(|block| block.span.of(&made.text))
            .collect();
        assert!(names.len() >= 9);
        assert!(
            names.iter().filter(|name| read(name).is_some()).count() * 10 > names.len() * 9,
            "{names:#?}"
        );
        assert!(
            names.iter().filter(|name| document.text.contains(**name)).count() < names.len() / 4,
            "{names:#?}"
        );
    }

    #[test]
    fn without_names_nothing_is_made() {
        assert!(
            documents(&[&GoldDocument::parse("v/a.ann", "v", "[@Cap red.#Description*]\n")], 0).is_empty()
        );
    }
}
