//! The files that settings are read from: config files, and files of variables. Each becomes a layer.

use super::definition::{self, Kind};
use super::environment::Environment;
use super::error::{BadLine, SettingsError};
use super::layers::{Layer, Notices, Rank};
use super::{env_config, permissions, skol, toml_file};
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

/// A settings file.
pub(super) struct File {
    path: PathBuf,
    /// Who asked for it; nobody did where it is looked for under its usual name.
    wanted_by: Option<String>,
}

impl File {
    fn usual(path: PathBuf) -> Self {
        Self { path, wanted_by: None }
    }

    fn wanted((path, by): (&str, &str), environment: &Environment) -> Self {
        Self { path: environment.expand(path), wanted_by: Some(by.to_owned()) }
    }

    /// The config files, from the weakest to the strongest. Other names, such as `config/default.toml`, belong to other
    /// projects whose folder one happens to be in.
    pub(super) fn configs(environment: &Environment, named: Option<(&str, &str)>) -> Vec<Self> {
        let home = environment.config_home().map(|home| home.join("skol_classifier/config.toml"));
        let usual = home.into_iter().chain([PathBuf::from("skol_classifier.toml")]).map(Self::usual);
        usual.chain(named.map(|named| Self::wanted(named, environment))).collect()
    }

    /// The files of variables, from the weakest to the strongest. One that is asked for stands alone.
    pub(super) fn env_configs(environment: &Environment, named: Option<(&str, &str)>) -> Vec<Self> {
        if let Some(named) = named {
            return vec![Self::wanted(named, environment)];
        }
        let shared = environment.shared_settings();
        let own = environment.home().map(|home| home.join(".skol_env")).filter(|own| own != shared);
        let files = [Some(shared.to_owned()), own, Some(PathBuf::from("env_config"))];
        files.into_iter().flatten().map(Self::usual).collect()
    }

    /// The text; `None` where the file does not exist and nobody asked for it.
    fn text(&self, environment: &Environment) -> Result<Option<String>, SettingsError> {
        let path = environment.resolve(&self.path);
        if self.wanted_by.is_none() && !path.is_file() {
            return Ok(None);
        }
        let bytes = fs::read(&path).map_err(|source| SettingsError::Unreadable {
            what: "the settings file",
            file: self.path.clone(),
            from: self.wanted_by.as_ref().map(|by| format!(" (asked for by {by})")).unwrap_or_default(),
            source,
            remedy: "",
        })?;
        String::from_utf8(bytes).map(Some).map_err(|error| {
            let line = toml_file::line_of(error.as_bytes(), error.utf8_error().valid_up_to());
            BadLine { line, reason: "not valid UTF-8; save the file as UTF-8".to_owned() }.of(&self.path)
        })
    }

    /// The layer of a config file.
    pub(super) fn read_config(
        &self,
        environment: &Environment,
        notices: &mut Notices,
    ) -> Result<Option<Layer>, SettingsError> {
        let Some(text) = self.text(environment)? else { return Ok(None) };
        let items = toml_file::read(&text).map_err(|bad| bad.of(&self.path))?;
        let mut layer = Layer::new(Rank::ConfigFile);
        for item in items {
            let origin = format!("{}:{}", self.path.display(), item.line);
            match definition::by_key(&item.key) {
                Some(setting) if setting.key == "config" => notices
                    .add(format!("{origin}: `config` has no effect in a file; use --config or SKOL_CONFIG")),
                Some(setting) => match (setting.kind, item.values) {
                    // A path may hold what separates paths elsewhere, and a list is not to be split again.
                    (Kind::List, toml_file::Values::Text(text)) => layer.set_text(setting, &text, origin),
                    (_, toml_file::Values::Text(text)) => layer.set(setting, vec![text], origin),
                    (_, toml_file::Values::List(items)) => layer.set(setting, items, origin),
                },
                None => notices.unknown(&origin, &item.key, definition::all().map(|s| s.key.to_owned())),
            }
        }
        self.warn_of_readers(&layer, environment, notices);
        Ok(Some(layer))
    }

    /// The layer of a file of variables.
    pub(super) fn read_env_config(
        &self,
        environment: &Environment,
        notices: &mut Notices,
    ) -> Result<Option<Layer>, SettingsError> {
        // A file of this name is read as the programs that share it do.
        let shared = self.path.file_name().is_some_and(|name| name == ".skol_env");
        let text = match self.text(environment) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(None),
            Err(error) if shared && self.wanted_by.is_none() => {
                notices.add(error.to_string());
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let file = self.path.display();
        let assignments = if shared {
            let (assignments, others) = env_config::parse_shared(&text);
            if !others.is_empty() {
                let lines = others.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                notices.add(format!("{file}: passed over what is not NAME=value: line {lines}"));
            }
            assignments
        } else {
            env_config::parse(&text).map_err(|bad| bad.of(&self.path))?
        };
        let mut layer = Layer::new(if shared { Rank::SharedEnv } else { Rank::EnvConfig });
        // The last line for a name counts, as in a shell; of two names for one setting, the first of its definition.
        let last =
            |name: &str| assignments.iter().rev().find(|a| a.name == name && !a.value.trim().is_empty());
        let origin = |found: &env_config::Assignment| format!("{file}:{} ({})", found.line, found.name);
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
                let origin = format!("{file}:{}", assignment.line);
                notices.unknown(&origin, &assignment.name, known.iter().map(ToString::to_string));
            }
        }
        self.warn_of_readers(&layer, environment, notices);
        Ok(Some(layer))
    }

    /// Warns of a password in it that everybody may read.
    fn warn_of_readers(&self, layer: &Layer, environment: &Environment, notices: &mut Notices) {
        if layer.has_secret() && permissions::others_can_read(&environment.resolve(&self.path)) {
            notices.add(permissions::warning(&self.path));
        }
    }
}
