//! Measures DataFusion plans: sizes, lineage, checkpoints, advice.
//!
//! A data engine fails in three quiet ways: a task that captures too much, a value that is shipped too often, a plan
//! that has grown too deep. [`Instrumentation`] measures all three, reports what it found at the [`Verbosity`] asked
//! for, and breaks deep plans before they hurt. It never changes a result, and what it cannot measure it warns about
//! instead of failing.
//!
//! ```
//! use datafusion::prelude::*;
//! use datafusion_measure::{Instrumentation, Verbosity};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> datafusion::error::Result<()> {
//! # let df = SessionContext::new().read_empty()?;
//! let instr = Instrumentation::new(Verbosity::Info);
//! instr.analyze_dataframe(&df, "my_dataframe", false).await?;
//! print!("{}", instr.metrics_summary());
//! # Ok(()) }
//! ```
//!
//! # One line for a session
//!
//! [`Instrumentation::attach`] measures every query of a session, without a call for each. What each was, what it took and
//! what each of its stages did is in [`Metrics::queries`]:
//!
//! ```
//! # use datafusion::prelude::*;
//! # use datafusion_measure::{Comparison, Instrumentation, Verbosity};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> datafusion::error::Result<()> {
//! let measure = Instrumentation::new(Verbosity::Info);
//! let ctx = measure.attach(SessionContext::new());
//!
//! measure.begin();
//! let frame = ctx.read_empty()?.with_column("answer", lit(42))?.filter(col("answer").gt(lit(1)))?;
//! measure.named(frame, "the answer").collect().await?;
//! let measured = measure.end();
//!
//! let query = &measured.queries[0];
//! assert_eq!((query.name(), query.rows), ("the answer", 1));
//! assert!(query.execution.stages.iter().all(|stage| stage.spills == 0));
//!
//! // Two runs compared: no plan grew by more than ten percent.
//! let metrics = measure.metrics().to_json();
//! assert!(Comparison::of(&metrics, &metrics, 10.0).passes());
//! # Ok(()) }
//! ```
//!
//! [`Instrumentation::running`] and [`Instrumentation::watch`] show queries while they run.
//!
//! At verbosity 0 every method returns at once: no plan is built, serialized or walked.
//!
//! What happens is a typed [`Event`], given to a [`Reporter`]: [`TextReporter`] writes the text of the guide,
//! [`JsonReporter`] one JSON object a line, and a reporter of your own is one method. What was measured is a typed
//! [`Metrics`], to be read by field, or written as JSON or Prometheus' text format ([`Metrics::write`]).
//!
//! # Features
//!
//! | feature | for | more packages than `datafusion` and `datafusion-proto` have |
//! |---|---|---|
//! | `checkpoint` (default) | [`Instrumentation::checkpoint_if_needed`]: in memory, else as Parquet | none where DataFusion has `parquet` |
//! | `report` | `Instrumentation::write_report`: a self-contained HTML page | `maud` and its macros |
//! | `otel` | the module `otel`: spans for an OpenTelemetry collector over OTLP/HTTP | an HTTP client and its TLS |
//!
//! Without features the crate has no package that `datafusion` and `datafusion-proto` do not have.

mod advice;
mod analyze;
mod captures;
#[cfg(feature = "checkpoint")]
mod checkpoint;
mod compare;
mod error;
mod event;
mod execution;
mod files;
mod format;
mod growth;
mod instrumentation;
mod limits;
mod lineage;
mod measure;
mod memory;
mod metrics;
mod named;
#[cfg(feature = "otel")]
pub mod otel;
mod predicates;
mod progress;
mod prometheus;
mod recorder;
#[cfg(feature = "report")]
mod report;
mod reporter;
mod scope;
mod session;
mod sizes;
mod stack;
mod stages;
mod summary;
mod verbosity;
mod warning;

/// The version of DataFusion that this crate was built for.
pub use datafusion;

#[cfg(feature = "checkpoint")]
pub use checkpoint::{CheckpointOptions, CheckpointPolicy};
pub use compare::changes;
pub use error::Error;
pub use event::{CheckpointReason, Event, Level};
pub use execution::{ExecutionMetrics, MetricEntry, OperatorMetrics, Pruned, StageMetrics};
pub use files::{write_atomically, write_metrics};
pub use format::format_bytes;
pub use growth::{CompareError, Comparison, Growth, growth};
pub use instrumentation::Instrumentation;
pub use limits::Limits;
pub use lineage::Lineage;
pub use metrics::{DataFrameMetrics, Metrics, ScopeMetrics, Travel};
pub use named::Named;
pub use progress::{Progress, Watcher};
pub use prometheus::{LABELLED, prometheus_text};
pub use recorder::{Flight, FlightRecorder};
pub use reporter::{JsonReporter, Reporter, TextReporter, json_line};
pub use scope::Scope;
pub use session::{Measured, MemoryPeak, QueryMetrics, RuleMetrics};
pub use sizes::{Broadcast, ClosureSize, TaskSize};
pub use stack::{on_stack, plan, release, release_frame, run};
pub use verbosity::Verbosity;
pub use warning::Warning;
