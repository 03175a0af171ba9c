//! The models of a process, each loaded once and shared by all partitions.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::PipelineError;
use crate::error::Result;
use crate::instrumentation::{Broadcast, Travel};
use crate::model::{Model, ModelError};

/// What names a model in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelReference {
    /// Name of a shipped model, or path of a model file.
    pub name: String,
    /// SHA-256 of the model file, in hexadecimal digits: a worker refuses another model of this name.
    pub sha256: String,
    /// The labels, in the order of the probabilities.
    pub labels: Vec<String>,
}

impl ModelReference {
    /// The reference to `model`, which workers load as `name`; when `collapsed` they answer with the three labels.
    #[must_use]
    pub fn new(name: &str, model: &Model, collapsed: bool) -> Self {
        Self { name: name.to_string(), sha256: model.sha256().to_string(), labels: model.answers(collapsed) }
    }
}

/// Models by their SHA-256. A session carries it as an extension of its configuration.
#[derive(Debug, Default)]
pub struct ModelStore {
    models: Mutex<HashMap<String, Arc<Model>>>,
    folders: Vec<PathBuf>,
}

impl ModelStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store, for a process where model files may lie elsewhere than where the plan was made: one that is not
    /// at its path is looked for by its file name in `folders`.
    #[must_use]
    #[cfg_attr(not(any(feature = "cluster", test)), allow(dead_code, reason = "executors are not built"))]
    pub fn with_folders(folders: Vec<PathBuf>) -> Self {
        Self { folders, ..Self::default() }
    }

    /// Adds a model that is already in memory.
    pub fn insert(&self, model: Arc<Model>) {
        self.lock().insert(model.sha256().to_string(), model);
    }

    /// The model that `reference` names, loaded if it is not here yet.
    ///
    /// # Errors
    /// When it cannot be loaded, or is another model than the plan was made with.
    pub fn get(&self, reference: &ModelReference) -> Result<Arc<Model>> {
        let mut models = self.lock();
        if let Some(model) = models.get(&reference.sha256) {
            return Ok(Arc::clone(model));
        }
        let model = Arc::new(self.load(&reference.name)?);
        if model.sha256() != reference.sha256 {
            return Err(PipelineError::OtherModel {
                name: reference.name.clone(),
                found: model.sha256().to_owned(),
                wanted: reference.sha256.clone(),
            }
            .into());
        }
        models.insert(reference.sha256.clone(), Arc::clone(&model));
        Ok(model)
    }

    fn load(&self, name: &str) -> Result<Model> {
        match Model::load(name) {
            Err(error @ ModelError::NoSuchFile { .. }) => {
                let file = Path::new(name).file_name().unwrap_or_default();
                let found = self.folders.iter().map(|folder| folder.join(file)).find(|path| path.is_file());
                Ok(found.map_or(Err(error), |path| Model::read(&path))?)
            }
            loaded => Ok(loaded?),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Model>>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A model is broadcast by reference: the plan names it, and each process loads it once.
impl Broadcast for Model {
    fn serialized_len(&self) -> std::io::Result<usize> {
        Ok(self.file_size())
    }

    fn travel(&self) -> Travel {
        Travel::Reference
    }
}
