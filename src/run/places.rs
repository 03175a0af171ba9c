//! Where a run reads and writes, from its settings.

use std::path::PathBuf;
use std::sync::Arc;

use super::format;
use crate::error::{Error, Result};
use crate::settings::{Input, Settings};
use crate::sink::{FilesSaveParams, STDOUT, SaveParams};
use crate::source::{FileSource, FilesLoadParams, LoadParams, SampleSource, Source};

/// The lock of an output folder.
const LOCK_FILE: &str = ".skol_classifier.lock";

/// Source and sink of a run, made ready.
pub(super) struct Places {
    pub(super) source: Arc<dyn Source>,
    pub(super) load: LoadParams,
    pub(super) save: SaveParams,
    /// The lock file and what it guards; `None` where nothing is written.
    pub(super) lock: Option<(PathBuf, String)>,
    /// Where the annotations are, for the sentence at the end.
    pub(super) destination: String,
}

impl Places {
    pub(super) async fn open(settings: &Settings) -> Result<Self> {
        match &settings.input {
            Input::Samples => {
                let (source, load) = (SampleSource::new(settings.selection.limit), LoadParams::Samples);
                Self::files(settings, Arc::new(source), load)
            }
            Input::Paths(paths) => {
                let selection = &settings.selection;
                let limit = selection.limit.map(|limit| limit as u64);
                let mut source = FileSource::new(paths, &selection.attachment_pattern)?.with_limit(limit);
                if selection.skip_existing {
                    source = source.skip_existing(&settings.output, format(settings));
                }
                Self::files(settings, Arc::new(source), LoadParams::Files(FilesLoadParams::default()))
            }
            Input::CouchDb(_) => Err(Error::unusable("CouchDB is not part of this build yet")),
        }
    }

    fn files(settings: &Settings, source: Arc<dyn Source>, load: LoadParams) -> Result<Self> {
        let save = FilesSaveParams {
            folder: settings.output.clone(),
            format: format(settings),
            dry_run: settings.dry_run,
        };
        save.prepare()?;
        let destination = settings.output.display().to_string();
        let writes = !settings.dry_run && destination != STDOUT;
        let lock =
            writes.then(|| (settings.output.join(LOCK_FILE), format!("the output folder '{destination}'")));
        let destination = if destination == STDOUT {
            "on standard output".to_string()
        } else {
            format!("in {destination}")
        };
        Ok(Self { source, load, save: SaveParams::Files(save), lock, destination })
    }
}

/// The folder for checkpoints, locks of databases and the records of past runs.
pub(super) fn checkpoint_folder(settings: &Settings) -> PathBuf {
    settings.checkpoint_dir.clone().unwrap_or_else(|| std::env::temp_dir().join("skol_classifier"))
}
