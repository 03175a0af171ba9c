//! What a program reports about its own work, next to the instrumentation's events.

use std::fmt;

use serde::Serialize;

use super::summary::DocumentCounts;
use crate::instrumentation::Level;

/// Something a program reports. As JSON an object whose key `event` has the variant's name in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Message<'a> {
    /// A setting is odd: unknown, outdated, without effect.
    Setting {
        /// Which, and what to do about it.
        message: &'a str,
    },
    /// Something should not stay as it is.
    Warning {
        /// What, and what to do about it.
        message: &'a str,
    },
    /// A signal was received, and the run ends early.
    Stopping {
        /// What happens now.
        message: &'a str,
    },
    /// A document failed; the others go on.
    DocumentFailed {
        /// Which document.
        doc_id: &'a str,
        /// Which attachment or file of it.
        attachment_name: &'a str,
        /// Why, and what to do about it.
        error: &'a str,
    },
    /// An annotation stays as a person made it.
    Kept {
        /// Which document.
        doc_id: &'a str,
        /// Which attachment or file of it.
        attachment_name: &'a str,
        /// How that was seen, and what to do about it.
        message: &'a str,
    },
    /// Something to know about a document that did not fail.
    Note {
        /// Which document.
        doc_id: &'a str,
        /// Which attachment or file of it.
        attachment_name: &'a str,
        /// What is to be known.
        message: &'a str,
    },
    /// A listing left something out that was asked for or may have to be mended.
    LeftOut {
        /// What a document from there would be called.
        name: &'a str,
        /// Why.
        message: &'a str,
    },
    /// How far the run is.
    Progress {
        /// Documents that have an outcome.
        ended: u64,
        /// Documents that failed.
        failed: u64,
        /// Seconds since the start.
        elapsed_s: f64,
    },
    /// The run has ended.
    Finished {
        /// How, in one sentence.
        message: &'a str,
        /// Documents by how they ended.
        documents: DocumentCounts,
    },
    /// What there is to know after that: labels, doubtful paragraphs, where to look, what comes next.
    Next {
        /// One of these, in a sentence.
        message: &'a str,
    },
    /// The program cannot do what was asked, and ends.
    Error {
        /// Why, and what to do about it.
        message: &'a str,
        /// The exit code.
        exit_code: u8,
    },
}

impl Message<'_> {
    /// How serious it is.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Setting { .. } | Self::Warning { .. } | Self::LeftOut { .. } => Level::Warn,
            Self::DocumentFailed { .. } | Self::Error { .. } => Level::Error,
            Self::Stopping { .. }
            | Self::Kept { .. }
            | Self::Note { .. }
            | Self::Progress { .. }
            | Self::Finished { .. }
            | Self::Next { .. } => Level::Info,
        }
    }

    /// Whether its text has one line, so that a line end in it comes from outside.
    pub(super) fn is_one_line(&self) -> bool {
        !matches!(
            self,
            Self::Setting { .. } | Self::Warning { .. } | Self::Finished { .. } | Self::Error { .. }
        )
    }
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { message } | Self::Warning { message } => write!(f, "warning: {message}"),
            Self::Stopping { message } | Self::Finished { message, .. } | Self::Next { message } => {
                f.write_str(message)
            }
            Self::DocumentFailed { attachment_name, error, .. } => {
                write!(f, "failed: {attachment_name}: {error}")
            }
            Self::Kept { attachment_name, message, .. } => write!(f, "kept: {attachment_name}: {message}"),
            Self::Note { attachment_name, message, .. } => write!(f, "{attachment_name}: {message}"),
            Self::LeftOut { name, message } => write!(f, "left out: {name}: {message}"),
            Self::Progress { ended, failed, elapsed_s } => write!(
                f,
                "{ended} documents done after {elapsed_s:.0} s ({:.1} per second), {failed} failed",
                *ended as f64 / elapsed_s.max(0.001),
            ),
            Self::Error { message, .. } => write!(f, "error: {message}"),
        }
    }
}
