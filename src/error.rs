//! The error that ends a run: one variant per module, each with the module's own enum.
//!
//! A message names the thing, the value and the reason; [`source`](std::error::Error::source) keeps the cause. What
//! goes wrong with a single document is not an [`enum@Error`]: it is a failed [`Outcome`](crate::document::Outcome), and
//! the other documents go on.

use datafusion::error::DataFusionError;

use crate::classifier::ClassifierError;
use crate::couchdb::{self, Unusable};
use crate::model::ModelError;
use crate::pipeline::PipelineError;
use crate::run::ProgramError;
use crate::sink::SinkError;
use crate::source::SourceError;

/// A `Result` whose error ends the run.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of somebody else's: of an own source or sink, for instance.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What sort of error ends a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked for is wrong: an option, a setting, a name.
    Usage,
    /// Source, sink, model or engine cannot be used.
    Unusable,
    /// Another run on the same output is under way.
    Locked,
}

/// An error that ends a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Where documents come from.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Where annotations go.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A database of CouchDB that documents are read from or annotations written to.
    #[error(transparent)]
    CouchDb(#[from] Box<Unusable>),
    /// The stages and their operators.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// Models and what they are trained and measured on.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// How the classifier was used.
    #[error(transparent)]
    Classifier(#[from] ClassifierError),
    /// The engine failed; the message is that of the root of what it reported.
    #[error("{}", root(.0))]
    Engine(#[source] DataFusionError),
    /// The way to a cluster and back.
    #[cfg(feature = "cluster")]
    #[error(transparent)]
    Cluster(#[from] crate::cluster::ClusterError),
    /// What only the programs do: settings, threads, signals, locks, files of their own.
    #[error(transparent)]
    Program(#[from] Box<ProgramError>),
}

impl Error {
    /// What sort of error this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Source(error) => error.kind(),
            Self::Classifier(error) => error.kind(),
            Self::Model(error) => error.kind(),
            Self::CouchDb(error) if error.source.kind() == couchdb::ErrorKind::Address => ErrorKind::Usage,
            Self::Sink(_) | Self::Pipeline(_) | Self::CouchDb(_) => ErrorKind::Unusable,
            Self::Engine(error) => inside(error).map_or(ErrorKind::Unusable, Self::kind),
            #[cfg(feature = "cluster")]
            Self::Cluster(error) => error.kind(),
            Self::Program(error) => error.kind(),
        }
    }
}

/// What the engine itself, or what it called, reported.
fn root(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::External(inner) => inner.to_string(),
        root => root.to_string(),
    }
}

/// The error of this crate that the engine passed on, where it is one.
fn inside(error: &DataFusionError) -> Option<&Error> {
    match error.find_root() {
        DataFusionError::External(inner) => inner.downcast_ref(),
        _ => None,
    }
}

impl From<DataFusionError> for Error {
    /// An error of this crate that has passed through the engine is that error again.
    fn from(error: DataFusionError) -> Self {
        match error {
            DataFusionError::External(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(inner) => Self::Engine(DataFusionError::External(inner)),
            },
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner)
                if self::inside(&inner).is_some() =>
            {
                Self::from(*inner)
            }
            other => Self::Engine(other),
        }
    }
}

impl From<ProgramError> for Error {
    fn from(error: ProgramError) -> Self {
        Self::Program(Box::new(error))
    }
}

impl From<Unusable> for Error {
    fn from(error: Unusable) -> Self {
        Self::CouchDb(Box::new(error))
    }
}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        match error {
            Error::Engine(error) => error,
            own => Self::External(Box::new(own)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn usage() -> Error {
        SourceError::NoInput { input: "a.txt".to_owned() }.into()
    }

    #[test]
    fn an_error_keeps_its_kind_and_its_words_through_the_engine() {
        let own = usage();
        let wrapped = [
            DataFusionError::from(usage()),
            DataFusionError::from(usage()).context("while planning"),
            DataFusionError::Shared(Arc::new(DataFusionError::from(usage()))),
            DataFusionError::Shared(Arc::new(DataFusionError::from(usage()).context("shared"))),
        ];
        for engine in wrapped {
            let error = Error::from(engine);
            assert_eq!(error.to_string(), own.to_string());
            assert_eq!(error.kind(), ErrorKind::Usage);
        }
    }

    #[test]
    fn an_error_of_the_engine_is_shown_by_its_root() {
        let engine = DataFusionError::Plan("no such column".to_owned()).context("stage documents");
        let error = Error::from(engine);
        assert_eq!(error.kind(), ErrorKind::Unusable);
        assert!(error.to_string().contains("no such column"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
    }
}
