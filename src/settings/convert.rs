//! The settings of `convert_annotations`.

use super::Environment;
use super::definition::{Heading, setting, settings};
use super::reader::Found;
use super::terminal::{Files, Terminal};
use super::value::{Allowed, Value};
use crate::convert::Target;
use std::path::PathBuf;

settings! {
    /// Everything that a run of `convert_annotations` depends on.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct ConvertSettings in "convert." {
        /// Annotated files, files of corrections, or folders with both
        ///
        /// Their names tell their form: .ann (YEDDA, or brat with the .txt of its name), .jsonl, .parquet, .html (pages of predict_classifier) and
        /// .corrections.json. Corrections are put into the document with their text.
        input: Vec<PathBuf> => setting(Heading::Input, "INPUT").positional(), inputs;
        /// Form to write: text, yedda, brat, jsonl, parquet or html
        ///
        /// text removes the marks. Without it nothing is written.
        to: Option<Target> => setting(Heading::Output, "FORM");
        /// Folder for the converted files
        output: PathBuf => setting(Heading::Output, "DIR").default("converted/").short('o');
        /// Name odd labels, marks that do not close and overlaps, by file and line
        check: bool => setting(Heading::Output, "BOOL");
        terminal: Terminal;
        files: Files;
    }
}

fn inputs(found: &Found, environment: &Environment) -> Result<Vec<PathBuf>, Allowed> {
    let paths: Vec<PathBuf> = found.items.iter().map(|item| environment.expand(item)).collect();
    if paths.is_empty() { Err("files or folders".to_owned()) } else { Ok(paths) }
}

impl Value for Vec<PathBuf> {
    const KIND: super::definition::Kind = super::definition::Kind::Positional;

    fn parse(found: &Found, environment: &Environment) -> Result<Self, Allowed> {
        inputs(found, environment)
    }

    fn shown(&self) -> toml::Value {
        self.iter().map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>().into()
    }
}
