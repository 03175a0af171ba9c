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
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::execution::TaskContext;

use super::function::{PartitionFunction, PartitionProcessor};
use super::model_store::{ModelReference, ModelStore};
use super::rows::{Labels, ParagraphRows, predictions_schema};
use super::whole_documents::WholeDocuments;
use super::{PipelineError, encoding};
use crate::Error;
use crate::document::Paragraph;
use crate::model::Scorer;

/// Name of the closure.
pub const PREDICT_PARTITION: &str = "predict_partition";

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

    fn labels(&self) -> Labels {
        Labels::new(self.model.labels.as_slice())
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Arc<dyn PartitionFunction>> {
        Ok(Arc::new(Self { model: encoding::decode(PREDICT_PARTITION, bytes)? }))
    }
}

impl PartitionFunction for PredictPartition {
    fn name(&self) -> &'static str {
        PREDICT_PARTITION
    }

    fn schema(&self, _input: &Schema) -> Result<SchemaRef> {
        Ok(predictions_schema(&self.labels()))
    }

    fn encode(&self) -> Result<Vec<u8>> {
        encoding::encode(PREDICT_PARTITION, &self.model)
    }

    fn describe(&self) -> String {
        format!("model={}@{}", self.model.name, self.model.sha256.get(..12).unwrap_or_default())
    }

    fn open(&self, _input: &Schema, context: &TaskContext) -> Result<Box<dyn PartitionProcessor>> {
        let store = context.session_config().get_extension::<ModelStore>();
        let store = store.ok_or_else(|| Error::from(PipelineError::NoModelStore))?;
        let model = store.get(&self.model)?;
        let scorer = model.scorer();
        Ok(Box::new(Predict {
            scorer: if self.model.labels == model.labels() { scorer } else { scorer.collapsed() },
            schema: predictions_schema(&self.labels()),
            labels: self.labels(),
            names: Arc::new(StringArray::from(self.model.labels.clone())),
            whole: WholeDocuments::default(),
            ready: None,
        }))
    }
}

struct Predict {
    scorer: Scorer,
    schema: SchemaRef,
    labels: Labels,
    /// The labels, as the values of a dictionary.
    names: Arc<StringArray>,
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
        match self.ready.take() {
            Some(batch) => self.predict(&batch).await.map(Some),
            None => Ok(None),
        }
    }

    fn end(&mut self) -> Result<()> {
        self.whole.end()
    }
}

impl Predict {
    async fn predict(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let input = ParagraphRows::try_new(batch)?;
        let width = self.labels.len();
        let mut keys = Vec::with_capacity(batch.num_rows());
        let mut probabilities = Vec::with_capacity(batch.num_rows() * width);
        let mut paragraphs: Vec<Paragraph<'_>> = Vec::new();
        for rows in input.documents()? {
            paragraphs.clear();
            paragraphs.extend(rows.clone().filter_map(|row| input.paragraph(row)));
            if paragraphs.is_empty() {
                keys.extend(rows.clone().map(|_| None));
                probabilities.extend(std::iter::repeat_n(0.0, rows.len() * width));
                continue;
            }
            let scored = self.scorer.score(&paragraphs);
            keys.extend(scored.labels.iter().copied().map(Some));
            probabilities.extend_from_slice(scored.probabilities);
            // A batch takes a quarter of a second: requests to a database are not to wait for a thread that long.
            tokio::task::yield_now().await;
        }
        let nulls = input.nulls();
        let mut columns = input.arrays();
        columns
            .push(Arc::new(DictionaryArray::try_new(UInt16Array::from(keys), Arc::clone(&self.names) as _)?));
        columns.push(self.list(probabilities, nulls)?);
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    fn list(&self, values: Vec<f32>, nulls: Option<NullBuffer>) -> Result<Arc<dyn Array>> {
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        let width = self.labels.width();
        Ok(Arc::new(FixedSizeListArray::try_new(item, width, Arc::new(Float32Array::from(values)), nulls)?))
    }
}
