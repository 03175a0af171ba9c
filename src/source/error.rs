//! What can go wrong with a source: as a whole, or with one document.

use crate::document::DecodeError;
use crate::error::{BoxError, ErrorKind};
use crate::printable::printable;

/// Why a source cannot be used; it ends the run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// An input that was named does not exist.
    #[error(
        "input '{input}' does not exist; give a file, a folder, a glob such as 'texts/**/*.txt', or - for standard input"
    )]
    NoInput {
        /// The input as it was given.
        input: String,
    },
    /// A pattern is no glob.
    #[error("'{pattern}' is not a glob: {}; an example is '*.txt'", .source.kind())]
    Pattern {
        /// The pattern as it was given.
        pattern: String,
        /// What is wrong with it.
        source: globset::Error,
    },
    /// Two documents would have one annotation.
    #[error("'{}' and '{}' would both be written to '{}'", printable(.first), printable(.second), printable(.name))]
    Collision {
        /// One of them.
        first: String,
        /// The other.
        second: String,
        /// The file of the annotation.
        name: String,
    },
    /// The listing ended by a fault in the program.
    #[error("the listing ended by a fault in the program ({0}); please report it")]
    Fault(#[source] BoxError),
    /// The plan names a source that this program does not know.
    #[error(
        "the plan reads from a source '{name}', which this program does not know; register it with Connectors"
    )]
    Unknown {
        /// Name of the source.
        name: String,
    },
    /// The parameters of a source that came with a plan cannot be read. The cause is not shown, since it may quote a
    /// secret.
    #[error("the parameters of source '{name}' cannot be decoded; run the same version everywhere")]
    Decode {
        /// Name of the source.
        name: String,
        /// What is wrong with them.
        source: BoxError,
    },
    /// Whatever else: the error of an own source.
    #[error(transparent)]
    Other(BoxError),
}

impl SourceError {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::NoInput { .. } | Self::Pattern { .. } | Self::Collision { .. } => ErrorKind::Usage,
            _ => ErrorKind::Unusable,
        }
    }
}

/// Why one document cannot be selected or loaded. It ends as failed with this text; the others go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Reading failed.
    #[error("'{name}' cannot be read: {source}; change its permissions or leave it out")]
    Read {
        /// Which document.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is larger than a document may be.
    #[error(
        "{what} has {bytes} bytes or more, and a document may have {most} at most; split it, or give a larger \
         --max-document-size"
    )]
    TooLarge {
        /// What: `'a.txt'`, `attachment 'y' of document 'x'`.
        what: String,
        /// How many bytes were seen.
        bytes: u64,
        /// How many are allowed.
        most: u64,
    },
    /// It is not there, or not there any more.
    #[error("{what} is not there (any more)")]
    Missing {
        /// What: `document 'x'`, `attachment 'y' of document 'x'`.
        what: String,
    },
    /// It is not text.
    #[error("{what} {source}")]
    NotText {
        /// What: `'a.txt'`, `attachment 'y' of document 'x'`.
        what: String,
        /// Why, and what to do.
        source: DecodeError,
    },
    /// Its name is not UTF-8.
    #[error("the file's name is not UTF-8; rename it and run again")]
    Name,
    /// Two documents would have one annotation.
    #[error("'{first}' and '{second}' would both be written to '{name}'; label them in runs of their own")]
    Collision {
        /// The one that was selected.
        first: String,
        /// The one that is left out.
        second: String,
        /// What both are called.
        name: String,
    },
    /// Anything else, as a sentence.
    #[error("{0}")]
    Reason(String),
    /// Whatever else: the error of an own source.
    #[error(transparent)]
    Other(#[from] BoxError),
}
