//! The stages of a physical plan, each as one task that a scheduler would send.
//!
//! A stage ends where rows change partition: at a hash repartitioning, below a merge of partitions. What a task reads
//! from another stage is a small leaf in its place; what it reads itself is cut down to one partition, the largest.
//! Rebuilds plans, runs none.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::utils::memory::RecordBatchMemoryCounter;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr,
    PlanProperties, ReplaceChildrenOptions,
};
use datafusion_proto::physical_plan::{
    AsExecutionPlan, PhysicalExtensionCodec, PhysicalProtoConverterExtension,
};
use datafusion_proto::protobuf::PhysicalPlanNode;
use prost::Message;

use super::lineage::fold;

/// Stands for what a task does not carry: the output of another stage, or rows in the memory of the same process.
#[derive(Debug)]
pub(super) struct ExchangeInput {
    stage: u32,
    memory_bytes: usize,
    properties: Arc<PlanProperties>,
}

impl ExchangeInput {
    fn instead_of(plan: &dyn ExecutionPlan, stage: usize) -> Arc<dyn ExecutionPlan> {
        let stage = u32::try_from(stage).unwrap_or(u32::MAX);
        Arc::new(Self { stage, memory_bytes: 0, properties: Arc::clone(plan.properties()) })
    }
}

impl DisplayAs for ExchangeInput {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExchangeInput: stage={}", self.stage)
    }
}

impl ExecutionPlan for ExchangeInput {
    fn name(&self) -> &str {
        "ExchangeInput"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        Err(DataFusionError::Internal("an exchange's stand-in is measured, never run".into()))
    }
}

/// The caller's codec, which also knows the stand-in for what a task does not carry.
#[derive(Debug)]
pub(super) struct StageCodec {
    codec: Arc<dyn PhysicalExtensionCodec>,
    distributed: bool,
    unknown: Mutex<BTreeSet<String>>,
}

impl StageCodec {
    pub(super) fn new(codec: &Arc<dyn PhysicalExtensionCodec>, distributed: bool) -> Self {
        Self { codec: Arc::clone(codec), distributed, unknown: Mutex::default() }
    }

    /// Functions of the caller's own for which nothing was written.
    pub(super) fn unknown(&self) -> Vec<String> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Remembers a function for which the codec wrote nothing, unless it is one of the engine's, which carry nothing.
    fn note(&self, name: &str, own: bool, buf: &[u8], before: usize) {
        if own && buf.len() == before {
            self.unknown.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        }
    }
}

impl PhysicalExtensionCodec for StageCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.codec.try_decode(buf, inputs, ctx, converter)
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        match node.downcast_ref::<ExchangeInput>() {
            Some(input) => {
                buf.extend(input.stage.to_le_bytes());
                Ok(())
            }
            None => self.codec.try_encode(node, buf, converter),
        }
    }

    fn try_encode_udf(&self, node: &datafusion::logical_expr::ScalarUDF, buf: &mut Vec<u8>) -> Result<()> {
        let before = buf.len();
        self.codec.try_encode_udf(node, buf)?;
        let engine = || datafusion::functions::all_default_functions();
        self.note(node.name(), !engine().iter().any(|known| known.as_ref() == node), buf, before);
        Ok(())
    }

    fn try_encode_udaf(
        &self,
        node: &datafusion::logical_expr::AggregateUDF,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        self.codec.try_encode_udaf(node, buf)
    }

    fn try_encode_udwf(&self, node: &datafusion::logical_expr::WindowUDF, buf: &mut Vec<u8>) -> Result<()> {
        self.codec.try_encode_udwf(node, buf)
    }

    fn try_encode_higher_order_function(
        &self,
        node: &datafusion::logical_expr::HigherOrderUDF,
        buf: &mut Vec<u8>,
    ) -> Result<()> {
        self.codec.try_encode_higher_order_function(node, buf)
    }

    fn try_encode_expr(
        &self,
        node: &Arc<dyn PhysicalExpr>,
        buf: &mut Vec<u8>,
        ctx: &datafusion::physical_expr_common::physical_expr::proto_encode::PhysicalExprEncodeCtx<'_>,
    ) -> Result<()> {
        self.codec.try_encode_expr(node, buf, ctx)
    }
}

/// The plan's stages, the last one being that of its top; each reads one partition.
pub(super) fn split(
    plan: &Arc<dyn ExecutionPlan>,
    codec: &StageCodec,
) -> Result<Vec<Arc<dyn ExecutionPlan>>> {
    let mut stages = Vec::new();
    let top = fold(
        plan,
        |node: &Arc<dyn ExecutionPlan>| node.children(),
        |node, below: &[Result<Arc<dyn ExecutionPlan>, Arc<DataFusionError>>]| {
            let mut children = below.iter().cloned().collect::<Result<Vec<_>, _>>()?;
            if children.is_empty() {
                return one_partition(node, codec).map_err(Arc::new);
            }
            if merges(node.as_ref()) {
                for child in &mut children {
                    stages.push(Arc::clone(child));
                    *child = ExchangeInput::instead_of(child.as_ref(), stages.len());
                }
            }
            let rebuilt = with_children(node, children).map_err(Arc::new)?;
            if !shuffles(node.as_ref()) {
                return Ok(rebuilt);
            }
            stages.push(Arc::clone(&rebuilt));
            Ok(ExchangeInput::instead_of(rebuilt.as_ref(), stages.len()))
        },
    )
    .map_err(DataFusionError::Shared)?;
    // What stands for the output of a stage that is already in the list is no stage.
    if top.downcast_ref::<ExchangeInput>().is_none_or(|input| input.stage == 0) {
        stages.push(top);
    }
    Ok(stages)
}

/// The operator alone: its inputs are stand-ins.
pub(super) fn alone(node: &Arc<dyn ExecutionPlan>, codec: &StageCodec) -> Result<Arc<dyn ExecutionPlan>> {
    let children = node.children();
    if children.is_empty() {
        return one_partition(node, codec);
    }
    let inputs = children.iter().map(|child| ExchangeInput::instead_of(child.as_ref(), 0)).collect();
    with_children(node, inputs)
}

fn with_children(
    node: &Arc<dyn ExecutionPlan>,
    children: Vec<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
    Arc::clone(node).replace_children(children, options)
}

/// Whether each output partition of this operator gets rows from every input partition by their values.
fn shuffles(node: &dyn ExecutionPlan) -> bool {
    node.downcast_ref::<RepartitionExec>()
        .is_some_and(|repartition| !matches!(repartition.partitioning(), Partitioning::RoundRobinBatch(_)))
}

/// Whether this operator brings many partitions together into one.
fn merges(node: &dyn ExecutionPlan) -> bool {
    node.downcast_ref::<CoalescePartitionsExec>().is_some()
        || node.downcast_ref::<SortPreservingMergeExec>().is_some()
}

/// Bytes of a leaf as it would be sent; 0 for one that cannot be, which the caller finds when it measures the whole.
fn serialized_len(leaf: &Arc<dyn ExecutionPlan>, codec: &StageCodec) -> usize {
    PhysicalPlanNode::try_from_physical_plan(Arc::clone(leaf), codec).map_or(0, |node| node.encoded_len())
}

/// A leaf, cut down to what its largest partition needs.
fn one_partition(leaf: &Arc<dyn ExecutionPlan>, codec: &StageCodec) -> Result<Arc<dyn ExecutionPlan>> {
    let Some(source) = leaf.downcast_ref::<DataSourceExec>() else { return Ok(Arc::clone(leaf)) };
    if let Some(files) = source.data_source().downcast_ref::<FileScanConfig>() {
        if files.file_groups.len() > 1 {
            let mut one = files.clone();
            one.output_partitioning = None;
            let scans = files.file_groups.iter().map(|group| {
                one.file_groups = vec![group.clone()];
                DataSourceExec::from_data_source(one.clone()) as Arc<dyn ExecutionPlan>
            });
            let sized = scans.map(|scan| (serialized_len(&scan, codec), scan));
            let largest = sized.max_by_key(|(bytes, _)| *bytes).map(|(_, scan)| scan);
            return Ok(largest.unwrap_or_else(|| Arc::clone(leaf)));
        }
    } else if let Some(memory) = memory_source(source) {
        let mut counter = RecordBatchMemoryCounter::new();
        let mut bytes = |batches: &Vec<RecordBatch>| -> usize {
            batches.iter().map(|batch| counter.count_batch(batch)).sum()
        };
        let sized = memory.partitions().iter().map(|batches| (bytes(batches), batches));
        let Some((memory_bytes, largest)) = sized.max_by_key(|(bytes, _)| *bytes) else {
            return Ok(Arc::clone(leaf));
        };
        if !codec.distributed {
            let properties = Arc::clone(leaf.properties());
            return Ok(Arc::new(ExchangeInput { stage: 0, memory_bytes, properties }));
        }
        let one = MemorySourceConfig::try_new(
            std::slice::from_ref(largest),
            memory.original_schema(),
            memory.projection().clone(),
        )?
        .try_with_sort_information(memory.sort_information().to_vec())?;
        return Ok(DataSourceExec::from_data_source(one));
    }
    Ok(Arc::clone(leaf))
}

/// The rows in memory that a source reads, if it does.
fn memory_source(source: &DataSourceExec) -> Option<&MemorySourceConfig> {
    let source = source.data_source();
    #[cfg(feature = "checkpoint")]
    if let Some(checkpoint) = source.downcast_ref::<super::checkpoint::FixedPartitions>() {
        return Some(checkpoint.source());
    }
    source.downcast_ref::<MemorySourceConfig>()
}

/// Bytes in memory of the rows that a stage reads and does not carry.
pub(super) fn memory_bytes(stage: &Arc<dyn ExecutionPlan>) -> usize {
    fold(
        stage,
        |node: &Arc<dyn ExecutionPlan>| node.children(),
        |node, below: &[usize]| {
            let own = node.downcast_ref::<ExchangeInput>().map_or(0, |input| input.memory_bytes);
            below.iter().fold(own, |sum, bytes| sum.saturating_add(*bytes))
        },
    )
}
