//! The settings of `train_classifier` and `evaluate_classifier`.

use super::definition::settings;
use super::reader::{Found, Reader};
use super::terminal::{Files, Terminal};
use super::value::{Allowed, LabelChoice, page};
use super::{Environment, SettingsError};
use std::path::PathBuf;

settings! {
    /// Everything that a run of `train_classifier` depends on.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct TrainSettings in "train." for Train {
        /// Folder with .ann files to train from, or with saved corrections (.corrections.json)
        input: PathBuf => Input "DIR" { short: Some('i') };
        /// Folder with the annotations that saved corrections in --input belong to
        ///
        /// Corrections hold no text: each is put into the annotation with its text, here or in --input. Of this folder
        /// only documents with corrections are learned from.
        annotations: Option<PathBuf> => Input "DIR";
        /// Folder with .ann files to test on; without it whole files are held out
        test: Option<PathBuf> => Input "DIR";
        /// Preset of features and parameters: a shipped one, or one of --presets
        model: String => Model "PRESET" { default: "context" };
        /// Model to adapt to the corrections in --input, instead of training anew
        ///
        /// A shipped or trained one's name, or a file. The adapted model starts from its weights and moves only as far
        /// as the corrections carry over to documents held out; nothing is stored when they do not, or when the model
        /// would get worse on the articles that come with the program.
        adapt: Option<String> => Model "NAME or PATH";
        /// File with presets of your own, written like the shipped config/models.toml
        ///
        /// The shipped presets stay known; a preset of the same name in this file wins.
        presets: Option<PathBuf> => Model "FILE.toml";
        /// Labels that the model tells apart: three, fine or all
        ///
        /// Without it the preset decides. three: Nomenclature, Description, and Misc-exposition for everything else. fine: every label with enough
        /// paragraphs, as the preset says. all: every label of the training files, labels of your own among them.
        labels: Option<LabelChoice> => Model "WHICH";
        /// Name of the trained model; without it INPUT-PRESET
        name: Option<String> => Model "NAME";
        /// Replace a model of the same name
        replace: bool => Model "BOOL";
        /// Seed of the split; the same seed gives the same model
        seed: u64 => Model "N" { default: "0" };
        /// Cross-validate over K folds of whole volumes; 0: do not
        cross_validate: usize => Model "K" { default: "0" }, folds;
        /// Folder for the model and its card; without it the user's data folder
        ///
        /// $XDG_DATA_HOME/skol_classifier/models, or ~/.local/share/skol_classifier/models: all programs find models
        /// there by their name.
        output: Option<PathBuf> => Output "DIR" { short: Some('o') };
        /// Print the figures as JSON on standard output
        json: bool => Output "BOOL";
        /// The evaluation as one self-contained page
        report: Option<PathBuf> => Output "FILE.html", page;
        terminal: Terminal;
        files: Files;
        /// The folders in which models are found by name, the one for new ones first.
        model_folders: Vec<PathBuf> = model_folders;
        /// Seconds since 1970 that count as now, so that a model can be made again to the bit.
        now: Option<u64> = source_date;
    }
}

settings! {
    /// Everything that a run of `evaluate_classifier` depends on.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct EvaluateSettings in "evaluate." for Evaluate {
        /// Folder with .ann files that hold the right labels
        gold: PathBuf => Input "DIR" { short: Some('g') };
        /// Folder with finished annotations of any program, to be scored instead of a model
        ///
        /// Each gold annotation needs its counterpart of the same text at the same path.
        predicted: Option<PathBuf> => Input "DIR";
        /// Model to evaluate: a shipped or trained one's name, or a file
        ///
        /// Without it the best shipped one is taken.
        model: Option<String> => Model "NAME or PATH";
        /// Merge fine labels into Nomenclature, Description and Misc-exposition
        collapse: bool => Model "BOOL";
        /// Print the figures as JSON on standard output
        json: bool => Output "BOOL";
        /// The evaluation as one self-contained page
        report: Option<PathBuf> => Output "FILE.html", page;
        terminal: Terminal;
        files: Files;
        /// The folders in which models are found by name, the one for new ones first.
        model_folders: Vec<PathBuf> = model_folders;
    }
}

/// The folders in which models are found by name, the one for new ones first.
pub(super) fn model_folders(reader: &mut Reader<'_>) -> Result<Vec<PathBuf>, SettingsError> {
    let data = reader.environment.data_home().map(|home| home.join("skol_classifier/models"));
    Ok(data.into_iter().chain([PathBuf::from("models")]).collect())
}

/// `SOURCE_DATE_EPOCH`, a convention of builds and not a setting of its own; see
/// <https://reproducible-builds.org/docs/source-date-epoch/>.
fn source_date(reader: &mut Reader<'_>) -> Result<Option<u64>, SettingsError> {
    let name = "SOURCE_DATE_EPOCH";
    let Some(text) = reader.environment.get(name)? else { return Ok(None) };
    // The last second of the year 9999: a date has four digits of a year.
    let seconds = text.trim().parse::<u64>().ok().filter(|seconds| *seconds < 253_402_300_800);
    seconds.map(Some).ok_or_else(|| SettingsError::Invalid {
        setting: name,
        value: text.to_owned(),
        origin: "environment".to_owned(),
        allowed: "seconds since 1970, up to the year 9999".to_owned(),
        rank: None,
    })
}

fn folds(found: &Found, _: &Environment) -> Result<usize, Allowed> {
    let folds = found.text().parse().ok().filter(|folds| *folds != 1 && *folds <= 1000);
    folds.ok_or_else(|| "0 (no cross-validation), or a whole number from 2 to 1000".to_owned())
}
