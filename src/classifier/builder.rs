//! What a [`Classifier`] is made of.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use super::Classifier;
use super::ClassifierError;
use crate::connectors::Connectors;
use crate::document::brat::BratSpans;
use crate::error::Result;
use crate::instrumentation::{Instrumentation, Verbosity};
use crate::pipeline::{Engine, InProcess, ModelStore, OptimizerRule, SessionOptions, Stop, codec, session};
use crate::sink::{FileSink, LabelNames, OutputStyle, Sink};
use crate::source::Source;
use crate::worker::WorkerContext;

/// Documents per batch, by default.
const BATCH_SIZE: usize = 24;
/// Documents that are saved at a time, by default.
const SAVE_BATCH_SIZE: usize = 50;
/// Depth of a lineage beyond which a checkpoint is made, by default.
const LINEAGE_THRESHOLD: usize = 30;

/// Builds a [`Classifier`].
#[derive(Debug, Default)]
pub struct ClassifierBuilder {
    engine: Option<Arc<dyn Engine>>,
    source: Option<Arc<dyn Source>>,
    sink: Option<Arc<dyn Sink>>,
    pages: Option<FileSink>,
    brat_spans: BratSpans,
    label_names: LabelNames,
    connectors: Connectors,
    partitions: Option<usize>,
    batch_size: Option<usize>,
    save_batch_size: Option<usize>,
    memory_limit: Option<usize>,
    lineage_threshold: Option<usize>,
    collapse: bool,
    instrumentation: Option<Instrumentation>,
    stop: Stop,
    worker_context: WorkerContext,
    optimizer_rules: Vec<OptimizerRule>,
}

impl ClassifierBuilder {
    /// Where documents come from.
    #[must_use]
    pub fn source(mut self, source: Arc<dyn Source>) -> Self {
        self.source = Some(source);
        self
    }

    /// Where annotations go, and how they are written.
    #[must_use]
    pub fn sink(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Where each document is also written as a page to look at; its format is
    /// [`Html`](crate::sink::OutputFormat::Html). Default: nowhere.
    #[must_use]
    pub fn pages(mut self, pages: Option<FileSink>) -> Self {
        self.pages = pages;
        self
    }

    /// How brat gets paragraphs of several lines; default: one fragment a line.
    #[must_use]
    pub fn brat_spans(mut self, spans: BratSpans) -> Self {
        self.brat_spans = spans;
        self
    }

    /// Other names that labels get when they are written; default: their own.
    #[must_use]
    pub fn label_names(mut self, names: LabelNames) -> Self {
        self.label_names = names;
        self
    }

    /// The sources and sinks whose parameters can be read from a plan; default: those of this library.
    #[must_use]
    pub fn connectors(mut self, connectors: Connectors) -> Self {
        self.connectors = connectors;
        self
    }

    /// Who runs the plan; default: [this process](InProcess).
    #[must_use]
    pub fn engine(mut self, engine: Arc<dyn Engine>) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Number of partitions; default: the cores of the machine.
    #[must_use]
    pub fn partitions(mut self, partitions: usize) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// Documents per batch; default 24.
    #[must_use]
    pub fn batch_size(mut self, documents: usize) -> Self {
        self.batch_size = Some(documents);
        self
    }

    /// Documents that are saved at a time, at most; default 50. A sink that waits for a network takes batches together
    /// that wait for it. Where this is less than [`batch_size`](Self::batch_size), batches are as small.
    #[must_use]
    pub fn save_batch_size(mut self, documents: usize) -> Self {
        self.save_batch_size = Some(documents);
        self
    }

    /// Memory pool of the engine in bytes; default: unbounded.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// Depth of a lineage beyond which a checkpoint is made; default 30.
    #[must_use]
    pub fn lineage_threshold(mut self, depth: usize) -> Self {
        self.lineage_threshold = Some(depth);
        self
    }

    /// Whether fine labels are answered as one of the
    /// [`COLLAPSED_LABELS`](crate::document::labels::COLLAPSED_LABELS); default: no.
    #[must_use]
    pub fn collapse(mut self, collapse: bool) -> Self {
        self.collapse = collapse;
        self
    }

    /// The instrumentation; default: silent. It is given the pipeline's codec.
    #[must_use]
    pub fn instrumentation(mut self, instrumentation: Instrumentation) -> Self {
        self.instrumentation = Some(instrumentation);
        self
    }

    /// What ends the selection of documents early.
    #[must_use]
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// What its workers share: where requests to servers are counted, and their connections.
    #[must_use]
    pub fn worker_context(mut self, context: WorkerContext) -> Self {
        self.worker_context = context;
        self
    }

    /// Rules of the physical optimizer that come after all others, such as one that gives operators spans.
    #[must_use]
    pub fn optimizer_rules(mut self, rules: Vec<OptimizerRule>) -> Self {
        self.optimizer_rules = rules;
        self
    }

    /// The classifier, without a model yet.
    ///
    /// # Errors
    /// When source or sink are missing, or the engine cannot be set up.
    pub fn build(self) -> Result<Classifier> {
        let source = self.source.ok_or(ClassifierError::NoSource)?;
        let sink = self.sink.ok_or(ClassifierError::NoSink)?;
        let partitions = self
            .partitions
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
            .max(1);
        let models = Arc::new(ModelStore::new());
        let options = SessionOptions {
            partitions,
            memory_limit: self.memory_limit,
            optimizer_rules: self.optimizer_rules,
        };
        let save_batch_size = self.save_batch_size.unwrap_or(SAVE_BATCH_SIZE).max(1);
        Ok(Classifier {
            context: session(&options, Arc::clone(&models), self.worker_context)?,
            models,
            model: None,
            source,
            style: OutputStyle {
                format: sink.format(),
                brat_spans: self.brat_spans,
                label_names: self.label_names,
            },
            sink,
            pages: self.pages,
            partitions,
            batch_size: self.batch_size.unwrap_or(BATCH_SIZE).clamp(1, save_batch_size),
            save_batch_size,
            lineage_threshold: self.lineage_threshold.unwrap_or(LINEAGE_THRESHOLD),
            collapse: self.collapse,
            engine: self.engine.unwrap_or_else(|| Arc::new(InProcess)),
            instrumentation: self
                .instrumentation
                .unwrap_or_else(|| Instrumentation::new(Verbosity::Silent))
                .with_codec(Arc::new(codec(&self.connectors))),
            stop: self.stop,
            selected: Arc::new(AtomicU64::new(0)),
            finished: Mutex::default(),
        })
    }
}
