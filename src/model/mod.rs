//! Models: training with linfa, the file form, finding, scoring, evaluating.
//!
//! A [`Preset`] says what a model is trained with, [`train`] makes a [`Model`] out of annotated files by the solvers of
//! [`linfa_sparse_logistic`], [`Model::load`] finds one again, a [`Scorer`] labels documents by it, and [`evaluate`]
//! says how good it is. This module may not touch DataFusion, the network or the settings.

pub mod catalog;
mod cleaning;
mod container;
mod context_window;
mod error;
pub mod evaluate;
mod explain;
mod file;
pub mod gold;
mod info;
mod opinion_pool;
mod preset;
mod quantize;
mod scorer;
mod stacked;
mod stored;
mod tables;
pub mod train;

pub use cleaning::CleaningParams;
pub use context_window::ContextWindow;
pub use error::{ContainerError, ModelError};
pub use explain::Contribution;
pub(crate) use explain::{AROUND, AUXILIARY};
pub(crate) use file::write_atomically;
pub use info::{DataSummary, ModelInfo};
pub use preset::{LabelSet, Preset, StochasticPreset};
pub use scorer::{Scored, Scorer};
pub(crate) use stacked::StackedClassifier;
pub use stored::Model;
