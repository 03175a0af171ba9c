//! True sizes: what the codec writes for an operator, what a task is when serialized, what a broadcast weighs.
//!
//! Every number is a length of bytes that would travel. Measures, and prints nothing.

use std::io;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{AsExecutionPlan, PhysicalExtensionCodec};
use datafusion_proto::protobuf::PhysicalPlanNode;
use datafusion_proto::protobuf::physical_plan_node::PhysicalPlanType;
use prost::Message;
use serde::Serialize;

use super::captures::{FieldNames, largest_field};
use super::lineage::Lineage;
use super::metrics::Travel;
use super::stack;
use super::stages::{self, StageCodec};

/// A value that every worker needs once.
pub trait Broadcast {
    /// Bytes of the value's serialized form. Called at verbosity 1 and above only.
    ///
    /// # Errors
    /// When the value cannot be serialized.
    fn serialized_len(&self) -> io::Result<usize>;

    /// How it gets to the workers.
    fn travel(&self) -> Travel;
}

impl Broadcast for [u8] {
    fn serialized_len(&self) -> io::Result<usize> {
        Ok(self.len())
    }

    fn travel(&self) -> Travel {
        Travel::Inline
    }
}

/// The size of an operator's closure.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct ClosureSize {
    /// What the extension codec writes for the operator; for one of the engine's own, its part of the plan.
    pub bytes: usize,
    /// The operator's name.
    pub operator: String,
    /// The largest field of what was written, and its bytes, where fields can be recognized.
    pub largest_field: Option<(String, usize)>,
}

/// The size of a plan's largest task.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct TaskSize {
    /// The serialized plan of the largest stage, for one partition.
    pub bytes: usize,
    /// All stages of the plan serialized, each for one partition.
    pub plan_bytes: usize,
    /// Bytes in memory of the in-memory rows that this stage reads, where they are not part of what is sent.
    pub memory_bytes: usize,
    /// Functions of the caller's own whose size is not known: the codec writes their names only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Which stage that is, counted from 1 at the sources.
    pub stage: usize,
    /// How many stages the plan has.
    pub stages: usize,
    /// The largest operator of that stage and its own bytes, found where the task is larger than its limit.
    pub largest_operator: Option<ClosureSize>,
}

/// What `codec` writes for `operator` alone, its inputs left out.
pub(super) fn closure(
    operator: &Arc<dyn ExecutionPlan>,
    codec: &Arc<dyn PhysicalExtensionCodec>,
    distributed: bool,
    names: &FieldNames,
) -> Result<ClosureSize> {
    let stage_codec = StageCodec::new(codec, distributed);
    let node = stages::alone(operator, &stage_codec)?;
    let lineage = Lineage::of_physical(&node);
    let encoded = stack::serialize(&lineage, || encode(node, &stage_codec))?;
    let name = operator.name().to_owned();
    Ok(match encoded.physical_plan_type {
        Some(PhysicalPlanType::Extension(extension)) => ClosureSize {
            bytes: extension.node.len(),
            largest_field: largest_field(&name, &extension.node, names),
            operator: name,
        },
        _ => ClosureSize { bytes: encoded.encoded_len(), largest_field: None, operator: name },
    })
}

/// The largest task of `plan`; names its largest operator when the task is larger than `explain_above` bytes.
pub(super) fn task(
    plan: &Arc<dyn ExecutionPlan>,
    codec: &Arc<dyn PhysicalExtensionCodec>,
    distributed: bool,
    names: &FieldNames,
    explain_above: usize,
) -> Result<TaskSize> {
    stack::serialize(&Lineage::of_physical(plan), || {
        let stage_codec = StageCodec::new(codec, distributed);
        let stages = stages::split(plan, &stage_codec)?;
        let mut largest = (0, 0);
        let mut plan_bytes = 0;
        for (index, stage) in stages.iter().enumerate() {
            let bytes = encode(Arc::clone(stage), &stage_codec)?.encoded_len();
            plan_bytes += bytes;
            if bytes > largest.1 {
                largest = (index, bytes);
            }
        }
        let (index, bytes) = largest;
        let stage = stages.get(index);
        let memory_bytes = stage.map_or(0, stages::memory_bytes);
        let largest_operator = match stage {
            Some(stage) if bytes > explain_above => largest_operator(stage, codec, distributed, names)?,
            _ => None,
        };
        let unknown = stage_codec.unknown();
        Ok(TaskSize {
            bytes,
            plan_bytes,
            memory_bytes,
            unknown,
            stage: index + 1,
            stages: stages.len(),
            largest_operator,
        })
    })
}

/// The operator of a stage that weighs most by itself.
fn largest_operator(
    stage: &Arc<dyn ExecutionPlan>,
    codec: &Arc<dyn PhysicalExtensionCodec>,
    distributed: bool,
    names: &FieldNames,
) -> Result<Option<ClosureSize>> {
    let mut open = vec![stage];
    let mut largest: Option<ClosureSize> = None;
    while let Some(node) = open.pop() {
        open.extend(node.children());
        let own = closure(node, codec, distributed, names)?;
        if largest.as_ref().is_none_or(|known| own.bytes > known.bytes) {
            largest = Some(own);
        }
    }
    Ok(largest)
}

fn encode(plan: Arc<dyn ExecutionPlan>, codec: &StageCodec) -> Result<PhysicalPlanNode> {
    let encoded = PhysicalPlanNode::try_from_physical_plan(Arc::clone(&plan), codec);
    encoded.map_err(|error| match not_encoded(&plan, codec) {
        Some(name) => DataFusionError::NotImplemented(format!(
            "the operator '{name}' has no serialized form: DataFusion has none for it, and the codec writes none \
             (with_codec gives the codec of operators of your own)"
        )),
        None => error,
    })
}

/// The first operator, inputs before what is made of them, that cannot be encoded by itself.
fn not_encoded(plan: &Arc<dyn ExecutionPlan>, codec: &StageCodec) -> Option<String> {
    let mut open = vec![plan];
    let mut found = None;
    while let Some(node) = open.pop() {
        open.extend(node.children());
        let alone = stages::alone(node, codec);
        if alone.is_ok_and(|alone| PhysicalPlanNode::try_from_physical_plan(alone, codec).is_err()) {
            found = Some(node.name().to_owned());
        }
    }
    found
}
