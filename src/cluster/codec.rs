//! How a plan travels to a cluster: this library's operators, Ballista's own, and the version that both ends must share.
//!
//! ```text
//! ours     [1] [length of version] [version] [operator, as pipeline::codec writes it]
//! others   [0] [whatever Ballista's codec writes]
//! ```

use std::sync::Arc;

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::common::{Result, plan_err};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};

use super::failure;
use super::guard::{GUARD_PARTITION, GuardPartition};
use super::{ClusterError, VERSION};
use crate::Connectors;
use crate::pipeline::{self, MapPartitionsCodec, MapPartitionsExec};

/// First byte of an operator of Ballista's.
const OTHERS: u8 = 0;
/// First byte of an operator of this library.
const OURS: u8 = 1;

/// Encodes and decodes the operators of this library, and hands all others to Ballista's codec.
#[derive(Debug)]
pub struct ClusterCodec {
    ours: MapPartitionsCodec,
    others: BallistaPhysicalExtensionCodec,
    version: &'static str,
}

impl ClusterCodec {
    /// The codec for plans whose source and sink are among `connectors`.
    #[must_use]
    pub fn new(connectors: &Connectors) -> Self {
        let ours = pipeline::codec(connectors).with_function(GUARD_PARTITION, GuardPartition::decode);
        Self { ours, others: BallistaPhysicalExtensionCodec::default(), version: VERSION }
    }

    /// The same, as another version of this library would write and read.
    #[cfg(test)]
    pub(super) fn of_version(version: &'static str) -> Self {
        Self { version, ..Self::new(&Connectors::default()) }
    }

    fn check_version<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8]> {
        let Some((version, node)) =
            bytes.split_first().and_then(|(length, rest)| rest.split_at_checked(usize::from(*length)))
        else {
            return plan_err!("an operator of the plan is cut off");
        };
        if version == self.version.as_bytes() {
            return Ok(node);
        }
        let error = ClusterError::OtherVersion {
            plan: String::from_utf8_lossy(version).into_owned(),
            here: self.version.to_owned(),
        };
        Err(failure::mark(&error.into()))
    }
}

impl PhysicalExtensionCodec for ClusterCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match buf.split_first() {
            Some((&OURS, rest)) => {
                self.ours.try_decode(self.check_version(rest)?, inputs, context, converter)
            }
            Some((&OTHERS, rest)) => self.others.try_decode(rest, inputs, context, converter),
            _ => plan_err!("the plan holds an operator that is none of skol_classifier or Ballista"),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        if node.downcast_ref::<MapPartitionsExec>().is_none() {
            buf.push(OTHERS);
            return self.others.try_encode(node, buf, converter);
        }
        buf.push(OURS);
        // A version has a few characters.
        buf.push(u8::try_from(self.version.len()).unwrap_or(u8::MAX));
        buf.extend_from_slice(self.version.as_bytes());
        self.ours.try_encode(node, buf, converter)
    }
}
