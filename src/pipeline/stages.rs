//! The stages, each a DataFrame made from the one before, and the codec that sends their plans.
//!
//! ```text
//! documents ─▶ paragraphs ─▶ predictions ─▶ annotations ─▶ outcomes
//! ```

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::dataframe::DataFrame;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;

use super::annotate::{ANNOTATE_PARTITION, AnnotatePartition};
use super::codec::MapPartitionsCodec;
use super::load::{LOAD_PARTITION, LoadPartition};
use super::map_partitions::map_partitions;
use super::model_store::ModelReference;
use super::on_demand::OnDemandRepartitionExec;
use super::predict::{PREDICT_PARTITION, PredictPartition};
use super::save::{SAVE_PARTITION, SavePartition};
use super::segment::{SEGMENT_PARTITION, SegmentPartition};
use super::selection::{SelectionStream, Stop};
use crate::Connectors;
use crate::sink::OutputStyle;
use crate::source::Source;

/// The documents' ids travel in batches of this many at most, so that every partition has work early.
const IDS_PER_BATCH: usize = 32;

/// What the first stage is made from.
#[derive(Debug, Clone)]
pub struct Input {
    /// Which documents, and how a worker fetches them.
    pub source: Arc<dyn Source>,
    /// Documents per batch, at most.
    pub batch_size: usize,
    /// Ends the selection early.
    pub stop: Stop,
    /// Counts the selected documents.
    pub selected: Arc<AtomicU64>,
}

/// Stage `documents`: one row per selected document.
///
/// # Errors
/// As every stage: when the plan cannot be made.
pub fn documents(context: &SessionContext, input: Input) -> Result<DataFrame> {
    let ids = input.batch_size.clamp(1, IDS_PER_BATCH);
    let load = LoadPartition::new(input.source.load_params(), input.batch_size);
    let selection = SelectionStream::new(input.source, ids, input.stop, input.selected).into_table()?;
    let selection = context.read_table(Arc::new(selection))?;
    map_partitions(context, selection, Arc::new(load))
}

/// Stage `paragraphs`: one row per paragraph.
///
/// # Errors
/// As [`documents`].
pub fn paragraphs(context: &SessionContext, documents: DataFrame) -> Result<DataFrame> {
    map_partitions(context, documents, Arc::new(SegmentPartition))
}

/// Stage `predictions`: one row per paragraph, with label and probabilities.
///
/// # Errors
/// As [`documents`].
pub fn predictions(
    context: &SessionContext,
    paragraphs: DataFrame,
    model: ModelReference,
) -> Result<DataFrame> {
    map_partitions(context, paragraphs, Arc::new(PredictPartition::new(model)))
}

/// Stage `annotations`: one row per document, as it will be written; with its page, where `pages` asks for it.
///
/// # Errors
/// As [`documents`].
pub fn annotations(
    context: &SessionContext,
    predictions: DataFrame,
    style: impl Into<OutputStyle>,
    pages: bool,
) -> Result<DataFrame> {
    map_partitions(context, predictions, Arc::new(AnnotatePartition::new(style).with_pages(pages)))
}

/// Stage `outcomes`: one row per document, the annotations saved. Each execution saves.
///
/// # Errors
/// As [`documents`].
pub fn outcomes(context: &SessionContext, annotations: DataFrame, save: SavePartition) -> Result<DataFrame> {
    map_partitions(context, annotations, Arc::new(save))
}

/// `plan` with the ids of `selection` in the place of the exchange and all below it: for an engine that takes ids in
/// windows, one list of [`selection`](super::rows::selection_schema) batches per partition. Nothing above the exchange differs.
///
/// # Errors
/// When the batches are not of one schema. A plan without an exchange comes back as it is.
#[cfg_attr(not(any(feature = "cluster", test)), allow(dead_code, reason = "only windows are such lists"))]
pub fn with_selection(
    plan: Arc<dyn ExecutionPlan>,
    selection: &[Vec<RecordBatch>],
) -> Result<Arc<dyn ExecutionPlan>> {
    let replaced = plan.transform_down(|node| {
        if node.downcast_ref::<OnDemandRepartitionExec>().is_none() {
            return Ok(Transformed::no(node));
        }
        let ids: Arc<dyn ExecutionPlan> = MemorySourceConfig::try_new_exec(selection, node.schema(), None)?;
        Ok(Transformed::new(ids, true, TreeNodeRecursion::Jump))
    });
    Ok(replaced?.data)
}

/// The codec that sends the pipeline's plans, and reads those whose source and sink are among `connectors`.
#[must_use]
pub fn codec(connectors: &Connectors) -> MapPartitionsCodec {
    let (sources, sinks) = (connectors.clone(), connectors.clone());
    MapPartitionsCodec::new()
        .with_function(LOAD_PARTITION, move |bytes| LoadPartition::decode(bytes, &sources))
        .with_function(SEGMENT_PARTITION, SegmentPartition::decode)
        .with_function(PREDICT_PARTITION, PredictPartition::decode)
        .with_function(ANNOTATE_PARTITION, AnnotatePartition::decode)
        .with_function(SAVE_PARTITION, move |bytes| SavePartition::decode(bytes, &sinks))
}
