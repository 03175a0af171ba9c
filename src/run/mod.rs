//! One run of `predict_classifier`, from settings to exit code.
//!
//! [`label`] reads as the list of what a run does: take the lock, load the model, build the classifier, run it
//! while signals and progress are looked after, and tell people and machines how it ended.

mod console;
mod ending;
mod fetch;
mod listing;
mod lock;
mod message;
mod metrics;
mod places;
mod progress;
mod signals;
#[cfg(feature = "otel")]
mod spans;
mod tally;
mod taxonomy;

use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;

pub use console::Console;
pub use ending::{Left, sentence};
pub use fetch::fetch;
pub use lock::RunLock;
pub use message::Message;
pub use metrics::{Ended, RunMetrics, StageSummary};
pub(crate) use places::connection;
pub use progress::Progress;
pub use signals::Signals;
pub use tally::{Failure, Tally};

use crate::classifier::{Classifier, StageMetrics};
use crate::cli::Exit;
use crate::error::{Error, Result};
use crate::instrumentation::{CheckpointOptions, FlightRecorder, Instrumentation, Verbosity};
use crate::model::{Model, catalog};
use crate::pipeline::{OptimizerRule, Stop};
use crate::settings::{Input, Settings, Task};
use crate::source::Source;
use crate::worker::RequestMetrics;
use listing::Listing;
use places::Places;

/// How many past runs are remembered.
const FLIGHTS: usize = 30;

/// Labels the selected documents and saves the annotations. Returns how the program ends.
///
/// # Errors
/// What makes the run impossible. The metrics file is written all the same.
pub fn label(settings: &Settings) -> Result<Exit> {
    // Labelling keeps as many threads busy as there are cores; a connection does not wait for them.
    let connections = usize::from(matches!(settings.input, Input::CouchDb(_)));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.cores + connections)
        .enable_all()
        .build()
        .map_err(|error| Error::unusable(format!("the program cannot start its threads: {error}")))?;
    let code = runtime.block_on(run(settings));
    // A run that was stopped does not wait for threads that are still in the middle of a document.
    runtime.shutdown_background();
    code
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

/// What a run gathers on its way, so that it can be told also when the run fails.
struct Run<'a> {
    settings: &'a Settings,
    instrumentation: Instrumentation,
    progress: Progress,
    stop: Stop,
    signals: Signals,
    tally: Tally,
    requests: Arc<RequestMetrics>,
    stages: Vec<StageMetrics>,
    optimizer_rules: Vec<OptimizerRule>,
    selected: u64,
    listing: Option<Arc<Listing>>,
    left: Option<Left>,
    lock: Option<RunLock>,
    /// The run was stopped and did not wait for what was in hand.
    abandoned: bool,
    model: Option<Arc<Model>>,
    destination: String,
    start: Instant,
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
            tally: Tally::default(),
            requests: Arc::default(),
            stages: Vec::new(),
            optimizer_rules: Vec::new(),
            selected: 0,
            listing: None,
            left: None,
            lock: None,
            abandoned: false,
            model: None,
            destination: String::new(),
            start: Instant::now(),
        }
    }

    async fn go(&mut self) -> Result<()> {
        let settings = self.settings;
        let model = settings.model.as_deref().unwrap_or(catalog::default_name());
        let loaded = Model::load(model)?;
        let places = Places::open(settings, &loaded, &self.requests).await?;
        for warning in places.warnings.iter().filter(|_| settings.verbosity() >= 1) {
            self.progress.warn(warning);
        }
        self.destination.clone_from(&places.destination);
        self.lock = places.lock.as_ref().map(|(file, output)| RunLock::take(file, output)).transpose()?;
        let listing = Arc::new(Listing::new(Arc::clone(&places.source)));
        self.listing = Some(Arc::clone(&listing));
        if settings.task == Task::UpdateTaxonomyFlag {
            return self.update_taxonomy_flag(&places).await;
        }
        let mut classifier = Classifier::builder()
            .source(listing)
            .sink(places.sink)
            .partitions(settings.partitions)
            .batch_size(settings.prediction_batch_size.min(settings.incremental_batch_size))
            .memory_limit(usize::try_from(settings.memory_limit.0).unwrap_or(usize::MAX))
            .lineage_threshold(settings.lineage_threshold)
            .collapse(settings.collapse)
            .instrumentation(self.instrumentation.clone())
            .stop(self.stop.clone())
            .requests(Arc::clone(&self.requests))
            .optimizer_rules(std::mem::take(&mut self.optimizer_rules))
            .build()?;
        classifier.use_model(model, loaded);
        self.model = classifier.model().cloned();
        self.listen()?;
        let progress = self.progress.clone();
        if progress.is_bar() {
            tokio::spawn(count(places.source, progress.clone()));
        }
        let signals = self.signals.clone();
        let (tally, mut told) = (&mut self.tally, 0);
        let labelling = async {
            let documents = classifier.load_raw().await?;
            let predictions = classifier.predict(documents).await?;
            classifier
                .save_annotated(predictions, |outcomes| {
                    tally.add(outcomes);
                    tell_failures(&progress, &tally.failures, &mut told);
                    progress.update(&tally.documents);
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
            None => self.abandoned = true,
        }
        Ok(())
    }

    /// Whether the run ended before its time.
    fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }

    /// What a run that was stopped leaves to the next.
    async fn count_left(&mut self) {
        let Some(listing) = &self.listing else { return };
        let (listed, complete) = listing.count().await;
        let documents = listed.saturating_sub(self.tally.documents.ended());
        self.left = Some(Left { documents, complete });
    }

    async fn update_taxonomy_flag(&mut self, places: &Places) -> Result<()> {
        self.listen()?;
        let (progress, mut told) = (self.progress.clone(), 0);
        let signals = self.signals.clone();
        let updating =
            taxonomy::update(self.settings, places, &self.requests, &self.stop, &mut self.tally, |tally| {
                tell_failures(&progress, &tally.failures, &mut told);
                progress.update(&tally.documents);
            });
        let updated = tokio::select! {
            updated = updating => Some(updated),
            () = signals.grace_is_over() => None,
        };
        tell_failures(&self.progress, &self.tally.failures, &mut told);
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
        let told = self.settings.verbosity() >= 1;
        let instrumentation = self.instrumentation.clone();
        let on_stop = move |name: &str| {
            if told {
                let message = &format!(
                    "{name}: finishing and saving what is in hand; once more ends the program at once"
                );
                progress.write(&Message::Stopping { message });
            }
        };
        let on_exit = move || instrumentation.remove_checkpoints();
        self.signals = Signals::listen(self.stop.clone(), on_stop, on_exit)
            .map_err(|error| Error::unusable(format!("the program cannot listen for signals: {error}")))?;
        Ok(())
    }

    /// Tells people and machines how the run ended, and decides the exit code.
    fn finish(mut self, result: Result<()>) -> Result<Exit> {
        let ended = self.tally.documents.ended();
        // What was in hand when a stopped run could not wait any longer is left, not selected.
        self.tally.documents.selected = if self.abandoned { ended } else { self.selected.max(ended) };
        self.tally.left = self.left.map(|left| left.documents);
        if self.abandoned {
            // A thread may still be working on them, and does not end before the process does.
            self.instrumentation.remove_checkpoints();
            // A thread may still be writing: the lock goes when the process ends.
            std::mem::forget(self.lock.take());
        }
        self.tally.retries = self.tally.retries.max(self.requests.counts().retries);
        let elapsed = self.start.elapsed();
        if self.model.is_some() {
            self.instrumentation.report();
        }
        let metrics = RunMetrics::new(&Ended {
            tally: &self.tally,
            elapsed,
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
            self.progress.warn(&format!("the record of this run cannot be kept: {error}"));
        }
        let sentence = match &result {
            Ok(()) => sentence(&self.tally, elapsed, &self.destination, self.settings.dry_run, self.left),
            Err(_) => "The run could not be done.".to_string(),
        };
        let written = self.settings.metrics_file.as_deref().map(|file| metrics.write(file)).transpose();
        let page =
            self.settings.report.as_deref().map(|file| metrics.write_page(file, &sentence)).transpose();
        if self.settings.verbosity() >= 1 && result.is_ok() {
            self.progress.write(&Message::Finished { message: &sentence, documents: metrics.documents });
        }
        result?;
        written?;
        page?;
        Ok(match self.signals.received() {
            Some(signal) => Exit::Signal(signal),
            None if self.tally.documents.failed > 0 => Exit::SomeFailed,
            None => Exit::Done,
        })
    }
}

/// Names the failures beyond the first `told`, whatever the verbosity: cron's mail must hold them.
fn tell_failures(progress: &Progress, failures: &[Failure], told: &mut usize) {
    for failure in failures.iter().skip(*told) {
        let Failure { doc_id, attachment_name, error } = failure;
        progress.write(&Message::DocumentFailed { doc_id, attachment_name, error });
    }
    *told = failures.len();
}

/// Lists once more, beside the work, to know how many documents there are.
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
        .with_flight_recorder(FlightRecorder::new(places::records_folder(settings), FLIGHTS))
        .with_checkpoint(CheckpointOptions {
            policy: settings.checkpoint,
            folder: places::checkpoint_folder(settings),
            ..defaults
        })
}
