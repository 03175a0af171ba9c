//! Reads files: regular ones, and no more of them than a document may have.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::STDIN;
use crate::document::{Document, DocumentRef, TextParams};
use crate::error::BoxError;
use crate::source::{DocumentError, LoadParams, LoadResult, Loader};
use crate::worker::WorkerContext;

/// How files are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesLoadParams {
    /// The most bytes that a document may have.
    pub max_document_size: u64,
    /// How their bytes become text.
    #[serde(default)]
    pub text: TextParams,
    /// The folder that relative paths start from, where it is not the working folder of whoever reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<PathBuf>,
}

impl Default for FilesLoadParams {
    fn default() -> Self {
        Self { max_document_size: crate::source::MAX_DOCUMENT_SIZE, text: TextParams::default(), base: None }
    }
}

impl FilesLoadParams {
    /// Name of the source.
    pub(crate) const NAME: &'static str = "files";

    pub(crate) fn decode(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }

    /// The text of the file at `path`, or of standard input for `-`.
    ///
    /// # Errors
    /// Says why it cannot be had, and what to do.
    pub(super) fn text(&self, path: &str) -> Result<String, DocumentError> {
        let bytes = self.bytes(path)?;
        let read = self.text.read(bytes);
        read.map_err(|source| DocumentError::NotText { what: format!("'{path}'"), source })
    }

    fn bytes(&self, path: &str) -> Result<Vec<u8>, DocumentError> {
        let failed = |source: io::Error| DocumentError::Read { name: path.to_owned(), source };
        let most = self.max_document_size;
        let too_large = |bytes: u64| DocumentError::TooLarge { what: format!("'{path}'"), bytes, most };
        let mut bytes = Vec::new();
        if path == STDIN {
            io::stdin().lock().take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        } else {
            let whole = self.base.as_ref().map_or_else(|| PathBuf::from(path), |base| base.join(path));
            let file = open_regular(&whole).map_err(failed)?;
            let length = file.metadata().map_err(failed)?.len();
            if length > most {
                return Err(too_large(length));
            }
            bytes.reserve_exact(usize::try_from(length).unwrap_or_default());
            // A file may grow while it is read.
            file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        }
        let length = bytes.len() as u64;
        if length > most { Err(too_large(length)) } else { Ok(bytes) }
    }
}

impl fmt::Display for FilesLoadParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("files")
    }
}

impl LoadParams for FilesLoadParams {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn encode(&self) -> Result<Vec<u8>, BoxError> {
        Ok(serde_json::to_vec(self)?)
    }

    fn open(&self, _context: &WorkerContext) -> crate::Result<Box<dyn Loader>> {
        Ok(Box::new(FilesLoader(self.clone())))
    }
}

struct FilesLoader(FilesLoadParams);

#[async_trait]
impl Loader for FilesLoader {
    async fn load(&mut self, references: &[DocumentRef]) -> crate::Result<Vec<LoadResult>> {
        Ok(references
            .iter()
            .map(|reference| {
                let content = self.0.text(&reference.doc_id)?;
                Ok(Some(Document { reference: reference.clone(), content, metadata: None }))
            })
            .collect())
    }
}

/// Opens the file at `path`, through links, if it is a regular one. A FIFO or a device is not waited for.
fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32);
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other(
            "it is no regular file (what comes from a pipe is read from standard input, by the input -)",
        ))
    }
}
