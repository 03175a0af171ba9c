//! Finding models: those that the program brings along, and files.

use super::{Model, ModelInfo};
use crate::{Error, Result};
use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/embedded_models.rs"));

/// The models to take when none is named, best first.
const PREFERRED: [&str; 2] = ["context", "logistic_words_suffixes"];
/// Where models are looked for by name besides those in the program: where training puts them.
const FOLDER: &str = "models";
/// How the name of a model file ends.
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

/// The models in the program with what is known about them, and the size of each in bytes.
///
/// # Errors
/// When one of them cannot be read.
pub fn list() -> Result<Vec<(ModelInfo, usize)>> {
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
    /// Usage error when nothing goes by that name; unusable when the file cannot be read or is not whole.
    pub fn load(name_or_path: &str) -> Result<Self> {
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
            return Err(Error::unusable(format!(
                "model file {name_or_path} does not exist; give the path of a .{EXTENSION} file, or one of: {}",
                names().join(", ")
            )));
        }
        Err(unknown("model", name_or_path, &names(), "or give the path of a model file"))
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// When it cannot be read or is not whole.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| {
            Error::unusable(format!("cannot read model file {}: {error}", path.display()))
        })?;
        Self::from_bytes(&bytes, &path.display().to_string())
    }
}

/// The usage error for a name that nothing goes by: the nearest known name, all of them, another way out.
pub(super) fn unknown(what: &str, name: &str, known: &[&str], otherwise: &str) -> Error {
    let nearest = known
        .iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(candidate, name), candidate))
        .filter(|(similarity, _)| *similarity > 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, nearest)| format!(" (did you mean {nearest}?)"))
        .unwrap_or_default();
    let all = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Error::usage(format!("unknown {what} {name:?}{nearest}; known: {all}; {otherwise}"))
}
