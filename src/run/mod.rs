//! One run of `predict_classifier`, from settings to exit code.
//!
//! [`label`] reads as the list of what a run does: take the lock, load the model, build the classifier, run it
//! while signals and progress are looked after, and tell people and machines how it ended.

mod asked;
mod cluster;
mod console;
mod couchdb;
mod document_messages;
mod ending;
mod endpoints;
mod error;
mod fetch;
mod help;
mod listing;
mod lock;
mod message;
mod metrics;
mod progress;
mod screen;
mod self_train;
mod signals;
#[cfg(feature = "otel")]
mod spans;
mod success;
mod summary;
mod taxonomy;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use futures::StreamExt;

pub use asked::last_value;
pub use console::Console;
pub(crate) use couchdb::{connection, remedy};
pub use ending::{Left, flag_sentence, sentence};
pub use error::ProgramError;
pub use fetch::fetch;
pub use lock::RunLock;
pub use message::Message;
pub use metrics::{Ended, RunMetrics, StageSummary};
pub use progress::Progress;
pub use signals::Signals;
pub use summary::{Failure, RunSummary};

use crate::classifier::{Classifier, StageMetrics};
use crate::cli::Exit;
use crate::error::Result;
use crate::instrumentation::{CheckpointOptions, FlightRecorder, Instrumentation, Verbosity};
use crate::model::{Model, catalog};
use crate::pipeline::{OptimizerRule, Stop};
use crate::report::pages::{Summary, write_index};
use crate::settings::{Input, Settings, Task};
use crate::sink::FileSink;
use crate::source::couchdb::Checkpoint;
use crate::source::{LeftOut, Reason, Source};
use crate::worker::WorkerContext;
use document_messages::{DocumentMessages, print_plan};
use endpoints::Endpoints;
use listing::Listing;

/// How many past runs are remembered.
const FLIGHTS: usize = 30;

/// Labels the selected documents and saves the annotations. Returns how the program ends.
///
/// # Errors
/// What makes the run impossible. The metrics file is written all the same.
pub fn label(settings: &Settings) -> Result<Exit> {
    // Labelling keeps as many threads busy as there are cores; a connection does not wait for them.
    let connections = usize::from(matches!(settings.input, Input::CouchDb(_)));
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(settings.cores + connections).enable_all();
    #[cfg(feature = "cluster")]
    if settings.cluster.is_some() {
        builder.thread_stack_size(crate::cluster::STACK_BYTES);
    }
    let runtime = builder.build().map_err(ProgramError::Threads)?;
    let code = runtime.block_on(run(settings));
    // A run that was stopped does not wait for threads that are still in the middle of a document.
    runtime.shutdown_background();
    code
}

/// Writes to `file` that a run could not even begin, because its settings are wrong: a monitor that sees the figures of
/// the run before would take them for good ones.
pub fn record_failure(
    file: &Path,
    start_time: SystemTime,
    error: &crate::Error,
    exit_code: u8,
) -> Result<()> {
    let end_time = SystemTime::now();
    let metrics = RunMetrics::new(&Ended {
        summary: &RunSummary::default(),
        left_out: None,
        elapsed: end_time.duration_since(start_time).unwrap_or_default(),
        start_time,
        end_time,
        exit_code,
        last_success: success::last(file, metrics::PREFIX),
        stages: &[],
        instrumentation: &Instrumentation::new(Verbosity::Silent),
        model: None,
        collapsed: false,
        error: Some(error),
    });
    metrics.write(file)
}

async fn run(settings: &Settings) -> Result<Exit> {
    #[cfg(feature = "otel")]
    let exporter = spans::export()?;
    let mut this = Run::new(settings);
    #[cfg(feature = "otel")]
    this.optimizer_rules.extend(exporter.as_ref().map(|_| crate::instrumentation::otel::operator_spans()));
    let result = this.go().await;
    if result.is_ok() && this.is_stopped() {
        this.count_left().await;
    }
    this.note();
    if result.is_ok() {
        this.keep_checkpoint().await;
    }
    this.progress.finish();
    #[cfg(feature = "otel")]
    if let Some(exporter) = exporter
        && let Err(error) = exporter.shutdown().await
        && settings.verbosity() >= 1
    {
        this.progress.warn(&format!(
            "{}; the labels are not affected; is OTEL_EXPORTER_OTLP_ENDPOINT right?",
            error.message()
        ));
    }
    this.finish(result)
}

/// What a run gathers on its way, so that it can be reported also when the run fails.
struct Run<'a> {
    settings: &'a Settings,
    instrumentation: Instrumentation,
    progress: Progress,
    stop: Stop,
    signals: Signals,
    summary: RunSummary,
    context: WorkerContext,
    stages: Vec<StageMetrics>,
    optimizer_rules: Vec<OptimizerRule>,
    selected: u64,
    listing: Option<Arc<Listing>>,
    left_out: Option<Arc<LeftOut>>,
    files: Option<FileSink>,
    /// The same for pages.
    pages: Option<FileSink>,
    messages: DocumentMessages,
    left: Option<Left>,
    lock: Option<RunLock>,
    /// The cluster that the plan runs on, where it runs on one.
    #[cfg(feature = "cluster")]
    cluster: Option<cluster::Cluster>,
    /// What the run keeps for the next when it ends well.
    checkpoint: Option<Checkpoint>,
    /// The run was stopped and did not wait for what was in hand.
    abandoned: bool,
    model: Option<Arc<Model>>,
    destination: String,
    start: Instant,
    start_time: SystemTime,
}

impl<'a> Run<'a> {
    fn new(settings: &'a Settings) -> Self {
        let progress = Progress::new(settings.terminal.progress(), Console::new(&settings.terminal));
        Self {
            settings,
            instrumentation: instrumentation(settings, &progress),
            progress,
            stop: Stop::default(),
            signals: Signals::default(),
            summary: RunSummary::default(),
            context: WorkerContext::default(),
            stages: Vec::new(),
            optimizer_rules: Vec::new(),
            selected: 0,
            listing: None,
            left_out: None,
            files: None,
            pages: None,
            messages: DocumentMessages::new(settings.verbosity()),
            left: None,
            lock: None,
            #[cfg(feature = "cluster")]
            cluster: None,
            checkpoint: None,
            abandoned: false,
            model: None,
            destination: String::new(),
            start: Instant::now(),
            start_time: SystemTime::now(),
        }
    }

    async fn go(&mut self) -> Result<()> {
        let settings = self.settings;
        let model = settings.model.as_deref().unwrap_or(catalog::default_name());
        let model = &cluster::model(settings, catalog::find(model, &settings.model_folders)?)?;
        let loaded = Model::load(model)?;
        #[cfg(feature = "cluster")]
        if settings.task == Task::Label {
            self.cluster = cluster::Cluster::connect(settings, &self.context).await?;
        }
        let mut endpoints = Endpoints::open(settings, &loaded, &self.context).await?;
        for warning in endpoints.warnings.iter().filter(|_| settings.verbosity() >= 1) {
            self.progress.warn(warning);
        }
        self.checkpoint = endpoints.checkpoint.take();
        self.destination.clone_from(&endpoints.destination);
        self.left_out.clone_from(&endpoints.left_out);
        self.lock = endpoints.lock.as_ref().map(|(lock, output)| RunLock::take(lock, output)).transpose()?;
        if let Some(files) = &endpoints.files {
            files.settle()?;
            self.files = Some(files.clone());
        }
        if let Some(pages) = &endpoints.pages {
            pages.settle()?;
            self.pages = Some(pages.clone());
        }
        let listing = Arc::new(Listing::new(Arc::clone(&endpoints.source)));
        self.listing = Some(Arc::clone(&listing));
        endpoints.source = Arc::clone(&listing) as Arc<dyn Source>;
        if settings.task == Task::UpdateTaxonomyFlag {
            return self.update_taxonomy_flag(&endpoints).await;
        }
        let builder = Classifier::builder();
        #[cfg(feature = "cluster")]
        let builder = match &mut self.cluster {
            Some(cluster) => {
                cluster.prepare(settings, model, &loaded).await?;
                builder.engine(cluster.engine())
            }
            None => builder,
        };
        let mut classifier = builder
            .source(listing)
            .sink(endpoints.sink)
            .pages(endpoints.pages)
            .partitions(settings.partitions)
            .batch_size(settings.prediction_batch_size)
            .save_batch_size(settings.incremental_batch_size)
            .memory_limit(usize::try_from(settings.memory_limit.0).unwrap_or(usize::MAX))
            .lineage_threshold(settings.lineage_threshold)
            .collapse(settings.collapse)
            .label_names(settings.label_names.clone())
            .brat_spans(settings.brat_spans)
            .instrumentation(self.instrumentation.clone())
            .stop(self.stop.clone())
            .worker_context(self.context.clone())
            .optimizer_rules(std::mem::take(&mut self.optimizer_rules))
            .build()?;
        classifier.use_model(model, loaded);
        self.model = classifier.model().cloned();
        self.listen()?;
        if settings.self_train {
            self.learn(endpoints.counting.as_ref(), &mut classifier, model).await?;
            if self.abandoned {
                return Ok(());
            }
        }
        if let Some(warning) =
            taxonomy::before_labelling(settings, endpoints.counting.as_ref(), &self.context, &self.stop)
                .await?
            && settings.verbosity() >= 1
        {
            self.progress.warn(&warning);
        }
        let progress = self.progress.clone();
        if progress.is_bar() {
            tokio::spawn(count(endpoints.counting, progress.clone()));
        }
        let signals = self.signals.clone();
        let dry_run = settings.dry_run;
        let stop = self.stop.clone();
        let (summary, messages) = (&mut self.summary, &mut self.messages);
        let labelling = async {
            let documents = classifier.load_raw().await?;
            let predictions = classifier.predict(documents).await?;
            classifier
                .save_annotated(predictions, |outcomes| {
                    summary.add(outcomes);
                    messages.write_new(&progress, summary);
                    progress.update(&summary.documents);
                    if dry_run {
                        print_plan(outcomes)?;
                    }
                    if summary.reader_is_gone {
                        stop.stop();
                    }
                    Ok(())
                })
                .await
        };
        let saved = tokio::select! {
            saved = labelling => Some(saved),
            () = signals.grace_is_over() => None,
        };
        self.selected = classifier.selected();
        match saved {
            Some(saved) => self.stages = saved?,
            None => {
                self.abandoned = true;
                #[cfg(feature = "cluster")]
                if let Some(cluster) = &self.cluster {
                    (cluster.canceller())();
                }
            }
        }
        Ok(())
    }

    /// Lets the model of `classifier`, called `name`, learn from documents of `source`.
    async fn learn(&mut self, source: &dyn Source, classifier: &mut Classifier, name: &str) -> Result<()> {
        let Some(base) = self.model.clone() else { return Ok(()) };
        let signals = self.signals.clone();
        let learned = tokio::select! {
            learned = self_train::learn(source, &base, &self.context, &self.stop) => learned?,
            // The fit cannot be stopped, and is not waited for.
            () = signals.grace_is_over() => {
                self.abandoned = true;
                return Ok(());
            }
        };
        let Some(learned) = learned else { return Ok(()) };
        if self.settings.verbosity() >= 2 {
            let message = format!(
                "{} learned from the {} of {} paragraphs that it is sure of",
                base.name(),
                learned.sure,
                learned.paragraphs
            );
            self.progress.write(&Message::Next { message: &message });
        }
        classifier.use_model(name, Arc::unwrap_or_clone(learned.model));
        self.model = classifier.model().cloned();
        Ok(())
    }

    /// Passes on what connections found worth a warning.
    fn note(&self) {
        let notes = crate::couchdb::Connections::of(&self.context).take_notes();
        for note in notes.iter().filter(|_| self.settings.verbosity() >= 1) {
            self.progress.warn(note);
        }
    }

    /// Keeps for the next run where this one began, if nothing is left of it.
    async fn keep_checkpoint(&self) {
        let Some(checkpoint) = &self.checkpoint else { return };
        if self.is_stopped() || self.abandoned || self.summary.documents.failed > 0 {
            return;
        }
        if let Err(error) = checkpoint.keep().await {
            let reason = couchdb::message(&error);
            self.progress.warn(&format!(
                "where this run ended cannot be kept, the next one lists everything: {reason}"
            ));
        }
    }

    /// Whether the run ended before its time.
    fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }

    /// What a run that was stopped leaves to the next.
    async fn count_left(&mut self) {
        let Some(listing) = &self.listing else { return };
        let (listed, complete) = listing.count().await;
        let documents = listed.saturating_sub(self.summary.documents.ended());
        self.left = Some(Left { documents, complete });
    }

    async fn update_taxonomy_flag(&mut self, endpoints: &Endpoints) -> Result<()> {
        self.listen()?;
        let progress = self.progress.clone();
        let signals = self.signals.clone();
        let messages = &mut self.messages;
        let updating = taxonomy::update(
            self.settings,
            endpoints,
            &self.context,
            &self.stop,
            &mut self.summary,
            |summary| {
                messages.write_new(&progress, summary);
                progress.update(&summary.documents);
            },
        );
        let updated = tokio::select! {
            updated = updating => Some(updated),
            () = signals.grace_is_over() => None,
        };
        self.messages.write_new(&self.progress, &self.summary);
        match updated {
            Some(updated) => updated,
            None => {
                self.abandoned = true;
                Ok(())
            }
        }
    }

    fn listen(&mut self) -> Result<()> {
        let progress = self.progress.clone();
        let shown = self.settings.verbosity() >= 1;
        let instrumentation = self.instrumentation.clone();
        let on_stop = move |name: &str| {
            if shown {
                let message = &format!(
                    "{name}: finishing and saving what is in hand; once more ends the program at once"
                );
                progress.write(&Message::Stopping { message });
            }
        };
        #[cfg(feature = "cluster")]
        let cancel = self.cluster.as_ref().map(cluster::Cluster::canceller);
        let on_exit = move || {
            #[cfg(feature = "cluster")]
            if let Some(cancel) = &cancel {
                cancel();
            }
            instrumentation.remove_checkpoints();
        };
        self.signals = Signals::listen(self.stop.clone(), on_stop, on_exit).map_err(ProgramError::Signals)?;
        Ok(())
    }

    /// Tells people and machines how the run ended, and decides the exit code.
    fn finish(mut self, result: Result<()>) -> Result<Exit> {
        let ended = self.summary.documents.ended();
        // What was in hand when a stopped run could not wait any longer is left, not selected.
        self.summary.documents.selected = if self.abandoned { ended } else { self.selected.max(ended) };
        if let Some(left_out) = self.left_out.as_deref()
            && self.settings.selection.taxonomy_filter
            && result.is_ok()
            && !self.is_stopped()
        {
            // What the worker has left out ends without an outcome.
            left_out.add(Reason::NotTaxonomic, self.summary.documents.selected - ended);
            self.summary.documents.selected = ended;
        }
        self.summary.left = self.left.map(|left| left.documents);
        if self.abandoned {
            // A thread may still be working on them, and does not end before the process does.
            self.instrumentation.remove_checkpoints();
            // A thread may still be writing: the lock goes when the process ends.
            std::mem::forget(self.lock.take());
        }
        // A document whose request was sent again is not a retry by itself, and neither is a merge.
        self.summary.retries = self.context.requests.counts().retries;
        let elapsed = self.start.elapsed();
        if self.model.is_some() {
            self.instrumentation.report();
        }
        self.settle();
        let exit = self.exit(&result);
        let end_time = SystemTime::now();
        let metrics = RunMetrics::new(&Ended {
            summary: &self.summary,
            left_out: self.left_out.as_deref(),
            elapsed,
            start_time: self.start_time,
            end_time,
            exit_code: exit.code(),
            last_success: self.last_success(exit, end_time),
            stages: &self.stages,
            instrumentation: &self.instrumentation,
            model: self.model.as_deref(),
            collapsed: self.settings.collapse,
            error: result.as_ref().err(),
        });
        if result.is_ok()
            && self.instrumentation.verbosity() > Verbosity::Silent
            && let Err(error) = self.instrumentation.record_flight(&metrics)
        {
            let folder = endpoints::records_folder(self.settings);
            self.progress.warn(&format!(
                "the record of this run cannot be kept in '{}': {error}; give another folder with --checkpoint-dir, or \
                 change its permissions",
                folder.display()
            ));
        }
        let passed = self.left_out.as_deref().map(document_messages::left_out_by_kind).unwrap_or_default();
        let sentence = match &result {
            Ok(()) if self.settings.task == Task::UpdateTaxonomyFlag => {
                flag_sentence(&self.summary, elapsed, self.settings.dry_run, self.left, &passed)
            }
            Ok(()) => {
                sentence(&self.summary, elapsed, &self.destination, self.settings.dry_run, self.left, &passed)
            }
            Err(_) => "The run could not be done.".to_string(),
        };
        let index = result.is_ok().then(|| self.index()).flatten();
        let written = self.settings.metrics_file.as_deref().map(|file| metrics.write(file)).transpose();
        let page =
            self.settings.report.as_deref().map(|file| metrics.write_page(file, &sentence)).transpose();
        if result.is_ok() {
            if let Some(left_out) = &self.left_out {
                document_messages::write_left_out(&self.progress, left_out, self.settings.verbosity());
            }
            #[cfg(feature = "cluster")]
            for line in self.cluster.iter().flat_map(cluster::Cluster::summary) {
                if self.settings.verbosity() >= 2 {
                    self.progress.write(&Message::Next { message: &line });
                }
            }
            if self.is_worth_saying() {
                self.progress.write(&Message::Finished { message: &sentence, documents: metrics.documents });
                let labels = self.model.as_ref().map(|model| model.answers(self.settings.collapse));
                // A log, or cron's mail, is about the one sentence; the rest is for whoever looks at a screen.
                if self.settings.verbosity() > 1 || std::io::stderr().is_terminal() {
                    for line in screen::lines(&self.summary, &labels.unwrap_or_default(), index.as_ref()) {
                        self.progress.write(&Message::Next { message: &line });
                    }
                }
            }
        }
        result?;
        written?;
        page?;
        Ok(exit)
    }

    fn exit(&self, result: &Result<()>) -> Exit {
        match (result, self.signals.received()) {
            (Err(error), _) => error.into(),
            (Ok(()), Some(signal)) => Exit::Signal(signal),
            (Ok(()), None) if self.summary.documents.failed > 0 => Exit::SomeFailed,
            (Ok(()), None) => Exit::Done,
        }
    }

    /// When a run last did all that it was to do: now, or as the metrics file of the run before says.
    fn last_success(&self, exit: Exit, now: SystemTime) -> Option<f64> {
        if exit == Exit::Done && !self.settings.dry_run && self.left.is_none() {
            return Some(metrics::unix_seconds(now));
        }
        success::last(self.settings.metrics_file.as_deref()?, metrics::PREFIX)
    }

    /// Brings the record of what was written up to date, unless a thread may still be writing.
    fn settle(&self) {
        for files in self.files.iter().chain(&self.pages).filter(|_| !self.abandoned) {
            if let Err(error) = files.settle() {
                self.progress.warn(&error.to_string());
            }
            #[cfg(feature = "cluster")]
            if let Some(Err(error)) = self.cluster.as_ref().map(|_| files.remove_parts()) {
                self.progress.warn(&error.to_string());
            }
        }
    }

    /// Writes the index of the pages, where there are any.
    fn index(&self) -> Option<(PathBuf, Vec<Summary>)> {
        let written = !self.settings.dry_run && !self.abandoned && self.summary.paragraphs > 0;
        let index = self.settings.pages().filter(|_| written).map(|folder| write_index(&folder));
        index.transpose().map(Option::flatten).unwrap_or_else(|error| {
            let reason = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            self.progress.warn(&format!("{error} ({reason})"));
            None
        })
    }

    /// Whether the sentence at the end is written: at verbosity 1 a night without news is silent, so that cron sends no
    /// mail; somebody at a terminal waits for an answer.
    fn is_worth_saying(&self) -> bool {
        let counts = &self.summary.documents;
        let news = counts.selected == 0
            || counts.saved + counts.kept + counts.planned + counts.failed > 0
            || self.left.is_some();
        match self.settings.verbosity() {
            0 => false,
            1 => news || std::io::stderr().is_terminal(),
            _ => true,
        }
    }
}

/// Lists once more, at the same time, to know how many documents there are.
async fn count(source: Arc<dyn Source>, progress: Progress) {
    let mut pages = source.select();
    let mut total = 0;
    while let Some(page) = pages.next().await {
        let Ok(page) = page else { return };
        total += page.len() as u64;
    }
    progress.set_total(total);
}

fn instrumentation(settings: &Settings, progress: &Progress) -> Instrumentation {
    let verbosity = Verbosity::try_from(settings.verbosity()).unwrap_or_default();
    let defaults = CheckpointOptions::default();
    Instrumentation::new(verbosity)
        .with_reporter(progress.reporter())
        .with_physical_details(verbosity >= Verbosity::Info || settings.metrics_file.is_some())
        .with_flight_recorder(FlightRecorder::new(endpoints::records_folder(settings), FLIGHTS))
        .with_checkpoint(CheckpointOptions {
            policy: settings.checkpoint,
            folder: endpoints::checkpoint_folder(settings),
            ..defaults
        })
}
