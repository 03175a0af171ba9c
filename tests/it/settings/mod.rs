//! Settings: the layers and their order, where values come from, what is refused, what stays hidden.

mod couchdb;
mod documentation;
mod layers;
mod programs;

use skol_classifier::Error;
use skol_classifier::settings::{self, Environment, Request, Settings};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A working directory, a home folder in it, and variables.
pub(crate) struct Place {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o600);
        self
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn environment(&self) -> Environment {
        let home = ("HOME".to_owned(), self.path("home").display().to_string());
        Environment::new(self.folder.path(), self.variables.iter().cloned().chain([home]))
    }

    fn predict(&self, arguments: &[&str]) -> Result<Settings, Error> {
        match settings::predict(command_line("predict_classifier", arguments), &self.environment())? {
            Request::Run(settings) => Ok(*settings),
            Request::Print(text) => panic!("printed: {text}"),
        }
    }

    fn error(&self, arguments: &[&str]) -> String {
        let error = self.predict(arguments).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        error.to_string()
    }

    fn printed(&self, arguments: &[&str]) -> String {
        match settings::predict(command_line("predict_classifier", arguments), &self.environment()).unwrap() {
            Request::Print(text) => text,
            Request::Run(settings) => panic!("ran: {settings:?}"),
        }
    }
}

fn command_line(program: &str, arguments: &[&str]) -> Vec<OsString> {
    [program].iter().chain(arguments).map(OsString::from).collect()
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) {}
