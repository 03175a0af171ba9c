//! What is known about a model besides its numbers.

use super::Preset;
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
}
