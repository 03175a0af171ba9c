//! What surrounds the program: variables, working directory, home. Taken once, at the door, so that nothing
//! further in reads the process's environment, and tests can replace it.

use super::SettingsError;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// The settings file that all programs of SKOL on a machine share.
const SHARED: &str = "/home/skol/.skol_env";

/// The surroundings that settings are read from.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    variables: BTreeMap<OsString, OsString>,
    directory: PathBuf,
    styled: bool,
    shared: PathBuf,
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
            shared: SHARED.into(),
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
        Self { variables, directory: directory.into(), styled: false, shared: SHARED.into() }
    }

    /// Whether help may be printed with colours.
    pub(crate) fn styled(&self) -> bool {
        self.styled
    }

    /// A variable that is set to something. One that is not Unicode is an error that names it.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&str>, SettingsError> {
        match self.variable(name) {
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

    /// The settings file that all programs of SKOL share here.
    pub(crate) fn shared_settings(&self) -> &Path {
        &self.shared
    }

    /// With another shared settings file.
    #[cfg(test)]
    pub(crate) fn with_shared_settings(mut self, file: PathBuf) -> Self {
        self.shared = file;
        self
    }

    /// The file as seen from the working directory.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    /// The home folder, where there is one.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        let home = self.variable(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
        home.filter(|home| !home.is_empty()).map(PathBuf::from)
    }

    /// The folder of the user's config files: `$XDG_CONFIG_HOME`, else `~/.config`.
    pub(crate) fn config_home(&self) -> Option<PathBuf> {
        self.folder_of_user("XDG_CONFIG_HOME", ".config")
    }

    /// The folder of the user's data: `$XDG_DATA_HOME`, else `~/.local/share`.
    pub(crate) fn data_home(&self) -> Option<PathBuf> {
        self.folder_of_user("XDG_DATA_HOME", ".local/share")
    }

    /// The folder of what the programs remember from run to run: the first of systemd's `$STATE_DIRECTORY`, else
    /// `skol_classifier` in `$XDG_STATE_HOME` or in `~/.local/state`.
    pub(crate) fn state_folder(&self) -> Option<PathBuf> {
        let service =
            self.variable("STATE_DIRECTORY").and_then(|folders| std::env::split_paths(folders).next());
        let own = || Some(self.folder_of_user("XDG_STATE_HOME", ".local/state")?.join("skol_classifier"));
        let absolute = |path: &PathBuf| path.is_absolute();
        service.filter(absolute).or_else(|| own().filter(absolute))
    }

    /// What a variable names from the root, else a folder in the home folder.
    fn folder_of_user(&self, variable: &str, in_home: &str) -> Option<PathBuf> {
        let named = self.variable(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| Some(self.home()?.join(in_home)))
    }

    fn variable(&self, name: &str) -> Option<&OsString> {
        self.variables.get(OsStr::new(name))
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
