//! The settings of `train_classifier` and `evaluate_classifier`.

use super::definition::{Group, Heading, Setting, setting, settings};
use super::reader::{Found, Reader};
use super::terminal::{Files, Terminal};
use super::value::{Allowed, page};
use super::{Environment, SettingsError};
use std::path::PathBuf;

settings! {
    /// Everything that a run of `train_classifier` depends on.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct TrainSettings in "train." {
        /// Folder with .ann files to train from
        input: PathBuf => setting(Heading::Input, "DIR").short('i');
        /// Folder with .ann files to test on; without it whole files are held out
        test: Option<PathBuf> => setting(Heading::Input, "DIR");
        /// Preset of features and parameters, from config/models.toml
        model: String => setting(Heading::Model, "PRESET").default("context");
        /// Name of the trained model; without it the preset's
        name: Option<String> => setting(Heading::Model, "NAME");
        /// Seed of the split; the same seed gives the same model
        seed: u64 => setting(Heading::Model, "N").default("0");
        /// Cross-validate over K folds of whole volumes; 0: do not
        cross_validate: usize => setting(Heading::Model, "K").default("0"), folds;
        /// Folder for the model and its card
        output: PathBuf => setting(Heading::Output, "DIR").default("models/").short('o');
        /// Print the figures as JSON on standard output
        json: bool => setting(Heading::Output, "BOOL");
        /// The evaluation as one self-contained page
        report: Option<PathBuf> => setting(Heading::Output, "FILE.html"), page;
        terminal: Terminal;
        files: Files;
        now: SourceDate;
    }
}

settings! {
    /// Everything that a run of `evaluate_classifier` depends on.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct EvaluateSettings in "evaluate." {
        /// Folder with .ann files that hold the right labels
        gold: PathBuf => setting(Heading::Input, "DIR").short('g');
        /// Model to evaluate: a shipped name or a file; without it the best shipped one
        model: Option<String> => setting(Heading::Model, "NAME or PATH");
        /// Merge fine labels into Nomenclature, Description and Misc-exposition
        collapse: bool => setting(Heading::Model, "BOOL");
        /// Print the figures as JSON on standard output
        json: bool => setting(Heading::Output, "BOOL");
        /// The evaluation as one self-contained page
        report: Option<PathBuf> => setting(Heading::Output, "FILE.html"), page;
        terminal: Terminal;
        files: Files;
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
