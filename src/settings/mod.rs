//! Where every knob of the programs is defined, read and checked.
//!
//! A setting is one entry of the private `table`: its names on the command line, in files and in the environment,
//! its help. From the table the command line, the help, the man pages and the completions are made. Values
//! come in layers, merged by the `config` crate: defaults < config files < `env_config` < environment <
//! command line; each remembers where it was written. Out comes one typed, checked [`Settings`] (or
//! [`TrainSettings`], [`EvaluateSettings`]), and nothing further in reads the environment.
//!
//! This room reads settings files and the password file. It may not touch documents, models or the network.
//!
//! ```
//! use skol_classifier::settings::{self, Environment, Request};
//!
//! let environment = Environment::new("/nowhere", [("VERBOSITY", "0"), ("CORES", "1")]);
//! let arguments = ["predict_classifier", "--cores=2", "texts/"];
//! match settings::predict(arguments.map(Into::into), &environment)? {
//!     Request::Run(settings) => {
//!         assert_eq!((settings.cores, settings.verbosity()), (2, 0));
//!         assert_eq!(settings.origin("verbosity"), Some("environment VERBOSITY"));
//!     }
//!     Request::Print(text) => print!("{text}"),
//! }
//! # Ok::<(), skol_classifier::Error>(())
//! ```

mod command;
mod couchdb;
mod documentation;
mod env_config;
mod environment;
mod layers;
pub mod machine;
mod option;
mod permissions;
mod predict;
mod reader;
mod show;
mod table;
mod text;
mod toml_file;
mod train;
mod values;

pub use couchdb::{CouchDb, Credentials};
pub use documentation::{completions, env_config_example, man_page};
pub use env_config::{Assignment, BadLine, parse as parse_env_config};
pub use environment::Environment;
pub use option::Program;
pub use predict::{Input, Selection, Settings, Task, Terminal};
pub use train::{EvaluateSettings, TrainSettings};
pub use values::{ByteSize, CheckpointPolicy, ColorChoice, LogFormat, OutputFormat, Secret};

use crate::{Error, Result};
use command::{Asked, Typed};
use layers::Layers;
use std::ffi::OsString;

/// What a command line asks for.
#[derive(Debug)]
pub enum Request<S> {
    /// A run with these settings.
    Run(Box<S>),
    /// Print this text on standard output, and be done: help, version, settings, man page, completions.
    Print(String),
}

/// Reads the settings of `predict_classifier`; the first of `arguments` is the program's name.
///
/// # Errors
/// [`Error::usage`] names the setting, its value, where it came from and what is allowed.
pub fn predict(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<Request<Settings>> {
    let program = Program::Predict;
    read(program, arguments, environment, |layers, asked| {
        let settings = Settings::from_layers(layers, environment, task(asked)?)?;
        let shown = asked.show_config.then(|| show::show(program, &settings.shown, &settings.notices));
        Ok((settings, shown))
    })
}

/// Reads the settings of `train_classifier`; the first of `arguments` is the program's name.
///
/// # Errors
/// As [`predict`].
pub fn train(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<Request<TrainSettings>> {
    let program = Program::Train;
    read(program, arguments, environment, |layers, asked| {
        let settings = TrainSettings::from_layers(layers, environment)?;
        let shown = asked.show_config.then(|| show::show(program, &settings.shown, &settings.notices));
        Ok((settings, shown))
    })
}

/// Reads the settings of `evaluate_classifier`; the first of `arguments` is the program's name.
///
/// # Errors
/// As [`predict`].
pub fn evaluate(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
) -> Result<Request<EvaluateSettings>> {
    let program = Program::Evaluate;
    read(program, arguments, environment, |layers, asked| {
        let settings = EvaluateSettings::from_layers(layers, environment)?;
        let shown = asked.show_config.then(|| show::show(program, &settings.shown, &settings.notices));
        Ok((settings, shown))
    })
}

fn read<S>(
    program: Program,
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
    build: impl FnOnce(&Layers, &Asked) -> Result<(S, Option<String>)>,
) -> Result<Request<S>> {
    let (layer, outdated, asked) = match command::parse(program, arguments, environment)? {
        Typed::Print(text) => return Ok(Request::Print(text)),
        Typed::Values { layer, outdated, asked } => (layer, outdated, asked),
    };
    if asked.man {
        return Ok(Request::Print(man_page(program)));
    }
    if let Some(shell) = asked.completions {
        return Ok(Request::Print(documentation::completions_for(program, shell)));
    }
    let layers = Layers::read(program, layer, &outdated, environment)?;
    let (settings, shown) = build(&layers, &asked)?;
    Ok(match shown {
        Some(text) => Request::Print(text),
        None => Request::Run(Box::new(settings)),
    })
}

fn task(asked: &Asked) -> Result<Task> {
    if asked.list_models {
        return Ok(Task::ListModels);
    }
    let Some(place) = &asked.explain else { return Ok(Task::Label) };
    let parts = place.rsplit_once(':').and_then(|(document, line)| {
        let line = line.trim().parse::<usize>().ok().filter(|line| *line > 0)?;
        (!document.is_empty()).then(|| Task::Explain { document: document.to_owned(), line })
    });
    parts.ok_or_else(|| {
        Error::usage(format!(
            "invalid value '{place}' for --explain; allowed: DOC:LINE, a document and a line counted from 1, like \
             texts/a.txt:120"
        ))
    })
}

/// Notes the settings that name settings files.
fn show_files(reader: &mut reader::Reader<'_>) {
    for key in ["config", "env_config"] {
        reader.find(key);
    }
    if let Some(file) = &reader.layers.found_env_config {
        reader.show("env_config", file.display().to_string(), "found there");
    }
}

#[cfg(test)]
mod tests;
