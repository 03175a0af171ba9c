//! The settings of `train_classifier` and `evaluate_classifier`.

use super::definition::{Group, Heading, Setting, setting, settings};
use super::reader::{Found, Reader};
use super::terminal::{Files, Terminal};
use super::value::{Allowed, LabelChoice, page};
use super::{Environment, SettingsError};
use std::path::PathBuf;

settings! {
    /// Everything that a run of `train_classifier` depends on.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct TrainSettings in "train." {
        /// Folder with .ann files to train from, or with saved corrections (.corrections.json)
        input: PathBuf => setting(Heading::Input, "DIR").short('i');
        /// Folder with the annotations that saved corrections in --input belong to
        ///
        /// Corrections hold no text: each is put into the annotation with its text, here or in --input. Of this folder
        /// only documents with corrections are learned from.
        annotations: Option<PathBuf> => setting(Heading::Input, "DIR");
        /// Folder with .ann files to test on; without it whole files are held out
        test: Option<PathBuf> => setting(Heading::Input, "DIR");
        /// Preset of features and parameters: a shipped one, or one of --presets
        model: String => setting(Heading::Model, "PRESET").default("context");
        /// Model to adapt to the corrections in --input, instead of training anew
        ///
        /// A shipped or trained one's name, or a file. The adapted model starts from its weights and moves only as far
        /// as the corrections carry over to documents held out; nothing is stored when they do not, or when the model
        /// would get worse on the articles that come with the program.
        adapt: Option<String> => setting(Heading::Model, "NAME or PATH");
        /// File with presets of your own, written like the shipped config/models.toml
        ///
        /// The shipped presets stay known; a preset of the same name in this file wins.
        presets: Option<PathBuf> => setting(Heading::Model, "FILE.toml");
        /// Labels that the model tells apart: three, fine or all
        ///
        /// Without it the preset decides. three: Nomenclature, Description, and Misc-exposition for everything else. fine: every label with enough
        /// paragraphs, as the preset says. all: every label of the training files, labels of your own among them.
        labels: Option<LabelChoice> => setting(Heading::Model, "WHICH");
        /// Name of the trained model; without it INPUT-PRESET
        name: Option<String> => setting(Heading::Model, "NAME");
        /// Replace a model of the same name
        replace: bool => setting(Heading::Model, "BOOL");
        /// Seed of the split; the same seed gives the same model
        seed: u64 => setting(Heading::Model, "N").default("0");
        /// Cross-validate over K folds of whole volumes; 0: do not
        cross_validate: usize => setting(Heading::Model, "K").default("0"), folds;
        /// Folder for the model and its card; without it the user's data folder
        ///
        /// $XDG_DATA_HOME/skol_classifier/models, or ~/.local/share/skol_classifier/models: all programs find models
        /// there by their name.
        output: Option<PathBuf> => setting(Heading::Output, "DIR").short('o');
        /// Print the figures as JSON on standard output
        json: bool => setting(Heading::Output, "BOOL");
        /// The evaluation as one self-contained page
        report: Option<PathBuf> => setting(Heading::Output, "FILE.html"), page;
        terminal: Terminal;
        files: Files;
        model_folders: ModelFolders;
        now: SourceDate;
    }
}

settings! {
    /// Everything that a run of `evaluate_classifier` depends on.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct EvaluateSettings in "evaluate." {
        /// Folder with .ann files that hold the right labels
        gold: PathBuf => setting(Heading::Input, "DIR").short('g');
        /// Folder with finished annotations of any program, to be scored instead of a model
        ///
        /// Each gold annotation needs its counterpart of the same text at the same path.
        predicted: Option<PathBuf> => setting(Heading::Input, "DIR");
        /// Model to evaluate: a shipped or trained one's name, or a file
        ///
        /// Without it the best shipped one is taken.
        model: Option<String> => setting(Heading::Model, "NAME or PATH");
        /// Merge fine labels into Nomenclature, Description and Misc-exposition
        collapse: bool => setting(Heading::Model, "BOOL");
        /// Print the figures as JSON on standard output
        json: bool => setting(Heading::Output, "BOOL");
        /// The evaluation as one self-contained page
        report: Option<PathBuf> => setting(Heading::Output, "FILE.html"), page;
        terminal: Terminal;
        files: Files;
        model_folders: ModelFolders;
    }
}

/// The folders in which models are found by name, the one for new ones first. They follow from the surroundings and are
/// no setting of their own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ModelFolders(pub(crate) Vec<PathBuf>);

impl Group for ModelFolders {
    fn define(_: &mut Vec<Setting>) {}

    fn read(reader: &mut Reader<'_>) -> Result<Self, SettingsError> {
        let data = reader.environment.data_home().map(|home| home.join("skol_classifier/models"));
        Ok(Self(data.into_iter().chain([PathBuf::from("models")]).collect()))
    }
}

/// Seconds since 1970 that count as now (`SOURCE_DATE_EPOCH`), so that a model can be made again to the bit; see
/// <https://reproducible-builds.org/docs/source-date-epoch/>. It is a convention of builds, not a setting of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SourceDate(pub(crate) Option<u64>);

impl Group for SourceDate {
    fn define(_: &mut Vec<Setting>) {}

    fn read(reader: &mut Reader<'_>) -> Result<Self, SettingsError> {
        let Some(text) = reader.environment.get("SOURCE_DATE_EPOCH")? else { return Ok(Self(None)) };
        // The last second of the year 9999: a date has four digits of a year.
        match text.trim().parse::<u64>() {
            Ok(seconds) if seconds < 253_402_300_800 => Ok(Self(Some(seconds))),
            _ => Err(SettingsError::Invalid {
                setting: "SOURCE_DATE_EPOCH",
                value: text.to_owned(),
                origin: "environment".to_owned(),
                allowed: "seconds since 1970, up to the year 9999".to_owned(),
                rank: None,
            }),
        }
    }
}

fn folds(found: &Found, _: &Environment) -> Result<usize, Allowed> {
    let folds = found.text().parse().ok().filter(|folds| *folds != 1 && *folds <= 1000);
    folds.ok_or_else(|| "0 (no cross-validation), or a whole number from 2 to 1000".to_owned())
}
