//! How a plan with [`MapPartitionsExec`] travels: the physical extension codec.
//!
//! On the wire an operator is two fields: the function's name and its encoded form. That is the
//! closure, and its size is what the instrumentation reports.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::common::{Result, exec_err, internal_err, plan_err};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::StreamingTableExec;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use prost::Message;

use super::function::PartitionFunction;
use super::map_partitions_exec::MapPartitionsExec;
use super::on_demand::OnDemandRepartitionExec;

/// Makes a function again from what [`PartitionFunction::encode`] wrote.
pub type FunctionDecoder = Arc<dyn Fn(&[u8]) -> Result<Arc<dyn PartitionFunction>> + Send + Sync>;

/// What stands for the listing in a task: it feeds the exchange from where the plan is made, and does not travel.
const SELECTION: &str = "selection";

/// What stands for the exchange of ids.
const ON_DEMAND: &str = "on_demand";

#[derive(Clone, PartialEq, Message)]
struct MapPartitionsNode {
    #[prost(string, tag = "1")]
    function: String,
    #[prost(bytes = "vec", tag = "2")]
    encoded: Vec<u8>,
}

/// Encodes and decodes [`MapPartitionsExec`] for a registry of functions.
#[derive(Clone, Default)]
pub struct MapPartitionsCodec {
    decoders: HashMap<&'static str, FunctionDecoder>,
}

impl MapPartitionsCodec {
    /// A codec that knows no function yet: it encodes any, and decodes none.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same codec, which also decodes functions named `name`.
    #[must_use]
    pub fn with_function(
        mut self,
        name: &'static str,
        decoder: impl Fn(&[u8]) -> Result<Arc<dyn PartitionFunction>> + Send + Sync + 'static,
    ) -> Self {
        self.decoders.insert(name, Arc::new(decoder));
        self
    }
}

impl fmt::Debug for MapPartitionsCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = self.decoders.keys().collect();
        names.sort_unstable();
        f.debug_struct("MapPartitionsCodec").field("functions", &names).finish()
    }
}

impl PhysicalExtensionCodec for MapPartitionsCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        _context: &TaskContext,
        _converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let node = match MapPartitionsNode::decode(buf) {
            Ok(node) => node,
            Err(error) => return exec_err!("an operator of the plan cannot be decoded: {error}"),
        };
        if node.function == SELECTION {
            return plan_err!(
                "the listing of documents runs where the plan is made; put its ids in a table before sending the plan"
            );
        }
        if let (ON_DEMAND, [input]) = (node.function.as_str(), inputs) {
            let partitions = super::encoding::decode(ON_DEMAND, &node.encoded)?;
            return Ok(Arc::new(OnDemandRepartitionExec::new(Arc::clone(input), partitions)));
        }
        let Some(decoder) = self.decoders.get(node.function.as_str()) else {
            return plan_err!(
                "the plan holds the partition function '{}', which this program does not know; \
                 run the same version everywhere",
                node.function
            );
        };
        let [input] = inputs else {
            return internal_err!("MapPartitionsExec was sent with {} inputs", inputs.len());
        };
        Ok(Arc::new(MapPartitionsExec::try_new(Arc::clone(input), decoder(&node.encoded)?)?))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        _converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        if node.downcast_ref::<StreamingTableExec>().is_some() {
            let node = MapPartitionsNode { function: SELECTION.to_string(), encoded: vec![] };
            buf.extend_from_slice(&node.encode_to_vec());
            return Ok(());
        }
        if let Some(exchange) = node.downcast_ref::<OnDemandRepartitionExec>() {
            let node = MapPartitionsNode {
                function: ON_DEMAND.to_string(),
                encoded: super::encoding::encode(ON_DEMAND, &exchange.partitions())?,
            };
            buf.extend_from_slice(&node.encode_to_vec());
            return Ok(());
        }
        let Some(exec) = node.downcast_ref::<MapPartitionsExec>() else {
            return plan_err!("{} is not an operator that this codec can send", node.name());
        };
        let function = exec.function();
        let node = MapPartitionsNode { function: function.name().to_string(), encoded: function.encode()? };
        buf.extend_from_slice(&node.encode_to_vec());
        Ok(())
    }
}
