//! Models: training with linfa, the file form, finding, scoring, evaluating.
//!
//! A [`Preset`] says what a model is trained with, [`train`] makes a [`Model`] out of annotated files by
//! way of the [`solver`], [`Model::load`] finds one again, and [`evaluate`] says how good it is. This room
//! may not touch DataFusion, the network or the settings.

pub mod catalog;
mod coarse;
mod container;
mod decode;
pub mod evaluate;
mod explain;
pub mod gold;
mod pack;
mod preset;
mod scorer;
pub use linfa_sparse_logistic as solver;
mod stored;
pub mod train;

pub use coarse::Coarse;
pub use decode::{Decoder, DecoderParams, DecoderScratch};
pub use explain::{AROUND, BESIDE, Contribution};
pub use preset::{LabelSet, Preset};
pub use scorer::{Scored, Scorer};
pub use stored::{DataSummary, Model, ModelInfo};
