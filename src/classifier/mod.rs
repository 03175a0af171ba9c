//! `Classifier`: the pipeline as six verbs.
//!
//! | verb | what it does |
//! |---|---|
//! | [`load_raw`](Classifier::load_raw) | the selected documents, as a DataFrame |
//! | [`fit`](Classifier::fit) | trains a model on annotated files |
//! | [`predict`](Classifier::predict) | documents to labelled paragraphs |
//! | [`save_annotated`](Classifier::save_annotated) | labelled paragraphs to saved annotations: runs the plan |
//! | [`load_model`](Classifier::load_model) | takes a shipped or stored model |
//! | [`save_model`](Classifier::save_model) | stores the model |
//!
//! The instrumentation observes every stage; at verbosity 0 it does nothing.

mod builder;
mod error;
mod stage_metrics;

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::dataframe::DataFrame;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use tracing::Instrument;

pub use builder::ClassifierBuilder;
pub use error::ClassifierError;
pub use stage_metrics::StageMetrics;

use crate::error::Result;
use crate::instrumentation::{self, Instrumentation, Verbosity};
use crate::model::gold::GoldDocument;
use crate::model::train::{self, Naming, Progress};
use crate::model::{Model, Preset};
use crate::pipeline::rows::{Labels, OutcomeRows};
use crate::pipeline::{Engine, MapPartitionsExec, ModelReference, ModelStore, SavePartition, Stop, stages};
use crate::sink::{FileSink, OutputStyle, Sink};
use crate::source::Source;

/// A pipeline from a source to a sink, with a model.
pub struct Classifier {
    context: SessionContext,
    models: Arc<ModelStore>,
    model: Option<(String, Arc<Model>)>,
    source: Arc<dyn Source>,
    sink: Arc<dyn Sink>,
    pages: Option<FileSink>,
    style: OutputStyle,
    partitions: usize,
    batch_size: usize,
    save_batch_size: usize,
    lineage_threshold: usize,
    collapse: bool,
    engine: Arc<dyn Engine>,
    instrumentation: Instrumentation,
    stop: Stop,
    selected: Arc<AtomicU64>,
    /// Stages that ended at a checkpoint, in the run in hand.
    finished: Mutex<Vec<StageMetrics>>,
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classifier")
            .field("source", &self.source)
            .field("sink", &self.sink)
            .field("model", &self.model.as_ref().map(|(name, _)| name))
            .field("partitions", &self.partitions)
            .field("batch_size", &self.batch_size)
            .field("save_batch_size", &self.save_batch_size)
            .finish_non_exhaustive()
    }
}

impl Classifier {
    /// A builder; source and sink must be given.
    #[must_use]
    pub fn builder() -> ClassifierBuilder {
        ClassifierBuilder::default()
    }

    /// The session in which the plans are made: register your own tables, or run SQL over a stage.
    #[must_use]
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// The model, once one is loaded or fitted.
    #[must_use]
    pub fn model(&self) -> Option<&Arc<Model>> {
        self.model.as_ref().map(|(_, model)| model)
    }

    /// The instrumentation of the stages.
    #[must_use]
    pub fn instrumentation(&self) -> &Instrumentation {
        &self.instrumentation
    }

    /// Ends the selection of documents early on request; what is in hand is finished.
    #[must_use]
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// How many documents the run in hand has selected so far.
    #[must_use]
    pub fn selected(&self) -> u64 {
        self.selected.load(Ordering::SeqCst)
    }

    /// Takes the shipped model of this name, or the model file at this path.
    ///
    /// # Errors
    /// When there is none, or it is damaged, foreign or newer than this program.
    pub fn load_model(&mut self, name_or_path: &str) -> Result<()> {
        let model = Model::load(name_or_path)?;
        self.use_model(name_or_path, model);
        Ok(())
    }

    /// Trains a model by `preset` on annotated documents and takes it.
    ///
    /// # Errors
    /// When the preset is not valid, or the documents hold fewer than two labels.
    pub fn fit(
        &mut self,
        documents: &[&GoldDocument],
        preset: &Preset,
        naming: &Naming<'_>,
        progress: &Progress,
    ) -> Result<()> {
        let model = train::fit(documents, preset, naming, 1.0, progress)?;
        self.use_model(naming.name, model);
        Ok(())
    }

    /// Stores the model in a file.
    ///
    /// # Errors
    /// When there is no model yet, or the file cannot be written.
    pub fn save_model(&self, path: &Path) -> Result<()> {
        Ok(self.model_or_error()?.1.save(path)?)
    }

    /// Takes a model that is already in memory; workers elsewhere load it as `name`.
    pub fn use_model(&mut self, name: &str, model: Model) {
        let model = Arc::new(model);
        self.models.insert(Arc::clone(&model));
        self.model = Some((name.to_string(), model));
    }

    fn model_or_error(&self) -> Result<&(String, Arc<Model>)> {
        Ok(self.model.as_ref().ok_or(ClassifierError::NoModel)?)
    }

    /// The selected documents, one row each: stage `documents`. Nothing is read before the plan runs.
    ///
    /// # Errors
    /// When the plan cannot be made.
    pub async fn load_raw(&self) -> Result<DataFrame> {
        let scope = self.instrumentation.scope("load_raw");
        let documents = self.documents().await;
        scope.finish(documents)
    }

    async fn documents(&self) -> Result<DataFrame> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let input = stages::Input {
            source: Arc::clone(&self.source),
            batch_size: self.batch_size,
            stop: self.stop.clone(),
            selected: Arc::clone(&self.selected),
        };
        let documents = stages::documents(&self.context, input)?;
        self.instrumentation.analyze_dataframe(&documents, "documents", false).await?;
        Ok(documents)
    }

    /// Labelled paragraphs, one row each: stages `paragraphs` and `predictions`.
    ///
    /// # Errors
    /// When there is no model yet, or the plan cannot be made.
    pub async fn predict(&self, documents: DataFrame) -> Result<DataFrame> {
        let scope = self.instrumentation.scope("predict");
        let predictions = self.predictions(documents).await;
        scope.finish(predictions)
    }

    async fn predictions(&self, documents: DataFrame) -> Result<DataFrame> {
        let (name, model) = self.model_or_error()?;
        let documents = self.checkpoint(documents, "documents").await?;
        let paragraphs = stages::paragraphs(&self.context, documents)?;
        self.instrumentation.analyze_dataframe(&paragraphs, "paragraphs", false).await?;
        let paragraphs = self.checkpoint(paragraphs, "paragraphs").await?;
        self.instrumentation.measure_broadcast_size(model.as_ref(), model.name());
        let reference = self.reference(name, model);
        let predictions = stages::predictions(&self.context, paragraphs, reference)?;
        self.instrumentation.analyze_dataframe(&predictions, "predictions", false).await?;
        Ok(predictions)
    }

    fn reference(&self, name: &str, model: &Model) -> ModelReference {
        ModelReference::new(name, model, self.collapse)
    }

    async fn checkpoint(&self, frame: DataFrame, name: &str) -> Result<DataFrame> {
        let inspect = |plan: &Arc<dyn ExecutionPlan>| {
            self.measure_closures(plan);
            self.finished
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(stage_metrics::stage_metrics(plan));
        };
        let instrumentation = &self.instrumentation;
        Ok(instrumentation.checkpoint_if_needed_with(frame, name, self.lineage_threshold, inspect).await?)
    }

    /// Puts the documents together again and saves them: stages `annotations` and `outcomes`. This runs the
    /// plan; `on_outcomes` sees the outcomes as they come.
    ///
    /// # Errors
    /// When the plan cannot be made, the source's listing fails or an operator fails as a whole. A document that
    /// cannot be saved is not an error but an outcome.
    pub async fn save_annotated(
        &self,
        predictions: DataFrame,
        on_outcomes: impl FnMut(&OutcomeRows) -> Result<()> + Send,
    ) -> Result<Vec<StageMetrics>> {
        self.sink.prepare()?;
        let writer = self.sink.writer_name();
        let scope = self.instrumentation.scope(&format!("{writer}.save_annotated"));
        let saved = self.format_and_save(predictions, on_outcomes).await;
        scope.finish(saved)
    }

    async fn format_and_save(
        &self,
        predictions: DataFrame,
        on_outcomes: impl FnMut(&OutcomeRows) -> Result<()> + Send,
    ) -> Result<Vec<StageMetrics>> {
        self.instrumentation.analyze_dataframe(&predictions, "predictions_input", false).await?;
        let predictions = self.checkpoint(predictions, "predictions_before_format").await?;
        let annotations =
            stages::annotations(&self.context, predictions, self.style.clone(), self.pages.is_some())?;
        self.instrumentation.analyze_dataframe(&annotations, "annotations", false).await?;
        let annotations = self.checkpoint(annotations, "annotations").await?;
        let scope = self.instrumentation.scope_with("save_distributed", self.sink.operation());
        let saved = self.save_distributed(annotations, on_outcomes);
        let saved = saved.instrument(scope.span().clone()).await;
        scope.finish(saved)
    }

    async fn save_distributed(
        &self,
        annotations: DataFrame,
        mut on_outcomes: impl FnMut(&OutcomeRows) -> Result<()> + Send,
    ) -> Result<Vec<StageMetrics>> {
        self.instrumentation.analyze_dataframe(&annotations, "save_input", false).await?;
        let save = SavePartition::new(self.sink.save_params())
            .with_pages(self.pages.clone())
            .with_batch_size(self.save_batch_size);
        let outcomes = stages::outcomes(&self.context, annotations, save)?;
        let plan = instrumentation::plan(&outcomes).await?;
        self.measure(&plan);
        let context = Arc::new(outcomes.task_ctx());
        let labels = Labels::of(&plan.schema())?;
        let mut on_batch = |batch: RecordBatch| on_outcomes(&OutcomeRows::with_labels(&batch, &labels)?);
        self.engine.run(Arc::clone(&plan), context, &mut on_batch).await?;
        self.instrumentation.analyze_execution(&plan, "outcomes");
        let mut finished = std::mem::take(&mut *self.finished.lock().unwrap_or_else(PoisonError::into_inner));
        finished.extend(stage_metrics::stage_metrics(&plan));
        Ok(finished)
    }

    /// Closures and task of the whole plan, as a scheduler would send them.
    fn measure(&self, plan: &Arc<dyn ExecutionPlan>) {
        self.measure_closures(plan);
        self.instrumentation.measure_task_size(plan, "outcomes");
    }

    fn measure_closures(&self, plan: &Arc<dyn ExecutionPlan>) {
        if self.instrumentation.verbosity() == Verbosity::Silent {
            return;
        }
        let mut node = plan;
        let mut operators = Vec::new();
        while let [child] = node.children()[..] {
            if let Some(operator) = node.downcast_ref::<MapPartitionsExec>() {
                operators.push((node, operator.function().name()));
            }
            node = child;
        }
        for (operator, name) in operators.into_iter().rev() {
            self.instrumentation.measure_closure_size(operator, name);
        }
    }
}
