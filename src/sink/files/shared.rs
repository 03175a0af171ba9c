//! An output folder that several processes write to in one run.
//!
//! Nothing here is known in a run within one process: there each file has one writer.

use super::folder::Folder;
use super::{file_name, is_part};
use std::collections::HashMap;
use std::io;
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

/// Removes files below `folder` that were never finished. Nobody takes their names again where several processes write,
/// so that what a killed one leaves would stay for ever.
pub(super) fn remove_parts(folder: &Path) -> io::Result<()> {
    let output = Folder::open(folder)?;
    // What cannot be listed has no file of ours, or its own failure was reported when it was to be written.
    for entry in walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok) {
        let relative = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        if !entry.file_type().is_file() || !is_part(file_name(relative)) {
            continue;
        }
        // By way of the folder's handle: a link that takes the place of a folder meanwhile is not followed.
        let removed = match output.parent_of(relative, false) {
            Ok(parent) => parent.as_ref().unwrap_or(&output).remove(file_name(relative)),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::part_name;
    use super::*;
    use std::fs;

    #[test]
    fn only_what_was_never_finished_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("deep/.skol_classifier")).unwrap();
        let part = |name: &str| part_name(Path::new(name), true).to_string_lossy().into_owned();
        let parts = [part("a.txt.ann"), format!("deep/{}", part("b.txt.ann"))];
        let others = ["a.txt.ann", "a.part", ".skol_classifier.part", "deep/.skol_classifier/written"];
        for name in parts.iter().map(String::as_str).chain(others) {
            fs::write(path(name), "text").unwrap();
        }
        remove_parts(folder.path()).unwrap();
        for name in &parts {
            assert!(!path(name).exists(), "{name}");
        }
        for name in others {
            assert!(path(name).exists(), "{name}");
        }
    }
}
