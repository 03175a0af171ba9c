//! Fitted features: vocabularies with their document frequencies, and the columns they make.
//!
//! Columns come in groups: words, suffixes, tokens, pairs, the outline, the paragraph's own layout, then the layout
//! of each neighbour, the nearest before first (-1, +1, -2, +2, ...). Within a group they are ordered by document
//! frequency.
//!
//! The value of a word or suffix is `tf * idf`: occurrences in the paragraph times Spark's IDF, not normalised.
//! Tokens, pairs, outline and layout observations are there (1) or not (0); those of neighbours count
//! [`NEIGHBOUR_VALUE`], which makes the L2 penalty four times as strong on them.

use super::FeatureError;
use super::extract::{Extraction, Found};
use super::layout::KNOWN;
use super::layout::{Landmarks, Lines, Token, UNKNOWN, describe, has_token, observe, pair_key};
use super::lexer::for_each_token;
use super::outline::Outline;
use super::params::ValidFeatureParams;
use super::parts::{Columns, Parts, offsets};
use super::tokens::{for_each_word, suffix};
use super::vocabulary::{Frequencies, KeyFrequencies, Vocabulary};
use crate::document::Paragraph;
use crate::document::fold::Folded;
use linfa_sparse_logistic::SparseRecords;

/// The value of a neighbour's layout observation.
pub(crate) const NEIGHBOUR_VALUE: f64 = 0.5;

/// Features whose vocabularies have been learnt from paragraphs.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    params: ValidFeatureParams,
    parts: Parts,
    landmarks: Landmarks,
}

impl Features {
    /// Learns vocabularies and document frequencies from documents, each a list of paragraphs in order.
    ///
    /// The result does not depend on the order of the documents.
    #[must_use]
    pub fn fit<'a, D: AsRef<[Paragraph<'a>]>>(params: &ValidFeatureParams, documents: &[D]) -> Self {
        Self::fit_with(params, documents, &[])
    }

    /// As [`fit`](Self::fit); in `more`, only observations of the layout are counted that hold no token, so that
    /// samples made from `documents` bring new shapes and no new words.
    pub(crate) fn fit_with<'a, D: AsRef<[Paragraph<'a>]>>(
        params: &ValidFeatureParams,
        documents: &[D],
        more: &[D],
    ) -> Self {
        let mut parts = Parts::default();
        if params.words.is_some() || params.suffixes.is_some() {
            (parts.words, parts.suffixes) = fit_words(params, documents);
        }
        if let Some(tokens) = &params.tokens {
            let mut frequencies = Frequencies::default();
            let (mut folded, mut buffer) = (Folded::default(), String::new());
            for paragraph in documents.iter().flat_map(|document| document.as_ref()) {
                let paragraph = folded.paragraph(paragraph);
                frequencies.next_paragraph();
                for_each_token(paragraph.text, &mut buffer, |token, _| frequencies.note(token));
            }
            parts.tokens = frequencies.into_lexicon(tokens.vocabulary, tokens.min_df);
        }
        let landmarks = parts.landmarks();
        if params.pairs.is_some() || params.outline.is_some() || params.layout.is_some() {
            fit_keys(params, (documents, more), &landmarks, &mut parts);
        }
        Self { params: params.clone(), parts, landmarks }
    }

    pub(super) fn from_parts(params: ValidFeatureParams, parts: Parts) -> Self {
        Self { params, landmarks: parts.landmarks(), parts }
    }

    /// The vocabularies.
    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// What an [`Extraction`] needs.
    pub(crate) fn extracted(&self) -> (&Parts, &Landmarks) {
        (&self.parts, &self.landmarks)
    }

    /// Where each group of columns begins.
    pub(crate) fn columns(&self) -> Columns {
        self.parts.columns(self.neighbours())
    }

    /// How many paragraphs before and after are seen.
    pub(crate) fn neighbours(&self) -> usize {
        self.params.layout.as_ref().map_or(0, |layout| layout.neighbours)
    }

    /// The lengths of suffixes that are looked at.
    pub(crate) fn suffix_lengths(&self) -> &[usize] {
        self.params.suffixes.as_ref().map_or(&[], |suffixes| &suffixes.lengths)
    }

    /// The parameters these features were fitted with.
    #[must_use]
    pub(crate) fn params(&self) -> &ValidFeatureParams {
        &self.params
    }

    /// How many columns there are.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.columns().all
    }

    /// The rows of one document, given whole and in order.
    ///
    /// # Errors
    /// When a row cannot be made.
    pub fn transform(&self, document: &[Paragraph<'_>]) -> Result<SparseRecords, FeatureError> {
        let mut rows = SparseRecords::new(self.n_features());
        self.transform_into(document, &mut rows)?;
        Ok(rows)
    }

    /// Appends the rows of one document, given whole and in order, to `rows`, which must have
    /// [`n_features`](Self::n_features) columns.
    ///
    /// # Errors
    /// When `rows` has fewer columns.
    pub(crate) fn transform_into(
        &self,
        document: &[Paragraph<'_>],
        rows: &mut SparseRecords,
    ) -> Result<(), FeatureError> {
        let columns = self.columns();
        let column = |first: usize, number: u32| (first + number as usize) as u32;
        let mut present: Vec<Vec<u32>> = vec![Vec::new(); document.len()];
        let mut extraction = Extraction::default();
        if self.params.tokens.is_some() {
            extraction.run(self.extracted(), document, |place, found| {
                present[place].push(match found {
                    Found::Token(number) => column(columns.tokens, number),
                    Found::Pair(number) => column(columns.pairs, number),
                    Found::Outline(number) => column(columns.outline, number),
                });
            });
        }
        let mut entries = Vec::new();
        let (mut folded, mut buffer) = (Folded::default(), String::new());
        for (place, paragraph) in document.iter().enumerate() {
            let paragraph = folded.paragraph(paragraph);
            entries.clear();
            if columns.tokens > 0 {
                for_each_word(paragraph.text, &mut buffer, |word| {
                    entries.extend(self.parts.words.get(word));
                    let suffixes = self.suffix_lengths().iter().filter_map(|&n| suffix(word, n));
                    let found = suffixes.filter_map(|suffix| self.parts.suffixes.get(suffix));
                    entries.extend(found.map(|(number, idf)| (column(columns.suffixes, number), idf)));
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
            rows.push(&mut entries)?;
        }
        Ok(())
    }

    /// What column `column` stands for, for people: `word=nov.`, `suffix=eae`, `before first=fig` for the
    /// first token of the paragraph before.
    ///
    /// `None` if there is no such column.
    #[must_use]
    pub fn feature_name(&self, column: usize) -> Option<String> {
        let columns = self.columns();
        let parts = &self.parts;
        if column < columns.suffixes {
            Some(format!("word={}", parts.words.lexicon().term(column)?))
        } else if column < columns.tokens {
            Some(format!("suffix={}", parts.suffixes.lexicon().term(column - columns.suffixes)?))
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

/// The vocabularies of words and suffixes.
fn fit_words<'a, D: AsRef<[Paragraph<'a>]>>(
    params: &ValidFeatureParams,
    documents: &[D],
) -> (Vocabulary, Vocabulary) {
    let (mut words, mut suffixes) = (Frequencies::default(), Frequencies::default());
    let lengths = params.suffixes.as_ref().map_or(&[][..], |suffixes| &suffixes.lengths);
    let (mut folded, mut buffer) = (Folded::default(), String::new());
    for paragraph in documents.iter().flat_map(|document| document.as_ref()) {
        let paragraph = folded.paragraph(paragraph);
        words.next_paragraph();
        suffixes.next_paragraph();
        for_each_word(paragraph.text, &mut buffer, |word| {
            if params.words.is_some() {
                words.note(word);
            }
            lengths.iter().filter_map(|&n| suffix(word, n)).for_each(|suffix| suffixes.note(suffix));
        });
    }
    let words = params.words.as_ref().map(|params| words.into_vocabulary(params.vocabulary, params.min_df));
    let suffixes =
        params.suffixes.as_ref().map(|params| suffixes.into_vocabulary(params.vocabulary, params.min_df));
    (words.unwrap_or_default(), suffixes.unwrap_or_default())
}

/// Sets the pairs, outline and layout observations that occur often enough.
fn fit_keys<'a, D: AsRef<[Paragraph<'a>]>>(
    params: &ValidFeatureParams,
    (documents, more): (&[D], &[D]),
    landmarks: &Landmarks,
    parts: &mut Parts,
) {
    let [mut pairs, mut outline, mut layout] = [(); 3].map(|()| KeyFrequencies::default());
    let (mut folded, mut buffer, mut lines) = (Folded::default(), String::new(), Lines::default());
    let (mut tokens, mut keys) = (Vec::new(), Vec::new());
    for (document, is_made) in
        documents.iter().map(|own| (own, false)).chain(more.iter().map(|made| (made, true)))
    {
        let mut above = Outline::default();
        for paragraph in document.as_ref() {
            let paragraph = &folded.paragraph(paragraph);
            [&mut pairs, &mut outline, &mut layout].into_iter().for_each(KeyFrequencies::next_paragraph);
            tokens.clear();
            for_each_token(paragraph.text, &mut buffer, |term, kind| {
                let code = parts.tokens.get(term).map_or(UNKNOWN, |number| number + KNOWN);
                tokens.push(Token { code, kind });
            });
            if params.pairs.is_some() && !is_made {
                let known = tokens.windows(2).filter(|pair| pair.iter().all(|token| token.code != UNKNOWN));
                known.for_each(|pair| pairs.note(pair_key(pair[0].code, pair[1].code)));
            }
            if params.outline.is_some() && !is_made {
                keys.clear();
                above.observe(paragraph, &tokens, landmarks.year(), &mut keys);
                keys.iter().for_each(|&key| outline.note(key));
            }
            if params.layout.is_some() {
                keys.clear();
                observe(paragraph, &tokens, landmarks, &mut lines, &mut keys);
                keys.iter().filter(|key| !is_made || !has_token(**key)).for_each(|&key| layout.note(key));
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

    fn named(features: &Features, rows: &SparseRecords, row: usize) -> Vec<(String, f64)> {
        let (columns, values) = rows.row(row);
        let names = columns.iter().map(|&column| features.feature_name(column as usize).unwrap_or_default());
        names.zip(values.iter().copied()).collect()
    }

    const BASE: &str = "words = { vocabulary = 3 }\nsuffixes = { lengths = [2, 3], vocabulary = 2 }";
    const CONTEXT: &str = "tokens = { vocabulary = 90, min_df = 1 }\npairs = { vocabulary = 90, min_df = 1 }\n\
                           layout = { neighbours = 2, min_df = 1 }";
    const TEXTS: [&str; 3] = ["Amanita rubra sp. nov.", "Cap 3-5 cm, red;\ncap red. Réd", "Fig. 1: cap"];

    #[test]
    fn values_are_occurrences_times_idf() {
        let features = features(&["Spores smooth", "spores SPORES red", "cap red"], BASE);
        // df: spores 2, red 2, and of their suffixes the first two in order of the alphabet.
        assert_eq!(features.n_features(), 4);
        let idf = (4.0_f64 / 3.0).ln();
        let rows = features.transform(&paragraphs(&["Spores spores red cap"])).expect("rows");
        let expected =
            [("word=red", idf), ("word=spores", 2.0 * idf), ("suffix=ed", idf), ("suffix=es", 2.0 * idf)];
        assert_eq!(named(&features, &rows, 0), expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(features.feature_name(4), None);
    }

    #[test]
    fn tokens_pairs_and_layout_are_there_or_not() {
        let features = features(&TEXTS, CONTEXT);
        let rows = features.transform(&paragraphs(&TEXTS)).expect("rows");
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
            assert_eq!(Features::decode(&bytes).ok(), Some((features, length)));
            for end in 0..length {
                assert!(Features::decode(&bytes[..end]).is_err());
            }
        }
    }

    #[test]
    fn a_document_has_the_same_rows_alone_and_within_the_corpus() {
        let features = features(&TEXTS, BASE);
        let together = features.transform(&paragraphs(&TEXTS)).expect("rows");
        let mut apart = SparseRecords::new(features.n_features());
        TEXTS
            .iter()
            .for_each(|text| features.transform_into(&paragraphs(&[text]), &mut apart).expect("rows"));
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
