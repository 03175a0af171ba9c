//! What can go wrong with a whole file.

use std::io;
use std::path::PathBuf;

use crate::document::CorrectionsError;
use crate::report::pages::PageReadError;
use crate::sink::RenderError;

/// Why a file cannot be converted. The other files go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// A file cannot be read.
    #[error("cannot be read: {0}; check the path and its permissions")]
    Read(#[from] io::Error),
    /// It is not UTF-8.
    #[error("is not UTF-8 ({0}); convert it first, as with iconv")]
    Encoding(#[from] std::str::Utf8Error),
    /// Nothing says what form it has.
    #[error(
        "is no annotation: give .ann, .jsonl, .parquet, .html or .corrections.json files, or a folder with some"
    )]
    Form,
    /// A line is no JSON object of a paragraph.
    #[error("line {line} is no paragraph: {source}")]
    Json {
        /// Which line, from 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A Parquet file cannot be read.
    #[error("cannot be read as Parquet: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// Rows cannot be read.
    #[error("cannot be read as rows: {0}")]
    Rows(#[from] datafusion::arrow::error::ArrowError),
    /// A column is missing or has another type.
    #[error("has no column '{0}' of the type that predict_classifier writes")]
    Column(&'static str),
    /// A page cannot be read.
    #[error(transparent)]
    Page(#[from] PageReadError),
    /// Corrections cannot be used.
    #[error(transparent)]
    Corrections(#[from] CorrectionsError),
    /// Corrections for a text that was not given.
    #[error("holds corrections of '{0}', but no document with that text was given; give its annotation too")]
    NoDocument(String),
    /// The document cannot be written in this form.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A file cannot be written.
    #[error("'{}' cannot be written: {source}; free some space or change its permissions", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another document has the same name.
    #[error(
        "is called '{name}' as the document of '{}', but has another text; convert them into two folders",
        other.display()
    )]
    SameName {
        /// The name.
        name: String,
        /// The file of the other one.
        other: PathBuf,
    },
    /// There is a file that was not read, so that somebody's work would be lost.
    #[error(
        "'{}' is there already and holds something else, so it was kept; name another --output, or, to put corrections \
         into it, give it as an input, before the others", .0.display()
    )]
    Exists(PathBuf),
    /// The name would lead out of the output folder.
    #[error("'{0}' would be written outside of the output folder; give the input another way")]
    Outside(String),
}
