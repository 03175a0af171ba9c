//! Folders, walked down: what is a document, and what is passed over for which reason.

use std::collections::HashSet;
use std::fs::{self, FileType};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use globset::GlobMatcher;
use walkdir::{DirEntry, WalkDir};

use super::failed;
use crate::sink::files::folder::Folder;
use crate::sink::files::record::{RECORD_FOLDER, Record};
use crate::source::{DocumentError, LeftOut, Reason, Selected};

/// Suffixes of annotations, which lie beside their texts where the output folder is the input folder.
const ANNOTATION_SUFFIXES: [&str; 4] = [".ann", ".jsonl", ".parquet", ".html"];

/// What is walked, and by which rules.
#[derive(Clone)]
pub(super) struct Walk {
    /// Where it begins.
    pub(super) root: PathBuf,
    /// What is taken off a path to make a document's name.
    pub(super) below: PathBuf,
    /// Which files are documents.
    pub(super) wanted: Wanted,
    /// The folder for annotations.
    pub(super) output: Option<PathBuf>,
    /// Where it is noted what is passed over.
    pub(super) left_out: Arc<LeftOut>,
}

/// Which files are documents.
#[derive(Clone)]
pub(super) enum Wanted {
    /// Those whose name, or path below the root, matches.
    Name(GlobMatcher),
    /// Those whose whole path matches; hidden ones too where the glob speaks of them.
    Path { glob: GlobMatcher, hidden: bool },
}

impl Wanted {
    fn takes(&self, whole: &Path, relative: &Path) -> bool {
        match self {
            Self::Name(glob) => {
                relative.file_name().is_some_and(|name| glob.is_match(name)) || glob.is_match(relative)
            }
            Self::Path { glob, .. } => glob.is_match(whole),
        }
    }

    /// Whether what it does not take is news: a folder was given as a whole, a glob names only what matches.
    fn tells_what_is_left(&self) -> bool {
        matches!(self, Self::Name(_))
    }

    fn takes_hidden(&self) -> bool {
        matches!(self, Self::Path { hidden: true, .. })
    }
}

/// Files that this program wrote below `folder`, and that would be taken for documents.
struct Outputs {
    depth: usize,
    folder: PathBuf,
    names: HashSet<String>,
}

impl Walk {
    /// The files that are documents, sorted by name.
    pub(super) fn documents(self) -> impl Iterator<Item = Selected> + Send {
        let root = if self.root.as_os_str().is_empty() { PathBuf::from(".") } else { self.root.clone() };
        let output = self.output.as_ref().and_then(|output| fs::canonicalize(output).ok());
        // A folder whose output is the folder itself is walked; its outputs are known by its record.
        let output =
            output.filter(|output| fs::canonicalize(&root).is_ok_and(|root| !root.starts_with(output)));
        let (pruning, hidden) = (Arc::clone(&self.left_out), self.wanted.takes_hidden());
        let tells = self.wanted.tells_what_is_left();
        let below = root.clone();
        let mut outputs: Vec<Outputs> = Vec::new();
        WalkDir::new(root)
            .follow_links(true)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(move |entry| {
                let path = || entry.path().strip_prefix(&below).unwrap_or(entry.path());
                if entry.depth() == 0 {
                    return true;
                }
                if !hidden && is_hidden(entry.file_name()) {
                    // The program's own lock and record are no news.
                    if tells && !entry.file_name().to_string_lossy().starts_with(RECORD_FOLDER) {
                        pruning.pass(Reason::Hidden, entry.path(), path());
                    }
                    return false;
                }
                if entry.file_type().is_dir()
                    && let Some(output) = &output
                    && fs::canonicalize(entry.path()).is_ok_and(|folder| folder == *output)
                {
                    if tells {
                        pruning.pass(Reason::Output, entry.path(), path());
                    }
                    return false;
                }
                true
            })
            .filter_map(move |entry| match entry {
                Ok(entry) => {
                    outputs.retain(|outputs| outputs.depth < entry.depth());
                    if entry.file_type().is_dir() {
                        outputs.extend(self.outputs_of(&entry));
                        return None;
                    }
                    self.document(&entry, &outputs)
                }
                Err(error) => self.trouble(&error),
            })
    }

    fn document(&self, entry: &DirEntry, outputs: &[Outputs]) -> Option<Selected> {
        let whole = entry.path().strip_prefix("./").unwrap_or(entry.path());
        let relative = whole.strip_prefix(&self.below).unwrap_or(whole);
        let reason = if !self.wanted.takes(whole, relative) {
            if !self.wanted.tells_what_is_left() {
                return None;
            }
            Some(Reason::OtherName)
        } else if is_output(entry.path(), outputs) {
            Some(Reason::Output)
        } else if !is_regular(entry.file_type()) {
            Some(Reason::NotRegular)
        } else if self.has_text_beside(whole, relative) {
            Some(Reason::TextBeside)
        } else {
            None
        };
        if let Some(reason) = reason {
            self.left_out.pass(reason, whole, relative);
            return None;
        }
        Some(match (entry.path().to_str(), relative.to_str()) {
            (Some(doc_id), Some(name)) => Selected::process(doc_id, name),
            _ => failed(&entry.path().to_string_lossy(), DocumentError::Name),
        })
    }

    /// Whether a file is a PDF whose text is a document itself: `a.txt` or `a.pdf.txt` for `a.pdf`.
    fn has_text_beside(&self, whole: &Path, relative: &Path) -> bool {
        let is_pdf = whole.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pdf"));
        let named = |path: &Path| [path.with_extension("txt"), path.with_added_extension("txt")];
        is_pdf
            && std::iter::zip(named(whole), named(relative))
                .any(|(whole, relative)| self.wanted.takes(&whole, &relative) && whole.is_file())
    }

    /// What this program wrote below the folder `entry`, as far as it would be taken for documents.
    fn outputs_of(&self, entry: &DirEntry) -> Option<Outputs> {
        let folder = entry.path();
        fs::symlink_metadata(folder.join(RECORD_FOLDER)).ok()?;
        let record = Record::open(&Folder::open(folder).ok()?).ok()??;
        let names = record.names(|name| {
            let whole = folder.join(name);
            let whole = whole.strip_prefix("./").unwrap_or(&whole);
            self.wanted.takes(whole, whole.strip_prefix(&self.below).unwrap_or(whole))
        });
        Some(Outputs {
            depth: entry.depth(),
            folder: folder.to_path_buf(),
            names: names.ok()?.into_iter().collect(),
        })
    }

    /// A link that leads nowhere or back is passed over; a folder that cannot be listed fails.
    fn trouble(&self, error: &walkdir::Error) -> Option<Selected> {
        let path = error.path().unwrap_or(Path::new(""));
        let relative = path.strip_prefix(&self.below).unwrap_or(path);
        let link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
        if error.loop_ancestor().is_some() {
            self.left_out.pass(Reason::Loop, path, relative);
            return None;
        }
        if link && fs::metadata(path).is_err_and(|error| error.kind() != std::io::ErrorKind::PermissionDenied)
        {
            self.left_out.pass(Reason::Dangling, path, relative);
            return None;
        }
        let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
        let path = path.display().to_string();
        let reason = format!("'{path}' cannot be listed: {reason}; change its permissions and run again");
        Some(failed(&path, DocumentError::Reason(reason)))
    }
}

fn is_hidden(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn is_regular(kind: FileType) -> bool {
    kind.is_file()
}

/// Whether the file was written by this program: its record says so, or it is called like the annotation of a file
/// beside it.
fn is_output(path: &Path, outputs: &[Outputs]) -> bool {
    let recorded = outputs.iter().any(|outputs| {
        let name = path.strip_prefix(&outputs.folder).ok().and_then(Path::to_str);
        name.is_some_and(|name| outputs.names.contains(name))
    });
    recorded || is_annotation(path)
}

/// Whether the file is called like the annotation of a file beside it: `a.txt.ann` of `a.txt`, `a.ann` of `a.txt`.
pub(super) fn is_annotation(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(std::ffi::OsStr::to_str) else { return false };
    ANNOTATION_SUFFIXES.iter().filter_map(|suffix| name.strip_suffix(suffix)).any(|stem| {
        let beside = |name: &str| path.with_file_name(name).is_file();
        !stem.is_empty() && (beside(stem) || beside(&format!("{stem}.txt")))
    })
}

/// The folders at the start of a glob that hold no special character.
pub(super) fn literal_prefix(path: &Path) -> PathBuf {
    path.parent()
        .map(|folder| {
            folder
                .components()
                .take_while(|part| !super::is_glob(&part.as_os_str().to_string_lossy()))
                .collect()
        })
        .unwrap_or_default()
}

/// Whether a part of a glob asks for hidden names, as a shell understands it.
pub(super) fn asks_for_hidden(glob: &str) -> bool {
    let special = |part: &Component<'_>| matches!(part, Component::Normal(name) if is_hidden(name));
    Path::new(glob)
        .components()
        .skip(literal_prefix(Path::new(glob)).components().count())
        .any(|p| special(&p))
}
