//! Annotations as files below a folder.
//!
//! A file is written under another name and then gets its own, so that a reader sees a whole annotation or none; an
//! annotation that is already there with the same bytes is not written again. What stands there and is not
//! what this program [wrote last](record) belongs to a person: it stays, unless `--force` says otherwise, and then a
//! copy is kept. After a power failure the file system may have cut a new file to nothing; such a file is nobody's work
//! and is written again.
//!
//! Others may write to the folder as well: see [`folder`].

pub(crate) mod folder;
pub(crate) mod record;
pub(crate) mod shared;

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use self::folder::{Entry, Folder};
use self::record::{ContentDigest, Record};
use self::shared::SharedFolders;
use super::{OutputFormat, SaveParams, Saver, Sink, SinkError};
use crate::document::brat;
use crate::document::{Annotation, Outcome, Status};
use crate::error::BoxError;
use crate::worker::WorkerContext;

/// The output folder that stands for standard output.
pub const STDOUT: &str = "-";

/// The file that tells brat the labels of the folders at and below it.
const BRAT_CONFIGURATION: &str = "annotation.conf";

/// How many copies of what people changed are kept of one annotation.
const MOST_COPIES: u32 = 9_999;

/// Writes annotations below a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSink {
    /// The folder, or [`STDOUT`].
    pub folder: PathBuf,
    /// How annotations are written.
    pub format: OutputFormat,
    /// Do everything but write.
    pub dry_run: bool,
    /// Overwrite also what a person changed, after a copy of it was made.
    #[serde(default)]
    pub force: bool,
}

impl fmt::Display for FileSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "files below {}", self.folder.display())?;
        if self.dry_run { f.write_str(", dry run") } else { Ok(()) }
    }
}

impl FileSink {
    /// Name of the sink.
    pub(crate) const NAME: &'static str = "files";

    pub(crate) fn decode(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }

    /// Brings the record of what was written below the folder up to date. To be called by whoever holds the
    /// folder's lock, before and after a run.
    ///
    /// # Errors
    /// [`SinkError::Record`], with the record's path and the reason.
    pub fn settle(&self) -> crate::Result<()> {
        if !self.writes_files() {
            return Ok(());
        }
        let output = Folder::open(&self.folder).map_err(|source| self.refused(source))?;
        Record::make(&output).and_then(|record| record.settle(&output)).map_err(|source| {
            SinkError::Record { path: self.folder.join(record::RECORD_FOLDER), source }.into()
        })
    }

    /// Removes what processes that were killed left half written below the folder. To be called by whoever holds the
    /// folder's lock, when nobody writes there any more.
    ///
    /// # Errors
    /// [`SinkError::Folder`] when a file cannot be removed.
    #[cfg_attr(not(feature = "cluster"), allow(dead_code, reason = "only a cluster shares folders"))]
    pub(crate) fn remove_parts(&self) -> crate::Result<()> {
        if self.writes_files() {
            shared::remove_parts(&self.folder).map_err(|source| self.refused(source))?;
        }
        Ok(())
    }

    /// Writes brat's `annotation.conf` with `labels` into the folder, where annotations go there in that format. One that
    /// is there and that this program did not write stays as it is.
    ///
    /// # Errors
    /// [`SinkError::Folder`] when it cannot be written.
    pub fn write_brat_configuration(&self, labels: &[String]) -> crate::Result<()> {
        if self.format != OutputFormat::Brat || !self.writes_files() {
            return Ok(());
        }
        let folder = Folder::open(&self.folder).map_err(|source| self.refused(source))?;
        let name = Path::new(BRAT_CONFIGURATION);
        let configuration = brat::configuration(labels);
        let mut there = String::new();
        match folder.entry(name).map_err(|source| self.refused(source))? {
            Entry::Absent => {}
            Entry::Regular(mut file) => {
                file.read_to_string(&mut there).map_err(|source| self.refused(source))?;
                if there == configuration || !there.starts_with(brat::CONFIGURATION_START) {
                    return Ok(());
                }
                folder.remove(name).map_err(|source| self.refused(source))?;
            }
            Entry::Link | Entry::Special(_) => return Ok(()),
        }
        let written = folder.create(name).and_then(|mut file| file.write_all(configuration.as_bytes()));
        Ok(written.map_err(|source| self.refused(source))?)
    }

    fn writes_files(&self) -> bool {
        !self.dry_run && self.folder.as_os_str() != STDOUT
    }

    fn refused(&self, source: io::Error) -> SinkError {
        SinkError::Folder { folder: self.folder.clone(), source }
    }
}

impl Sink for FileSink {
    fn format(&self) -> OutputFormat {
        self.format
    }

    fn save_params(&self) -> Arc<dyn SaveParams> {
        Arc::new(self.clone())
    }

    /// Makes the folder where it is missing. Whether it can be written to is seen when a run takes its lock there.
    fn prepare(&self) -> crate::Result<()> {
        if self.writes_files() {
            std::fs::create_dir_all(&self.folder).map_err(|source| self.refused(source))?;
        }
        Ok(())
    }

    fn writer_name(&self) -> &str {
        "FileOutputWriter"
    }

    fn operation(&self) -> &str {
        "Starting file save operation"
    }
}

impl SaveParams for FileSink {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn encode(&self) -> Result<Vec<u8>, BoxError> {
        Ok(serde_json::to_vec(self)?)
    }

    fn open(&self, context: &WorkerContext) -> crate::Result<Box<dyn Saver>> {
        let since = context.shared(SharedFolders::default).since(&self.folder);
        Ok(Box::new(FilesSaver { params: self.clone(), open: None, buffer: Vec::new(), since }))
    }
}

/// The folder and its record, once they were needed.
struct Open {
    folder: Folder,
    record: Option<Record>,
}

struct FilesSaver {
    params: FileSink,
    open: Option<Open>,
    buffer: Vec<u8>,
    /// When the run began, where other processes write to the folder too.
    since: Option<SystemTime>,
}

/// What stands where a file is to be written.
#[derive(Debug, PartialEq)]
enum Held {
    Nothing,
    /// Exactly what would be written.
    Same,
    /// The same, written in this run by somebody who was taken for lost.
    Done,
    /// What this program wrote, and is to be replaced.
    Ours,
    /// Something that this program did not write: why.
    Theirs(&'static str),
}

/// One file of an annotation.
struct Target<'a> {
    name: String,
    content: &'a [u8],
    /// The document that this is the text of, by its path.
    text_of: Option<&'a str>,
}

#[async_trait]
impl Saver for FilesSaver {
    async fn save(&mut self, annotations: Vec<Annotation>) -> crate::Result<Vec<Outcome>> {
        Ok(annotations.into_iter().map(|annotation| self.save_one(&annotation)).collect())
    }
}

impl FilesSaver {
    fn save_one(&mut self, annotation: &Annotation) -> Outcome {
        let (status, error) = match self.try_save(annotation) {
            Ok((status, note)) => (status, note),
            Err(reason) => (Status::Failed, Some(reason)),
        };
        Outcome { reference: annotation.reference.clone(), status, attempts: 1, error }
    }

    fn try_save(&mut self, annotation: &Annotation) -> Result<(Status, Option<String>), String> {
        let name = &annotation.reference.attachment_name;
        if self.params.folder.as_os_str() == STDOUT {
            let written =
                if self.params.dry_run { Ok(Status::Planned) } else { to_stdout(&annotation.content) };
            return written.map(|status| (status, None));
        }
        let format = self.params.format;
        // The text comes first: whoever finds an annotation finds its text.
        let mut targets = Vec::with_capacity(2);
        if let (Some(text), Some(name)) = (&annotation.text, format.text_name(name)) {
            targets.push(Target { name, content: text, text_of: Some(&annotation.reference.doc_id) });
        }
        targets.push(Target {
            name: format.annotation_name(name),
            content: &annotation.content,
            text_of: None,
        });
        for target in &targets {
            self.check_name(&target.name)?;
        }
        // A second look, should somebody put something there in the middle of the first.
        match self.save_files(&targets)? {
            Some(saved) => Ok(saved),
            None => self
                .save_files(&targets)?
                .ok_or_else(|| format!("'{name}': others write to the same file; run again")),
        }
    }

    /// Saves files that belong together; `None` when somebody else made one of them meanwhile.
    fn save_files(&mut self, targets: &[Target<'_>]) -> Result<Option<(Status, Option<String>)>, String> {
        let mut work = Vec::with_capacity(targets.len());
        let mut there = Status::Unchanged;
        for target in targets {
            match self.held(target)? {
                Held::Same => {}
                Held::Done => there = Status::Saved,
                Held::Theirs(why) if !self.params.force => {
                    let path = self.params.folder.join(&target.name);
                    return Ok(Some((Status::Kept, Some(format!("'{}' {why}", path.display())))));
                }
                _ if self.is_the_document(target) => {
                    return Err(format!(
                        "'{}' is the document itself, and would be overwritten with its text in UTF-8; give another \
                         --output",
                        target.name
                    ));
                }
                held => work.push((target, held)),
            }
        }
        if work.is_empty() {
            return Ok(Some((there, None)));
        }
        if self.params.dry_run {
            return Ok(Some((Status::Planned, None)));
        }
        let mut copies = Vec::new();
        for (target, held) in work {
            let written = self.write(target, &held).map_err(|error| {
                let path = self.params.folder.join(&target.name);
                format!("'{}' cannot be written: {error}{}", path.display(), remedy(&error))
            })?;
            match written {
                Some(copy) => copies.extend(copy),
                None => return Ok(None),
            }
        }
        let note = (!copies.is_empty())
            .then(|| format!("what a person changed is kept as '{}'", copies.join("' and '")));
        Ok(Some((Status::Saved, note)))
    }

    /// Whether the file is the document that it is to be a copy of.
    fn is_the_document(&self, target: &Target<'_>) -> bool {
        let Some(document) = target.text_of else { return false };
        match (self.params.folder.join(&target.name).canonicalize(), Path::new(document).canonicalize()) {
            (Ok(file), Ok(document)) => file == document,
            _ => false,
        }
    }

    /// A name that would lead out of the folder, or to the program's own files, is refused.
    fn check_name(&self, name: &str) -> Result<(), String> {
        let relative = Path::new(name);
        let own = relative
            .components()
            .next()
            .is_some_and(|first| first.as_os_str().to_string_lossy().starts_with(record::RECORD_FOLDER));
        let stays =
            relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !stays || relative.file_name().is_none() {
            return Err(format!(
                "'{name}' would be written outside of the output folder; give the input another way"
            ));
        }
        if own {
            return Err(format!("'{name}' is a name that the program keeps for itself; rename the input"));
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<&Open> {
        if self.open.is_none() {
            let folder = Folder::open(&self.params.folder)?;
            let record =
                if self.params.dry_run { Record::open(&folder)? } else { Some(Record::make(&folder)?) };
            self.open = Some(Open { folder, record });
        }
        self.open.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn held(&mut self, target: &Target<'_>) -> Result<Held, String> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let held = self.look(target, &mut buffer);
        self.buffer = buffer;
        held.map_err(|error| {
            let path = self.params.folder.join(&target.name);
            format!("'{}' cannot be compared with the annotation: {error}{}", path.display(), remedy(&error))
        })
    }

    fn look(&mut self, target: &Target<'_>, buffer: &mut Vec<u8>) -> io::Result<Held> {
        let dry_run = self.params.dry_run;
        let open = match self.open() {
            // Nothing is made for a dry run.
            Err(error) if dry_run && error.kind() == io::ErrorKind::NotFound => return Ok(Held::Nothing),
            open => open?,
        };
        let path = Path::new(&target.name);
        let parent = match open.folder.parent_of(path, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Held::Nothing),
            parent => parent?,
        };
        let folder = parent.as_ref().unwrap_or(&open.folder);
        let mut file = match folder.entry(file_name(path))? {
            Entry::Absent => return Ok(Held::Nothing),
            Entry::Link => return Ok(Held::Theirs("is a symbolic link, which this program did not make")),
            Entry::Special(kind) => {
                return Err(io::Error::new(
                    io::ErrorKind::NotADirectory,
                    format!("{kind} stands in its place"),
                ));
            }
            Entry::Regular(file) => file,
        };
        let metadata = file.metadata()?;
        let length = metadata.len();
        if length == 0 && !target.content.is_empty() {
            return Ok(Held::Ours);
        }
        let digest = if length == target.content.len() as u64 {
            buffer.clear();
            (&mut file).take(length).read_to_end(buffer)?;
            if buffer == target.content {
                self.adopt(target)?;
                let own = self.since.is_some_and(|since| metadata.modified().is_ok_and(|time| time >= since));
                return Ok(if own { Held::Done } else { Held::Same });
            }
            ContentDigest::of(buffer)
        } else {
            ContentDigest::of_file(file)?
        };
        let known = match &open.record {
            Some(record) => record.knows(&target.name, digest)?,
            None => false,
        };
        Ok(if known { Held::Ours } else { Held::Theirs("is not what this program wrote last") })
    }

    /// A file that is what this program would write counts as written by it, wherever it came from.
    fn adopt(&mut self, target: &Target<'_>) -> io::Result<()> {
        // Where the output folder is the input folder, the text is the document, which is nobody's output.
        if self.params.dry_run || target.text_of.is_some() {
            return Ok(());
        }
        let Some(record) = &self.open()?.record else { return Ok(()) };
        let digest = ContentDigest::of(target.content);
        if record.knows(&target.name, digest)? { Ok(()) } else { record.add(&target.name, digest) }
    }

    /// Writes a file. The name of the copy of what a person changed comes back, if one was made; `None` when
    /// somebody else made the file meanwhile.
    fn write(&mut self, target: &Target<'_>, held: &Held) -> io::Result<Option<Option<String>>> {
        let shared = self.since.is_some();
        let open = self.open()?;
        let path = Path::new(&target.name);
        let parent = open.folder.parent_of(path, true)?;
        let folder = parent.as_ref().unwrap_or(&open.folder);
        let name = file_name(path);
        if let Some(record) = &open.record {
            record.add(&target.name, ContentDigest::of(target.content))?;
        }
        let copy = match held {
            Held::Theirs(_) => Some(keep_copy(folder, name)?),
            _ => None,
        };
        let part = part_name(name, shared);
        let written = create_anew(folder, &part)
            .and_then(|mut file| file.write_all(target.content))
            .and_then(|()| give_name(folder, &part, name, *held == Held::Nothing));
        if written.is_err() {
            // The reason of the failure is what counts; the part may never have come to be.
            let _ = folder.remove(&part);
        }
        match written {
            Err(error) if *held == Held::Nothing && error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            written => written.map(|()| Some(copy)),
        }
    }
}

fn file_name(path: &Path) -> &Path {
    path.file_name().map_or(path, Path::new)
}

/// A new file `part`. Whatever stands there, left by a run that was killed or planted, is removed first: the name, not
/// what it leads to.
fn create_anew(folder: &Folder, part: &Path) -> io::Result<File> {
    match folder.create(part) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            folder.remove(part)?;
            folder.create(part)
        }
        created => created,
    }
}

/// Gives the finished `part` its `name`. One that is `new` takes nobody's place.
fn give_name(folder: &Folder, part: &Path, name: &Path, new: bool) -> io::Result<()> {
    if !new {
        return folder.rename(part, name);
    }
    match folder.link(part, name) {
        Ok(()) => folder.remove(part),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // A file system without hard links.
        Err(_) => folder.rename(part, name),
    }
}

/// Keeps what stands under `name` under another one too: `a.txt.ann.~1~`, as `cp --backup=numbered` counts.
fn keep_copy(folder: &Folder, name: &Path) -> io::Result<String> {
    for number in 1..=MOST_COPIES {
        let copy = format!("{}.~{number}~", name.display());
        let copied = match folder.link(name, Path::new(&copy)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                // No hard link to somebody else's file, or none at all.
                match folder.entry(name)? {
                    Entry::Regular(mut file) => folder
                        .create(Path::new(&copy))
                        .and_then(|mut to| io::copy(&mut file, &mut to).map(drop)),
                    _ => Err(error),
                }
            }
            linked => linked,
        };
        match copied {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            copied => return copied.map(|()| copy),
        }
    }
    Err(io::Error::other(format!("there are {MOST_COPIES} copies of it already")))
}

/// The name under which a file is written before it is whole. One run at a time writes below a folder, so what a killed
/// run left there is replaced by the next; it is short, whatever the file is called. Where several processes share the
/// folder, one that was taken for lost may still write: then no name is used twice.
fn part_name(name: &Path, shared: bool) -> PathBuf {
    use sha2::Digest;
    let hash = sha2::Sha256::digest(name.as_os_str().as_encoded_bytes());
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let own = if shared { format!("-{:016x}", rand::random::<u64>()) } else { String::new() };
    PathBuf::from(format!("{}-{hash}{own}.part", record::RECORD_FOLDER))
}

/// Whether a file has a name that [`part_name`] gives.
fn is_part(name: &Path) -> bool {
    let name = name.to_str().and_then(|name| name.strip_prefix(record::RECORD_FOLDER));
    name.is_some_and(|rest| rest.starts_with('-') && rest.ends_with(".part"))
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space and run again",
        io::ErrorKind::PermissionDenied => "; change its permissions and run again",
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => {
            "; look who put it there, move it away, and run again"
        }
        io::ErrorKind::InvalidFilename => "; give the input a shorter name",
        _ => "; run again when this is mended",
    }
}

/// Where the reader has seen enough, nothing more is wanted.
fn to_stdout(content: &[u8]) -> Result<Status, String> {
    let mut out = io::stdout().lock();
    match out.write_all(content).and_then(|()| out.flush()) {
        Ok(()) => Ok(Status::Saved),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Status::Unread),
        Err(error) => Err(format!("standard output cannot be written to: {error}")),
    }
}
