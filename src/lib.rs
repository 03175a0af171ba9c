//! Batch text classifier for taxonomic literature.
//!
//! ```text
//! settings ─▶ source ─▶ documents ─▶ paragraphs ─▶ predictions ─▶ annotations ─▶ sink ─▶ outcomes
//! ```
#![deny(missing_docs)]

pub mod classifier;
pub mod cli;
pub mod couchdb;
pub mod document;
pub mod error;
pub mod features;
pub mod instrumentation;
pub mod model;
pub mod pipeline;
pub mod report;
pub mod run;
pub mod segment;
pub mod settings;
pub mod sink;
pub mod source;

pub use classifier::Classifier;
pub use error::{Error, Result};
