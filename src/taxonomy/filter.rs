//! Whether a text has one of a list of abbreviations, as a word.

use serde::{Deserialize, Serialize};

/// The abbreviations that [`TaxonomyFilter::default`] looks for.
pub(crate) const DEFAULT_ABBREVIATIONS: &str = "comb.,fam.,gen.,nom.,ined.,var.,subg.,subsp.,sp.,f.,syn.,nov.,spec.,ssp.,spp.,\
     sensu,s.l.,s.s.,s.str.,cf.,aff.,incertae,sed.";

/// Tells texts with a taxonomic abbreviation from others.
///
/// An abbreviation counts where it stands as a word: `sp.` in `Amanita sp. nov.`, not in `a crisp.`; `f.`
/// in `L. f.`, not in `leaf.`. Case counts, so that `F. Smith` is no `f.`.
///
/// ```
/// use skol_classifier::taxonomy::TaxonomyFilter;
///
/// let filter = TaxonomyFilter::default();
/// assert!(filter.matches("Russula viridis sp. nov."));
/// assert!(!filter.matches("The chips were crisp."));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaxonomyFilter {
    abbreviations: Vec<String>,
}

impl Default for TaxonomyFilter {
    fn default() -> Self {
        Self::from_list(DEFAULT_ABBREVIATIONS)
    }
}

impl TaxonomyFilter {
    /// From abbreviations separated by commas; empty ones are left out.
    #[must_use]
    pub fn from_list(list: &str) -> Self {
        let abbreviations = list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned);
        Self { abbreviations: abbreviations.collect() }
    }

    /// Whether `text` has one of the abbreviations as a word.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.abbreviations.iter().any(|abbreviation| has_word(text, abbreviation))
    }
}

fn has_word(text: &str, word: &str) -> bool {
    memchr::memmem::find_iter(text.as_bytes(), word.as_bytes()).any(|start| {
        // Both ends are character boundaries, since `word` is whole characters.
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        // A word that ends with a point ends there, whatever follows (`sp.nov.`).
        let ends = !word.ends_with(char::is_alphanumeric) || !after.is_some_and(char::is_alphanumeric);
        !before.is_some_and(char::is_alphanumeric) && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations_count_as_words_only() {
        let filter = TaxonomyFilter::default();
        for text in
            ["sp. nov.", "Boletus edulis var. minor", "(comb. nov.)", "sp.nov.", "Hook. f.", "\nsubsp. x"]
        {
            assert!(filter.matches(text), "{text}");
        }
        for text in ["", "crisp.", "a leaf. Then", "F. Smith", "species novae", "Nov. 1997", "ésp."] {
            assert!(!filter.matches(text), "{text}");
        }
    }

    #[test]
    fn own_lists_may_hold_words_without_a_point() {
        let filter = TaxonomyFilter::from_list(" nova , ,ß");
        assert!(filter.matches("species nova") && filter.matches("a ß b") && !filter.matches("novae"));
        assert!(!TaxonomyFilter::from_list("").matches("sp. nov."));
    }
}
