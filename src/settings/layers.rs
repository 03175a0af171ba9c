//! The layers that settings come from, merged by the `config` crate: defaults < config files < `env_config`
//! < environment < command line. Every value keeps where it came from. Nothing here knows what a value means.

use super::env_config;
use super::environment::Environment;
use super::option::{Kind, Outdated, Program, Setting};
use super::{permissions, table, toml_file};
use crate::{Error, Result};
use config::{Config, ConfigError, Map, Source, Value, ValueKind};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// `config/default.toml`: the first layer.
pub(crate) const DEFAULTS: &str = include_str!("../../config/default.toml");

/// The layers, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Default,
    ConfigFile,
    EnvConfig,
    Environment,
    CommandLine,
}

/// A value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Raw {
    Text(String),
    List(Vec<String>),
}

impl Raw {
    /// An empty value counts as not set.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Raw::Text(text) => text.trim().is_empty(),
            Raw::List(items) => items.iter().all(|item| item.trim().is_empty()),
        }
    }
}

/// A value and the place it was written at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) raw: Raw,
    pub(crate) origin: String,
}

/// One layer: values by the setting's key. It is a source of the `config` crate.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) rank: Rank,
    pub(crate) values: BTreeMap<&'static str, Entry>,
}

impl Layer {
    pub(crate) fn new(rank: Rank) -> Self {
        Self { rank, values: BTreeMap::new() }
    }

    pub(crate) fn set(&mut self, key: &'static str, raw: Raw, origin: impl Into<String>) {
        if !raw.is_empty() {
            self.values.insert(key, Entry { raw, origin: origin.into() });
        }
    }

    fn text(&self, key: &str) -> Option<(&str, &str)> {
        match self.values.get(key) {
            Some(Entry { raw: Raw::Text(text), origin }) => Some((text, origin)),
            _ => None,
        }
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let value = |entry: &Entry| {
            let kind = match &entry.raw {
                Raw::Text(text) => ValueKind::String(text.clone()),
                Raw::List(items) => ValueKind::Array(
                    items.iter().map(|i| Value::new(None, ValueKind::String(i.clone()))).collect(),
                ),
            };
            Value::new(Some(&entry.origin), kind)
        };
        Ok(self.values.iter().map(|(key, entry)| ((*key).to_owned(), value(entry))).collect())
    }
}

/// All layers merged, and what there is to say about them.
#[derive(Debug)]
pub(crate) struct Layers {
    merged: Value,
    layers: Vec<Layer>,
    /// The `env_config` that was found without being asked for.
    pub(crate) found_env_config: Option<PathBuf>,
    /// Warnings: unknown and outdated names, files with passwords that others may read.
    pub(crate) notices: Vec<String>,
}

impl Layers {
    /// Reads every layer of `program`; `command_line` is what was typed.
    pub(crate) fn read(
        program: Program,
        command_line: Layer,
        outdated_options: &[(&'static Outdated, String)],
        environment: &Environment,
    ) -> Result<Self> {
        let mut notices = Notices::default();
        let mut command_line = command_line;
        for (old, value) in outdated_options {
            take_outdated(&mut command_line, old, value, format!("command line --{}", old.long));
            notices.outdated(&format!("--{}", old.long), old);
        }
        let variables = read_variables(program, environment, &mut notices)?;

        let mut layers = vec![defaults()?];
        let named = |key| command_line.text(key).or_else(|| variables.text(key));
        for (file, wanted_by) in config_files(environment, named("config")) {
            layers.extend(read_config_file(&file, wanted_by.as_deref(), environment, &mut notices)?);
        }
        let mut found_env_config = None;
        let named =
            named("env_config").or_else(|| layers.iter().rev().find_map(|layer| layer.text("env_config")));
        if let Some((file, wanted_by)) = find_env_config(environment, named) {
            layers.push(read_env_config(&file, wanted_by.as_deref(), environment, &mut notices)?);
            found_env_config = wanted_by.is_none().then_some(file);
        }
        layers.push(variables);
        layers.push(command_line);

        Ok(Self { found_env_config, ..Self::merge(layers, notices.lines)? })
    }

    /// The defaults and nothing else.
    pub(crate) fn defaults_only() -> Result<Self> {
        Self::merge(vec![defaults()?], Vec::new())
    }

    fn merge(layers: Vec<Layer>, notices: Vec<String>) -> Result<Self> {
        let config = layers
            .iter()
            .fold(Config::builder(), |builder, layer| builder.add_source(layer.clone()))
            .build()
            .map_err(|error| Error::usage(format!("the settings cannot be merged: {error}")))?;
        Ok(Self { merged: config.cache, layers, found_env_config: None, notices })
    }

    /// The strongest value of a setting, with its origin and layer.
    pub(crate) fn get(&self, key: &str) -> Option<(Raw, &str, Rank)> {
        let mut value = &self.merged;
        for part in key.split('.') {
            value = match &value.kind {
                ValueKind::Table(table) => table.get(part)?,
                _ => return None,
            };
        }
        let raw = match &value.kind {
            ValueKind::Array(items) => Raw::List(items.iter().map(ToString::to_string).collect()),
            ValueKind::Table(_) | ValueKind::Nil => return None,
            kind => Raw::Text(kind.to_string()),
        };
        let rank = self.layers.iter().rev().find(|layer| layer.values.contains_key(key))?.rank;
        Some((raw, value.origin().unwrap_or("default"), rank))
    }
}

/// Warnings, each said once.
#[derive(Debug, Default)]
struct Notices {
    lines: Vec<String>,
}

impl Notices {
    fn say(&mut self, line: String) {
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    fn outdated(&mut self, name: &str, old: &Outdated) {
        self.say(format!("{name} is outdated: {}", old.advice));
    }

    fn unknown(&mut self, place: &str, name: &str, nearest: Option<&str>) {
        self.say(match nearest {
            Some(nearest) => format!("{place}: unknown name {name}; did you mean {nearest}?"),
            None => format!("{place}: unknown name {name}, not used"),
        });
    }
}

/// The embedded defaults. Those that are empty are not set anywhere.
fn defaults() -> Result<Layer> {
    let mut layer = Layer::new(Rank::Default);
    let read = toml_file::read(DEFAULTS).map_err(|error| {
        Error::usage(format!("the built-in defaults are broken at line {}: {}", error.line, error.reason))
    })?;
    for item in read {
        if let Some(setting) = table::by_key(&item.key) {
            layer.set(setting.key, item.raw, "default");
        }
    }
    Ok(layer)
}

/// The config files, from the weakest to the strongest, each with who asked for it, if it was asked for.
fn config_files(environment: &Environment, named: Option<(&str, &str)>) -> Vec<(PathBuf, Option<String>)> {
    let mut files = vec![(PathBuf::from("config/default.toml"), None)];
    files.extend(environment.config_home().map(|home| (home.join("skol_classifier/config.toml"), None)));
    files.push((PathBuf::from("config/local.toml"), None));
    files.extend(named.map(|(file, origin)| (environment.expand(file), Some(origin.to_owned()))));
    files
}

fn find_env_config(
    environment: &Environment,
    named: Option<(&str, &str)>,
) -> Option<(PathBuf, Option<String>)> {
    if let Some((file, origin)) = named {
        return Some((environment.expand(file), Some(origin.to_owned())));
    }
    let candidates =
        [Some(PathBuf::from("env_config")), environment.home().map(|home| home.join(".skol_env"))];
    candidates.into_iter().flatten().find(|file| environment.resolve(file).is_file()).map(|file| (file, None))
}

/// The text of a settings file; `None` where it does not exist and nobody asked for it.
fn read_text(file: &Path, wanted_by: Option<&str>, environment: &Environment) -> Result<Option<String>> {
    let path = environment.resolve(file);
    if wanted_by.is_none() && !path.is_file() {
        return Ok(None);
    }
    let asked = wanted_by.map(|origin| format!(" (asked for by {origin})")).unwrap_or_default();
    let bytes = fs::read(&path).map_err(|error| {
        Error::usage(format!("cannot read the settings file {}{asked}: {error}", file.display()))
    })?;
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|&&byte| byte == b'\n').count() + 1;
        Error::usage(format!("{}:{line}: not valid UTF-8; save the file as UTF-8", file.display()))
    })
}

fn read_config_file(
    file: &Path,
    wanted_by: Option<&str>,
    environment: &Environment,
    notices: &mut Notices,
) -> Result<Option<Layer>> {
    let Some(text) = read_text(file, wanted_by, environment)? else { return Ok(None) };
    let items = toml_file::read(&text)
        .map_err(|error| Error::usage(format!("{}:{}: {}", file.display(), error.line, error.reason)))?;
    let mut layer = Layer::new(Rank::ConfigFile);
    for item in items {
        let place = format!("{}:{}", file.display(), item.line);
        match table::by_key(&item.key) {
            Some(setting) if setting.key == "config" => {
                notices
                    .say(format!("{place}: `config` has no effect in a file; use --config or SKOL_CONFIG"));
            }
            Some(setting) => layer.set(setting.key, item.raw, place),
            None => {
                let nearest = table::nearest(&item.key, table::all().map(|setting| setting.key));
                notices.unknown(&place, &item.key, nearest);
            }
        }
    }
    warn_of_readers(file, &layer, environment, notices);
    Ok(Some(layer))
}

fn read_env_config(
    file: &Path,
    wanted_by: Option<&str>,
    environment: &Environment,
    notices: &mut Notices,
) -> Result<Layer> {
    let mut layer = Layer::new(Rank::EnvConfig);
    let Some(text) = read_text(file, wanted_by, environment)? else { return Ok(layer) };
    let assignments = env_config::parse(&text)
        .map_err(|bad| Error::usage(format!("{}:{}: {}", file.display(), bad.line, bad.reason)))?;
    let mut old_names = Vec::new();
    for assignment in &assignments {
        let name = assignment.name.as_str();
        let place = format!("{}:{}", file.display(), assignment.line);
        if table::by_env(name).is_some() {
            continue;
        } else if let Some(old) = table::OUTDATED.iter().find(|old| old.env == name) {
            old_names.push((old, assignment.value.as_str(), place));
        } else {
            let nearest = table::nearest(name, table::all().flat_map(|setting| setting.env.iter().copied()));
            notices.unknown(&place, name, nearest);
        }
    }
    // The last line for a name counts, as in a shell; of two names for one setting, the first of the table.
    for setting in table::all() {
        let last =
            |name: &&str| assignments.iter().rev().find(|a| a.name == **name && !a.value.trim().is_empty());
        if let Some((name, found)) = setting.env.iter().find_map(|name| Some((*name, last(name)?))) {
            let origin = format!("{}:{} ({name})", file.display(), found.line);
            layer.set(setting.key, from_text(setting, name, &found.value), origin);
        }
    }
    for (old, value, place) in old_names {
        if !value.trim().is_empty() {
            take_outdated(&mut layer, old, value, format!("{place} ({})", old.env));
            notices.outdated(old.env, old);
        }
    }
    warn_of_readers(file, &layer, environment, notices);
    Ok(layer)
}

fn read_variables(program: Program, environment: &Environment, notices: &mut Notices) -> Result<Layer> {
    let mut layer = Layer::new(Rank::Environment);
    for setting in table::of(program) {
        for name in setting.env {
            if let Some(value) = environment.get(name)? {
                layer.set(setting.key, from_text(setting, name, value), format!("environment {name}"));
                break;
            }
        }
    }
    for old in table::OUTDATED.iter().filter(|_| program == Program::Predict) {
        if let Some(value) = environment.get(old.env)? {
            take_outdated(&mut layer, old, value, format!("environment {}", old.env));
            notices.outdated(old.env, old);
        }
    }
    Ok(layer)
}

/// A value where only one text can be given: lists are separated by commas, inputs like `PATH`.
fn from_text(setting: &Setting, name: &str, value: &str) -> Raw {
    match setting.kind {
        Kind::List => Raw::List(split_list(value)),
        Kind::Positional => {
            let paths = std::env::split_paths(value).map(|path| path.to_string_lossy().into_owned());
            Raw::List(paths.filter(|path| !path.is_empty()).collect())
        }
        _ => Raw::Text(setting.environment_value(name, value)),
    }
}

pub(crate) fn split_list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// An outdated name gives its setting a value, unless the layer has one under the name of today.
fn take_outdated(layer: &mut Layer, old: &Outdated, value: &str, origin: String) {
    if let Some(key) = old.key
        && !layer.values.contains_key(key)
        && !value.trim().is_empty()
    {
        let prefix = if value.contains("://") { "" } else { old.prefix };
        layer.set(key, Raw::Text(format!("{prefix}{value}")), origin);
    }
}

/// Warns of a file that holds a password and may be read by everybody.
fn warn_of_readers(file: &Path, layer: &Layer, environment: &Environment, notices: &mut Notices) {
    let in_url = layer.text("couchdb_url").is_some_and(|(url, _)| super::couchdb::userinfo(url).is_some());
    if (layer.values.contains_key("couchdb_password") || in_url)
        && permissions::others_can_read(&environment.resolve(file))
    {
        notices.say(permissions::warning(file));
    }
}
