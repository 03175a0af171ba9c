//! The settings of `convert_annotations`.

use super::definition::settings;
use super::terminal::{Files, Terminal};
use crate::convert::Target;
use std::path::PathBuf;

settings! {
    /// Everything that a run of `convert_annotations` depends on.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct ConvertSettings in "convert." for Convert {
        /// Annotated files, files of corrections, or folders with both
        ///
        /// Their names tell their form: .ann (YEDDA, or brat with the .txt of its name), .jsonl, .parquet, .html (pages of predict_classifier) and
        /// .corrections.json. Corrections are put into the document with their text.
        input: Vec<PathBuf> => Input "INPUT";
        /// Form to write: text, yedda, brat, jsonl, parquet or html
        ///
        /// text removes the marks. Without it nothing is written.
        to: Option<Target> => Output "FORM";
        /// Folder for the converted files
        output: PathBuf => Output "DIR" { default: "converted/", short: Some('o') };
        /// Name odd labels, marks that do not close and overlaps, by file and line
        check: bool => Output "BOOL";
        terminal: Terminal;
        files: Files;
    }
}
