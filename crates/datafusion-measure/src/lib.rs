//! Instrumentation for DataFusion plans: sizes, lineage, checkpoints, advice.
//!
//! Three quiet ways a data engine fails: a task that captures too much, a value that is shipped too often, a plan
//! that has grown too deep. [`Instrumentation`] measures all three beside a plan, says what it found at the
//! [`Verbosity`] asked for, and breaks deep plans before they hurt. It knows DataFusion and nothing of what the plan
//! is for; it never changes a result.
//!
//! ```
//! # use datafusion::prelude::*;
//! # use datafusion_measure::{Instrumentation, Verbosity};
//! # async fn example(df: DataFrame) -> datafusion::error::Result<()> {
//! let instr = Instrumentation::new(Verbosity::Info);
//! instr.analyze_dataframe(&df, "my_dataframe", false).await?;
//! let df = instr.checkpoint_if_needed(df, "my_dataframe", 30).await?;
//! print!("{}", instr.metrics_summary());
//! # Ok(()) }
//! ```
//!
//! All methods do nothing at verbosity 0: no plan is built, serialized or walked.

mod advice;
mod captures;
mod checkpoint;
mod execution;
mod lineage;
mod measure;
mod metrics;
#[cfg(feature = "otel")]
pub mod otel;
mod output;
mod predicates;
mod recorder;
mod scope;
mod sizes;
mod stack;
mod stages;
mod summary;
mod verbosity;

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion_proto::physical_plan::{DefaultPhysicalExtensionCodec, PhysicalExtensionCodec};

pub use checkpoint::{CheckpointOptions, CheckpointPolicy};
pub use execution::{ExecutionMetrics, OperatorMetrics};
pub use lineage::Lineage;
pub use metrics::{
    DataFrameMetrics, LABELLED, Metrics, Named, StageMetrics, Travel, prometheus_text, write_atomically,
    write_metrics,
};
pub use recorder::{Flight, FlightRecorder, changes};
pub use scope::Scope;
pub use sizes::{Broadcast, ClosureSize, CountingWriter, TaskSize};
pub use stack::{on_stack, plan, release, release_frame, run};
pub use verbosity::{Limits, Verbosity, format_bytes};

use captures::FieldNames;
use checkpoint::Store;
use output::Output;

/// Measures plans beside the work and says what it found.
///
/// Cheap to clone: clones share what was measured and where it is written. Configure it (`with_…`) before the first
/// clone is handed out; later changes are those of the clone only.
#[derive(Clone)]
pub struct Instrumentation {
    settings: Arc<Settings>,
    output: Output,
    store: Arc<Store>,
    metrics: Arc<Mutex<Metrics>>,
}

#[derive(Clone)]
struct Settings {
    verbosity: Verbosity,
    limits: Limits,
    codec: Arc<dyn PhysicalExtensionCodec>,
    field_names: FieldNames,
    checkpoint: CheckpointOptions,
    physical_details: bool,
    recorder: Option<FlightRecorder>,
}

impl fmt::Debug for Instrumentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instrumentation")
            .field("verbosity", &self.settings.verbosity)
            .field("limits", &self.settings.limits)
            .field("checkpoint", &self.settings.checkpoint)
            .finish_non_exhaustive()
    }
}

impl Instrumentation {
    /// Instrumentation that says as much as `verbosity`, on standard error, with the limits of the guide, the
    /// engine's own codec and checkpoints where they are needed.
    #[must_use]
    pub fn new(verbosity: Verbosity) -> Self {
        let checkpoint = CheckpointOptions::default();
        Self {
            store: Arc::new(Store::new(checkpoint.folder.clone())),
            settings: Arc::new(Settings {
                verbosity,
                limits: Limits::default(),
                codec: Arc::new(DefaultPhysicalExtensionCodec {}),
                field_names: HashMap::new(),
                checkpoint,
                physical_details: verbosity >= Verbosity::Info,
                recorder: None,
            }),
            output: Output::new(Box::new(std::io::stderr())),
            metrics: Arc::default(),
        }
    }

    /// Serializes operators with this codec: the one a scheduler would use.
    #[must_use]
    pub fn with_codec(mut self, codec: Arc<dyn PhysicalExtensionCodec>) -> Self {
        Arc::make_mut(&mut self.settings).codec = codec;
        self
    }

    /// Gives names to the protobuf fields that the codec writes for an operator, so that a warning can say which one
    /// is large. Fields of JSON objects have names already.
    #[must_use]
    pub fn with_field_names(mut self, operator: &str, fields: &[(u32, &str)]) -> Self {
        let fields = fields.iter().map(|(number, name)| (*number, (*name).to_owned())).collect();
        Arc::make_mut(&mut self.settings).field_names.insert(operator.to_owned(), fields);
        self
    }

    /// Writes its lines here instead of on standard error.
    #[must_use]
    pub fn with_output(mut self, writer: impl Write + Send + 'static) -> Self {
        self.output = Output::new(Box::new(writer));
        self
    }

    /// Makes checkpoints as these options say. Removes what killed processes have left in the checkpoint folder.
    #[must_use]
    pub fn with_checkpoint(mut self, options: CheckpointOptions) -> Self {
        self.store = Arc::new(Store::new(options.folder.clone()));
        let settings = Arc::make_mut(&mut self.settings);
        settings.checkpoint = options;
        if self.makes_checkpoints() {
            self.store.remove_stale();
        }
        self
    }

    /// Warns from these limits on.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        Arc::make_mut(&mut self.settings).limits = limits;
        self
    }

    /// Whether DataFrames are planned for measuring their partitions and tasks. By default they are at verbosity 2
    /// and above; say yes to have them in a metrics file at verbosity 1. At verbosity 0 they never are.
    #[must_use]
    pub fn with_physical_details(mut self, yes: bool) -> Self {
        Arc::make_mut(&mut self.settings).physical_details = yes;
        self
    }

    /// Keeps the metrics of the last runs, see [`record_flight`](Self::record_flight).
    #[must_use]
    pub fn with_flight_recorder(mut self, recorder: FlightRecorder) -> Self {
        Arc::make_mut(&mut self.settings).recorder = Some(recorder);
        self
    }

    /// How much is said.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        self.settings.verbosity
    }

    /// What was measured so far, with the advice it gives cause for.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let mut metrics = self.locked().clone();
        metrics.advice = advice::advise(&metrics, &self.settings.limits);
        metrics
    }

    /// What was measured, as the guide's summary; empty at verbosity 0.
    #[must_use]
    pub fn metrics_summary(&self) -> String {
        if self.is_silent() {
            return String::new();
        }
        summary::render(&self.metrics(), &self.settings.limits)
    }

    /// Writes the summary to the output, at verbosity 2 and above, unless nothing was measured.
    pub fn report(&self) {
        if self.settings.verbosity >= Verbosity::Info {
            let metrics = self.metrics();
            if !metrics.is_empty() {
                self.output.block(summary::render(&metrics, &self.settings.limits).trim_end());
            }
        }
    }

    /// Keeps this run's metrics in the flight recorder, and says at verbosity 2 what changed since the last run.
    ///
    /// `metrics` is what a metrics file would hold: [`Metrics::to_json`], merged with whatever the caller measured
    /// besides. Does nothing without a recorder, and at verbosity 0.
    ///
    /// # Errors
    /// When the recorder's folder cannot be written to.
    pub fn record_flight(&self, metrics: &serde_json::Value) -> std::io::Result<()> {
        let Some(recorder) = self.settings.recorder.as_ref().filter(|_| !self.is_silent()) else {
            return Ok(());
        };
        if self.settings.verbosity >= Verbosity::Info
            && let Some(last) = recorder.last()
        {
            let mut lines = format!("Since the last run ({}):", recorder::ago(last.at));
            let changes = changes(&last.metrics, metrics);
            if changes.is_empty() {
                lines.push_str("\n    nothing notable changed");
            }
            for change in changes {
                lines.push_str("\n    ");
                lines.push_str(&change);
            }
            self.output.block(&lines);
        }
        recorder.record(metrics).map(drop)
    }

    /// Opens a scope: `<name>: Starting` at verbosity 2, and how it ended when it does.
    pub fn scope(&self, name: &str) -> Scope {
        Scope::start(self, name, "Starting")
    }

    /// Opens a scope with a description of its own: `<name>: <description>`.
    pub fn scope_with(&self, name: &str, description: &str) -> Scope {
        Scope::start(self, name, description)
    }

    /// Removes all checkpoint files of this process at once, also those in use: for a process about to end.
    pub fn remove_checkpoints(&self) {
        self.store.remove_all();
    }

    fn is_silent(&self) -> bool {
        self.settings.verbosity == Verbosity::Silent
    }

    fn makes_checkpoints(&self) -> bool {
        match self.settings.checkpoint.policy {
            CheckpointPolicy::Auto => !self.is_silent(),
            CheckpointPolicy::Never => false,
            CheckpointPolicy::Always => true,
        }
    }

    fn locked(&self) -> MutexGuard<'_, Metrics> {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a warning and says it, at verbosity 1 and above; the same warning once only.
    fn warn(&self, warning: String) {
        if self.is_silent() {
            return;
        }
        {
            let mut metrics = self.locked();
            if metrics.warnings.contains(&warning) {
                return;
            }
            metrics.warnings.push(warning.clone());
        }
        tracing::debug!(target: "instrumentation", "{warning}");
        self.output.line(&format!("  ⚠ {warning}"));
    }

    fn scope_started(&self, name: &str, description: &str) {
        if self.settings.verbosity >= Verbosity::Info {
            self.output.heading(&format!("{name}: {description}"));
        }
    }

    fn scope_ended(
        &self,
        name: &str,
        elapsed: Duration,
        rows: Option<u64>,
        partitions: Option<usize>,
        failure: Option<Option<&str>>,
    ) {
        if self.is_silent() {
            return;
        }
        {
            let mut metrics = self.locked();
            let stage = metrics.stages.entry(name);
            stage.elapsed_s += elapsed.as_secs_f64();
            stage.rows = rows.map(|rows| rows + stage.rows.unwrap_or(0)).or(stage.rows);
            stage.partitions = partitions.or(stage.partitions);
            stage.failures += usize::from(failure.is_some());
        }
        let elapsed = format_duration(elapsed);
        match failure {
            Some(Some(error)) => self.warn(format!("{name}: Failed after {elapsed}: {error}")),
            Some(None) => self.warn(format!("{name}: Failed after {elapsed}")),
            None if self.settings.verbosity >= Verbosity::Info => {
                self.output.block(&format!("{name}: Completed in {elapsed}"));
            }
            None => {}
        }
    }
}

/// A duration for people: `0.42 ms`, `12 ms`, `1.23 s`, `3 min 05 s`.
fn format_duration(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 0.001 {
        format!("{:.2} ms", seconds * 1000.0)
    } else if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1000.0)
    } else if seconds < 60.0 {
        format!("{seconds:.2} s")
    } else {
        format!("{} min {:02} s", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
    }
}

/// Bytes of memory a batch holds, each buffer once.
fn batch_bytes(batch: &RecordBatch) -> usize {
    datafusion::common::utils::memory::get_record_batch_memory_size(batch)
}
