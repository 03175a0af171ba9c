//! A folder of pages: finding them, and writing their index.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::exact::summary;
use super::index::index_page;
use super::summary::Summary;
use crate::instrumentation::write_atomically;

/// Name of the index in its folder.
pub const INDEX: &str = "index.html";

/// The summary of a page is within this many bytes of its beginning.
const HEAD: u64 = 1 << 20;

/// Why the index could not be written.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A folder or a page cannot be read.
    #[error("'{}' cannot be read for the index; change its permissions and run again", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The index itself cannot be written.
    #[error("the index '{}' cannot be written; free some space or change its permissions, and run again", path.display())]
    Write {
        /// The index.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Writes the index of all pages below `folder`, those of earlier runs too, and gives its path and the summaries,
/// sorted by address. An index that is right already is not written again. Without any page there is no index.
///
/// # Errors
/// When a folder or a page cannot be read, or the index not be written.
pub fn write_index(folder: &Path) -> Result<Option<(PathBuf, Vec<Summary>)>, IndexError> {
    let mut pages = Vec::new();
    let is_hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
    let entries = WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name()));
    for entry in entries {
        let entry = entry.map_err(|error| IndexError::Read {
            path: error.path().unwrap_or(folder).to_owned(),
            source: error.into(),
        })?;
        let path = entry.path();
        if !entry.file_type().is_file() || path.extension().is_none_or(|extension| extension != "html") {
            continue;
        }
        let found =
            read_summary(path).map_err(|source| IndexError::Read { path: path.to_owned(), source })?;
        if let Some(found) = found {
            pages.push((address(path.strip_prefix(folder).unwrap_or(path)), found));
        }
    }
    if pages.is_empty() {
        return Ok(None);
    }
    let path = folder.join(INDEX);
    let page = index_page(&pages);
    let same = fs::read(&path).is_ok_and(|there| there == page.as_bytes());
    if !same {
        write_atomically(&path, page.as_bytes())
            .map_err(|source| IndexError::Write { path: path.clone(), source })?;
    }
    Ok(Some((path, pages.into_iter().map(|(_, summary)| summary).collect())))
}

/// A relative path with `/` between its parts.
fn address(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The summary in the page at `path`; `None` where it is another kind of page.
fn read_summary(path: &Path) -> io::Result<Option<Summary>> {
    let mut head = Vec::new();
    let mut file = File::open(path)?.take(1 << 14);
    file.read_to_end(&mut head)?;
    let first = String::from_utf8_lossy(&head);
    if !first.contains("<script type=\"application/json\" id=\"summary\">") {
        return Ok(None);
    }
    if !first.contains("</script>") {
        file.set_limit(HEAD);
        file.read_to_end(&mut head)?;
    }
    Ok(summary(&String::from_utf8_lossy(&head)).and_then(Result::ok))
}
