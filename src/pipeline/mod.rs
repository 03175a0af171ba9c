//! The stages of the pipeline and their operators, as DataFusion plans.
//!
//! Every stage is one partition function over the DataFrame before it; the only exchange
//! spreads document ids over the partitions. This module knows how rows flow; what happens to
//! a row is decided in [`source`](crate::source), [`segment`](mod@crate::segment), [`model`](crate::model) and
//! [`sink`](crate::sink).

mod annotate;
mod codec;
mod encoding;
mod engine;
mod error;
mod function;
mod load;
mod map_partitions;
mod map_partitions_exec;
mod model_store;
mod on_demand;
mod predict;
pub mod rows;
mod save;
mod segment;
mod selection;
mod session;
pub(crate) mod stages;
#[cfg(test)]
mod tests;
mod whole_documents;

pub(crate) use annotate::ANNOTATE_PARTITION;
#[cfg(feature = "cluster")]
pub(crate) use codec::MapPartitionsCodec;
pub use engine::{Engine, InProcess};
pub use error::PipelineError;
#[cfg(any(feature = "cluster", test))]
pub(crate) use function::{PartitionFunction, PartitionProcessor};
pub(crate) use load::LOAD_PARTITION;
pub(crate) use map_partitions_exec::MapPartitionsExec;
pub use model_store::ModelReference;
pub(crate) use model_store::ModelStore;
#[cfg(feature = "cluster")]
pub(crate) use on_demand::OnDemandRepartitionExec;
pub(crate) use predict::PREDICT_PARTITION;
pub(crate) use save::{SAVE_PARTITION, SavePartition};
pub(crate) use segment::SEGMENT_PARTITION;
pub use selection::Stop;
pub use session::OptimizerRule;
pub(crate) use session::{SessionOptions, session};
pub(crate) use stages::codec;
