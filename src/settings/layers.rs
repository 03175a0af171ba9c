//! The layers that settings come from, each a source of the `config` crate, which merges them: defaults < config
//! files < `.skol_env` < `env_config` < environment < experiment < command line. Every value keeps where it came from. Nothing here knows what a
//! value means.

use super::definition::{self, Kind, Program, Setting, nearest};
use super::environment::Environment;
use super::error::SettingsError;
use super::files::File;
use super::login::userinfo;
use super::reader::Found;
use super::skol::{self, Successor};
use config::{Config, ConfigError, Map, Source, Value};
use std::collections::{BTreeMap, HashSet};

/// The layers, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::FromRepr)]
pub enum Rank {
    Default,
    ConfigFile,
    /// `.skol_env`, which other programs share: a value that means nothing here is passed over.
    SharedEnv,
    EnvConfig,
    Environment,
    /// The document of an experiment.
    Experiment,
    CommandLine,
}

impl Rank {
    /// Where SKOL's own names for one thing are searched for: which name wins does not depend on whether it stands in
    /// a file of variables or in the environment.
    pub(crate) fn class(self) -> Rank {
        match self {
            Rank::SharedEnv | Rank::EnvConfig => Rank::Environment,
            rank => rank,
        }
    }
}

/// One layer: values by the setting's key, with where each was written.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    rank: Rank,
    values: BTreeMap<&'static str, (Vec<String>, String)>,
}

impl Layer {
    pub(crate) fn new(rank: Rank) -> Self {
        Self { rank, values: BTreeMap::new() }
    }

    /// Sets a value; an empty one counts as not set.
    pub(crate) fn set(&mut self, setting: &'static Setting, items: Vec<String>, origin: impl Into<String>) {
        if items.iter().any(|item| !item.trim().is_empty()) {
            self.values.insert(setting.key, (items, origin.into()));
        }
    }

    /// Sets a value where only one text can be given: lists are separated by commas, inputs like `PATH`.
    pub(crate) fn set_text(&mut self, setting: &'static Setting, text: &str, origin: impl Into<String>) {
        let items = match setting.kind {
            Kind::List => split_list(text),
            Kind::Positional => {
                let paths = std::env::split_paths(text).map(|path| path.to_string_lossy().into_owned());
                paths.filter(|path| !path.is_empty()).collect()
            }
            _ => vec![text.to_owned()],
        };
        self.set(setting, items, origin);
    }

    /// Sets a value under its name in an environment, unless a better name gave one.
    pub(super) fn set_variable(
        &mut self,
        setting: &'static Setting,
        name: &str,
        value: &str,
        origin: String,
    ) {
        let foreign = name == "PATTERN" && value.ends_with(".ann");
        if !foreign && !self.values.contains_key(setting.key) {
            // NO_COLOR counts by being there, whatever its value.
            self.set_text(setting, if name == "NO_COLOR" { "never" } else { value }, origin);
        }
    }

    /// A former name gives its setting a value, unless the layer has one under the name of today.
    pub(crate) fn set_former(&mut self, successor: Successor, value: &str, origin: impl Into<String>) {
        if let Some(setting) = definition::by_key(successor.key)
            && !self.values.contains_key(setting.key)
        {
            self.set_text(setting, value, origin);
        }
    }

    /// Whether it holds a secret.
    pub(super) fn has_secret(&self) -> bool {
        self.text("couchdb_url").is_some_and(|(url, _)| userinfo(url).is_some())
            || definition::all().any(|setting| setting.secret && self.values.contains_key(setting.key))
    }

    pub(super) fn text(&self, key: &str) -> Option<(&str, &str)> {
        self.values.get(key).and_then(|(items, origin)| Some((items.first()?.as_str(), origin.as_str())))
    }
}

pub(crate) fn split_list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let value = |(key, (items, origin)): (&&str, &(Vec<String>, String))| {
            // The rank of the layer travels with the origin: it is all that the merged value remembers.
            let origin = format!("{}{origin}", self.rank as u8);
            let items = items.iter().map(|item| Value::new(Some(&origin), item.as_str()));
            ((*key).to_owned(), Value::new(Some(&origin), items.collect::<Vec<_>>()))
        };
        Ok(self.values.iter().map(value).collect())
    }
}

/// All layers merged, and what there is to say about them.
#[derive(Debug)]
pub(crate) struct Layers {
    layers: Vec<Layer>,
    merged: Config,
    pub(crate) notices: Notices,
}

impl Layers {
    /// Reads every layer of `program`; `typed` is the command line.
    pub(crate) fn read(
        program: Program,
        typed: Layer,
        mut notices: Notices,
        environment: &Environment,
    ) -> Result<Self, SettingsError> {
        let variables = read_variables(program, environment, &mut notices)?;
        let named = |key| typed.text(key).or_else(|| variables.text(key));
        let mut layers = vec![defaults()];
        for file in File::configs(environment, named("config")) {
            layers.extend(file.read_config(environment, &mut notices)?);
        }
        let named =
            named("env_config").or_else(|| layers.iter().rev().find_map(|layer| layer.text("env_config")));
        for file in File::env_configs(environment, named) {
            layers.extend(file.read_env_config(environment, &mut notices)?);
        }
        layers.extend([variables, typed]);
        let merged = merge(&layers)?;
        Ok(Self { layers, merged, notices })
    }

    /// Adds a layer to those that are there.
    pub(crate) fn add(&mut self, layer: Layer) -> Result<(), SettingsError> {
        let at = self.layers.partition_point(|other| other.rank <= layer.rank);
        self.layers.insert(at, layer);
        self.merged = merge(&self.layers)?;
        Ok(())
    }

    /// Takes a value that means nothing here out of the shared files, with a warning.
    pub(crate) fn pass_over(&mut self, key: &str, warning: String) -> Result<(), SettingsError> {
        for layer in self.layers.iter_mut().filter(|layer| layer.rank == Rank::SharedEnv) {
            layer.values.retain(|other, _| *other != key);
        }
        self.notices.add(warning);
        self.merged = merge(&self.layers)?;
        Ok(())
    }

    /// The strongest value of a setting.
    pub(crate) fn get(&self, key: &'static str) -> Option<Found> {
        let items = self.merged.get_array(key).ok()?;
        let (rank, origin) = items.first()?.origin()?.split_at_checked(1)?;
        let rank = Rank::from_repr(rank.parse().ok()?)?;
        Some(Found::new(key, items.iter().map(ToString::to_string).collect(), origin.to_owned(), rank))
    }

    /// Every value that was given, with its layer and origin, from the strongest layer to the weakest.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, Rank, String)> {
        self.layers.iter().rev().flat_map(|layer| {
            layer.values.iter().map(|(key, (_, origin))| (*key, layer.rank, origin.clone()))
        })
    }
}

fn merge(layers: &[Layer]) -> Result<Config, ConfigError> {
    layers.iter().fold(Config::builder(), |builder, layer| builder.add_source(layer.clone())).build()
}

/// What there is to say about the layers.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    warnings: Vec<String>,
    without_effect: Vec<String>,
    /// Names that show that this program runs among SKOL's.
    pub(crate) hints: Vec<String>,
}

impl Notices {
    /// The warnings, each once.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = self.warnings.clone();
        if !self.without_effect.is_empty() {
            lines
                .push(format!("without effect here, and can be removed: {}", self.without_effect.join(", ")));
        }
        lines
    }

    pub(super) fn add(&mut self, line: String) {
        if !self.warnings.contains(&line) {
            self.warnings.push(line);
        }
    }

    pub(crate) fn former(&mut self, name: &str, successor: Successor) {
        self.add(format!("{name} is outdated: {}", successor.advice));
        self.hints.push(name.to_owned());
    }

    pub(crate) fn without_effect(&mut self, name: String) {
        if !self.without_effect.contains(&name) {
            self.hints.push(name.clone());
            self.without_effect.push(name);
        }
    }

    pub(super) fn unknown(&mut self, origin: &str, name: &str, known: impl Iterator<Item = String>) {
        self.add(match nearest(name, known) {
            Some(nearest) => format!("{origin}: unknown name {name}; did you mean {nearest}?"),
            None => format!("{origin}: unknown name {name}, not used"),
        });
    }
}

fn defaults() -> Layer {
    let mut layer = Layer::new(Rank::Default);
    for setting in definition::all() {
        layer.set_text(setting, setting.default, "default");
    }
    layer
}

fn read_variables(
    program: Program,
    environment: &Environment,
    notices: &mut Notices,
) -> Result<Layer, SettingsError> {
    let mut layer = Layer::new(Rank::Environment);
    for setting in program.settings() {
        for name in setting.variables() {
            if let Some(value) = environment.get(&name)? {
                layer.set_variable(setting, &name, value, format!("environment {name}"));
            }
        }
    }
    for (name, successor) in skol::VARIABLES.iter().filter(|_| program == Program::Predict) {
        if let Some(value) = environment.get(name)? {
            layer.set_former(*successor, value, format!("environment {name}"));
            notices.former(name, *successor);
        }
    }
    let known: HashSet<_> = definition::all().flat_map(Setting::variables).collect();
    for name in environment.names() {
        if skol::hints_at_skol(name) {
            notices.hints.push(format!("environment {name}"));
        } else if name.starts_with("SKOL_") && !known.contains(name) && !skol::is_of_another_program(name) {
            notices.unknown("environment", name, known.iter().map(ToString::to_string));
        }
    }
    Ok(layer)
}
