//! What ends a program but not the library's work: its settings, threads, terminal, lock and files.

use std::io;
use std::path::PathBuf;

use crate::couchdb;
use crate::error::{BoxError, ErrorKind};
use crate::settings::SettingsError;
use crate::source::DocumentError;

/// Why a program cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// `--adapt` with an option that it has no use for.
    #[error(
        "--adapt takes features and labels from its model and measures by itself: leave out --test, --cross-validate and \
         --labels"
    )]
    AdaptMeasuresItself,
    /// Both a model and finished annotations are to be measured.
    #[error("--predicted scores finished annotations and --model a model: give one of them")]
    PredictedAndModel,
    /// Neither a form to convert to nor a check.
    #[error("nothing to do: give --to FORM, or --check, or both")]
    NothingToConvert,
    /// The inputs of a conversion hold no annotation.
    #[error("no annotation in {inputs}; give files or folders with .ann, .jsonl, .parquet or .html files")]
    NoAnnotations {
        /// Their paths, quoted.
        inputs: String,
    },
    /// The taxonomy flag of files.
    #[error("the taxonomy flag is a field of documents in CouchDB; add --couchdb-url and --ingest-db-name")]
    FlagWithoutDatabase,
    /// A line at and after which there is no paragraph.
    #[error(
        "{document} has no paragraph at line {line}; it has {lines} lines, and this one and all after it are blank"
    )]
    NoParagraph {
        /// The file or id.
        document: String,
        /// Counted from 1.
        line: usize,
        /// How many the document has.
        lines: usize,
    },
    /// No document of this name.
    #[error(
        "there is no document '{document}' with a text to label (--attachment-pattern {pattern}); give the path of a text \
         file, or the id of a document in the database"
    )]
    NoDocument {
        /// The path or id.
        document: String,
        /// Which attachments are texts.
        pattern: String,
    },
    /// A document that was asked for cannot be read.
    #[error("{document}: {source}")]
    Document {
        /// The path or id.
        document: String,
        /// Why.
        source: DocumentError,
    },
    /// The address of a database is none.
    #[error(
        "{}; give it as http://host:5984 or https://host (--couchdb-url), and the database with --ingest-db-name",
        .0.full()
    )]
    Address(#[source] couchdb::Error),
    /// No such experiment.
    #[error("there is no experiment '{name}' ({origin}) in {database}; check --experiment")]
    NoExperiment {
        /// Its name.
        name: String,
        /// Where the name is from.
        origin: String,
        /// Where it was looked for.
        database: String,
    },
    /// The database of experiments does not exist.
    #[error(
        "the experiment '{name}' ({origin}) cannot be read: there is no {database}; name the database with \
         --experiments-database or EXPERIMENTS_DATABASE"
    )]
    NoExperimentsDatabase {
        /// The experiment's name.
        name: String,
        /// Where the name is from.
        origin: String,
        /// What does not exist.
        database: String,
    },
    /// The server of experiments is silent.
    #[error(
        "the experiment '{name}' ({origin}) cannot be read: {database} did not answer for {seconds} s; check --couchdb-url"
    )]
    SilentExperiments {
        /// The experiment's name.
        name: String,
        /// Where the name is from.
        origin: String,
        /// What is silent.
        database: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// An experiment's document is not of the known form.
    #[error("the experiment '{name}' in {database} cannot be understood: {source}")]
    Experiment {
        /// Its name.
        name: String,
        /// Where it is.
        database: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The operating system gives no threads.
    #[error("the program cannot start its threads: {0}")]
    Threads(#[source] io::Error),
    /// The working folder is gone.
    #[error("the working folder cannot be used: {0}; go to another one")]
    WorkingFolder(#[source] io::Error),
    /// The operating system takes no signal handler.
    #[error("the program cannot listen for signals: {0}")]
    Signals(#[source] io::Error),
    /// Standard output cannot be written to.
    #[error("cannot write to standard output: {0}")]
    StandardOutput(#[source] io::Error),
    /// The lock of an output cannot be made.
    #[error(
        "the lock '{}' cannot be taken: {source}; give another folder for temporary files with TMPDIR",
        file.display()
    )]
    Lock {
        /// Its file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another run writes to the same output.
    #[error(
        "another run{} is writing to {output}; wait until it has ended, or give another output",
        holder.map_or_else(String::new, |pid| format!(" (process {pid})"))
    )]
    Locked {
        /// Its process, where that is known.
        holder: Option<u32>,
        /// What it writes to.
        output: String,
    },
    /// The metrics cannot be written.
    #[error("the metrics file '{}' cannot be written: {source}; give another with --metrics-file", file.display())]
    Metrics {
        /// Their file.
        file: PathBuf,
        /// Why.
        source: BoxError,
    },
    /// The page about the run cannot be written.
    #[error("the report '{}' cannot be written: {source}; give another with --report", file.display())]
    Report {
        /// Its file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The address of the collector of spans is none.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: {0}")]
    SpansAddress(#[source] BoxError),
    /// Spans cannot be exported.
    #[error("spans cannot be exported: {0}")]
    Spans(#[source] BoxError),
}

impl ProgramError {
    /// What sort of error this is.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Settings(_)
            | Self::AdaptMeasuresItself
            | Self::PredictedAndModel
            | Self::NothingToConvert
            | Self::FlagWithoutDatabase
            | Self::NoParagraph { .. }
            | Self::Address(_)
            | Self::NoExperiment { .. }
            | Self::NoExperimentsDatabase { .. }
            | Self::Experiment { .. }
            | Self::SpansAddress(_) => ErrorKind::Usage,
            Self::Locked { .. } => ErrorKind::Locked,
            Self::NoAnnotations { .. }
            | Self::NoDocument { .. }
            | Self::Document { .. }
            | Self::SilentExperiments { .. }
            | Self::Threads(_)
            | Self::Signals(_)
            | Self::WorkingFolder(_)
            | Self::StandardOutput(_)
            | Self::Lock { .. }
            | Self::Metrics { .. }
            | Self::Report { .. }
            | Self::Spans(_) => ErrorKind::Unusable,
        }
    }
}
