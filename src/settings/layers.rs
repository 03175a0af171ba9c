//! The layers that settings come from, each a source of the `config` crate, which merges them: defaults < config
//! files < `.skol_env` < `env_config` < environment < experiment < command line. Every value keeps where it came from. Nothing here knows what a
//! value means.

use super::definition::{self, Kind, Program, Setting, nearest};
use super::environment::Environment;
use super::reader::Found;
use super::skol::{self, Successor};
use super::{SettingsError, env_config, permissions, toml_file};
use config::{Config, ConfigError, Map, Source, Value, ValueKind};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::VariantArray)]
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
    fn set_variable(&mut self, setting: &'static Setting, name: &str, value: &str, origin: String) {
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

    fn text(&self, key: &str) -> Option<(&str, &str)> {
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
            let items = items.iter().map(|item| Value::new(None, ValueKind::String(item.clone()))).collect();
            // The rank of the layer travels with the origin: it is all that the merged value remembers.
            let origin = format!("{}{origin}", self.rank as u8);
            ((*key).to_owned(), Value::new(Some(&origin), ValueKind::Array(items)))
        };
        Ok(self.values.iter().map(value).collect())
    }
}

/// All layers merged, and what there is to say about them.
#[derive(Debug)]
pub(crate) struct Layers {
    layers: Vec<Layer>,
    merged: Value,
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
        for (file, wanted_by) in config_files(environment, named("config")) {
            layers.extend(read_config_file(&file, wanted_by.as_deref(), environment, &mut notices)?);
        }
        let named =
            named("env_config").or_else(|| layers.iter().rev().find_map(|layer| layer.text("env_config")));
        for (file, wanted_by) in env_configs(environment, named) {
            layers.extend(read_env_config(&file, wanted_by.as_deref(), environment, &mut notices)?);
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
        use strum::VariantArray;
        let value = key.split('.').try_fold(&self.merged, |value, part| match &value.kind {
            ValueKind::Table(table) => table.get(part),
            _ => None,
        })?;
        let ValueKind::Array(items) = &value.kind else { return None };
        let (rank, origin) = value.origin()?.split_at_checked(1)?;
        let rank = *Rank::VARIANTS.get(rank.parse::<usize>().ok()?)?;
        Some(Found::new(key, items.iter().map(ToString::to_string).collect(), origin.to_owned(), rank))
    }

    /// Every value that was given, with its layer and origin, from the strongest layer to the weakest.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, Rank, String)> {
        self.layers.iter().rev().flat_map(|layer| {
            layer.values.iter().map(|(key, (_, origin))| (*key, layer.rank, origin.clone()))
        })
    }
}

fn merge(layers: &[Layer]) -> Result<Value, ConfigError> {
    let builder = layers.iter().fold(Config::builder(), |builder, layer| builder.add_source(layer.clone()));
    Ok(builder.build()?.cache)
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

    fn add(&mut self, line: String) {
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

    fn unknown(&mut self, origin: &str, name: &str, known: impl Iterator<Item = String>) {
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

/// The config files, from the weakest to the strongest, each with who asked for it, if it was asked for. Other names,
/// such as `config/default.toml`, belong to other projects whose folder one happens to be in.
fn config_files(environment: &Environment, named: Option<(&str, &str)>) -> Vec<(PathBuf, Option<String>)> {
    let home = environment.config_home().map(|home| (home.join("skol_classifier/config.toml"), None));
    let named = named.map(|(file, origin)| (environment.expand(file), Some(origin.to_owned())));
    home.into_iter().chain([(PathBuf::from("skol_classifier.toml"), None)]).chain(named).collect()
}

/// The files of variables, from the weakest to the strongest. One that is asked for stands alone.
fn env_configs(environment: &Environment, named: Option<(&str, &str)>) -> Vec<(PathBuf, Option<String>)> {
    if let Some((file, origin)) = named {
        return vec![(environment.expand(file), Some(origin.to_owned()))];
    }
    let shared = environment.shared_settings();
    let own = environment.home().map(|home| home.join(".skol_env")).filter(|own| *own != shared);
    let files = [Some(shared), own, Some(PathBuf::from("env_config"))];
    files.into_iter().flatten().map(|file| (file, None)).collect()
}

/// The text of a settings file; `None` where it does not exist and nobody asked for it.
fn read_text(
    file: &Path,
    wanted_by: Option<&str>,
    environment: &Environment,
) -> Result<Option<String>, SettingsError> {
    let path = environment.resolve(file);
    if wanted_by.is_none() && !path.is_file() {
        return Ok(None);
    }
    let bytes = fs::read(&path).map_err(|source| SettingsError::Unreadable {
        what: "the settings file",
        file: file.to_owned(),
        from: wanted_by.map(|origin| format!(" (asked for by {origin})")).unwrap_or_default(),
        source,
        remedy: "",
    })?;
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let reason = "not valid UTF-8; save the file as UTF-8".to_owned();
        SettingsError::BadLine { file: file.to_owned(), line, reason }
    })
}

fn read_config_file(
    file: &Path,
    wanted_by: Option<&str>,
    environment: &Environment,
    notices: &mut Notices,
) -> Result<Option<Layer>, SettingsError> {
    let Some(text) = read_text(file, wanted_by, environment)? else { return Ok(None) };
    let items = toml_file::read(&text).map_err(|bad| bad.of(file))?;
    let mut layer = Layer::new(Rank::ConfigFile);
    for item in items {
        let origin = format!("{}:{}", file.display(), item.line);
        match definition::by_key(&item.key) {
            Some(setting) if setting.key == "config" => {
                notices
                    .add(format!("{origin}: `config` has no effect in a file; use --config or SKOL_CONFIG"));
            }
            Some(setting) => match (setting.kind, item.values) {
                // A path may hold what separates paths elsewhere, and a list is not to be split again.
                (Kind::List, toml_file::Values::Text(text)) => layer.set_text(setting, &text, origin),
                (_, toml_file::Values::Text(text)) => layer.set(setting, vec![text], origin),
                (_, toml_file::Values::List(items)) => layer.set(setting, items, origin),
            },
            None => notices.unknown(&origin, &item.key, definition::all().map(|s| s.key.to_owned())),
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
) -> Result<Option<Layer>, SettingsError> {
    // A file of this name is read as the programs that share it do.
    let shared = file.file_name().is_some_and(|name| name == ".skol_env");
    let text = match read_text(file, wanted_by, environment) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(None),
        Err(error) if shared && wanted_by.is_none() => {
            notices.add(error.to_string());
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let assignments = if shared {
        let (assignments, others) = env_config::parse_shared(&text);
        if !others.is_empty() {
            let lines: Vec<_> = others.iter().map(ToString::to_string).collect();
            let lines = lines.join(", ");
            notices.add(format!("{}: passed over what is not NAME=value: line {lines}", file.display()));
        }
        assignments
    } else {
        env_config::parse(&text).map_err(|bad| SettingsError::BadLine {
            file: file.to_owned(),
            line: bad.line,
            reason: bad.reason.to_owned(),
        })?
    };
    let mut layer = Layer::new(if shared { Rank::SharedEnv } else { Rank::EnvConfig });
    // The last line for a name counts, as in a shell; of two names for one setting, the first of its definition.
    let last = |name: &str| assignments.iter().rev().find(|a| a.name == name && !a.value.trim().is_empty());
    let origin =
        |found: &env_config::Assignment| format!("{}:{} ({})", file.display(), found.line, found.name);
    let mut known = HashSet::new();
    for setting in definition::all() {
        for name in setting.assignments() {
            if let Some(found) = last(&name) {
                layer.set_variable(setting, &name, &found.value, origin(found));
            }
            known.insert(name);
        }
    }
    for (name, successor) in skol::VARIABLES {
        if let Some(found) = last(name) {
            layer.set_former(*successor, &found.value, origin(found));
            // In the file that SKOL's other programs share, its names are not outdated.
            if !shared {
                notices.former(name, *successor);
            }
        }
    }
    for assignment in assignments.iter().filter(|assignment| !known.contains(assignment.name.as_str())) {
        if skol::is_of_another_program(&assignment.name) {
            notices.hints.push(origin(assignment));
        } else {
            let origin = format!("{}:{}", file.display(), assignment.line);
            notices.unknown(&origin, &assignment.name, known.iter().map(ToString::to_string));
        }
    }
    warn_of_readers(file, &layer, environment, notices);
    Ok(Some(layer))
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

/// Warns of a file that holds a password and may be read by everybody.
fn warn_of_readers(file: &Path, layer: &Layer, environment: &Environment, notices: &mut Notices) {
    let in_url = layer.text("couchdb_url").is_some_and(|(url, _)| super::couchdb::userinfo(url).is_some());
    let secret = definition::all().any(|setting| setting.secret && layer.values.contains_key(setting.key));
    if (secret || in_url) && permissions::others_can_read(&environment.resolve(file)) {
        notices.add(permissions::warning(file));
    }
}
