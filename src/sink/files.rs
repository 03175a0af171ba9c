//! Annotations as files below a folder.
//!
//! A file is written beside its final name and then renamed, so that a reader sees a whole annotation or
//! none; an annotation that is already there with the same bytes is not written again. After a
//! power failure a file may be cut short by the file system; it then differs from the annotation, and the
//! next run writes it again.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{OutputFormat, SaveParams, Saver, Sink, SinkError};
use crate::document::{Annotation, Outcome, Status};
use crate::error::BoxError;
use crate::worker::WorkerContext;

/// The output folder that stands for standard output.
pub const STDOUT: &str = "-";

/// Writes annotations below a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSink {
    /// The folder, or [`STDOUT`].
    pub folder: PathBuf,
    /// How annotations are written.
    pub format: OutputFormat,
    /// Do everything but write.
    pub dry_run: bool,
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

    /// Makes the folder, and tries that it can be written to. To be called once before a run.
    ///
    /// # Errors
    /// [`SinkError::Folder`], with the folder and the reason.
    pub fn prepare(&self) -> crate::Result<()> {
        if self.folder.as_os_str() == STDOUT {
            return Ok(());
        }
        let refused = |source: io::Error| SinkError::Folder { folder: self.folder.clone(), source };
        if self.dry_run && !self.folder.exists() {
            return Ok(());
        }
        fs::create_dir_all(&self.folder).map_err(refused)?;
        if !self.dry_run {
            let probe = self.folder.join(".skol_classifier.probe");
            File::create(&probe).and_then(|_| fs::remove_file(&probe)).map_err(refused)?;
        }
        Ok(())
    }
}

impl Sink for FileSink {
    fn format(&self) -> OutputFormat {
        self.format
    }

    fn save_params(&self) -> Arc<dyn SaveParams> {
        Arc::new(self.clone())
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

    fn open(&self, _context: &WorkerContext) -> crate::Result<Box<dyn Saver>> {
        Ok(Box::new(FilesSaver { params: self.clone(), buffer: Vec::new() }))
    }
}

struct FilesSaver {
    params: FileSink,
    buffer: Vec<u8>,
}

#[async_trait]
impl Saver for FilesSaver {
    async fn save(&mut self, annotations: Vec<Annotation>) -> Vec<Outcome> {
        annotations.into_iter().map(|annotation| self.save_one(&annotation)).collect()
    }
}

impl FilesSaver {
    fn save_one(&mut self, annotation: &Annotation) -> Outcome {
        let (status, error) = match self.try_save(annotation) {
            Ok(status) => (status, None),
            Err(reason) => (Status::Failed, Some(reason)),
        };
        Outcome { reference: annotation.reference.clone(), status, attempts: 1, error }
    }

    fn try_save(&mut self, annotation: &Annotation) -> Result<Status, String> {
        let name = &annotation.reference.attachment_name;
        if self.params.folder.as_os_str() == STDOUT {
            return if self.params.dry_run { Ok(Status::Skipped) } else { to_stdout(&annotation.content) };
        }
        let path = self.path(&self.params.format.annotation_name(name))?;
        let mut status = self.write(&path, &annotation.content)?;
        if let (Some(text), Some(text_name)) = (&annotation.text, self.params.format.text_name(name)) {
            let beside = self.write(&self.path(&text_name)?, text)?;
            if status == Status::Unchanged {
                status = beside;
            }
        }
        Ok(status)
    }

    /// Where `name` lies below the folder; a name that would lead out of it is refused.
    fn path(&self, name: &str) -> Result<PathBuf, String> {
        let relative = Path::new(name);
        if relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            Ok(self.params.folder.join(relative))
        } else {
            Err(format!("'{name}' would be written outside of the output folder; give the input another way"))
        }
    }

    fn write(&mut self, path: &Path, content: &[u8]) -> Result<Status, String> {
        let failed = |what: &str, error: io::Error| {
            format!("'{}' cannot be {what}: {error}{}", path.display(), way_out(&error))
        };
        if self.holds(path, content).map_err(|error| failed("compared with the annotation", error))? {
            return Ok(Status::Unchanged);
        }
        if self.params.dry_run {
            return Ok(Status::Skipped);
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| failed("written", error))?;
        }
        let beside = beside(path);
        let written = File::create(&beside)
            .and_then(|mut file| file.write_all(content))
            .and_then(|()| fs::rename(&beside, path));
        if let Err(error) = written {
            // The reason of the failure is what counts; the file beside may never have come to be.
            let _ = fs::remove_file(&beside);
            return Err(failed("written", error));
        }
        Ok(Status::Saved)
    }

    /// Whether the file at `path` has exactly this content.
    fn holds(&mut self, path: &Path, content: &[u8]) -> io::Result<bool> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() != content.len() as u64 {
            return Ok(false);
        }
        self.buffer.clear();
        file.read_to_end(&mut self.buffer)?;
        Ok(self.buffer == content)
    }
}

/// The name under which a file is written before it is whole. One run at a time writes below a folder, so
/// what a killed run left there is overwritten by the next.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".part");
    path.with_file_name(name)
}

fn way_out(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space and run again",
        io::ErrorKind::PermissionDenied => "; change its permissions and run again",
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => "; move what stands in its place",
        _ => "; run again when this is mended",
    }
}

fn to_stdout(content: &[u8]) -> Result<Status, String> {
    let mut out = io::stdout().lock();
    out.write_all(content)
        .and_then(|()| out.flush())
        .map(|()| Status::Saved)
        .map_err(|error| format!("standard output cannot be written to: {error}"))
}
