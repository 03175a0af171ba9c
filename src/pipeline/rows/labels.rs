//! The labels that a stage's rows speak of.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;

use super::super::PipelineError;

/// The key in a schema's metadata.
const KEY: &str = "skol_classifier.labels";

/// A model's labels, in the order of its probabilities. They travel in the metadata of a stage's schema, as a JSON list
/// under `skol_classifier.labels`: only the reference to the model holds them besides, since they come from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels(Arc<[String]>);

impl Labels {
    /// These labels, in this order.
    #[must_use]
    pub fn new(labels: impl Into<Arc<[String]>>) -> Self {
        Self(labels.into())
    }

    /// The labels that `schema` speaks of.
    ///
    /// # Errors
    /// When its metadata names none: the rows are of no stage from `predictions` on, or somebody left it out.
    pub fn of(schema: &Schema) -> Result<Self, PipelineError> {
        let text = schema.metadata().get(KEY).ok_or(PipelineError::NoLabels)?;
        Ok(Self(serde_json::from_str::<Vec<String>>(text).map_err(PipelineError::Labels)?.into()))
    }

    /// `schema` with these labels in its metadata.
    pub(super) fn in_schema(&self, schema: Schema) -> Schema {
        let mut metadata = schema.metadata().clone();
        metadata.insert(KEY.to_owned(), serde_json::json!(&self.0[..]).to_string());
        schema.with_metadata(metadata)
    }

    /// The labels.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// How many there are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a model tells at least two labels apart")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Their number, as Arrow counts the items of a list.
    pub(in super::super) fn width(&self) -> i32 {
        i32::try_from(self.0.len()).unwrap_or(i32::MAX)
    }

    /// The number of `label`.
    pub(super) fn number(&self, label: &str) -> Option<usize> {
        self.0.iter().position(|known| known == label)
    }
}
