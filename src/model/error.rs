//! What can go wrong with models: finding, reading, training, measuring.

use crate::error::ErrorKind;
use crate::features::FeatureError;
use std::path::PathBuf;
use thiserror::Error;

/// Why a model, preset or annotated file cannot be used, or training failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Nothing goes by this name.
    #[error("unknown {what} {name:?}{}; known: {}; {remedy}", did_you_mean(.name, .known), all(.known))]
    Unknown {
        /// `model` or `preset`.
        what: &'static str,
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
        /// What to do instead.
        remedy: String,
    },
    /// There is no model file at this path.
    #[error(
        "model file {path} does not exist; give the path of a .{} file, or one of: {}",
        super::catalog::EXTENSION,
        all(.known)
    )]
    NoSuchFile {
        /// The path.
        path: String,
        /// The models that the program brings along.
        known: Vec<String>,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder cannot be listed.
    #[error("cannot read {}: {source}", .path.display())]
    List {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: Box<walkdir::Error>,
    },
    /// A model file does not hold a model that can be used.
    #[error(
        "model {origin} cannot be used: {}. Take a whole copy of the file, or train the model again",
        chain(.source)
    )]
    Unusable {
        /// Its name or path.
        origin: String,
        /// Why.
        source: Box<ModelError>,
    },
    /// The bytes are no model file, or not a whole one.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// The description within a model file cannot be read.
    #[error("its description cannot be read")]
    Description(#[source] serde_json::Error),
    /// What a model file holds does not make a model.
    #[error("{0}")]
    Invalid(String),
    /// The auxiliary model within a model file cannot be used.
    #[error("its auxiliary model: {}", chain(.0))]
    Auxiliary(#[source] Box<ModelError>),
    /// The features cannot be used.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// The parts of a linear model do not fit each other.
    #[error(transparent)]
    Parts(linfa_sparse_logistic::Error),
    /// A presets file is not TOML.
    #[error("{origin}: {source}")]
    PresetsFile {
        /// The name of the file.
        origin: String,
        /// What is wrong, and where.
        source: Box<toml::de::Error>,
    },
    /// A preset has a key that there is not, or a value of another type.
    #[error("{origin}, preset {name}: {source}")]
    PresetForm {
        /// The name of the presets file.
        origin: String,
        /// The name of the preset.
        name: String,
        /// What is wrong.
        source: Box<toml::de::Error>,
    },
    /// A preset is impossible.
    #[error("{origin}, preset {name}: {}", chain(.source))]
    Preset {
        /// The name of the presets file.
        origin: String,
        /// The name of the preset.
        name: String,
        /// What is impossible.
        source: Box<ModelError>,
    },
    /// A value of a preset is out of range.
    #[error("{setting} = {value}: must be {allowed}")]
    Setting {
        /// The key.
        setting: String,
        /// Its value.
        value: String,
        /// The values that are possible.
        allowed: &'static str,
    },
    /// An auxiliary preset does not go with the preset that names it.
    #[error("auxiliary_model: must be a preset with labels = \"three\", in one with \"fine\"")]
    AuxiliaryPreset,
    /// There is no annotated file.
    #[error("no .ann file in {}; give a folder with annotated files", .0.display())]
    NoAnnotatedFile(PathBuf),
    /// An annotated file is not UTF-8.
    #[error("cannot read {}: {source}; convert the file to UTF-8", .path.display())]
    NotUtf8 {
        /// Its path.
        path: PathBuf,
        /// Where it breaks.
        source: std::str::Utf8Error,
    },
    /// The annotated files hold no labelled block.
    #[error("no labelled block in {}; give a folder with annotated files ([@text#Label*])", .0.display())]
    NoLabelledBlock(PathBuf),
    /// Fewer than two labels.
    #[error("the training files hold {0} label(s), but a model tells at least two apart; annotate more")]
    TooFewLabels(usize),
    /// A single file cannot be split.
    #[error("only one annotated file to train from, so none can be held out; add files")]
    NothingToHoldOut,
    /// More folds than volumes.
    #[error(
        "cannot cross-validate over {folds} folds: there are {volumes} volumes (folders with annotated files), and \
         each fold needs one of its own"
    )]
    TooManyFolds {
        /// Folds asked for.
        folds: usize,
        /// Volumes there are.
        volumes: usize,
    },
    /// The solver failed.
    #[error("cannot train on these files: {0}")]
    Solver(#[source] linfa_sparse_logistic::Error),
    /// linfa-logistic's solver failed.
    #[error("cannot train on these files: {0}")]
    DenseSolver(#[source] linfa_logistic::error::Error),
}

/// Why bytes are not a model file that can be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// The file does not begin as a model file does.
    #[error("it is not a model file (it does not begin as one)")]
    Foreign,
    /// The format is newer than this program.
    #[error(
        "its format is version {0}, and this program reads up to version {newest}; use a newer program, or train the model \
         again with this one",
        newest = super::container::VERSION
    )]
    Newer(u32),
    /// The file is shorter or longer than it says.
    #[error("it is cut off: {found} bytes of {expected}")]
    Truncated {
        /// Bytes there are.
        found: u64,
        /// Bytes there should be.
        expected: u64,
    },
    /// The checksum does not match.
    #[error("its checksum is wrong: the bytes have changed since it was written")]
    Corrupt,
    /// A section is missing.
    #[error("it has no section {0}")]
    MissingSection(&'static str),
}

/// An error and its causes in one sentence, for messages that end in advice.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.contains(&reason) {
            text = format!("{text}: {reason}");
        }
        cause = error.source();
    }
    text
}

fn all(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

fn did_you_mean(name: &str, known: &[String]) -> String {
    let similarity = |candidate: &String| strsim::normalized_damerau_levenshtein(candidate, name);
    let nearest = known.iter().map(|candidate| (similarity(candidate), candidate));
    let nearest = nearest.filter(|(similarity, _)| *similarity > 0.5).max_by(|a, b| a.0.total_cmp(&b.0));
    nearest.map(|(_, nearest)| format!(" (did you mean {nearest}?)")).unwrap_or_default()
}

impl ModelError {
    /// Whether what was asked for is at fault (a name, a preset, a number of folds), rather than what was found.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Unknown { .. }
                | Self::PresetsFile { .. }
                | Self::PresetForm { .. }
                | Self::Preset { .. }
                | Self::Setting { .. }
                | Self::AuxiliaryPreset
                | Self::NothingToHoldOut
                | Self::TooManyFolds { .. }
        )
    }

    /// What sort of error this is, for whoever decides how a program ends.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        if self.is_usage() { ErrorKind::Usage } else { ErrorKind::Unusable }
    }

    /// A value of a preset that is out of range.
    pub(super) fn setting(setting: impl Into<String>, value: impl ToString, allowed: &'static str) -> Self {
        Self::Setting { setting: setting.into(), value: value.to_string(), allowed }
    }
}
