//! Documents from files, folders, globs and standard input.
//!
//! A document's name is its path below the input folder; for a file or glob that was given as a relative
//! path, that path itself. It is also the path of the annotation below the output folder.

mod load;
mod walk;

use std::collections::HashMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt};
use globset::{GlobBuilder, GlobMatcher};

use super::{Choice, Decision, DocumentError, LeftOut, LoadParams, Reason, Selected, Source, SourceError};
use crate::document::DocumentRef;
use crate::error::Result;
use crate::sink::OutputFormat;
use walk::{Walk, Wanted};

pub use load::FilesLoadParams;

/// How many documents a page of the listing holds.
const PAGE: usize = 256;
/// The input that stands for standard input.
pub(crate) const STDIN: &str = "-";
/// What a document from standard input is called.
const STDIN_NAME: &str = "stdin.txt";

/// Selects files.
#[derive(Debug, Clone)]
pub struct FileSource {
    inputs: Vec<String>,
    pattern: GlobMatcher,
    choice: Choice,
    load: FilesLoadParams,
    output: Option<PathBuf>,
    left_out: Arc<LeftOut>,
}

impl FileSource {
    /// `inputs` are files, folders (walked down, files whose name matches `pattern` in upper or lower case), globs, or
    /// `-`. Hidden files and folders below a folder are passed over.
    ///
    /// # Errors
    /// When an input does not exist or `pattern` is no glob.
    pub fn new(inputs: &[String], pattern: &str) -> Result<Self> {
        for input in inputs {
            if input != STDIN && fs::symlink_metadata(input).is_err() && !is_glob(input) {
                return Err(SourceError::NoInput { input: input.clone() }.into());
            }
        }
        Ok(Self {
            inputs: inputs.to_vec(),
            pattern: glob(pattern, true)?,
            choice: Choice::default(),
            load: FilesLoadParams::default(),
            output: None,
            left_out: Arc::new(LeftOut::new(inputs.to_vec())),
        })
    }

    /// Selects by `choice`; texts are read by `load` where it asks for them.
    #[must_use]
    pub fn with_choice(mut self, choice: Choice, load: FilesLoadParams) -> Self {
        self.left_out = Arc::new(LeftOut::new(self.inputs.iter().chain(&choice.doc_ids).cloned()));
        (self.choice, self.load) = (choice, load);
        self
    }

    /// Passes over the folder for the annotations, where it lies below an input folder.
    #[must_use]
    pub fn without_output(mut self, folder: &Path) -> Self {
        self.output = Some(folder.to_path_buf());
        self
    }

    /// What the last listing passed over.
    #[must_use]
    pub fn left_out(&self) -> Arc<LeftOut> {
        Arc::clone(&self.left_out)
    }

    /// The same selection for a second listing, which notes nothing of what it passes over.
    #[must_use]
    pub(crate) fn unnoted(&self) -> Self {
        Self { left_out: Arc::new(LeftOut::new(Vec::new())), ..self.clone() }
    }

    /// Looks whether two documents would be written to the same file in `format`.
    ///
    /// # Errors
    /// [`SourceError::Collision`], with the names of the two.
    pub fn check_names(&self, format: OutputFormat) -> Result<()> {
        // Within one folder no two files have one name; brat leaves `.txt` away.
        let leaves_away = format.annotation_name("a") == format.annotation_name("a.txt");
        let one_folder = matches!(&self.inputs[..], [input] if input == STDIN || fs::metadata(input).is_ok());
        if one_folder && !leaves_away {
            return Ok(());
        }
        let mut writers: HashMap<String, String> = HashMap::new();
        for selected in self.unnoted().listed() {
            let DocumentRef { doc_id, attachment_name } = selected.reference;
            if matches!(selected.decision, Decision::Fail(_)) {
                continue;
            }
            let output = format.annotation_name(&attachment_name);
            match writers.get(&output) {
                Some(first) if !is_same_file(first, &doc_id) => {
                    let first = first.clone();
                    return Err(SourceError::Collision { first, second: doc_id, name: output }.into());
                }
                Some(_) => {}
                None => {
                    writers.insert(output, doc_id);
                }
            }
        }
        Ok(())
    }

    /// The selected documents.
    fn listing(&self) -> impl Iterator<Item = Selected> + Send + use<> {
        self.left_out.clear();
        let load = self.load.clone();
        let text = move |reference: &DocumentRef| {
            // Standard input can be read only once.
            if reference.doc_id == STDIN { None } else { load.text(&reference.doc_id).ok() }
        };
        self.choice.of(self.documents(), text, Arc::clone(&self.left_out))
    }

    /// What the inputs hold, also where it is the same file again.
    fn listed(&self) -> impl Iterator<Item = Selected> + Send + use<> {
        let source = self.clone();
        self.inputs.clone().into_iter().flat_map(move |input| source.list(&input))
    }

    /// All documents, whatever the choice.
    fn documents(&self) -> impl Iterator<Item = Selected> + Send + use<> {
        // One folder cannot hold two files of one name; several inputs can.
        let mut names = (self.inputs.len() > 1).then(HashMap::new);
        self.listed().filter_map(move |selected| match &mut names {
            Some(names) => without_collision(selected, names),
            None => Some(selected),
        })
    }

    fn list(&self, input: &str) -> Box<dyn Iterator<Item = Selected> + Send> {
        if input == STDIN {
            return Box::new(std::iter::once(Selected::process(STDIN, STDIN_NAME)));
        }
        let path = Path::new(input);
        let walk = |root: PathBuf, below: PathBuf, wanted: Wanted| {
            let (output, left_out) = (self.output.clone(), Arc::clone(&self.left_out));
            Box::new(Walk { root, below, wanted, output, left_out }.documents())
        };
        if path.is_dir() {
            return walk(path.to_path_buf(), path.to_path_buf(), Wanted::Name(self.pattern.clone()));
        }
        if fs::symlink_metadata(path).is_err() && is_glob(input) {
            return match glob(input, false) {
                Ok(matcher) => {
                    let root = walk::literal_prefix(path);
                    let below = if path.is_absolute() { root.clone() } else { PathBuf::new() };
                    walk(root, below, Wanted::Path { glob: matcher, hidden: walk::asks_for_hidden(input) })
                }
                Err(error) => Box::new(std::iter::once(failed(input, DocumentError::Other(Box::new(error))))),
            };
        }
        if walk::is_annotation(path) {
            self.left_out.pass(Reason::Output, path, path);
            return Box::new(std::iter::empty());
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
        Arc::new(self.load.clone())
    }
}

/// Drops `selected` if it is the same file again, and fails it if another file has its name: one that came after the
/// names were [checked](FileSource::check_names).
fn without_collision(mut selected: Selected, names: &mut HashMap<String, String>) -> Option<Selected> {
    let DocumentRef { doc_id, attachment_name } = &selected.reference;
    match names.get(attachment_name) {
        None => {
            names.insert(attachment_name.clone(), doc_id.clone());
        }
        Some(first) if is_same_file(first, doc_id) => return None,
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

/// Whether two paths lead to the same file.
fn is_same_file(one: &str, other: &str) -> bool {
    one == other
        || matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

fn failed(name: &str, reason: DocumentError) -> Selected {
    Selected::fail(name, name, reason)
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

fn glob(pattern: &str, any_case: bool) -> Result<GlobMatcher, SourceError> {
    let short = pattern.strip_prefix("./").unwrap_or(pattern);
    let glob = GlobBuilder::new(short).literal_separator(true).case_insensitive(any_case).build();
    glob.map(|glob| glob.compile_matcher())
        .map_err(|source| SourceError::Pattern { pattern: pattern.to_owned(), source })
}
