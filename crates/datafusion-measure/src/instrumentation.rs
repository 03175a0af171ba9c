//! [`Instrumentation`]: its settings, what it has measured, and its events.

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use datafusion_proto::physical_plan::{DefaultPhysicalExtensionCodec, PhysicalExtensionCodec};
use indexmap::IndexSet;

use super::captures::FieldNames;
#[cfg(feature = "checkpoint")]
use super::checkpoint::{CheckpointOptions, CheckpointPolicy, Store};
use super::event::Event;
use super::limits::Limits;
use super::metrics::Metrics;
use super::recorder::FlightRecorder;
use super::reporter::{Reporter, TextReporter};
use super::scope::Scope;
use super::session::{QueryMetrics, Run};
use super::verbosity::Verbosity;
use super::warning::Warning;
use super::{advice, compare, summary};

/// Measures plans and reports what it found.
///
/// Cheap to clone: clones share what was measured and the reporter. Configure it (`with_…`) before the first clone is
/// handed out; later changes are those of the clone only.
#[derive(Clone)]
pub struct Instrumentation {
    pub(crate) settings: Arc<Settings>,
    reporter: Arc<dyn Reporter>,
    #[cfg(feature = "checkpoint")]
    pub(crate) store: Arc<Store>,
    state: Arc<Mutex<State>>,
}

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) verbosity: Verbosity,
    pub(crate) limits: Limits,
    pub(crate) codec: Arc<dyn PhysicalExtensionCodec>,
    pub(crate) field_names: FieldNames,
    #[cfg(feature = "checkpoint")]
    pub(crate) checkpoint: CheckpointOptions,
    pub(crate) physical_details: bool,
    pub(crate) distributed: bool,
    recorder: Option<FlightRecorder>,
}

/// What was measured so far.
#[derive(Default)]
struct State {
    metrics: Metrics,
    warnings: IndexSet<Warning>,
    /// Queries planned so far, in attached sessions.
    planned: u64,
    /// Queries that run, in attached sessions.
    running: Vec<Weak<Run>>,
    /// When the piece of work in hand began, and how many queries had been planned then.
    begun: Option<(Instant, u64)>,
}

impl fmt::Debug for Instrumentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instrumentation")
            .field("verbosity", &self.settings.verbosity)
            .field("limits", &self.settings.limits)
            .finish_non_exhaustive()
    }
}

impl Instrumentation {
    /// Instrumentation of this verbosity that writes the guide's text on standard error, with the limits of the guide
    /// and the engine's own codec.
    #[must_use]
    pub fn new(verbosity: Verbosity) -> Self {
        #[cfg(feature = "checkpoint")]
        let checkpoint = CheckpointOptions::default();
        Self {
            #[cfg(feature = "checkpoint")]
            store: Arc::new(Store::new(checkpoint.folder.clone())),
            settings: Arc::new(Settings {
                verbosity,
                limits: Limits::default(),
                codec: Arc::new(DefaultPhysicalExtensionCodec {}),
                field_names: HashMap::new(),
                #[cfg(feature = "checkpoint")]
                checkpoint,
                physical_details: verbosity >= Verbosity::Info,
                distributed: false,
                recorder: None,
            }),
            reporter: Arc::new(TextReporter::new(std::io::stderr())),
            state: Arc::default(),
        }
    }

    /// Serializes operators with this codec: the one that a scheduler would use.
    #[must_use]
    pub fn with_codec(mut self, codec: Arc<dyn PhysicalExtensionCodec>) -> Self {
        Arc::make_mut(&mut self.settings).codec = codec;
        self
    }

    /// Gives names to the protobuf fields that the codec writes for an operator, so that a warning can name the large
    /// one. Fields of JSON objects have names already.
    #[must_use]
    pub fn with_field_names(mut self, operator: &str, fields: &[(u32, &str)]) -> Self {
        let fields = fields.iter().map(|(number, name)| (*number, (*name).to_owned())).collect();
        Arc::make_mut(&mut self.settings).field_names.insert(operator.to_owned(), fields);
        self
    }

    /// Reports events to this reporter, instead of as text on standard error.
    #[must_use]
    pub fn with_reporter(mut self, reporter: impl Reporter + 'static) -> Self {
        self.reporter = Arc::new(reporter);
        self
    }

    /// Writes the guide's text here instead of on standard error: short for
    /// [`with_reporter`](Self::with_reporter)`(`[`TextReporter::new`]`(writer))`.
    #[must_use]
    pub fn with_output(self, writer: impl Write + Send + 'static) -> Self {
        self.with_reporter(TextReporter::new(writer))
    }

    /// Makes checkpoints as these options say. Removes what killed processes have left in the checkpoint folder.
    #[cfg(feature = "checkpoint")]
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

    /// Whether DataFrames are planned to measure their partitions and tasks. By default they are at verbosity 2 and
    /// above; say yes to have them in a metrics file at verbosity 1. At verbosity 0 they never are.
    #[must_use]
    pub fn with_physical_details(mut self, yes: bool) -> Self {
        Arc::make_mut(&mut self.settings).physical_details = yes;
        self
    }

    /// Whether plans are sent to other processes. By default they are not: rows of in-memory tables are then part of no
    /// task, however many they are, and are not serialized to be measured. Where plans are sent, they are measured as
    /// what they would weigh.
    #[must_use]
    pub fn with_distributed(mut self, yes: bool) -> Self {
        Arc::make_mut(&mut self.settings).distributed = yes;
        self
    }

    /// Keeps the metrics of the last runs, see [`record_flight`](Self::record_flight).
    #[must_use]
    pub fn with_flight_recorder(mut self, recorder: FlightRecorder) -> Self {
        Arc::make_mut(&mut self.settings).recorder = Some(recorder);
        self
    }

    /// How much is measured and reported.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        self.settings.verbosity
    }

    /// What was measured so far, with the advice it gives cause for.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let state = self.locked();
        let mut metrics = state.metrics.clone();
        metrics.warnings = state.warnings.iter().cloned().collect();
        drop(state);
        metrics.advice = advice::advise(&metrics, &self.settings.limits);
        metrics
    }

    /// Forgets what was measured so far, for the next run of a process that goes on. Checkpoints stay, and so do queries
    /// that still run.
    pub fn reset(&self) {
        let mut state = self.locked();
        let running = std::mem::take(&mut state.running);
        *state = State { running, ..State::default() };
    }

    /// What was measured, as the guide's summary; empty at verbosity 0.
    #[must_use]
    pub fn metrics_summary(&self) -> String {
        if self.is_silent() {
            return String::new();
        }
        summary::render(&self.metrics(), &self.settings.limits)
    }

    /// Reports the summary, at verbosity 2 and above, unless nothing was measured.
    pub fn report(&self) {
        if self.settings.verbosity >= Verbosity::Info {
            let metrics = Box::new(self.metrics());
            if !metrics.is_empty() {
                let text = summary::render(&metrics, &self.settings.limits);
                self.emit(Event::Summary { metrics, text });
            }
        }
    }

    /// Keeps this run's metrics in the flight recorder, and reports at verbosity 2 what changed since the last run.
    ///
    /// `metrics` is what a metrics file would hold: [`Metrics`], or a struct of the caller's own that embeds them.
    /// Does nothing without a recorder, and at verbosity 0.
    ///
    /// # Errors
    /// When the recorder's folder cannot be written to.
    pub fn record_flight(&self, metrics: &impl serde::Serialize) -> std::io::Result<()> {
        let Some(recorder) = self.settings.recorder.as_ref().filter(|_| !self.is_silent()) else {
            return Ok(());
        };
        let metrics = serde_json::to_value(metrics)?;
        if self.settings.verbosity >= Verbosity::Info
            && let Some(last) = recorder.last()
        {
            let since_s = last.at.elapsed().unwrap_or_default().as_secs();
            self.emit(Event::Changes { since_s, changes: compare::changes(&last.metrics, &metrics) });
        }
        recorder.record(&metrics).map(drop)
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
    #[cfg(feature = "checkpoint")]
    pub fn remove_checkpoints(&self) {
        self.store.remove_all();
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.settings.verbosity == Verbosity::Silent
    }

    #[cfg(feature = "checkpoint")]
    pub(crate) fn makes_checkpoints(&self) -> bool {
        !self.is_silent() && self.settings.checkpoint.policy != CheckpointPolicy::Never
    }

    /// The number of a query that is being planned.
    pub(crate) fn next_query(&self) -> u64 {
        let mut state = self.locked();
        state.planned += 1;
        state.planned
    }

    pub(crate) fn query_started(&self, run: &Arc<Run>) {
        let mut state = self.locked();
        state.running.retain(|run| run.strong_count() > 0);
        state.running.push(Arc::downgrade(run));
    }

    /// The queries that run, in the order of their starts.
    pub(crate) fn runs(&self) -> Vec<Arc<Run>> {
        self.locked().running.iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn begin_measured(&self) {
        let mut state = self.locked();
        state.begun = Some((Instant::now(), state.planned));
    }

    pub(crate) fn end_measured(&self) -> (f64, Vec<QueryMetrics>) {
        let mut state = self.locked();
        let (elapsed, before) =
            state.begun.take().map_or((Duration::ZERO, 0), |(start, planned)| (start.elapsed(), planned));
        let queries = state.metrics.queries.iter().filter(|query| query.number > before).cloned().collect();
        (elapsed.as_secs_f64(), queries)
    }

    /// Records something, in metrics that hold so many names of a kind at most.
    pub(crate) fn record<T>(&self, change: impl FnOnce(&mut Metrics, usize) -> T) -> T {
        change(&mut self.locked().metrics, self.settings.limits.entries)
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports an event, where the verbosity asks for it.
    pub(crate) fn emit(&self, event: Event) {
        if self.settings.verbosity >= event.verbosity() {
            self.reporter.report(&event, self.settings.verbosity);
        }
    }

    /// Whether an event of this verbosity would be reported: one that is costly to make need not be made.
    pub(crate) fn reports(&self, verbosity: Verbosity) -> bool {
        self.settings.verbosity >= verbosity
    }

    /// Records and reports a warning, at verbosity 1 and above; the same warning once only.
    pub(crate) fn warn(&self, warning: Warning) {
        if self.is_silent() {
            return;
        }
        {
            let mut state = self.locked();
            if !state.warnings.insert(warning.clone()) {
                return;
            }
            let limit = self.settings.limits.entries;
            if state.warnings.len() > limit {
                let excess = (state.warnings.len() - limit + limit / 8).min(state.warnings.len());
                state.warnings.drain(..excess);
            }
        }
        tracing::warn!(target: "datafusion_measure", "{warning}");
        self.emit(warning.into());
    }

    pub(crate) fn scope_started(&self, name: &str, description: &str) {
        if self.reports(Verbosity::Info) {
            self.emit(Event::ScopeStarted { name: name.to_owned(), description: description.to_owned() });
        }
    }

    pub(crate) fn scope_ended(
        &self,
        name: &str,
        elapsed: Duration,
        rows: Option<u64>,
        partitions: Option<usize>,
        failure: Option<Option<String>>,
    ) {
        if self.is_silent() {
            return;
        }
        self.record(|metrics, limit| {
            let scope = metrics.scopes.entry(name, limit);
            scope.elapsed_s += elapsed.as_secs_f64();
            scope.rows = rows.map(|rows| rows + scope.rows.unwrap_or(0)).or(scope.rows);
            scope.partitions = partitions.or(scope.partitions);
            scope.failures += usize::from(failure.is_some());
        });
        let name = name.to_owned();
        match failure {
            Some(error) => self.warn(Warning::ScopeFailed { name, elapsed, error }),
            None => {
                self.emit(Event::ScopeCompleted { name, elapsed_s: elapsed.as_secs_f64(), rows, partitions })
            }
        }
    }
}
