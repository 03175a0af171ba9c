//! The stages of the pipeline and their operators, as DataFusion plans.
//!
//! Every stage is one [partition function](PartitionFunction) over the DataFrame before it; the only
//! exchange [deals out](DealOutExec) document ids. This room knows how rows flow; what happens to
//! a row is decided in [`source`](crate::source), [`segment`](mod@crate::segment), [`model`](crate::model) and
//! [`sink`](crate::sink).

mod annotate;
mod codec;
mod deal_out;
mod encoding;
mod error;
mod load;
mod map_partitions;
mod map_partitions_exec;
mod model_store;
mod predict;
pub mod rows;
mod save;
mod segment;
mod selection;
mod session;
pub mod stages;
mod whole_documents;

pub use annotate::{ANNOTATE_PARTITION, AnnotatePartition};
pub use codec::{FunctionDecoder, MapPartitionsCodec};
pub use deal_out::DealOutExec;
pub use error::PipelineError;
pub use load::{LOAD_PARTITION, LoadPartition};
pub use map_partitions::{
    EachBatch, MapPartitions, MapPartitionsPlanner, PartitionFunction, PartitionProcessor, map_partitions,
};
pub use map_partitions_exec::MapPartitionsExec;
pub use model_store::ModelStore;
pub use predict::{ModelReference, PREDICT_PARTITION, PredictPartition};
pub use save::{SAVE_PARTITION, SavePartition};
pub use segment::{SEGMENT_PARTITION, SegmentPartition};
pub use selection::Stop;
pub use session::{OptimizerRule, SessionOptions, codec, session};
