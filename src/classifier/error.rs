//! How a classifier can be used wrongly.

use crate::error::ErrorKind;

/// Why a classifier cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifierError {
    /// There is no model yet.
    #[error("there is no model yet; call load_model or fit first")]
    NoModel,
    /// The builder was given no source.
    #[error("a classifier needs a source; give one with ClassifierBuilder::source")]
    NoSource,
    /// The builder was given no sink.
    #[error("a classifier needs a sink; give one with ClassifierBuilder::sink")]
    NoSink,
}

impl ClassifierError {
    #[expect(clippy::unused_self, reason = "as the kinds of the other modules")]
    pub(crate) fn kind(&self) -> ErrorKind {
        ErrorKind::Usage
    }
}
