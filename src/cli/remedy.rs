//! What to do about an error, in the words of the user's options: only the programs know how those are called.

use crate::Error;
use crate::sink::SinkError;
use crate::source::SourceError;

/// The error, with what to do about it where an option is the remedy.
pub(super) fn with_remedy(error: &Error) -> String {
    match remedy(error) {
        Some(remedy) => format!("{error}; {remedy}"),
        None => error.to_string(),
    }
}

fn remedy(error: &Error) -> Option<&'static str> {
    match error {
        Error::Sink(SinkError::Folder { .. }) => {
            Some("give another with --output, or change its permissions")
        }
        Error::Source(SourceError::Pattern { .. }) => Some("change --attachment-pattern, or the input"),
        _ => None,
    }
}
