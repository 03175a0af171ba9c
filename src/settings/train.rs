//! The settings of `train_classifier` and `evaluate_classifier`.

use super::environment::Environment;
use super::layers::Layers;
use super::predict::Terminal;
use super::reader::{Reader, Shown};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything that a run of `train_classifier` depends on.
#[derive(Debug, Clone)]
pub struct TrainSettings {
    /// Folder with `.ann` files to train from.
    pub input: PathBuf,
    /// Folder with `.ann` files to test on; `None`: whole files are held out.
    pub test: Option<PathBuf>,
    /// Preset of features and parameters.
    pub preset: String,
    /// Name of the trained model; `None`: the preset's.
    pub name: Option<String>,
    /// Seed of the split.
    pub seed: u64,
    /// Number of folds to cross-validate over, at least 2.
    pub cross_validate: Option<usize>,
    /// Folder for the model and its card.
    pub output: PathBuf,
    /// Whether the figures are printed as JSON.
    pub json: bool,
    /// Page with the evaluation.
    pub report: Option<PathBuf>,
    /// Seconds since 1970 that count as now (`SOURCE_DATE_EPOCH`), so that a model can be made again to the bit.
    pub source_date_epoch: Option<u64>,
    /// How the program talks.
    pub terminal: Terminal,
    /// Warnings about the settings themselves.
    pub notices: Vec<String>,
    pub(super) shown: BTreeMap<&'static str, Shown>,
}

impl TrainSettings {
    pub(super) fn from_layers(layers: &Layers, environment: &Environment) -> Result<Self> {
        let reader = &mut Reader::new(layers, environment);
        let terminal = Terminal::read(reader)?;
        super::show_files(reader);
        Ok(Self {
            input: reader.path("train.input").ok_or_else(|| {
                Error::usage(
                    "no training data; add --input DIR, a folder with .ann files (or set TRAIN_INPUT)",
                )
            })?,
            test: reader.path("train.test"),
            preset: reader.required("train.model")?.text.trim().to_owned(),
            name: reader.text("train.name"),
            seed: reader.number("train.seed", 0..=i64::MAX as u64)?.unwrap_or_default(),
            cross_validate: folds(reader)?,
            output: reader.path("train.output").unwrap_or_else(|| PathBuf::from("models")),
            json: reader.flag("train.json")?,
            report: reader.file("train.report", &["html", "htm"])?,
            source_date_epoch: source_date_epoch(environment)?,
            terminal,
            notices: std::mem::take(&mut reader.notices),
            shown: std::mem::take(&mut reader.shown),
        })
    }
}

/// See <https://reproducible-builds.org/docs/source-date-epoch/>.
fn source_date_epoch(environment: &Environment) -> Result<Option<u64>> {
    let Some(text) = environment.get("SOURCE_DATE_EPOCH")? else { return Ok(None) };
    // The last second of the year 9999: a date has four digits of a year.
    match text.trim().parse::<u64>() {
        Ok(seconds) if seconds < 253_402_300_800 => Ok(Some(seconds)),
        _ => Err(Error::usage(format!(
            "invalid value '{text}' for SOURCE_DATE_EPOCH, from environment; allowed: seconds since 1970, up to the \
             year 9999"
        ))),
    }
}

fn folds(reader: &mut Reader<'_>) -> Result<Option<usize>> {
    let Some(found) = reader.find("train.cross_validate") else { return Ok(None) };
    match reader.number("train.cross_validate", 0..=1000)? {
        None | Some(0) => Ok(None),
        Some(1) => Err(found.wrong("0 (no cross-validation), or a whole number from 2 to 1000")),
        Some(folds) => Ok(Some(folds as usize)),
    }
}

/// Everything that a run of `evaluate_classifier` depends on.
#[derive(Debug, Clone)]
pub struct EvaluateSettings {
    /// Folder with `.ann` files that hold the right labels.
    pub gold: PathBuf,
    /// Name or path of the model; `None`: the best shipped one.
    pub model: Option<String>,
    /// Whether fine labels are collapsed to three.
    pub collapse: bool,
    /// Whether the figures are printed as JSON.
    pub json: bool,
    /// Page with the evaluation.
    pub report: Option<PathBuf>,
    /// How the program talks.
    pub terminal: Terminal,
    /// Warnings about the settings themselves.
    pub notices: Vec<String>,
    pub(super) shown: BTreeMap<&'static str, Shown>,
}

impl EvaluateSettings {
    pub(super) fn from_layers(layers: &Layers, environment: &Environment) -> Result<Self> {
        let reader = &mut Reader::new(layers, environment);
        let terminal = Terminal::read(reader)?;
        super::show_files(reader);
        Ok(Self {
            gold: reader.path("evaluate.gold").ok_or_else(|| {
                Error::usage("no gold data; add --gold DIR, a folder with .ann files (or set EVALUATE_GOLD)")
            })?,
            model: reader.text("evaluate.model"),
            collapse: reader.flag("evaluate.collapse")?,
            json: reader.flag("evaluate.json")?,
            report: reader.file("evaluate.report", &["html", "htm"])?,
            terminal,
            notices: std::mem::take(&mut reader.notices),
            shown: std::mem::take(&mut reader.shown),
        })
    }
}
