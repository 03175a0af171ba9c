//! `train_classifier` and `evaluate_classifier`: settings to options, progress, figures.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::print;
use crate::model::evaluate::{self, EvaluateOptions};
use crate::model::train::{self, Event, Progress, TrainOptions};
use crate::model::{Preset, write_atomically};
use crate::report::evaluation_page;
use crate::settings::{EvaluateSettings, Terminal, TrainSettings};
use crate::{Error, Result};

/// Presets of the user's own, in the working directory; they win over the built-in ones.
const PRESETS: &str = "config/models.toml";

/// Trains a model, and prints how good it is.
pub(super) fn train(settings: &TrainSettings) -> Result<()> {
    let options = TrainOptions {
        input: settings.input.clone(),
        test: settings.test.clone(),
        preset_name: settings.model.clone(),
        preset: preset(&settings.model)?,
        name: settings.name.clone(),
        seed: settings.seed,
        cross_validate: folds(settings),
        output: settings.output.clone(),
        time: settings.now.0.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)),
        command: command(settings),
    };
    let (progress, bar) = progress(&settings.terminal);
    let trained = train::run(&options, &progress);
    bar.finish_and_clear();
    let trained = trained?;
    if let Some(page) = &settings.report {
        let html = evaluation_page(&trained.evaluation, &trained.learning_curve);
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

/// Evaluates a model, and prints how good it is.
pub(super) fn evaluate(settings: &EvaluateSettings) -> Result<()> {
    let evaluation = evaluate::run(&EvaluateOptions {
        model: settings.model.clone(),
        gold: settings.gold.clone(),
        collapse: settings.collapse,
    })?;
    if let Some(page) = &settings.report {
        write_atomically(page, evaluation_page(&evaluation, &[]).as_bytes())?;
    }
    if settings.json { print(&evaluation.to_json().to_string()) } else { print(&evaluation.to_text()) }
}

fn preset(name: &str) -> Result<Preset> {
    match std::fs::read_to_string(PRESETS) {
        Ok(text) => Ok(Preset::from_toml(&text, PRESETS, name)
            .or_else(|error| Preset::built_in(name).map_err(|_| error))?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Preset::built_in(name)?),
        Err(error) => Err(Error::unusable(format!(
            "the presets '{PRESETS}' cannot be read: {error}; change the file's permissions"
        ))),
    }
}

/// How many folds to cross-validate over.
fn folds(settings: &TrainSettings) -> Option<usize> {
    Some(settings.cross_validate).filter(|folds| *folds > 0)
}

/// The command for the card, with folders by their last name: their paths belong to this machine alone.
fn command(settings: &TrainSettings) -> String {
    let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let mut command =
        format!("train_classifier --input {} --model {}", name(&settings.input), settings.model);
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
