//! `predict_partition`: paragraphs in, paragraphs with label and probabilities out.
//!
//! The closure holds a reference to the model, never the model. The worker finds the model in the
//! session's [`ModelStore`], where it is once per process, whatever the number of partitions.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    Array, DictionaryArray, FixedSizeListArray, Float32Array, RecordBatch, StringArray, UInt16Array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::execution::TaskContext;
use serde::{Deserialize, Serialize};

use super::map_partitions::{PartitionFunction, PartitionProcessor};
use super::model_store::ModelStore;
use super::rows::{BEFORE, TEXT, predictions_schema, strings};
use super::whole_documents::{WholeDocuments, documents};
use super::{PipelineError, encoding};
use crate::Error;
use crate::document::Paragraph;
use crate::model::{Model, Scorer};

/// Name of the closure.
pub const PREDICT_PARTITION: &str = "predict_partition";

/// What names a model in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelReference {
    /// Name of a shipped model, or path of a model file.
    pub name: String,
    /// SHA-256 of the model file, in hexadecimal digits: a worker refuses another model of this name.
    pub sha256: String,
    /// The labels, in the order of the probabilities.
    pub labels: Vec<String>,
}

impl ModelReference {
    /// The reference to `model`, which workers load as `name`; when `collapsed` they answer with the three labels.
    #[must_use]
    pub fn new(name: &str, model: &Model, collapsed: bool) -> Self {
        Self { name: name.to_string(), sha256: model.sha256().to_string(), labels: model.answers(collapsed) }
    }
}

/// Labels the paragraphs of one partition. Captures the reference to the model.
#[derive(Debug, Clone)]
pub struct PredictPartition {
    model: ModelReference,
}

impl PredictPartition {
    /// Labels by `model`.
    #[must_use]
    pub fn new(model: ModelReference) -> Self {
        Self { model }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Arc<dyn PartitionFunction>> {
        Ok(Arc::new(Self { model: encoding::decode(PREDICT_PARTITION, bytes)? }))
    }
}

impl PartitionFunction for PredictPartition {
    fn name(&self) -> &'static str {
        PREDICT_PARTITION
    }

    fn schema(&self) -> SchemaRef {
        predictions_schema(self.model.labels.len())
    }

    fn encode(&self) -> Result<Vec<u8>> {
        encoding::encode(PREDICT_PARTITION, &self.model)
    }

    fn describe(&self) -> String {
        format!("model={}@{}", self.model.name, self.model.sha256.get(..12).unwrap_or_default())
    }

    fn open(&self, context: &TaskContext) -> Result<Box<dyn PartitionProcessor>> {
        let store = context.session_config().get_extension::<ModelStore>();
        let store = store.ok_or_else(|| Error::from(PipelineError::NoModelStore))?;
        let model = store.get(&self.model)?;
        let scorer = model.scorer();
        Ok(Box::new(Predict {
            scorer: if self.model.labels == model.labels() { scorer } else { scorer.collapsed() },
            schema: self.schema(),
            labels: Arc::new(StringArray::from(self.model.labels.clone())),
            whole: WholeDocuments::default(),
            ready: None,
        }))
    }
}

struct Predict {
    scorer: Scorer,
    schema: SchemaRef,
    labels: Arc<StringArray>,
    whole: WholeDocuments,
    ready: Option<RecordBatch>,
}

#[async_trait]
impl PartitionProcessor for Predict {
    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.ready = self.whole.push(batch)?;
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.ready.take().map(|batch| self.predict(&batch)).transpose()
    }

    fn end(&mut self) -> Result<()> {
        self.whole.end()
    }
}

impl Predict {
    fn predict(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let (before, text) = (strings(batch, BEFORE)?, strings(batch, TEXT)?);
        let width = self.labels.len();
        let mut keys = Vec::with_capacity(batch.num_rows());
        let mut probabilities = Vec::with_capacity(batch.num_rows() * width);
        let mut paragraphs: Vec<Paragraph<'_>> = Vec::new();
        for rows in documents(batch)? {
            paragraphs.clear();
            paragraphs.extend(
                rows.clone()
                    .filter(|row| text.is_valid(*row))
                    .map(|row| Paragraph { before: before.value(row), text: text.value(row) }),
            );
            if paragraphs.is_empty() {
                keys.extend(rows.clone().map(|_| None));
                probabilities.extend(std::iter::repeat_n(0.0, rows.len() * width));
                continue;
            }
            let scored = self.scorer.score(&paragraphs);
            keys.extend(scored.labels.iter().copied().map(Some));
            probabilities.extend_from_slice(scored.probabilities);
        }
        let nulls = text.nulls().cloned();
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(DictionaryArray::try_new(
            UInt16Array::from(keys),
            Arc::clone(&self.labels) as _,
        )?));
        columns.push(self.list(probabilities, nulls)?);
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    fn list(&self, values: Vec<f32>, nulls: Option<NullBuffer>) -> Result<Arc<dyn Array>> {
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        let width = i32::try_from(self.labels.len())
            .map_err(|_| exec_datafusion_err!("a model with {} labels", self.labels.len()))?;
        Ok(Arc::new(FixedSizeListArray::try_new(item, width, Arc::new(Float32Array::from(values)), nulls)?))
    }
}
