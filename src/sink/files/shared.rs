//! An output folder that several processes write to in one run.
//!
//! Nothing here is known in a run within one process: there each file has one writer.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// When the runs in hand began that share a folder with other processes, in the time of the folder's file system.
#[derive(Debug, Default)]
pub(crate) struct SharedFolders(Mutex<HashMap<PathBuf, SystemTime>>);

impl SharedFolders {
    /// A run that writes to `folder` began at `time`.
    #[cfg_attr(not(feature = "cluster"), allow(dead_code, reason = "only a cluster shares folders"))]
    pub(crate) fn began(&self, folder: &Path, time: SystemTime) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned(), time);
    }

    /// When the run in hand began, where it shares `folder`.
    pub(crate) fn since(&self, folder: &Path) -> Option<SystemTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(folder).copied()
    }
}
