//! Where every setting of the programs is defined, read and checked; [`definition`] says how to add one.
//!
//! A setting is written once, as a field of [`Settings`], [`TrainSettings`] or [`EvaluateSettings`] with its meaning,
//! default and names. From these definitions the command line, the help, the man pages, the completions and the
//! documented files are made. Values come in layers, merged by the `config` crate: defaults < config files <
//! `env_config` < environment < command line; each remembers where it was written. Out comes one typed, checked struct,
//! and nothing further in reads the environment.
//!
//! This module reads settings files and the password file. It may not touch documents, models or the network.

mod cluster;
mod command;
mod convert;
mod couchdb;
pub(crate) mod definition;
mod documents;
mod env_config;
mod environment;
mod error;
mod files;
mod layers;
mod learning;
mod login;
mod machine;
mod permissions;
mod predict;
mod reader;
mod show;
mod skol;
mod terminal;
#[cfg(test)]
mod tests;
mod text;
mod toml_file;
mod value;

#[cfg(feature = "cluster")]
pub(crate) use cluster::{ExecutorSettings, SchedulerSettings};
pub(crate) use convert::ConvertSettings;
pub(crate) use couchdb::{CouchDb, Endpoint, Experiment, Input};
pub(crate) use definition::Program;
pub(crate) use environment::Environment;
pub use error::SettingsError;
pub(crate) use learning::{EvaluateSettings, TrainSettings};
#[cfg(feature = "cluster")]
pub(crate) use login::Credentials;
pub(crate) use predict::{Settings, Task};
pub(crate) use terminal::Terminal;
#[cfg(feature = "cluster")]
pub(crate) use value::SchedulingChoice;
pub(crate) use value::{LabelChoice, LogFormat};

use command::{Asked, Typed};
use definition::Group;
use layers::{Layer, Layers, Rank};
use reader::{Reader, Shown};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// What a command line asks for.
#[derive(Debug)]
pub(crate) enum Request<S> {
    /// A run with these settings, and what there is to warn of about them.
    Run(Box<S>, Vec<String>),
    /// Print this text on standard output, and be done: help, version, settings, man page, completions.
    Print(String),
}

/// What an experiment sets: names of settings with their values.
pub(crate) type FetchExperiment<'a> =
    dyn Fn(&Experiment) -> Result<Vec<(&'static str, String)>, crate::Error> + 'a;

/// The settings of one program.
pub(crate) trait ProgramSettings: Group {
    /// The program.
    const PROGRAM: Program;
}

/// Reads what a command line asks for; the first of `arguments` is the program's name.
///
/// `experiment` fetches the document of an experiment that is named.
///
/// # Errors
/// [`SettingsError`] names the setting, its value, where it came from and what is allowed.
pub(crate) fn request<S: ProgramSettings>(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
    experiment: &FetchExperiment<'_>,
) -> Result<Request<S>, crate::Error> {
    let (layer, notices, asked) = match command::parse(S::PROGRAM, arguments, environment)? {
        Typed::Print(text) => return Ok(Request::Print(text)),
        Typed::Values { layer, notices, asked } => (layer, notices, asked),
    };
    let mut layers = Layers::read(S::PROGRAM, layer, notices, environment)?;
    let effective = Effective::<S>::read(&mut layers, environment, &asked, experiment)?;
    Ok(if asked.show_config {
        Request::Print(show::show(S::PROGRAM, &effective.shown, &effective.notices))
    } else {
        Request::Run(Box::new(effective.settings), effective.notices)
    })
}

/// Reads the texts of an `env_config` and of a config file, whatever they hold.
pub(crate) fn read_texts(env_config: &str, toml: &str) {
    let _ = (env_config::parse(env_config), toml_file::read(toml));
}

/// Settings with where they came from, and what there is to warn of.
struct Effective<S> {
    settings: S,
    shown: BTreeMap<&'static str, Shown>,
    notices: Vec<String>,
}

impl<S: ProgramSettings> Effective<S> {
    /// Reads the settings, with those of an experiment that is asked for.
    fn read(
        layers: &mut Layers,
        environment: &Environment,
        asked: &Asked,
        fetch: &FetchExperiment<'_>,
    ) -> Result<Self, crate::Error> {
        if S::PROGRAM == Program::Predict && !asked.list_models {
            let wanted = leniently(layers, environment, asked, Experiment::asked_for)?.settings;
            if let Some(wanted) = wanted {
                let mut layer = Layer::new(Rank::Experiment);
                for (key, value) in fetch(&wanted)? {
                    if let Some(setting) = definition::by_key(key) {
                        layer.set_text(setting, &value, format!("experiment {}", wanted.name));
                    }
                }
                layers.add(layer)?;
            }
        }
        Ok(leniently(layers, environment, asked, S::read)?)
    }
}

/// What `read` makes of the layers. What a shared file holds and nobody can use here is passed over, as the programs
/// that share it do.
fn leniently<T>(
    layers: &mut Layers,
    environment: &Environment,
    asked: &Asked,
    read: impl Fn(&mut Reader<'_>) -> Result<T, SettingsError>,
) -> Result<Effective<T>, SettingsError> {
    loop {
        let mut reader = Reader::new(layers, environment, asked);
        match read(&mut reader) {
            Ok(settings) => return Ok(Effective { settings, shown: reader.shown, notices: reader.notices }),
            Err(SettingsError::Invalid { setting, value, origin, allowed, rank: Some(Rank::SharedEnv) }) => {
                let warning = format!("{origin}: '{value}' is passed over as {setting}; allowed: {allowed}");
                layers.pass_over(setting, warning)?;
            }
            Err(error) => return Err(error),
        }
    }
}
