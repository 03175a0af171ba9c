//! The layers that settings come from, each a source of the `config` crate, which merges them: defaults < config
//! files < `env_config` < environment < command line. Every value keeps where it came from. Nothing here knows what a
//! value means.

use super::definition::{self, Kind, Program, Setting, nearest};
use super::environment::Environment;
use super::reader::Found;
use super::skol::{self, Former};
use super::{SettingsError, env_config, permissions, toml_file};
use config::{Config, ConfigError, Map, Source, Value, ValueKind};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Default,
    ConfigFile,
    EnvConfig,
    Environment,
    CommandLine,
}

impl Rank {
    const ALL: [Rank; 5] =
        [Rank::Default, Rank::ConfigFile, Rank::EnvConfig, Rank::Environment, Rank::CommandLine];
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
        let items = match setting.kind() {
            Kind::List => split_list(text),
            Kind::Positional => {
                let paths = std::env::split_paths(text).map(|path| path.to_string_lossy().into_owned());
                paths.filter(|path| !path.is_empty()).collect()
            }
            _ => vec![text.to_owned()],
        };
        self.set(setting, items, origin);
    }

    /// A name of the former programs gives its setting a value, unless the layer has one under the name of today.
    pub(crate) fn set_former(&mut self, former: &Former, value: &str, origin: impl Into<String>) {
        if let Some(setting) = former.key.and_then(definition::by_key)
            && !self.values.contains_key(setting.key)
        {
            let prefix = if value.contains("://") { "" } else { former.prefix };
            self.set_text(setting, &format!("{prefix}{value}"), origin);
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
    merged: Value,
    /// Warnings: unknown and outdated names, files with passwords that others may read.
    pub(crate) notices: Vec<String>,
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
        if let Some((file, wanted_by)) = find_env_config(environment, named) {
            layers.push(read_env_config(&file, wanted_by.as_deref(), environment, &mut notices)?);
        }
        layers.extend([variables, typed]);
        Self::merge(layers, notices.0)
    }

    fn merge(layers: Vec<Layer>, notices: Vec<String>) -> Result<Self, SettingsError> {
        let builder = layers.into_iter().fold(Config::builder(), |builder, layer| builder.add_source(layer));
        Ok(Self { merged: builder.build()?.cache, notices })
    }

    /// The strongest value of a setting.
    pub(crate) fn get(&self, key: &'static str) -> Option<Found> {
        let value = key.split('.').try_fold(&self.merged, |value, part| match &value.kind {
            ValueKind::Table(table) => table.get(part),
            _ => None,
        })?;
        let ValueKind::Array(items) = &value.kind else { return None };
        let (rank, origin) = value.origin()?.split_at_checked(1)?;
        let rank = *Rank::ALL.get(rank.parse::<usize>().ok()?)?;
        Some(Found::new(key, items.iter().map(ToString::to_string).collect(), origin.to_owned(), rank))
    }
}

/// Warnings, each given once.
#[derive(Debug, Default)]
pub(crate) struct Notices(pub(crate) Vec<String>);

impl Notices {
    fn add(&mut self, line: String) {
        if !self.0.contains(&line) {
            self.0.push(line);
        }
    }

    pub(crate) fn former(&mut self, name: &str, former: &Former) {
        self.add(format!("{name} is outdated: {}", former.advice));
    }

    fn unknown(&mut self, place: &str, name: &str, known: impl Iterator<Item = String>) {
        self.add(match nearest(name, known) {
            Some(nearest) => format!("{place}: unknown name {name}; did you mean {nearest}?"),
            None => format!("{place}: unknown name {name}, not used"),
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
        let place = format!("{}:{}", file.display(), item.line);
        match definition::by_key(&item.key) {
            Some(setting) if setting.key == "config" => {
                notices
                    .add(format!("{place}: `config` has no effect in a file; use --config or SKOL_CONFIG"));
            }
            Some(setting) => match (setting.kind(), item.values) {
                // Only paths may hold commas, and a list is not to be split again.
                (Kind::List, toml_file::Values::Text(text)) => layer.set_text(setting, &text, place),
                (_, toml_file::Values::Text(text)) => layer.set(setting, vec![text], place),
                (_, toml_file::Values::List(items)) => layer.set(setting, items, place),
            },
            None => notices.unknown(&place, &item.key, definition::all().map(|s| s.key.to_owned())),
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
) -> Result<Layer, SettingsError> {
    let mut layer = Layer::new(Rank::EnvConfig);
    let Some(text) = read_text(file, wanted_by, environment)? else { return Ok(layer) };
    let assignments = env_config::parse(&text).map_err(|bad| SettingsError::BadLine {
        file: file.to_owned(),
        line: bad.line,
        reason: bad.reason.to_owned(),
    })?;
    // The last line for a name counts, as in a shell; of two names for one setting, the first of its definition.
    let mut known = std::collections::HashSet::new();
    for setting in definition::all() {
        for name in setting.assignments() {
            let found = assignments.iter().rev().find(|a| a.name == name && !a.value.trim().is_empty());
            if let Some(found) = found.filter(|_| !layer.values.contains_key(setting.key)) {
                let origin = format!("{}:{} ({name})", file.display(), found.line);
                layer.set_text(setting, environment_value(&name, &found.value), origin);
            }
            known.insert(name);
        }
    }
    for assignment in &assignments {
        let (name, place) = (assignment.name.as_str(), format!("{}:{}", file.display(), assignment.line));
        if known.contains(name) {
            continue;
        }
        match skol::FORMER.iter().find(|former| former.variable == name) {
            Some(former) if !assignment.value.trim().is_empty() => {
                layer.set_former(former, &assignment.value, format!("{place} ({name})"));
                notices.former(name, former);
            }
            Some(_) => {}
            None => notices.unknown(&place, name, known.iter().map(ToString::to_string)),
        }
    }
    warn_of_readers(file, &layer, environment, notices);
    Ok(layer)
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
                layer.set_text(setting, environment_value(&name, value), format!("environment {name}"));
                break;
            }
        }
    }
    for former in skol::FORMER.iter().filter(|_| program == Program::Predict) {
        if let Some(value) = environment.get(former.variable)? {
            layer.set_former(former, value, format!("environment {}", former.variable));
            notices.former(former.variable, former);
        }
    }
    Ok(layer)
}

/// `NO_COLOR` counts by being there, whatever its value.
fn environment_value<'a>(name: &str, value: &'a str) -> &'a str {
    if name == "NO_COLOR" { "never" } else { value }
}

/// Warns of a file that holds a password and may be read by everybody.
fn warn_of_readers(file: &Path, layer: &Layer, environment: &Environment, notices: &mut Notices) {
    let in_url = layer.text("couchdb_url").is_some_and(|(url, _)| super::couchdb::userinfo(url).is_some());
    let secret = definition::all().any(|setting| setting.secret && layer.values.contains_key(setting.key));
    if (secret || in_url) && permissions::others_can_read(&environment.resolve(file)) {
        notices.add(permissions::warning(file));
    }
}
