//! Settings: the layers and their order, where values come from, what is refused, what stays hidden.

mod couchdb;
mod definitions;
mod documentation;
mod layers;
mod programs;
mod skol;

use super::command::{self, Typed};
use super::layers::Layers;
use super::{Effective, Environment, ProgramSettings, Request, Settings, SettingsError};
use crate::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A working directory, a home folder in it, and variables.
pub(crate) struct Surroundings {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// Settings with what there is to warn of, and where each came from.
#[derive(Debug)]
pub(crate) struct Run<S> {
    settings: S,
    notices: Vec<String>,
    shown: std::collections::BTreeMap<&'static str, super::reader::Shown>,
}

impl<S> std::ops::Deref for Run<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.settings
    }
}

impl<S> Run<S> {
    fn origin(&self, key: &str) -> &str {
        &self.shown[key].origin
    }
}

impl Surroundings {
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
            .with_shared_settings(self.path("shared/.skol_env"))
    }

    fn read<S: ProgramSettings>(&self, arguments: &[&str]) -> Result<Run<S>, Error> {
        let environment = self.environment();
        let arguments = command_line(S::PROGRAM.name(), arguments);
        let (layer, notices, asked) = match command::parse(S::PROGRAM, arguments, &environment)? {
            Typed::Values { layer, notices, asked } => (layer, notices, asked),
            Typed::Print(text) => panic!("printed: {text}"),
        };
        let mut layers = Layers::read(S::PROGRAM, layer, notices, &environment)?;
        let Effective { settings, shown, notices } =
            Effective::read(&mut layers, &environment, &asked, &experiment)?;
        Ok(Run { settings, notices, shown })
    }

    fn predict(&self, arguments: &[&str]) -> Result<Run<Settings>, Error> {
        self.read(arguments)
    }

    fn error(&self, arguments: &[&str]) -> String {
        let error = self.predict(arguments).unwrap_err();
        assert_eq!(error.kind(), crate::error::ErrorKind::Usage, "{error}");
        error.to_string()
    }

    fn printed(&self, arguments: &[&str]) -> String {
        let arguments = command_line("predict_classifier", arguments);
        match super::request::<Settings>(arguments, &self.environment(), &experiment).unwrap() {
            Request::Print(text) => text,
            Request::Run(settings, _) => panic!("ran: {settings:?}"),
        }
    }
}

/// An experiments database that holds one experiment.
fn experiment(wanted: &super::Experiment) -> Result<Vec<(&'static str, String)>, Error> {
    assert_eq!(wanted.database.database, "skol_experiments");
    match wanted.name.as_str() {
        "v3" => Ok(vec![
            ("ingest_db_name", "v3_ingest".to_owned()),
            ("output_database", "v3_ann".to_owned()),
            ("golden_db", "v3_golden".to_owned()),
            ("model", "logistic_sections_v1.0".to_owned()),
        ]),
        other => Err(SettingsError::CommandLine(format!("no experiment {other}")).into()),
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
