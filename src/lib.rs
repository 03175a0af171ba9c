//! Batch text classifier for taxonomic literature.
//!
//! Journals of mycology and botany lie in files or in CouchDB as plain text. This library loads them, cuts them into
//! paragraphs, labels each paragraph (`Nomenclature`, `Description`, `Misc-exposition`) by a model trained with linfa,
//! and writes the annotated text back, whole:
//!
//! ```text
//! settings ─▶ source ─▶ documents ─▶ paragraphs ─▶ predictions ─▶ annotations ─▶ sink ─▶ outcomes
//! ```
//!
//! Each arrow is a stage: a DataFusion `DataFrame` made by one partition function ([`pipeline`]) over whole
//! documents. [`classifier`] is the pipeline as six verbs, and [`instrumentation`] measures each stage without changing
//! it. The programs and their settings are private.
//!
//! ```
//! use std::sync::Arc;
//! use skol_classifier::Classifier;
//! use skol_classifier::sink::{FileSink, OutputFormat};
//! use skol_classifier::source::SampleSource;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> skol_classifier::Result<()> {
//! let folder = tempfile::tempdir().expect("a temporary folder");
//! let sink = FileSink { folder: folder.path().into(), format: OutputFormat::Yedda, dry_run: false, force: false };
//! let mut classifier = Classifier::builder()
//!     .source(Arc::new(SampleSource::new(Some(3))))
//!     .sink(Arc::new(sink))
//!     .build()?;
//! classifier.load_model("logistic_words_suffixes")?;
//!
//! let documents = classifier.load_raw().await?;
//! let predictions = classifier.predict(documents).await?;
//! let mut saved = 0;
//! classifier.save_annotated(predictions, |outcomes| {
//!     saved += outcomes.len();
//!     Ok(())
//! }).await?;
//! assert_eq!(saved, 3);
//! # Ok(()) }
//! ```

pub mod classifier;
mod cli;
#[cfg(feature = "cluster")]
pub mod cluster;
mod connectors;
pub mod convert;
pub mod couchdb;
pub mod document;
pub mod error;
pub mod features;
pub use datafusion_measure as instrumentation;
pub mod model;
pub mod pipeline;
mod printable;
pub mod report;
mod run;
pub mod segment;
mod settings;
pub mod sink;
pub mod source;
pub mod taxonomy;
pub mod worker;

pub use classifier::Classifier;
#[doc(hidden)]
pub use cli::programs;
pub use connectors::{Connectors, LoadParamsDecoder, SaveParamsDecoder};
pub use error::{Error, Result};
