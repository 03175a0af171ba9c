//! Errors of this library on their way from an executor to the client.
//!
//! Ballista carries a failure as text, formatted for debugging and put into other texts on the way. So an executor
//! writes what the client needs, the kind of the error and its message, once more in a form that survives that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use datafusion::error::DataFusionError;

use super::ClusterError;
use crate::Error;
use crate::error::ErrorKind;

/// What stands before the encoded message, and before it the letter of its kind.
const BEGIN: &str = "[skol_classifier:";
const END: char = ']';

const USAGE: &str = "usage:";
const UNUSABLE: &str = "unusable:";

/// An error of the engine that carries `error` over the wire.
pub(super) fn mark(error: &Error) -> DataFusionError {
    let message = message(error);
    let kind = if error.kind() == ErrorKind::Usage { USAGE } else { UNUSABLE };
    DataFusionError::Execution(format!("{message} {BEGIN}{kind}{}{END}", STANDARD.encode(&message)))
}

/// `error`, marked where it is one of this library; others may mean something to the scheduler and stay as they are.
pub(super) fn mark_own(error: DataFusionError) -> DataFusionError {
    match find(&error) {
        Some(own) => mark(own),
        None => error,
    }
}

fn find(error: &DataFusionError) -> Option<&Error> {
    match error.find_root() {
        DataFusionError::External(inner) => inner.downcast_ref(),
        _ => None,
    }
}

/// What a user can do about a database is known where its error is.
fn message(error: &Error) -> String {
    match error {
        Error::CouchDb(unusable) => format!("{error}; {}", crate::run::remedy(unusable)),
        _ => error.to_string(),
    }
}

/// The error that was [marked](mark), from a text that holds it somewhere.
pub(super) fn read(text: &str) -> Option<ClusterError> {
    let (_, rest) = text.split_once(BEGIN)?;
    let (kind, rest) = match (rest.strip_prefix(USAGE), rest.strip_prefix(UNUSABLE)) {
        (Some(rest), _) => (ErrorKind::Usage, rest),
        (_, Some(rest)) => (ErrorKind::Unusable, rest),
        _ => return None,
    };
    let message = STANDARD.decode(rest.split_once(END)?.0).ok()?;
    Some(ClusterError::Reported { message: String::from_utf8(message).ok()?, kind })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::source::SourceError;

    #[test]
    fn an_error_keeps_kind_and_words_through_debug_formats_and_other_texts() {
        let own: Error = SourceError::NoInput { input: "a \"quoted\" [name].txt".to_owned() }.into();
        let (kind, words) = (own.kind(), own.to_string());
        assert_eq!(kind, ErrorKind::Usage);
        let wrapped = DataFusionError::Shared(Arc::new(DataFusionError::from(own).context("stage 2")));
        let travelled = format!("Job x failed: {:?}", format!("{:?}", mark_own(wrapped)));
        let error = Error::from(read(&travelled).unwrap());
        assert_eq!((error.kind(), error.to_string()), (kind, words));
    }

    #[test]
    fn what_is_not_ours_stays_as_it_is() {
        let error = mark_own(DataFusionError::ResourcesExhausted("memory".to_owned()));
        assert!(matches!(error, DataFusionError::ResourcesExhausted(_)));
        for text in
            ["", "Job failed", "[skol_classifier:", "[skol_classifier:usage:%%]", "[skol_classifier:x:YQ==]"]
        {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
