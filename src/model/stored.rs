//! A model: what was learnt, and what is known about it.

use super::opinion_pool::OpinionPool;
use super::stacked::StackedClassifier;
use super::tables::{Tables, TablesCell};
use super::{LabelSet, ModelError, ModelInfo};
use crate::document::labels::COLLAPSED_LABELS;
use crate::document::yedda::is_label;
use crate::features::Features;
use linfa_logistic::MultiFittedLogisticRegression;
use linfa_sparse_logistic::FittedSparseLogisticRegression;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The weights of a stage: for each feature a weight in each label; its classes are indices into the model's labels.
pub(super) type Linear = FittedSparseLogisticRegression<f32, usize>;

/// A trained model: features, and for each feature a weight in each label.
#[derive(Debug, Clone)]
pub struct Model {
    pub(super) info: ModelInfo,
    pub(super) labels: Vec<String>,
    pub(super) features: Features,
    pub(super) linear: Linear,
    /// The second stage, if there is one.
    pub(super) stacked: Option<StackedClassifier>,
    /// The auxiliary model of the three labels, if there is one.
    pub(super) auxiliary: Option<Auxiliary>,
    pub(super) sha256: String,
    pub(super) file_size: usize,
    /// Made on first use.
    pub(super) tables: TablesCell,
}

/// The auxiliary model of a fine one, and how the opinions of both are brought together.
#[derive(Debug, Clone)]
pub(super) struct Auxiliary {
    pub model: Arc<Model>,
    pub pool: OpinionPool,
}

/// What a model is put together from.
pub(super) struct ModelParts {
    pub info: ModelInfo,
    pub features: Features,
    pub linear: Linear,
    pub stacked: Option<StackedClassifier>,
    pub auxiliary: Option<Arc<Model>>,
}

impl Model {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// The labels that it tells apart; a label is known by its place here.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The labels that it answers with: its own, or the three when `collapsed`.
    #[must_use]
    pub fn answers(&self, collapsed: bool) -> Vec<String> {
        if collapsed { COLLAPSED_LABELS.map(str::to_owned).to_vec() } else { self.labels.clone() }
    }

    /// Whether its labels are fine ones, which collapse to three.
    #[must_use]
    pub(crate) fn is_fine(&self) -> bool {
        self.info.preset.labels == LabelSet::Fine
    }

    /// SHA-256 of its file, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Size of its file in bytes.
    #[must_use]
    pub(crate) fn file_size(&self) -> usize {
        self.file_size
    }

    /// What is known about it.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Its features.
    #[must_use]
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The linear model of its first stage, over the rows of [`Features::transform`]; its classes are indices into
    /// [`labels`](Self::labels).
    #[must_use]
    pub fn linear(&self) -> &FittedSparseLogisticRegression<f32, usize> {
        &self.linear
    }

    /// The second stage, if the model has one.
    #[must_use]
    pub(crate) fn stacked(&self) -> Option<&StackedClassifier> {
        self.stacked.as_ref()
    }

    /// The auxiliary model of the three labels, if it has one.
    #[must_use]
    pub fn auxiliary(&self) -> Option<&Arc<Self>> {
        self.auxiliary.as_ref().map(|auxiliary| &auxiliary.model)
    }

    /// Its first stage as linfa-logistic's fitted model, over the rows of [`Features::transform`]; its classes are
    /// indices into [`labels`](Self::labels).
    ///
    /// # Errors
    /// When linfa-logistic cannot take the parts; never for a model that was loaded or trained.
    pub fn to_linfa_logistic(&self) -> Result<MultiFittedLogisticRegression<f64, usize>, ModelError> {
        MultiFittedLogisticRegression::try_from(&self.linear).map_err(ModelError::Parts)
    }

    pub(super) fn tables(&self) -> Arc<Tables> {
        self.tables.get_or_make(&self.features, &self.linear)
    }

    /// The model out of its parts, checked. Digest and size of its file are those given.
    ///
    /// # Errors
    /// When the numbers of labels, features and weights do not fit each other, a number is not finite, or a label
    /// cannot stand in an annotation.
    pub(super) fn assemble(parts: ModelParts, sha256: String, file_size: usize) -> Result<Self, ModelError> {
        let ModelParts { info, features, linear, stacked, auxiliary } = parts;
        let labels: Vec<String> = info.data.paragraphs.iter().map(|(label, _)| label.clone()).collect();
        check_labels(&labels)?;
        if linear.classes().len() != labels.len() || linear.n_features() != features.n_features() {
            return Err(ModelError::Invalid(format!(
                "{} labels, {} intercepts, {} features and {} weights do not make a model",
                labels.len(),
                linear.intercept().len(),
                features.n_features(),
                linear.weights().len()
            )));
        }
        if let Some(stages) =
            stacked.as_ref().filter(|stacked| stacked.fitted().classes().len() != labels.len())
        {
            return Err(ModelError::Invalid(format!(
                "{} labels, but {} in its second stage",
                labels.len(),
                stages.fitted().classes().len()
            )));
        }
        if !(info.temperature.is_finite() && info.temperature > 0.0) {
            return Err(ModelError::Invalid(format!("its temperature is {}", info.temperature)));
        }
        let auxiliary = match auxiliary {
            Some(model) => {
                let pool = OpinionPool::new(&labels, model.labels(), info.temperature)?;
                Some(Auxiliary { model, pool })
            }
            None => None,
        };
        let tables = TablesCell::default();
        Ok(Self { info, labels, features, linear, stacked, auxiliary, sha256, file_size, tables })
    }
}

/// Labels are written into annotations, where a crafted one would forge a mark.
fn check_labels(labels: &[String]) -> Result<(), ModelError> {
    if labels.len() < 2 {
        return Err(ModelError::Invalid(format!(
            "it has {} label(s), but a model tells at least two apart",
            labels.len()
        )));
    }
    if let Some(label) = labels.iter().find(|label| !is_label(label)) {
        return Err(ModelError::Invalid(format!("its label {label:?} cannot stand in an annotation")));
    }
    let mut seen = BTreeSet::new();
    match labels.iter().find(|label| !seen.insert(*label)) {
        Some(label) => Err(ModelError::Invalid(format!("its label {label:?} occurs twice"))),
        None => Ok(()),
    }
}
