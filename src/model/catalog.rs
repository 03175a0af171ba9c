//! Finding models: those that the program brings along, and files.

use super::{Model, ModelError, ModelInfo};
use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/embedded_models.rs"));

/// The models to take when none is named, best first.
const PREFERRED: [&str; 2] = ["context", "logistic_words_suffixes"];
/// Where models are looked for by name besides those in the program: where training puts them.
const FOLDER: &str = "models";
/// The file extension of a model.
pub(super) const EXTENSION: &str = "skol";

/// The name of the model to use when none is asked for: the best of those in the program.
#[must_use]
pub fn default_name() -> &'static str {
    let names = names();
    PREFERRED.into_iter().find(|name| names.contains(name)).or(names.first().copied()).unwrap_or(PREFERRED[0])
}

/// The names of the models in the program, sorted.
#[must_use]
pub fn names() -> Vec<&'static str> {
    EMBEDDED.iter().map(|&(name, _)| name).collect()
}

fn owned_names() -> Vec<String> {
    names().into_iter().map(str::to_owned).collect()
}

/// The models in the program with what is known about them, and the size of each in bytes.
///
/// # Errors
/// When one of them cannot be read.
pub fn list() -> Result<Vec<(ModelInfo, usize)>, ModelError> {
    EMBEDDED
        .iter()
        .map(|&(name, bytes)| Ok((Model::from_bytes(bytes, name)?.info().clone(), bytes.len())))
        .collect()
}

impl Model {
    /// The model called `name_or_path`: one in the program, a model file at that path, or
    /// `models/<name>.skol` below the working directory, in this order.
    ///
    /// # Errors
    /// [`ModelError::Unknown`] when nothing goes by that name, [`ModelError::NoSuchFile`] when there is no file at that
    /// path; else as [`read`](Self::read).
    pub fn load(name_or_path: &str) -> Result<Self, ModelError> {
        if let Some((name, bytes)) = EMBEDDED.iter().find(|(name, _)| *name == name_or_path) {
            return Self::from_bytes(bytes, name);
        }
        let path = Path::new(name_or_path);
        if path.is_file() {
            return Self::read(path);
        }
        let trained = Path::new(FOLDER).join(format!("{name_or_path}.{EXTENSION}"));
        if path.components().count() == 1 && trained.is_file() {
            return Self::read(&trained);
        }
        let is_path = path.components().count() > 1 || path.extension().is_some_and(|end| end == EXTENSION);
        if is_path {
            return Err(ModelError::NoSuchFile { path: name_or_path.to_owned(), known: owned_names() });
        }
        Err(ModelError::Unknown {
            what: "model",
            name: name_or_path.to_owned(),
            known: owned_names(),
            remedy: "or give the path of a model file".to_owned(),
        })
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// [`ModelError::Read`] when it cannot be read, [`ModelError::Unusable`] when it does not hold a model.
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let bytes =
            std::fs::read(path).map_err(|source| ModelError::Read { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes, &path.display().to_string())
    }
}
