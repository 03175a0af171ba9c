//! What to do about an error, in the words of the user's options: only the programs know how those are called.

use std::borrow::Cow;

use crate::Error;
use crate::model::ModelError;
use crate::sink::SinkError;
use crate::source::SourceError;

/// The error, with what to do about it where an option is the remedy.
pub(super) fn with_remedy(error: &Error) -> String {
    match remedy(error) {
        Some(remedy) => format!("{error}; {remedy}"),
        None => error.to_string(),
    }
}

fn remedy(error: &Error) -> Option<Cow<'static, str>> {
    match error {
        Error::Sink(SinkError::Folder { .. }) => {
            Some("give another with --output, or change its permissions".into())
        }
        Error::Sink(SinkError::Record { .. }) => {
            Some("change its permissions, or give another folder with --output".into())
        }
        Error::Source(SourceError::Collision { .. }) => {
            Some("label them in runs with an --output each, or rename one".into())
        }
        Error::Source(SourceError::Pattern { .. }) => {
            Some("change --attachment-pattern, or the input".into())
        }
        Error::CouchDb(unusable) => Some(crate::run::remedy(unusable).into()),
        Error::Model(error) => of_model(error).map(Into::into),
        _ => None,
    }
}

fn of_model(error: &ModelError) -> Option<&'static str> {
    match error {
        ModelError::Unusable { .. } => Some("or choose a shipped one (--list-models)"),
        ModelError::Write { .. } => Some("choose a folder that can be written with --output"),
        ModelError::List { .. } => Some("check the path"),
        ModelError::Taken { .. } => Some("choose another with --name, or give --replace"),
        ModelError::BadName(_) => Some("choose another with --name"),
        ModelError::OwnLabels { .. } => {
            Some("give --labels all to learn every label as it is, or rename them")
        }
        ModelError::MistypedLabel { .. } => {
            Some("correct the file, or give --labels all to learn every label as it is")
        }
        ModelError::NothingToHoldOut => Some("or give others to test on with --test DIR"),
        ModelError::TooManyFolds { .. } => {
            Some("choose from 2 to as many as there are with --cross-validate")
        }
        _ => None,
    }
}
