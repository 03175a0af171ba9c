//! Fitted features: vocabularies with their document frequencies, and the columns they make.
//!
//! Columns come in groups: words, endings, tokens, pairs, the outline, the paragraph's own layout, then the layout
//! of each neighbour, the nearest before first (-1, +1, -2, +2, ...). Within a group they are ordered by document
//! frequency.
//!
//! The value of a word or ending is `tf * idf`: occurrences in the paragraph times Spark's IDF, not normalised.
//! Tokens, pairs, outline and layout observations are there (1) or not (0); those of neighbours count
//! [`NEIGHBOUR_VALUE`], which makes the L2 penalty four times as strong on them.

use super::extract::{Extraction, Found};
use super::layout::KNOWN;
use super::layout::{Landmarks, Lines, Token, UNKNOWN, describe, observe, pair_key};
use super::lexer::for_each_token;
use super::lexicon::{Keys, Lexicon};
use super::outline::Outline;
use super::params::ValidFeatureParams;
use super::tokens::{ending, for_each_word};
use super::vocabulary::{Frequencies, KeyFrequencies, Vocabulary};
use crate::document::Paragraph;
use linfa_sparse_logistic::Rows;

/// The value of a neighbour's layout observation.
pub(crate) const NEIGHBOUR_VALUE: f64 = 0.5;

/// Features whose vocabularies have been learnt from paragraphs.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    params: ValidFeatureParams,
    parts: Parts,
    landmarks: Landmarks,
}

/// The vocabularies; those of groups that are switched off are empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Parts {
    pub words: Vocabulary,
    pub endings: Vocabulary,
    pub tokens: Lexicon,
    pub pairs: Keys,
    pub outline: Keys,
    pub layout: Keys,
}

/// The first column of each group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Columns {
    pub endings: usize,
    pub tokens: usize,
    pub pairs: usize,
    pub outline: usize,
    pub layout: usize,
    /// The first neighbour's layout; each further one has as many columns.
    pub neighbours: usize,
    pub all: usize,
}

impl Features {
    /// Learns vocabularies and document frequencies from documents, each a list of paragraphs in order.
    ///
    /// The result does not depend on the order of the documents.
    #[must_use]
    pub fn fit<'a, D: AsRef<[Paragraph<'a>]>>(params: &ValidFeatureParams, documents: &[D]) -> Self {
        let mut parts = Parts::default();
        if params.words.is_some() || params.endings.is_some() {
            (parts.words, parts.endings) = fit_words(params, documents);
        }
        if let Some(tokens) = &params.tokens {
            let mut frequencies = Frequencies::default();
            let mut buffer = String::new();
            for paragraph in documents.iter().flat_map(|document| document.as_ref()) {
                frequencies.next_paragraph();
                for_each_token(paragraph.text, &mut buffer, |token, _| frequencies.note(token));
            }
            parts.tokens = frequencies.into_lexicon(tokens.vocabulary, tokens.min_df);
        }
        let landmarks = Landmarks::new(&parts.tokens);
        if params.pairs.is_some() || params.outline.is_some() || params.layout.is_some() {
            fit_keys(params, documents, &landmarks, &mut parts);
        }
        Self { params: params.clone(), parts, landmarks }
    }

    pub(super) fn from_parts(params: ValidFeatureParams, parts: Parts) -> Self {
        Self { params, landmarks: Landmarks::new(&parts.tokens), parts }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(crate) fn landmarks(&self) -> &Landmarks {
        &self.landmarks
    }

    pub(crate) fn columns(&self) -> Columns {
        let endings = self.parts.words.len();
        let tokens = endings + self.parts.endings.len();
        let pairs = tokens + self.parts.tokens.len();
        let outline = pairs + self.parts.pairs.len();
        let layout = outline + self.parts.outline.len();
        let neighbours = layout + self.parts.layout.len();
        let all = neighbours + 2 * self.neighbours() * self.parts.layout.len();
        Columns { endings, tokens, pairs, outline, layout, neighbours, all }
    }

    /// How many paragraphs before and after are seen.
    pub(crate) fn neighbours(&self) -> usize {
        self.params.layout.as_ref().map_or(0, |layout| layout.neighbours)
    }

    /// The lengths of endings that are looked at.
    pub(crate) fn ending_lengths(&self) -> &[usize] {
        self.params.endings.as_ref().map_or(&[], |endings| &endings.lengths)
    }

    /// The parameters these features were fitted with.
    #[must_use]
    pub fn params(&self) -> &ValidFeatureParams {
        &self.params
    }

    /// How many columns there are.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.columns().all
    }

    /// The rows of one document, given whole and in order.
    #[must_use]
    pub fn transform(&self, document: &[Paragraph<'_>]) -> Rows {
        let mut rows = Rows::new(self.n_features());
        self.transform_into(document, &mut rows);
        rows
    }

    /// Appends the rows of one document, given whole and in order, to `rows`, which must have
    /// [`n_features`](Self::n_features) columns.
    pub fn transform_into(&self, document: &[Paragraph<'_>], rows: &mut Rows) {
        let columns = self.columns();
        let column = |first: usize, number: u32| (first + number as usize) as u32;
        let mut present: Vec<Vec<u32>> = vec![Vec::new(); document.len()];
        let mut extraction = Extraction::default();
        if self.params.tokens.is_some() {
            extraction.run(self, document, |place, found| {
                present[place].push(match found {
                    Found::Token(number) => column(columns.tokens, number),
                    Found::Pair(number) => column(columns.pairs, number),
                    Found::Outline(number) => column(columns.outline, number),
                });
            });
        }
        let mut entries = Vec::new();
        let mut buffer = String::new();
        for (place, paragraph) in document.iter().enumerate() {
            entries.clear();
            if columns.tokens > 0 {
                for_each_word(paragraph.text, &mut buffer, |word| {
                    entries.extend(self.parts.words.get(word));
                    let endings = self.ending_lengths().iter().filter_map(|&n| ending(word, n));
                    let found = endings.filter_map(|ending| self.parts.endings.get(ending));
                    entries.extend(found.map(|(number, idf)| (column(columns.endings, number), idf)));
                });
            }
            present[place].sort_unstable();
            present[place].dedup();
            entries.extend(present[place].iter().map(|&column| (column, 1.0)));
            if self.parts.layout.len() > 0 {
                entries.extend(
                    extraction.layout(place).iter().map(|&number| (column(columns.layout, number), 1.0)),
                );
                for (group, offset) in offsets(self.neighbours()).enumerate() {
                    let Some(neighbour) = place.checked_add_signed(offset).filter(|&at| at < document.len())
                    else {
                        continue;
                    };
                    let first = columns.neighbours + group * self.parts.layout.len();
                    let numbers = extraction.layout(neighbour).iter();
                    entries.extend(numbers.map(|&number| (column(first, number), NEIGHBOUR_VALUE)));
                }
            }
            rows.push(&mut entries);
        }
    }

    /// What column `column` stands for, for people: `word=nov.`, `ending=eae`, `before first=fig` for the
    /// first token of the paragraph before.
    ///
    /// `None` if there is no such column.
    #[must_use]
    pub fn feature_name(&self, column: usize) -> Option<String> {
        let columns = self.columns();
        let parts = &self.parts;
        if column < columns.endings {
            Some(format!("word={}", parts.words.lexicon().term(column)?))
        } else if column < columns.tokens {
            Some(format!("ending={}", parts.endings.lexicon().term(column - columns.endings)?))
        } else if column < columns.pairs {
            Some(format!("token={}", parts.tokens.term(column - columns.tokens)?))
        } else if column < columns.outline {
            Some(describe(*parts.pairs.keys().get(column - columns.pairs)?, &parts.tokens))
        } else if column < columns.layout {
            Some(describe(*parts.outline.keys().get(column - columns.outline)?, &parts.tokens))
        } else if column < columns.all {
            let number = column - columns.layout;
            let name = describe(*parts.layout.keys().get(number % parts.layout.len())?, &parts.tokens);
            match number / parts.layout.len() {
                0 => Some(name),
                group => Some(format!("{:+}: {name}", offsets(self.neighbours()).nth(group - 1)?)),
            }
        } else {
            None
        }
    }
}

/// The neighbours within `window` paragraphs, in column order: -1, +1, -2, +2, ...
pub(crate) fn offsets(window: usize) -> impl Iterator<Item = isize> {
    (1..=window as isize).flat_map(|distance| [-distance, distance])
}

/// The vocabularies of words and endings.
fn fit_words<'a, D: AsRef<[Paragraph<'a>]>>(
    params: &ValidFeatureParams,
    documents: &[D],
) -> (Vocabulary, Vocabulary) {
    let (mut words, mut endings) = (Frequencies::default(), Frequencies::default());
    let lengths = params.endings.as_ref().map_or(&[][..], |endings| &endings.lengths);
    let mut buffer = String::new();
    for paragraph in documents.iter().flat_map(|document| document.as_ref()) {
        words.next_paragraph();
        endings.next_paragraph();
        for_each_word(paragraph.text, &mut buffer, |word| {
            if params.words.is_some() {
                words.note(word);
            }
            lengths.iter().filter_map(|&n| ending(word, n)).for_each(|ending| endings.note(ending));
        });
    }
    let words = params.words.as_ref().map(|params| words.into_vocabulary(params.vocabulary, params.min_df));
    let endings =
        params.endings.as_ref().map(|params| endings.into_vocabulary(params.vocabulary, params.min_df));
    (words.unwrap_or_default(), endings.unwrap_or_default())
}

/// Sets the pairs, outline and layout observations that occur often enough.
fn fit_keys<'a, D: AsRef<[Paragraph<'a>]>>(
    params: &ValidFeatureParams,
    documents: &[D],
    landmarks: &Landmarks,
    parts: &mut Parts,
) {
    let [mut pairs, mut outline, mut layout] = [(); 3].map(|()| KeyFrequencies::default());
    let (mut buffer, mut lines) = (String::new(), Lines::default());
    let (mut tokens, mut keys) = (Vec::new(), Vec::new());
    for document in documents {
        let mut above = Outline::default();
        for paragraph in document.as_ref() {
            [&mut pairs, &mut outline, &mut layout].into_iter().for_each(KeyFrequencies::next_paragraph);
            tokens.clear();
            for_each_token(paragraph.text, &mut buffer, |term, kind| {
                let code = parts.tokens.get(term).map_or(UNKNOWN, |number| number + KNOWN);
                tokens.push(Token { code, kind });
            });
            if params.pairs.is_some() {
                let known = tokens.windows(2).filter(|pair| pair.iter().all(|token| token.code != UNKNOWN));
                known.for_each(|pair| pairs.note(pair_key(pair[0].code, pair[1].code)));
            }
            if params.outline.is_some() {
                keys.clear();
                above.observe(paragraph, &tokens, landmarks.year(), &mut keys);
                keys.iter().for_each(|&key| outline.note(key));
            }
            if params.layout.is_some() {
                keys.clear();
                observe(paragraph, &tokens, landmarks, &mut lines, &mut keys);
                keys.iter().for_each(|&key| layout.note(key));
            }
        }
    }
    if let Some(params) = &params.pairs {
        parts.pairs = pairs.into_keys(params.vocabulary, params.min_df);
    }
    if let Some(params) = &params.outline {
        parts.outline = outline.into_keys(usize::MAX, params.min_df);
    }
    if let Some(params) = &params.layout {
        parts.layout = layout.into_keys(usize::MAX, params.min_df);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linfa::ParamGuard;

    fn paragraphs<'a>(texts: &[&'a str]) -> Vec<Paragraph<'a>> {
        texts.iter().map(|text| Paragraph { before: "\n", text }).collect()
    }

    fn features(texts: &[&str], toml: &str) -> Features {
        let params =
            toml::from_str::<super::super::FeatureParams>(toml).expect("well-formed").check().expect("valid");
        Features::fit(&params, &[paragraphs(texts)])
    }

    fn named(features: &Features, rows: &Rows, row: usize) -> Vec<(String, f64)> {
        let (columns, values) = rows.row(row);
        let names = columns.iter().map(|&column| features.feature_name(column as usize).unwrap_or_default());
        names.zip(values.iter().copied()).collect()
    }

    const BASE: &str = "words = { vocabulary = 3 }\nendings = { lengths = [2, 3], vocabulary = 2 }";
    const CONTEXT: &str = "tokens = { vocabulary = 90, min_df = 1 }\npairs = { vocabulary = 90, min_df = 1 }\n\
                           layout = { neighbours = 2, min_df = 1 }";
    const TEXTS: [&str; 3] = ["Amanita rubra sp. nov.", "Cap 3-5 cm, red;\ncap red. Réd", "Fig. 1: cap"];

    #[test]
    fn values_are_occurrences_times_idf() {
        let features = features(&["Spores smooth", "spores SPORES red", "cap red"], BASE);
        // df: spores 2, red 2, and of their endings the first two in order of the alphabet.
        assert_eq!(features.n_features(), 4);
        let idf = (4.0_f64 / 3.0).ln();
        let rows = features.transform(&paragraphs(&["Spores spores red cap"]));
        let expected =
            [("word=red", idf), ("word=spores", 2.0 * idf), ("ending=ed", idf), ("ending=es", 2.0 * idf)];
        assert_eq!(named(&features, &rows, 0), expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(features.feature_name(4), None);
    }

    #[test]
    fn tokens_pairs_and_layout_are_there_or_not() {
        let features = features(&TEXTS, CONTEXT);
        let rows = features.transform(&paragraphs(&TEXTS));
        let second = named(&features, &rows, 1);
        let value = |name: &str| second.iter().find(|(found, _)| found == name).map(|&(_, value)| value);
        for (name, expected) in [
            ("token=cap", Some(1.0)),
            ("token=réd", Some(1.0)),
            ("pair=cap red", Some(1.0)),
            ("pair=#1 cm", Some(1.0)),
            ("pair=sp .", None),
            ("measurements=1", Some(1.0)),
            ("lines=2", Some(1.0)),
            ("last=réd", Some(1.0)),
            ("-1: last two=nov .", Some(0.5)),
            ("-1: first 3 kinds=Aaa", Some(0.5)),
            ("+1: first two=fig .", Some(0.5)),
            ("+1: tokens before the first colon=3", Some(0.5)),
            ("+2: lines=1", None),
        ] {
            assert_eq!(value(name), expected, "{name} in {second:#?}");
        }
    }

    #[test]
    fn stored_features_come_back_and_damaged_ones_are_refused() {
        for toml in [BASE, CONTEXT] {
            let features = features(&TEXTS, toml);
            let mut bytes = Vec::new();
            features.encode(&mut bytes);
            let length = bytes.len();
            bytes.push(7);
            assert_eq!(Features::decode(&bytes), Ok((features, length)));
            for end in 0..length {
                assert!(Features::decode(&bytes[..end]).is_err());
            }
        }
    }

    #[test]
    fn a_document_has_the_same_rows_alone_and_within_the_corpus() {
        let features = features(&TEXTS, BASE);
        let together = features.transform(&paragraphs(&TEXTS));
        let mut apart = Rows::new(features.n_features());
        TEXTS.iter().for_each(|text| features.transform_into(&paragraphs(&[text]), &mut apart));
        assert_eq!(together, apart);
    }

    #[test]
    fn a_fit_does_not_depend_on_the_order_of_documents() {
        for toml in [BASE, CONTEXT] {
            let mut reversed = TEXTS;
            reversed.reverse();
            assert_eq!(features(&TEXTS, toml), features(&reversed, toml));
        }
    }
}
