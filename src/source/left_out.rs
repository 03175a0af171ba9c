//! What a listing passed over: counted by kind, and named where somebody asked for it by name or has to mend it.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// How many names are kept of what nobody asked for.
const MOST_NAMES: usize = 50;

/// Why something was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// A hidden file or folder.
    Hidden,
    /// The output folder, or what this program wrote.
    Output,
    /// A name that the pattern does not match.
    OtherName,
    /// A PDF whose text lies beside it.
    TextBeside,
    /// A FIFO, a socket or a device.
    NotRegular,
    /// A symbolic link that leads nowhere.
    Dangling,
    /// A symbolic link that leads to a folder around it.
    Loop,
    /// A text without a taxonomic abbreviation.
    NotTaxonomic,
    /// A TaxPub document.
    Taxpub,
    /// A document of the golden dataset.
    Golden,
    /// A document without an attachment that the pattern matches.
    NoText,
}

impl Reason {
    /// What such things are called in a count: `3 hidden`.
    #[must_use]
    pub(crate) fn counted(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::Output => "written by this program",
            Self::OtherName => "of another name",
            Self::TextBeside => "PDF beside a text",
            Self::NotRegular => "no regular file",
            Self::Dangling => "dangling",
            Self::Loop => "in a circle",
            Self::NotTaxonomic => "without a taxonomic abbreviation",
            Self::Taxpub => "TaxPub",
            Self::Golden => "golden",
            Self::NoText => "without a text",
        }
    }

    /// Why one of them was passed over, and what to do about it.
    #[must_use]
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Hidden => "it is hidden; name it as an input to have it labelled",
            Self::Output => "this program wrote it",
            Self::OtherName => "its name does not match --attachment-pattern",
            Self::TextBeside => "its text lies beside it; name the PDF as an input to have it labelled",
            Self::NotRegular => "it is no regular file",
            Self::Dangling => "it is a symbolic link that leads nowhere; remove it or mend it",
            Self::Loop => "it is a symbolic link to a folder around it",
            Self::NotTaxonomic => {
                "it has no taxonomic abbreviation; leave out --taxonomy-filter to have it labelled"
            }
            Self::Taxpub => "it is TaxPub; add --include-taxpub to have it labelled",
            Self::Golden => {
                "it is golden; leave out --skip-golden, --golden-db and GOLDEN_DB_NAME to have it labelled"
            }
            Self::NoText => "it has no attachment that matches --attachment-pattern",
        }
    }

    /// Whether somebody may have to mend it.
    fn is_odd(self) -> bool {
        matches!(self, Self::NotRegular | Self::Dangling | Self::Loop)
    }
}

/// Something that was passed over, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// What a document from there would be called.
    pub name: String,
    /// Where it lies.
    pub path: String,
    /// Why.
    pub reason: Reason,
    /// Whether it was asked for by name.
    pub asked_for: bool,
}

impl Passed {
    /// Whether `id` is its name or its path.
    #[must_use]
    pub(crate) fn is(&self, id: &str) -> bool {
        self.name == id || self.path == id
    }
}

/// What a listing passed over.
#[derive(Debug, Default)]
pub struct LeftOut {
    asked_for: HashSet<String>,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    counts: BTreeMap<Reason, u64>,
    names: Vec<Passed>,
}

impl LeftOut {
    /// Nothing yet; what is in `asked_for` will be named whatever the reason.
    #[must_use]
    pub(crate) fn new(asked_for: impl IntoIterator<Item = String>) -> Self {
        Self { asked_for: asked_for.into_iter().collect(), noted: Mutex::default() }
    }

    /// A new listing begins.
    pub(crate) fn clear(&self) {
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = Noted::default();
    }

    /// Notes that the file or folder at `path` was passed over; `name` is what a document from there would be called.
    pub(crate) fn pass(&self, reason: Reason, path: &Path, name: &Path) {
        let (path, name) = (path.to_string_lossy(), name.to_string_lossy());
        let asked_for = self.asked_for.contains(name.as_ref()) || self.asked_for.contains(path.as_ref());
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        *noted.counts.entry(reason).or_default() += 1;
        if asked_for || (reason.is_odd() && noted.names.len() < MOST_NAMES) {
            noted.names.push(Passed { name: name.into_owned(), path: path.into_owned(), reason, asked_for });
        }
    }

    /// Counts more that were passed over for `reason`, without their names.
    pub(crate) fn add(&self, reason: Reason, count: u64) {
        if count > 0 {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            *noted.counts.entry(reason).or_default() += count;
        }
    }

    /// How many, by reason.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Reason, u64> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).counts.clone()
    }

    /// What was asked for by name or may have to be mended.
    #[must_use]
    pub fn names(&self) -> Vec<Passed> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).names.clone()
    }
}
