//! Vocabularies: which terms become columns, and how much each occurrence counts.
//!
//! A term's document frequency is the number of paragraphs it occurs in. A vocabulary keeps the terms of
//! the highest document frequency; ties are broken by the term itself, so that a fit does not depend on
//! the order of the paragraphs. The inverse document frequency is Spark's (`pyspark.ml.feature.IDF`):
//! `idf(t) = ln((n + 1) / (df(t) + 1))` over n paragraphs.

use super::lexicon::{Keys, Lexicon};
use rustc_hash::FxHashMap;

/// Counts in how many paragraphs each term occurs.
#[derive(Default)]
pub(crate) struct Frequencies {
    counts: FxHashMap<Box<str>, (u32, u32)>,
    paragraphs: u32,
}

impl Frequencies {
    /// The next terms belong to a new paragraph.
    pub(crate) fn next_paragraph(&mut self) {
        self.paragraphs += 1;
    }

    /// Notes that `term` occurs in the current paragraph.
    pub(crate) fn note(&mut self, term: &str) {
        match self.counts.get_mut(term) {
            Some((count, last)) => {
                if *last != self.paragraphs {
                    *last = self.paragraphs;
                    *count += 1;
                }
            }
            None => {
                self.counts.insert(term.into(), (1, self.paragraphs));
            }
        }
    }

    /// The `size` most frequent terms that occur in at least `min_df` paragraphs, and how many those are.
    fn most_frequent(self, size: usize, min_df: u32) -> Vec<(Box<str>, u32)> {
        let mut terms: Vec<(Box<str>, u32)> = self
            .counts
            .into_iter()
            .map(|(term, (df, _))| (term, df))
            .filter(|&(_, df)| df >= min_df)
            .collect();
        terms.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        terms.truncate(size);
        terms
    }

    /// The vocabulary of the `size` most frequent terms that occur in at least `min_df` paragraphs.
    pub(crate) fn into_vocabulary(self, size: usize, min_df: u32) -> Vocabulary {
        let paragraphs = f64::from(self.paragraphs);
        let terms = self.most_frequent(size, min_df);
        let idf = terms.iter().map(|&(_, df)| ((paragraphs + 1.0) / (f64::from(df) + 1.0)).ln()).collect();
        Vocabulary::new(Lexicon::from_terms(terms.iter().map(|(term, _)| &**term)), idf)
    }

    /// The same terms without their frequencies.
    pub(crate) fn into_lexicon(self, size: usize, min_df: u32) -> Lexicon {
        Lexicon::from_terms(self.most_frequent(size, min_df).iter().map(|(term, _)| &**term))
    }
}

/// Counts in how many paragraphs each key occurs.
#[derive(Default)]
pub(crate) struct KeyFrequencies {
    counts: FxHashMap<u64, (u32, u32)>,
    paragraphs: u32,
}

impl KeyFrequencies {
    /// The next keys belong to a new paragraph.
    pub(crate) fn next_paragraph(&mut self) {
        self.paragraphs += 1;
    }

    /// Notes that `key` occurs in the current paragraph.
    pub(crate) fn note(&mut self, key: u64) {
        let (count, last) = self.counts.entry(key).or_insert((0, 0));
        if *last != self.paragraphs {
            *last = self.paragraphs;
            *count += 1;
        }
    }

    /// The `size` most frequent keys that occur in at least `min_df` paragraphs; ties by the key itself.
    pub(crate) fn into_keys(self, size: usize, min_df: u32) -> Keys {
        let mut keys: Vec<(u64, u32)> =
            self.counts.into_iter().map(|(key, (df, _))| (key, df)).filter(|&(_, df)| df >= min_df).collect();
        keys.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        keys.truncate(size);
        Keys::new(keys.into_iter().map(|(key, _)| key).collect())
    }
}

/// Terms with their inverse document frequency, by column.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Vocabulary {
    lexicon: Lexicon,
    idf: Vec<f64>,
}

impl Vocabulary {
    /// A vocabulary of `lexicon`'s terms with the weight of one occurrence of each.
    pub(crate) fn new(lexicon: Lexicon, idf: Vec<f64>) -> Self {
        debug_assert_eq!(lexicon.len(), idf.len());
        Self { lexicon, idf }
    }

    pub(crate) fn len(&self) -> usize {
        self.lexicon.len()
    }

    /// The column and weight of `term`.
    #[inline]
    pub(crate) fn get(&self, term: &str) -> Option<(u32, f64)> {
        let column = self.lexicon.get(term)?;
        Some((column, self.idf[column as usize]))
    }

    /// The terms, numbered by column.
    pub(crate) fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }

    /// The inverse document frequencies in column order.
    pub(crate) fn idf(&self) -> &[f64] {
        &self.idf
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(paragraphs: &[&[&str]], size: usize, min_df: u32) -> Vocabulary {
        let mut frequencies = Frequencies::default();
        for paragraph in paragraphs {
            frequencies.next_paragraph();
            paragraph.iter().for_each(|term| frequencies.note(term));
        }
        frequencies.into_vocabulary(size, min_df)
    }

    #[test]
    fn keeps_the_most_frequent_terms_and_breaks_ties_by_term() {
        let paragraphs: &[&[&str]] = &[&["b", "a", "a", "a"], &["c", "b"], &["c", "a", "b"], &["d"]];
        let vocabulary = fit(paragraphs, 2, 2);
        assert_eq!([0, 1, 2].map(|column| vocabulary.lexicon().term(column)), [Some("b"), Some("a"), None]);
        assert_eq!(fit(paragraphs, 9, 2).len(), 3);
        assert_eq!(fit(paragraphs, 9, 1).len(), 4);
    }

    #[test]
    fn idf_is_spark_s() {
        let vocabulary = fit(&[&["a"], &["a", "b"], &["c"]], 9, 1);
        let (_, idf) = vocabulary.get("a").expect("a is in the vocabulary");
        assert!((idf - (4.0_f64 / 3.0).ln()).abs() < 1e-15);
        assert_eq!(vocabulary.get("x"), None);
    }
}
