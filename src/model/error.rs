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
    /// Different models go by the same name.
    #[error("{} models are called {name:?}: {}; give the path of one", .found.len(), .found.join(" and "))]
    Ambiguous {
        /// The name.
        name: String,
        /// The models: a name in the program, or paths.
        found: Vec<String>,
    },
    /// A model to be stored would have the name of another.
    #[error("the name {name:?} is taken by {by}; {} would be another model of that name", .new.display())]
    Taken {
        /// The name.
        name: String,
        /// The model that has it.
        by: String,
        /// Where the new one would be stored.
        new: PathBuf,
    },
    /// A model cannot be called so.
    #[error("{0:?} is no name for a model: letters, digits, '-', '_', '.' and spaces, no '.' first")]
    BadName(String),
    /// A label is probably mistyped.
    #[error("{file}:{line}: label {label:?} is not known; {nearest:?} is nearly the same")]
    MistypedLabel {
        /// The annotated file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// The label.
        label: String,
        /// The label that it resembles.
        nearest: String,
    },
    /// Labels of the user's own cannot be learnt as asked.
    #[error(
        "the labels {} are not among those that this preset tells apart, the first at {file}:{line}; {why}",
        .labels.iter().map(|(label, count)| format!("{label:?} ({count} paragraphs)")).collect::<Vec<_>>().join(", ")
    )]
    OwnLabels {
        /// The labels, and how many paragraphs have each.
        labels: Vec<(String, usize)>,
        /// An annotated file that holds one.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// Why they cannot be learnt.
        why: String,
    },
    /// An annotated document has no counterpart to be scored, or to score it by.
    #[error("{} holds no annotation of {file}, which is in {}", .folder.display(), .other.display())]
    NoCounterpart {
        /// Path of the annotated file below its folder.
        file: String,
        /// The folder without it.
        folder: PathBuf,
        /// The folder with it.
        other: PathBuf,
    },
    /// Two annotations of one document are not of the same text.
    #[error(
        "{file}: the texts of both annotations differ: {predicted:?} where the gold annotation has {gold:?}"
    )]
    OtherText {
        /// Path of the annotated file below its folder.
        file: String,
        /// What follows in the predicted annotation where the texts differ.
        predicted: String,
        /// What follows in the gold one.
        gold: String,
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
    /// A file of corrections cannot be used.
    #[error("cannot use the corrections in {}: {source}", .path.display())]
    Corrections {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: crate::document::CorrectionsError,
    },
    /// Corrections for a text that was not given.
    #[error(
        "{} holds corrections of '{name}', but no annotation with that text was given; name the folder with it by \
         --annotations, or put the corrections into it by convert_annotations", .path.display()
    )]
    NoCorrectedDocument {
        /// The file.
        path: PathBuf,
        /// The document that it names.
        name: String,
    },
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
    /// The annotated files are labelled, but the model knows none of their labels.
    #[error(
        "model {model} knows none of the labels in {}: they are {}, and the model tells apart {}; choose a model that \
         was trained on these labels", .gold.display(), found.join(", "), known.join(", ")
    )]
    NoKnownLabel {
        /// The annotated files.
        gold: PathBuf,
        /// Their labels.
        found: Vec<String>,
        /// Name of the model.
        model: String,
        /// Its labels.
        known: Vec<String>,
    },
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
    /// No adaptation is better than the model as it is.
    #[error(
        "the {paragraphs} corrected paragraphs teach nothing that carries over to others: of paragraphs held out, no \
         adapted model labels more as corrected than the model as it is; correct more documents"
    )]
    NothingToLearn {
        /// Corrected paragraphs.
        paragraphs: usize,
    },
    /// Every adaptation that is better on the corrections is worse on the check set.
    #[error(
        "the corrections contradict what the model knows: on the articles that come with the program macro-F1 would \
         fall from {before:.3} to {after:.3}, so nothing is stored; look for wrong labels among the corrections, or \
         train a model of your own"
    )]
    CheckSet {
        /// Macro-F1 of the model as it is.
        before: f64,
        /// Of the adapted model.
        after: f64,
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
                | Self::Ambiguous { .. }
                | Self::Taken { .. }
                | Self::BadName(_)
                | Self::OwnLabels { .. }
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
