//! What can be wrong with settings. Every message names the setting or file, the value, where it is from and the
//! remedy; none repeats a secret.

use super::layers::Rank;
use std::path::{Path, PathBuf};

/// A wrong command line, or a wrong setting.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The command line cannot be read.
    #[error("{0}")]
    CommandLine(String),
    /// A value is not one of those that are allowed.
    #[error("invalid value '{value}' for {setting}, from {origin}; allowed: {allowed}")]
    Invalid {
        setting: &'static str,
        value: String,
        origin: String,
        allowed: String,
        /// The layer that holds the value; `None` where it is no setting.
        rank: Option<Rank>,
    },
    /// A setting without a default has no value.
    #[error("{setting} is not set ({meaning}); add {option}, or set {variable}")]
    Missing { setting: &'static str, meaning: &'static str, option: String, variable: String },
    /// Settings that cannot be together, or not without another.
    #[error("{problem}; {remedy}")]
    Contradiction { problem: String, remedy: &'static str },
    /// A file that is named by a setting, or that holds settings, cannot be read.
    #[error("cannot read {what} {}{from}: {source}{remedy}", file.display())]
    Unreadable {
        what: &'static str,
        file: PathBuf,
        /// Who named the file, with a space before it; or nothing.
        from: String,
        source: std::io::Error,
        /// What to do, with `; ` before it; or nothing.
        remedy: &'static str,
    },
    /// A line of a file cannot be understood.
    #[error("{}:{line}: {reason}", file.display())]
    BadLine { file: PathBuf, line: usize, reason: String },
    /// A variable of the environment that is not text.
    #[error("the environment variable {0} is not valid UTF-8; set it to plain text or unset it")]
    NotUnicode(String),
    /// The layers do not fit together.
    #[error("the settings cannot be merged: {0}")]
    Merge(#[from] config::ConfigError),
}

/// Settings that cannot be together, or not without another.
pub(super) fn contradiction<T>(problem: impl Into<String>, remedy: &'static str) -> Result<T, SettingsError> {
    Err(SettingsError::Contradiction { problem: problem.into(), remedy })
}

/// What is wrong with a line of a file, and where it stands (counted from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadLine {
    pub(super) line: usize,
    pub(super) reason: String,
}

impl BadLine {
    /// The error, now that the file is known.
    pub(super) fn of(self, file: &Path) -> SettingsError {
        SettingsError::BadLine { file: file.to_owned(), line: self.line, reason: self.reason }
    }
}

impl From<SettingsError> for crate::Error {
    fn from(error: SettingsError) -> Self {
        crate::run::ProgramError::from(error).into()
    }
}
