//! What surrounds the program: variables, working directory, home. Taken once, at the door, so that nothing
//! further in reads the process's environment, and tests can replace it.

use super::SettingsError;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// The surroundings that settings are read from.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    variables: BTreeMap<OsString, OsString>,
    directory: PathBuf,
    styled: bool,
    shared: Option<PathBuf>,
}

impl Environment {
    /// The surroundings of this process.
    pub(crate) fn of_process() -> Self {
        let variables: BTreeMap<_, _> = std::env::vars_os().collect();
        let no_color = variables.get(&OsString::from("NO_COLOR")).is_some_and(|value| !value.is_empty());
        Self {
            variables,
            directory: PathBuf::new(),
            styled: !no_color && std::io::stdout().is_terminal(),
            shared: None,
        }
    }

    /// Surroundings with these variables and nothing else, in `directory`; its home is what `HOME` says.
    #[cfg(test)]
    pub(crate) fn new<K, V>(
        directory: impl Into<PathBuf>,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, directory: directory.into(), styled: false, shared: None }
    }

    /// Whether help may be printed with colours.
    pub(crate) fn styled(&self) -> bool {
        self.styled
    }

    /// A variable that is set to something. One that is not Unicode is an error that names it.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&str>, SettingsError> {
        match self.variables.get(&OsString::from(name)) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                // Blank counts as not set, except where being set at all is what counts.
                Some(text) if text.is_empty() || (name != "NO_COLOR" && text.trim().is_empty()) => Ok(None),
                Some(text) => Ok(Some(text)),
                None => Err(SettingsError::NotUnicode(name.to_owned())),
            },
        }
    }

    /// The names of all variables that are set to something.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let set = self.variables.iter().filter(|(_, value)| !value.is_empty());
        set.filter_map(|(name, _)| name.to_str())
    }

    /// The settings file that all programs of SKOL on this machine share.
    pub(crate) fn shared_settings(&self) -> PathBuf {
        self.shared.clone().unwrap_or_else(|| PathBuf::from("/home/skol/.skol_env"))
    }

    /// With another shared settings file.
    #[cfg(test)]
    pub(crate) fn with_shared_settings(mut self, file: PathBuf) -> Self {
        self.shared = Some(file);
        self
    }

    /// The file as seen from the working directory.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    /// The home folder, where there is one.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.variables.get(&OsString::from(name)).filter(|home| !home.is_empty()).map(PathBuf::from)
    }

    /// The folder of the user's config files: `$XDG_CONFIG_HOME`, else `~/.config`.
    pub(crate) fn config_home(&self) -> Option<PathBuf> {
        let xdg = self.variables.get(&OsString::from("XDG_CONFIG_HOME")).map(PathBuf::from);
        xdg.filter(|path| path.is_absolute()).or_else(|| Some(self.home()?.join(".config")))
    }

    /// The folder of what the programs remember from run to run: the first of systemd's `$STATE_DIRECTORY`, else
    /// `skol_classifier` in `$XDG_STATE_HOME` or in `~/.local/state`.
    pub(crate) fn state_folder(&self) -> Option<PathBuf> {
        let variable = |name: &str| self.variables.get(&OsString::from(name));
        let absolute = |path: PathBuf| Some(path).filter(|path| path.is_absolute());
        let service = variable("STATE_DIRECTORY").and_then(|folders| std::env::split_paths(folders).next());
        let xdg = || absolute(PathBuf::from(variable("XDG_STATE_HOME")?));
        let home = || absolute(self.home()?.join(".local/state"));
        service.and_then(absolute).or_else(|| Some(xdg().or_else(home)?.join("skol_classifier")))
    }

    /// The folder of the user's data: `$XDG_DATA_HOME`, else `~/.local/share`.
    pub(crate) fn data_home(&self) -> Option<PathBuf> {
        let xdg = self.variables.get(&OsString::from("XDG_DATA_HOME")).map(PathBuf::from);
        xdg.filter(|path| path.is_absolute()).or_else(|| Some(self.home()?.join(".local/share")))
    }

    /// `~` and `~/...` below the home folder; every other path as it is.
    pub(crate) fn expand(&self, path: &str) -> PathBuf {
        let below_home = match path.strip_prefix('~') {
            Some("") => Some(""),
            Some(rest) => rest.strip_prefix('/'),
            None => None,
        };
        match (below_home, self.home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }
}
