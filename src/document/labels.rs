//! The labels of the annotated journals, and the three that the classifier is about.

/// Names of taxa: new names, accepted names, synonyms, with their authors and places of publication.
pub const NOMENCLATURE: &str = "Nomenclature";
/// Descriptions of organisms.
pub const DESCRIPTION: &str = "Description";
/// Everything else.
pub const MISC_EXPOSITION: &str = "Misc-exposition";

/// The labels that fine ones collapse to, in the order used in tables.
pub const COLLAPSED_LABELS: [&str; 3] = [NOMENCLATURE, DESCRIPTION, MISC_EXPOSITION];

/// Every label in use in the annotated journals, by number of blocks.
pub const KNOWN_LABELS: [&str; 25] = [
    MISC_EXPOSITION,
    "Bibliography",
    NOMENCLATURE,
    DESCRIPTION,
    "Page-header",
    "Figure",
    "Habitat-distribution",
    "Key",
    "Institution",
    "Diagnosis",
    "Table",
    "Section-header",
    "Abstract",
    "Comments",
    "Specimens",
    "MB",
    "Author",
    "Type-collection",
    "Title",
    "Acknowledgements",
    "Key-words",
    "Materials-methods",
    "Etymology",
    "Contents",
    "Common-name",
];

/// The usual spelling of a known label: the same letters in upper or lower case, with `-`, `_` or a space
/// between words. `None` for a label that is not known.
#[must_use]
pub(crate) fn canonical(label: &str) -> Option<&'static str> {
    let same = |a: u8, b: u8| {
        a.eq_ignore_ascii_case(&b) || (matches!(a, b'-' | b'_' | b' ') && matches!(b, b'-' | b'_' | b' '))
    };
    KNOWN_LABELS
        .into_iter()
        .find(|known| known.len() == label.len() && known.bytes().zip(label.bytes()).all(|(a, b)| same(a, b)))
}

/// A fine label as one of the [three](COLLAPSED_LABELS): [`NOMENCLATURE`] and [`DESCRIPTION`] stay, everything
/// else, known or not, is [`MISC_EXPOSITION`].
#[must_use]
pub(crate) fn collapse(label: &str) -> &'static str {
    match canonical(label) {
        Some(known @ (NOMENCLATURE | DESCRIPTION)) => known,
        _ => MISC_EXPOSITION,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_variants_are_known() {
        assert_eq!(canonical("page_HEADER"), Some("Page-header"));
        assert_eq!(canonical("Misc exposition"), Some(MISC_EXPOSITION));
        assert_eq!(canonical("Comment"), None);
        assert_eq!(canonical(""), None);
    }

    #[test]
    fn fine_labels_collapse_to_three() {
        assert_eq!(collapse("nomenclature"), NOMENCLATURE);
        assert_eq!(collapse("Description"), DESCRIPTION);
        for label in ["Bibliography", "Key", "never-heard-of", MISC_EXPOSITION] {
            assert_eq!(collapse(label), MISC_EXPOSITION);
        }
    }
}
