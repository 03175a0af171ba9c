//! Documents from files, folders, globs and standard input.
//!
//! A document's name is its path below the input folder; for a file or glob that was given as a relative
//! path, that path itself. It is also the path of the annotation below the output folder.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::{Decision, DocumentError, LoadParams, Loader, Selected, Source, SourceError};
use crate::document::{Document, DocumentRef};
use crate::error::{BoxError, Result};
use crate::sink::OutputFormat;
use crate::worker::WorkerContext;

/// How many documents a page of the listing holds.
const PAGE: usize = 256;
/// The input that stands for standard input.
const STDIN: &str = "-";
/// What a document from standard input is called.
const STDIN_NAME: &str = "stdin.txt";

/// Selects files.
#[derive(Debug, Clone)]
pub struct FileSource {
    inputs: Vec<String>,
    pattern: GlobMatcher,
    limit: Option<u64>,
    existing: Option<(PathBuf, OutputFormat)>,
}

impl FileSource {
    /// `inputs` are files, folders (walked down, files whose name matches `pattern`), globs, or `-`.
    ///
    /// # Errors
    /// When an input does not exist or `pattern` is no glob.
    pub fn new(inputs: &[String], pattern: &str) -> Result<Self> {
        for input in inputs {
            if input != STDIN && fs::symlink_metadata(input).is_err() && !is_glob(input) {
                return Err(SourceError::NoInput { input: input.clone() }.into());
            }
        }
        Ok(Self { inputs: inputs.to_vec(), pattern: glob(pattern)?, limit: None, existing: None })
    }

    /// Selects at most `limit` documents.
    #[must_use]
    pub fn with_limit(mut self, limit: Option<u64>) -> Self {
        self.limit = limit;
        self
    }

    /// Skips documents whose annotation in `format` exists below `folder`.
    #[must_use]
    pub fn skip_existing(mut self, folder: &Path, format: OutputFormat) -> Self {
        self.existing = Some((folder.to_path_buf(), format));
        self
    }

    fn listing(&self) -> impl Iterator<Item = Selected> + Send + use<> {
        let (inner, outer) = (self.clone(), self.clone());
        // One folder cannot hold two files of one name; several inputs can.
        let mut names = (self.inputs.len() > 1).then(HashMap::new);
        let limit = usize::try_from(self.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        self.inputs
            .clone()
            .into_iter()
            .flat_map(move |input| inner.list(&input))
            .filter_map(move |selected| match &mut names {
                Some(names) => without_collision(selected, names),
                None => Some(selected),
            })
            .map(move |selected| outer.decide(selected))
            .take(limit)
    }

    fn decide(&self, mut selected: Selected) -> Selected {
        if let (Decision::Process, Some((folder, format))) = (&selected.decision, &self.existing)
            && folder.join(format.annotation_name(&selected.reference.attachment_name)).exists()
        {
            selected.decision = Decision::Skip;
        }
        selected
    }

    fn list(&self, input: &str) -> Box<dyn Iterator<Item = Selected> + Send> {
        if input == STDIN {
            return Box::new(std::iter::once(Selected::process(STDIN, STDIN_NAME)));
        }
        let path = Path::new(input);
        if path.is_dir() {
            let pattern = self.pattern.clone();
            let wanted = move |_: &Path, relative: &Path| {
                relative.file_name().is_some_and(|name| pattern.is_match(name)) || pattern.is_match(relative)
            };
            return Box::new(walk(path.to_path_buf(), path.to_path_buf(), wanted));
        }
        if fs::symlink_metadata(path).is_err() && is_glob(input) {
            return match glob(input) {
                Ok(matcher) => {
                    let root = literal_prefix(path);
                    let below = if path.is_absolute() { root.clone() } else { PathBuf::new() };
                    let wanted = move |whole: &Path, _: &Path| {
                        matcher.is_match(whole.strip_prefix("./").unwrap_or(whole))
                    };
                    Box::new(walk(root, below, wanted))
                }
                Err(error) => Box::new(std::iter::once(failed(input, DocumentError::Other(Box::new(error))))),
            };
        }
        Box::new(std::iter::once(Selected::process(input, name_of_file(path))))
    }
}

impl Source for FileSource {
    fn select(&self) -> BoxStream<'static, Result<Vec<Selected>>> {
        let mut listing = self.listing();
        futures::stream::iter(std::iter::from_fn(move || {
            let page: Vec<_> = listing.by_ref().take(PAGE).collect();
            (!page.is_empty()).then_some(Ok(page))
        }))
        .boxed()
    }

    fn load_params(&self) -> Arc<dyn LoadParams> {
        Arc::new(FilesLoadParams::default())
    }
}

/// Drops `selected` if it is the same file again, and fails it if another file has its name.
fn without_collision(mut selected: Selected, names: &mut HashMap<String, String>) -> Option<Selected> {
    let DocumentRef { doc_id, attachment_name } = &selected.reference;
    match names.get(attachment_name) {
        None => {
            names.insert(attachment_name.clone(), doc_id.clone());
        }
        Some(first) if first == doc_id => return None,
        Some(first) => {
            selected.decision = Decision::Fail(DocumentError::Collision {
                first: first.clone(),
                second: doc_id.clone(),
                name: attachment_name.clone(),
            });
        }
    }
    Some(selected)
}

fn failed(name: &str, reason: DocumentError) -> Selected {
    Selected::fail(name, name, reason)
}

/// The files below `root` that are `wanted` (by whole path, and by path below `below`), sorted by name.
fn walk(
    root: PathBuf,
    below: PathBuf,
    wanted: impl Fn(&Path, &Path) -> bool + Send + 'static,
) -> impl Iterator<Item = Selected> + Send {
    let root = if root.as_os_str().is_empty() { PathBuf::from(".") } else { root };
    WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter().filter_map(move |entry| match entry
    {
        Ok(entry) if entry.file_type().is_dir() => None,
        Ok(entry) => {
            let whole = entry.path().strip_prefix("./").unwrap_or(entry.path());
            let relative = whole.strip_prefix(&below).unwrap_or(whole);
            wanted(whole, relative).then(|| match (entry.path().to_str(), relative.to_str()) {
                (Some(doc_id), Some(name)) => Selected::process(doc_id, name),
                _ => failed(&entry.path().to_string_lossy(), DocumentError::Name),
            })
        }
        Err(error) => {
            let path = error.path().map_or_else(String::new, |path| path.display().to_string());
            let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
            let reason = format!("'{path}' cannot be listed: {reason}; change its permissions and run again");
            Some(failed(&path, DocumentError::Reason(reason)))
        }
    })
}

/// A file given by a path that stays below the working directory keeps that path as its name.
fn name_of_file(path: &Path) -> String {
    let stays = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let name = if stays {
        path.components().filter(|part| matches!(part, Component::Normal(_))).collect::<PathBuf>()
    } else {
        path.file_name().map(PathBuf::from).unwrap_or_default()
    };
    name.to_string_lossy().into_owned()
}

fn is_glob(input: &str) -> bool {
    input.contains(['*', '?', '[', '{'])
}

fn glob(pattern: &str) -> Result<GlobMatcher, SourceError> {
    let short = pattern.strip_prefix("./").unwrap_or(pattern);
    let glob = GlobBuilder::new(short).literal_separator(true).build();
    glob.map(|glob| glob.compile_matcher())
        .map_err(|source| SourceError::Pattern { pattern: pattern.to_owned(), source })
}

/// The folders at the start of a glob that hold no special character.
fn literal_prefix(path: &Path) -> PathBuf {
    path.parent()
        .map(|folder| {
            folder.components().take_while(|part| !is_glob(&part.as_os_str().to_string_lossy())).collect()
        })
        .unwrap_or_default()
}

/// Reads files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FilesLoadParams {}

impl FilesLoadParams {
    /// Name of the source.
    pub(crate) const NAME: &'static str = "files";

    pub(crate) fn decode(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
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

    fn open(&self, _context: &WorkerContext) -> Result<Box<dyn Loader>> {
        Ok(Box::new(FilesLoader))
    }
}

struct FilesLoader;

#[async_trait]
impl Loader for FilesLoader {
    async fn load(&mut self, references: &[DocumentRef]) -> Vec<Result<Option<Document>, DocumentError>> {
        references.iter().map(|reference| load(reference).map(Some)).collect()
    }
}

fn load(reference: &DocumentRef) -> Result<Document, DocumentError> {
    let name = &reference.doc_id;
    let read = if name == STDIN {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(name)
    };
    let bytes = read.map_err(|source| DocumentError::Read { name: name.clone(), source })?;
    let content =
        String::from_utf8(bytes).map_err(|error| DocumentError::not_utf8(format!("'{name}'"), &error))?;
    Ok(Document { reference: reference.clone(), content, metadata: None })
}
