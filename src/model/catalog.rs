//! Finding models: those that the program brings along, those in folders, and files.

use super::{Model, ModelError, ModelInfo};
use std::path::{Path, PathBuf};

include!(concat!(env!("OUT_DIR"), "/embedded_models.rs"));

/// The models to take when none is named, best first.
const PREFERRED: [&str; 2] = ["context", "logistic_words_suffixes"];
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

/// A model found in a folder.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub(crate) struct FoundModel {
    /// Its file.
    pub path: PathBuf,
    /// What is known about it.
    pub info: ModelInfo,
    /// Size of its file in bytes.
    pub bytes: usize,
}

/// The models in `folders`, sorted by path; folders that do not exist hold none. Files that cannot be used are passed
/// over: they are named when they are asked for.
#[must_use]
pub(crate) fn list_folders(folders: &[PathBuf]) -> Vec<FoundModel> {
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
    let mut paths: Vec<PathBuf> = files.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == EXTENSION));
    paths.sort();
    let model = |path: PathBuf| {
        let model = Model::read(&path).ok()?;
        Some(FoundModel { path, info: model.info().clone(), bytes: model.file_size() })
    };
    paths.into_iter().filter_map(model).collect()
}

/// What [`Model::load`] loads for `name_or_path`: the name of a model in the program, or the path of a model file,
/// where a plain name is also that of `<name>.skol` in one of `folders`.
///
/// # Errors
/// [`ModelError::Ambiguous`] when different models go by that name, [`ModelError::Unknown`] when none does,
/// [`ModelError::NoSuchFile`] when there is no file at that path.
pub(crate) fn find(name_or_path: &str, folders: &[PathBuf]) -> Result<String, ModelError> {
    let path = Path::new(name_or_path);
    let is_name = path.components().count() == 1;
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    if let Some((name, bytes)) = embedded(name_or_path) {
        found.push(((*name).to_owned(), bytes.to_vec()));
    }
    let in_folders = folders.iter().filter(|_| is_name);
    let files = in_folders.map(|folder| folder.join(format!("{name_or_path}.{EXTENSION}")));
    for file in files.chain([path.to_owned()]).filter(|file| file.is_file()) {
        let bytes = std::fs::read(&file).map_err(|source| ModelError::Read { path: file.clone(), source })?;
        found.push((file.display().to_string(), bytes));
    }
    // The same model in two places is one model.
    let mut different: Vec<(String, Vec<u8>)> = Vec::new();
    for candidate in found {
        if different.iter().all(|(_, bytes)| *bytes != candidate.1) {
            different.push(candidate);
        }
    }
    match different.as_slice() {
        [(found, _)] => Ok(found.clone()),
        [] => Err(unknown(name_or_path, folders)),
        _ => Err(ModelError::Ambiguous {
            name: name_or_path.to_owned(),
            found: different.into_iter().map(|(found, _)| found).collect(),
        }),
    }
}

fn embedded(name: &str) -> Option<&'static (&'static str, &'static [u8])> {
    EMBEDDED.iter().find(|(known, _)| *known == name)
}

fn unknown(name_or_path: &str, folders: &[PathBuf]) -> ModelError {
    let path = Path::new(name_or_path);
    let stem = |found: FoundModel| found.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let known = owned_names().into_iter().chain(list_folders(folders).into_iter().filter_map(stem)).collect();
    if path.components().count() > 1 || path.extension().is_some_and(|end| end == EXTENSION) {
        return ModelError::NoSuchFile { path: name_or_path.to_owned(), known };
    }
    ModelError::Unknown {
        what: "model",
        name: name_or_path.to_owned(),
        known,
        remedy: "or give the path of a model file".to_owned(),
    }
}

/// The file that a model called `name` gets in `folder`, when no model of that name is in the program, in `folder` or
/// in `others`.
///
/// # Errors
/// [`ModelError::BadName`] when it is no plain name, [`ModelError::Taken`] when a model goes by it.
pub(crate) fn new_file(name: &str, folder: &Path, others: &[PathBuf]) -> Result<PathBuf, ModelError> {
    let plain = !name.is_empty()
        && !name.starts_with('.')
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' '));
    if !plain {
        return Err(ModelError::BadName(name.to_owned()));
    }
    let file = format!("{name}.{EXTENSION}");
    let new = folder.join(&file);
    let taken = embedded(name).map(|_| "the model of the program".to_owned());
    let taken = taken.or_else(|| {
        let folders = std::iter::once(folder).chain(others.iter().map(PathBuf::as_path));
        let mut files = folders.map(|folder| folder.join(&file));
        files.find(|file| file.exists()).map(|file| file.display().to_string())
    });
    match taken {
        Some(by) => Err(ModelError::Taken { name: name.to_owned(), by, new }),
        None => Ok(new),
    }
}

impl Model {
    /// The model called `name_or_path`: one in the program, or else the model file at that path. The programs
    /// look in folders too.
    ///
    /// # Errors
    /// [`ModelError::Unknown`] when nothing goes by that name, [`ModelError::NoSuchFile`] when there is no file at that
    /// path; else as [`read`](Self::read).
    pub fn load(name_or_path: &str) -> Result<Self, ModelError> {
        if let Some((name, bytes)) = embedded(name_or_path) {
            return Self::from_bytes(bytes, name);
        }
        let path = Path::new(name_or_path);
        if path.is_file() { Self::read(path) } else { Err(unknown(name_or_path, &[])) }
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
