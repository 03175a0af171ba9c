//! The errors that end a run, each with the exit code it stands for.
//!
//! An error message names the thing, the value and the way out. What goes wrong with a single
//! document is not an [`Error`]: it is a failed [`Outcome`](crate::document::Outcome), and the other
//! documents go on.

use std::fmt;

/// A `Result` whose error ends the run.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a run could not be done, and with which exit code it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command line or a setting is wrong: exit code 2.
    Usage,
    /// Source, sink, model or engine cannot be used: exit code 3.
    Unusable,
    /// Another run on the same output is under way: exit code 4.
    Locked,
}

/// An error that ends the run: what happened, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// The command line or a setting is wrong (exit code 2).
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Usage, message: message.into() }
    }

    /// Source, sink, model or engine cannot be used (exit code 3).
    pub fn unusable(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Unusable, message: message.into() }
    }

    /// Another run on the same output is under way (exit code 4).
    pub fn locked(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Locked, message: message.into() }
    }

    /// What kind of error this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The process exit code for this error, as documented in the README.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            ErrorKind::Usage => 2,
            ErrorKind::Unusable => 3,
            ErrorKind::Locked => 4,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<datafusion::error::DataFusionError> for Error {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        match error.find_root() {
            datafusion::error::DataFusionError::External(inner) => match inner.downcast_ref::<Error>() {
                Some(own) => own.clone(),
                None => Self::unusable(inner.to_string()),
            },
            other => Self::unusable(other.to_string()),
        }
    }
}

impl From<Error> for datafusion::error::DataFusionError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}
