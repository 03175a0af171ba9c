//! What new names are made of: the genera, epithets and authors of annotated names, and new ones put together from the
//! beginning of one and the end of another.

use crate::model::gold::GoldDocument;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use std::collections::BTreeSet;

/// Longest list of each kind.
const MOST: usize = 4000;

/// Genera, epithets and authors, each sorted.
#[derive(Debug, Default)]
pub(super) struct Words {
    genera: Vec<String>,
    epithets: Vec<String>,
    authors: Vec<String>,
}

impl Words {
    /// Those of the annotated names of `documents`.
    pub(super) fn of(documents: &[&GoldDocument]) -> Self {
        let (mut genera, mut epithets, mut authors) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for document in documents {
            let names = document.blocks.iter().filter(|block| block.label.as_deref() == Some("Nomenclature"));
            for name in names {
                let line = name.span.of(&document.text).lines().next().unwrap_or_default();
                let words: Vec<&str> = line.split_ascii_whitespace().collect();
                let [genus, epithet, rest @ ..] = words.as_slice() else { continue };
                if is_plain(genus, 4, true) && is_plain(epithet, 4, false) {
                    genera.insert((*genus).to_owned());
                    epithets.insert((*epithet).to_owned());
                    let author = |word: &&&str| {
                        is_plain(word.trim_end_matches(['.', ',']), 3, true) && word.len() < 12
                    };
                    authors.extend(
                        rest.iter().take(3).filter(author).map(|word| word.trim_end_matches(',').to_owned()),
                    );
                }
            }
        }
        let list = |words: BTreeSet<String>| words.into_iter().take(MOST).collect();
        Self { genera: list(genera), epithets: list(epithets), authors: list(authors) }
    }

    /// Whether a name can be made.
    pub(super) fn suffice(&self) -> bool {
        [&self.genera, &self.epithets, &self.authors].iter().all(|words| words.len() > 1)
    }

    pub(super) fn genus(&self, random: &mut StdRng) -> String {
        one(&self.genera, random)
    }

    pub(super) fn epithet(&self, random: &mut StdRng) -> String {
        one(&self.epithets, random)
    }

    /// An author's name, whole or cut short.
    pub(super) fn author(&self, random: &mut StdRng) -> String {
        const SHORT: [&str; 16] = [
            "L.",
            "Fr.",
            "Pers.",
            "Bull.",
            "Schaeff.",
            "DC.",
            "Lam.",
            "Sw.",
            "Mill.",
            "Willd.",
            "Berk.",
            "Sacc.",
            "Peck",
            "Quél.",
            "Орлов",
            "王芳",
        ];
        match random.random_range(0..12) {
            0..3 => SHORT.choose(random).copied().unwrap_or("L.").to_owned(),
            3..5 => format!("{}. {}", capital(random), one(&self.authors, random)),
            5 => format!("{}.{}. {}", capital(random), capital(random), one(&self.authors, random)),
            6 => {
                let whole = one(&self.authors, random);
                let letters: String = whole.chars().take(random.random_range(3..6)).collect();
                format!("{}.", letters.trim_end_matches('.'))
            }
            _ => one(&self.authors, random),
        }
    }
}

fn capital(random: &mut StdRng) -> char {
    char::from(b"ABCDEFGHJKLMNPRSTVW"[random.random_range(0..19)])
}

/// One of `words`, or as often the beginning of one and the end of another.
fn one(words: &[String], random: &mut StdRng) -> String {
    let choose = |random: &mut StdRng| words.choose(random).map_or("", String::as_str);
    let (first, second) = (choose(random), choose(random));
    if random.random_bool(0.5) || !first.is_ascii() || !second.is_ascii() {
        return first.to_owned();
    }
    let head = first.len().div_ceil(2).max(3).min(first.len());
    let tail = second.len() / 2;
    format!("{}{}", &first[..head], &second[tail.max(1).min(second.len())..])
}

/// A word of at least so many letters, of which the first alone is a capital if `capital`.
fn is_plain(word: &str, least: usize, capital: bool) -> bool {
    let mut letters = word.chars();
    word.chars().count() >= least
        && letters.next().is_some_and(|c| c.is_alphabetic() && c.is_uppercase() == capital)
        && letters.all(|c| c.is_lowercase() || c == '-')
}
