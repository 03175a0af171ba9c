//! What is known about a model besides its numbers.

use super::Preset;
use super::gold::GoldDocument;
use serde::{Deserialize, Serialize};

/// What is known about a model besides its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelInfo {
    /// What it is called.
    pub name: String,
    /// The name of its preset.
    pub preset_name: String,
    /// What it was trained with.
    pub preset: Preset,
    /// What it was trained on.
    pub data: DataSummary,
    /// Day of training, `YYYY-MM-DD` in UTC.
    pub date: String,
    /// Version of the program that trained it.
    pub version: String,
    /// Seed of the split.
    pub seed: u64,
    /// Scores were divided by this, so that probabilities mean what they say; 1 when not calibrated. It is
    /// already folded into the weights, except where an auxiliary model has the last word.
    pub temperature: f64,
    /// Name and digest of the model that it was adapted from, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapted_from: Option<String>,
}

/// What a model was trained on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DataSummary {
    /// Annotated files.
    pub files: usize,
    /// Volumes: the folders of the files.
    pub volumes: Vec<String>,
    /// Paragraphs per label, in the model's label order.
    pub paragraphs: Vec<(String, usize)>,
    /// Digests of the documents, sorted. Models of version 0.1 have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<String>,
}

impl DataSummary {
    /// How many of `documents` were trained on, as far as is known: models of version 0.1 know the names of volumes alone.
    #[must_use]
    pub(crate) fn overlap<'a>(&self, documents: impl IntoIterator<Item = &'a GoldDocument>) -> usize {
        let seen = |document: &&GoldDocument| {
            if self.documents.is_empty() {
                self.volumes.contains(&document.volume)
            } else {
                self.documents.binary_search(&document.digest()).is_ok()
            }
        };
        documents.into_iter().filter(seen).count()
    }
}
