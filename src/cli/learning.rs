//! `train_classifier` and `evaluate_classifier`: settings to options, progress, figures.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{print, warn};
use crate::Result;
use crate::model::evaluate::{self, EvaluateOptions};
use crate::model::train::{self, AdaptOptions, Event, Progress, TrainOptions};
use crate::model::{LabelSet, Model, ModelError, Preset, catalog, write_atomically};
use crate::report::{adaptation_page, evaluation_page};
use crate::run::ProgramError;
use crate::settings::{EvaluateSettings, LabelChoice, Terminal, TrainSettings};

/// Trains a model, and prints how good it is.
pub(super) fn train(settings: &TrainSettings) -> Result<()> {
    if let Some(model) = &settings.adapt {
        return adapt(settings, model);
    }
    let (name, output) = place(settings, &settings.model)?;
    let options = TrainOptions {
        input: settings.input.clone(),
        annotations: settings.annotations.clone(),
        test: settings.test.clone(),
        preset_name: settings.model.clone(),
        preset: preset(settings)?,
        name,
        seed: settings.seed,
        cross_validate: folds(settings),
        output,
        time: time(settings),
        command: command(settings),
    };
    let (progress, bar) = progress(&settings.terminal);
    let trained = train::run(&options, &progress);
    bar.finish_and_clear();
    let trained = trained?;
    warn(&trained.notices, &settings.terminal);
    if let Some(page) = &settings.report {
        let html = evaluation_page(&trained.evaluation, &trained.learning_curve, &trained.layouts);
        write_atomically(page, html.as_bytes())?;
    }
    if settings.terminal.verbosity >= 1 {
        // If standard error is gone, there is nowhere to report it.
        let _ = writeln!(
            std::io::stderr(),
            "wrote {} and its card {}",
            trained.path.display(),
            trained.card.display()
        );
    }
    if settings.json { print(&trained.to_json().to_string()) } else { print(&trained.to_text()) }
}

/// Adapts a model to corrections, and prints what changed.
fn adapt(settings: &TrainSettings, base: &str) -> Result<()> {
    if settings.test.is_some() || folds(settings).is_some() || settings.labels.is_some() {
        return Err(ProgramError::AdaptMeasuresItself.into());
    }
    let model = catalog::find(base, &settings.model_folders)?;
    let model = Arc::new(Model::load(&model)?);
    let (name, output) = place(settings, model.name())?;
    let (progress, bar) = progress(&settings.terminal);
    let (time, command) = (time(settings), command(settings));
    let (input, annotations) = (settings.input.clone(), settings.annotations.clone());
    let options = AdaptOptions { model, input, annotations, name, output, time, command };
    let adapted = train::adapt(&options, &progress);
    bar.finish_and_clear();
    let adapted = adapted?;
    if let Some(page) = &settings.report {
        write_atomically(page, adaptation_page(&adapted).as_bytes())?;
    }
    if settings.json { print(&adapted.to_json().to_string()) } else { print(&adapted.to_text()) }
}

/// The name of the model to be stored, and the folder. A name that is taken is refused before the work.
fn place(settings: &TrainSettings, made_by: &str) -> Result<(String, PathBuf)> {
    let folders = &settings.model_folders;
    let output = settings.output.as_ref().or(folders.first()).cloned().unwrap_or_else(|| "models".into());
    let name = settings.name.clone().unwrap_or_else(|| name(&settings.input, made_by));
    match catalog::new_file(&name, &output, folders) {
        Err(error) if !(settings.replace && matches!(error, ModelError::Taken { .. })) => Err(error.into()),
        _ => Ok((name, output)),
    }
}

/// What counts as now.
fn time(settings: &TrainSettings) -> Option<SystemTime> {
    settings.now.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Evaluates a model or finished annotations, and prints how good they are.
pub(super) fn evaluate(settings: &EvaluateSettings) -> Result<()> {
    let evaluation = match (&settings.predicted, &settings.model) {
        (Some(_), Some(_)) => {
            return Err(ProgramError::PredictedAndModel.into());
        }
        (Some(predicted), None) => evaluate::compare(predicted, &settings.gold, settings.collapse)?,
        (None, model) => {
            let model = model.as_deref().unwrap_or(catalog::default_name());
            let model = catalog::find(model, &settings.model_folders)?;
            let (gold, collapse) = (settings.gold.clone(), settings.collapse);
            evaluate::run(&EvaluateOptions { model: Some(model), gold, collapse })?
        }
    };
    warn(&evaluation.notices, &settings.terminal);
    if let Some(page) = &settings.report {
        write_atomically(page, evaluation_page(&evaluation, &[], &[]).as_bytes())?;
    }
    if settings.json { print(&evaluation.to_json().to_string()) } else { print(&evaluation.to_text()) }
}

/// The preset that is asked for, with the labels that are asked for.
fn preset(settings: &TrainSettings) -> Result<Preset> {
    let mut preset = match &settings.presets {
        Some(file) => {
            let text = std::fs::read_to_string(file);
            let text = text.map_err(|source| ModelError::Read { path: file.clone(), source })?;
            Preset::from_toml(&text, &file.display().to_string(), &settings.model)?
        }
        None => Preset::built_in(&settings.model)?,
    };
    if let Some(labels) = settings.labels {
        preset.labels = if labels == LabelChoice::Three { LabelSet::Three } else { LabelSet::Fine };
        if labels == LabelChoice::All {
            preset.min_paragraphs = 1;
        }
        if labels != LabelChoice::Fine {
            preset.auxiliary_model = None;
        }
    }
    Ok(preset)
}

/// The name of a model that is given none: whose data it knows, and what made it.
fn name(input: &Path, made_by: &str) -> String {
    let input = std::fs::canonicalize(input).unwrap_or_else(|_| input.to_owned());
    let stem = if input.is_file() { input.file_stem() } else { input.file_name() };
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let stem: String = stem.unwrap_or_default().to_string_lossy().chars().map(plain).collect();
    format!("{}-{made_by}", stem.trim_start_matches('.'))
}

/// How many folds to cross-validate over.
fn folds(settings: &TrainSettings) -> Option<usize> {
    Some(settings.cross_validate).filter(|folds| *folds > 0)
}

/// The command for the card, with folders by their last name: their paths belong to this machine alone.
fn command(settings: &TrainSettings) -> String {
    let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let how = match &settings.adapt {
        Some(model) => format!("--adapt {}", name(Path::new(model))),
        None => format!("--model {}", settings.model),
    };
    let mut command = format!("train_classifier --input {} {how}", name(&settings.input));
    if let Some(presets) = &settings.presets {
        command += &format!(" --presets {}", name(presets));
    }
    if let Some(labels) = settings.labels {
        command += &format!(" --labels {}", labels.name());
    }
    if let Some(annotations) = &settings.annotations {
        command += &format!(" --annotations {}", name(annotations));
    }
    if let Some(test) = &settings.test {
        command += &format!(" --test {}", name(test));
    }
    if let Some(folds) = folds(settings) {
        command += &format!(" --cross-validate {folds}");
    }
    if settings.seed != 0 {
        command += &format!(" --seed {}", settings.seed);
    }
    command
}

/// Stage and loss: on a terminal as they change, in a log each stage as a line from verbosity 2 on.
fn progress(terminal: &Terminal) -> (Progress, ProgressBar) {
    let shown = terminal.progress();
    let watched = shown && std::io::stderr().is_terminal();
    let bar = if watched {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {prefix} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    } else {
        ProgressBar::hidden()
    };
    let (shared, lines) = (bar.clone(), shown && !watched && terminal.verbosity >= 2);
    let progress: Progress = Arc::new(move |event| match event {
        Event::Stage(stage) => {
            shared.set_prefix((*stage).to_string());
            shared.set_message("");
            if lines {
                let _ = writeln!(std::io::stderr(), "{stage}");
            }
        }
        Event::Iteration { iteration, of, loss } => {
            shared.set_message(format!("iteration {iteration} of {of}, loss {loss:.1}"));
        }
    });
    (progress, bar)
}
