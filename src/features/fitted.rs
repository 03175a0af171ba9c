//! Fitted features: vocabularies with their document frequencies, and the columns they make.
//!
//! Columns come in groups, in this order: words, endings. Within a group they are ordered by document
//! frequency. The value of a term's column is `tf * idf`: occurrences in the paragraph times Spark's IDF,
//! not normalised.

use super::params::ValidFeatureParams;
use super::rows::Rows;
use super::tokens::{ending, for_each_word};
use super::vocabulary::{Frequencies, Vocabulary};
use crate::document::Paragraph;

/// Features whose vocabularies have been learnt from paragraphs.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    params: ValidFeatureParams,
    words: Vocabulary,
    endings: Vocabulary,
}

impl Features {
    /// Learns vocabularies and document frequencies from documents, each a list of paragraphs in order.
    ///
    /// The result does not depend on the order of the documents.
    #[must_use]
    pub fn fit<'a, D: AsRef<[Paragraph<'a>]>>(params: &ValidFeatureParams, documents: &[D]) -> Self {
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
        Self {
            words: params
                .words
                .as_ref()
                .map(|params| words.into_vocabulary(params.vocabulary, params.min_df))
                .unwrap_or_default(),
            endings: params
                .endings
                .as_ref()
                .map(|params| endings.into_vocabulary(params.vocabulary, params.min_df))
                .unwrap_or_default(),
            params: params.clone(),
        }
    }

    pub(super) fn from_parts(params: ValidFeatureParams, words: Vocabulary, endings: Vocabulary) -> Self {
        Self { params, words, endings }
    }

    pub(super) fn vocabularies(&self) -> (&Vocabulary, &Vocabulary) {
        (&self.words, &self.endings)
    }

    /// The parameters these features were fitted with.
    #[must_use]
    pub fn params(&self) -> &ValidFeatureParams {
        &self.params
    }

    /// How many columns there are.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.words.len() + self.endings.len()
    }

    /// The rows of one document, given whole and in order.
    #[must_use]
    pub fn transform(&self, document: &[Paragraph<'_>]) -> Rows {
        let mut rows = Rows::new(self.n_features());
        self.transform_into(document, &mut rows);
        rows
    }

    /// Appends the rows of one document to `rows`, which must have [`n_features`](Self::n_features) columns.
    pub fn transform_into(&self, document: &[Paragraph<'_>], rows: &mut Rows) {
        let lengths = self.params.endings.as_ref().map_or(&[][..], |endings| &endings.lengths);
        let endings_start = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        let mut entries = Vec::new();
        let mut buffer = String::new();
        for paragraph in document {
            entries.clear();
            for_each_word(paragraph.text, &mut buffer, |word| {
                entries.extend(self.words.get(word));
                entries.extend(
                    lengths
                        .iter()
                        .filter_map(|&n| self.endings.get(ending(word, n)?))
                        .map(|(column, idf)| (endings_start + column, idf)),
                );
            });
            rows.push(&mut entries);
        }
    }

    /// What column `column` stands for, for people: `word=nov.`, `ending=eae`.
    ///
    /// `None` if there is no such column.
    #[must_use]
    pub fn feature_name(&self, column: usize) -> Option<String> {
        match column.checked_sub(self.words.len()) {
            None => self.words.terms().get(column).map(|term| format!("word={term}")),
            Some(column) => self.endings.terms().get(column).map(|term| format!("ending={term}")),
        }
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

    const BASE: &str = "words = { vocabulary = 3 }\nendings = { lengths = [2, 3], vocabulary = 2 }";

    #[test]
    fn values_are_occurrences_times_idf() {
        let texts = ["Spores smooth", "spores SPORES red", "cap red"];
        let features = features(&texts, BASE);
        // df: spores 2, red 2, es 2, res 2; everything else occurs once.
        assert_eq!(features.n_features(), 4);
        let idf = (4.0_f64 / 3.0).ln();
        let rows = features.transform(&paragraphs(&["Spores spores red cap"]));
        let named: Vec<(String, f64)> = rows
            .row(0)
            .0
            .iter()
            .zip(rows.row(0).1)
            .map(|(&column, &value)| (features.feature_name(column as usize).unwrap_or_default(), value))
            .collect();
        let expected =
            [("word=red", idf), ("word=spores", 2.0 * idf), ("ending=ed", idf), ("ending=es", 2.0 * idf)];
        assert_eq!(named, expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(features.feature_name(4), None);
    }

    #[test]
    fn stored_features_come_back_and_truncated_ones_are_refused() {
        let features = features(&["Spores smooth", "spores SPORES réd", "cap réd"], BASE);
        let mut bytes = Vec::new();
        features.encode(&mut bytes);
        let length = bytes.len();
        bytes.push(7);
        assert_eq!(Features::decode(&bytes), Ok((features, length)));
        for end in 0..length {
            assert!(Features::decode(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn a_document_has_the_same_rows_alone_and_within_the_corpus() {
        let texts = ["spores smooth", "spores red", "cap red"];
        let features = features(&texts, BASE);
        let together = features.transform(&paragraphs(&texts));
        let mut apart = Rows::new(features.n_features());
        texts.iter().for_each(|text| features.transform_into(&paragraphs(&[text]), &mut apart));
        assert_eq!(together, apart);
    }
}
