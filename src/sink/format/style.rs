//! How annotations are written, beyond their format.

use super::{
    LabelledDocument, LabelledParagraph, OutputFormat, RenderError, brat, html, jsonl, parquet, yedda,
};
use crate::document::brat::BratSpans;
use crate::document::yedda::is_label;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The format of annotations and what goes with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputStyle {
    /// The format.
    pub format: OutputFormat,
    /// How brat gets paragraphs of several lines.
    #[serde(default)]
    pub brat_spans: BratSpans,
    /// Other names for labels.
    #[serde(default)]
    pub label_names: LabelNames,
}

impl From<OutputFormat> for OutputStyle {
    fn from(format: OutputFormat) -> Self {
        Self { format, ..Self::default() }
    }
}

impl OutputStyle {
    /// The document, written so.
    ///
    /// # Errors
    /// When the JSON or Parquet writer refuses the rows.
    pub fn render(&self, document: &LabelledDocument<'_>) -> Result<Vec<u8>, RenderError> {
        if self.label_names.0.is_empty() {
            return self.render_as_named(document);
        }
        let renamed = self.label_names.of(document.labels);
        let probabilities: Vec<Vec<f32>> =
            document.paragraphs.iter().map(|paragraph| renamed.merged(paragraph.probabilities)).collect();
        let paragraphs = document.paragraphs.iter().zip(&probabilities).map(|(paragraph, probabilities)| {
            let label = renamed.of_label.get(paragraph.label).copied().unwrap_or(usize::MAX);
            LabelledParagraph { label, probabilities, ..*paragraph }
        });
        self.render_as_named(&LabelledDocument {
            reference: document.reference,
            paragraphs: paragraphs.collect(),
            after: document.after,
            labels: &renamed.names,
        })
    }

    fn render_as_named(&self, document: &LabelledDocument<'_>) -> Result<Vec<u8>, RenderError> {
        match self.format {
            OutputFormat::Yedda => Ok(yedda::render(document)),
            OutputFormat::Jsonl => Ok(jsonl::render(document)?),
            OutputFormat::Parquet => Ok(parquet::render(document)?),
            OutputFormat::Brat => Ok(brat::render(document, self.brat_spans)),
            OutputFormat::Html => Ok(html::render(document)),
        }
    }
}

/// Other names that labels get when they are written: by label. The others keep theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LabelNames(BTreeMap<String, String>);

/// Why a map of label names is refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LabelNamesError {
    /// Neither a name of a map nor a file.
    #[error("label names '{0}': give {names}, or a TOML file with lines like Figure = \"Figure-caption\"", names = LabelNames::SKOL)]
    Unknown(String),
    /// The file cannot be read.
    #[error("label names: '{path}' cannot be read: {source}; check its path and permissions")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no map of labels.
    #[error(
        "label names: '{path}' is no map of labels: {source}; give lines like Figure = \"Figure-caption\""
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: toml::de::Error,
    },
    /// A name that cannot be written.
    #[error(
        "label names: '{0}' cannot be a label: give a letter, then letters, digits, '-', '_', '/', '.' and single spaces, 64 bytes at most"
    )]
    NotALabel(String),
}

impl LabelNames {
    /// The name of the shipped map.
    pub(crate) const SKOL: &'static str = "skol";

    /// The names that SKOL's later programs know.
    #[must_use]
    pub fn skol() -> Self {
        let names = [
            ("Contents", "ToC-entry"),
            ("Comments", "Notes"),
            ("Figure", "Figure-caption"),
            ("Habitat-distribution", "Distribution"),
            ("Materials-methods", "Materials-and-methods"),
            ("Specimens", "Materials-examined"),
            ("Type-collection", "Type-designation"),
        ];
        Self(names.into_iter().map(|(label, name)| (label.to_owned(), name.to_owned())).collect())
    }

    /// The map of that name, or the one in the TOML file of that path.
    ///
    /// # Errors
    /// There is none, or it holds what cannot be a label.
    pub fn load(name: &str) -> Result<Self, LabelNamesError> {
        if name.eq_ignore_ascii_case(Self::SKOL) {
            return Ok(Self::skol());
        }
        let path = Path::new(name);
        let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound if path.extension().is_none() => {
                LabelNamesError::Unknown(name.to_owned())
            }
            _ => LabelNamesError::Unreadable { path: path.to_owned(), source },
        })?;
        let names: BTreeMap<String, String> = toml::from_str(&text)
            .map_err(|source| LabelNamesError::Malformed { path: path.to_owned(), source })?;
        match names.values().find(|name| !is_label(name)) {
            Some(name) => Err(LabelNamesError::NotALabel(name.clone())),
            None => Ok(Self(names)),
        }
    }

    /// The names of `labels`, each once, and for each label which of them it has.
    #[must_use]
    pub(crate) fn of(&self, labels: &[String]) -> RenamedLabels {
        let mut renamed = RenamedLabels { names: Vec::with_capacity(labels.len()), of_label: Vec::new() };
        for label in labels {
            let name = self.0.get(label).unwrap_or(label);
            let at = renamed.names.iter().position(|known| known == name).unwrap_or_else(|| {
                renamed.names.push(name.clone());
                renamed.names.len() - 1
            });
            renamed.of_label.push(at);
        }
        renamed
    }
}

/// Labels under the names they are written with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenamedLabels {
    /// The names; two labels may share one.
    pub names: Vec<String>,
    /// For each label the index of its name.
    pub of_label: Vec<usize>,
}

impl RenamedLabels {
    /// One probability per name from one per label: those of labels that share a name are added up.
    #[must_use]
    pub fn merged(&self, probabilities: &[f32]) -> Vec<f32> {
        let mut sums = vec![0.0; self.names.len()];
        self.of_label.iter().zip(probabilities).for_each(|(&at, p)| sums[at] += p);
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn labels_that_share_a_name_share_their_probability() {
        let map =
            LabelNames(BTreeMap::from([("Figure".into(), "Other".into()), ("Key".into(), "Other".into())]));
        let renamed = map.of(&labels(&["Key", "Description", "Figure"]));
        assert_eq!(
            renamed,
            RenamedLabels { names: labels(&["Other", "Description"]), of_label: vec![0, 1, 0] }
        );
        assert_eq!(renamed.merged(&[0.25, 0.5, 0.25]), [0.5, 0.5]);
        let same = LabelNames::default().of(&labels(&["Key", "Figure"]));
        assert_eq!((same.merged(&[0.75, 0.25]), same.names), (vec![0.75, 0.25], labels(&["Key", "Figure"])));
    }

    #[test]
    fn a_map_is_read_from_toml_and_checked() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |text: &str| {
            let path = folder.path().join("names.toml");
            std::fs::write(&path, text).expect("written");
            LabelNames::load(path.to_str().expect("UTF-8"))
        };
        let renamed = file("Figure = \"Fig caption\"\n").expect("a map").of(&labels(&["Figure", "Key"]));
        assert_eq!(renamed.names, ["Fig caption", "Key"]);
        assert!(matches!(file("Figure = \"#*]\"\n"), Err(LabelNamesError::NotALabel(_))));
        assert!(matches!(file("Figure = 3\n"), Err(LabelNamesError::Malformed { .. })));
        assert!(matches!(LabelNames::load("skoll"), Err(LabelNamesError::Unknown(_))));
        assert!(matches!(LabelNames::load("no/such.toml"), Err(LabelNamesError::Unreadable { .. })));
        assert_eq!(LabelNames::load("skol").expect("shipped"), LabelNames::skol());
    }
}
