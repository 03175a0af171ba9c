//! The checkpoint folder: one folder per process in it, locked while the process lives, and one per checkpoint in
//! that, gone when nothing refers to it any more.
//!
//! Touches only folders whose names it made itself.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use datafusion::error::Result;

use crate::Error;
use crate::named::Named;

const PREFIX: &str = "checkpoint-run-";
const NEW_PREFIX: &str = ".checkpoint-new-";
const LOCK: &str = ".lock";
const REMOVE_TRIES: usize = 10;

/// The checkpoints of one process.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    run: Mutex<Option<Arc<RunFolder>>>,
    names: Mutex<HashMap<String, usize>>,
    in_memory: Arc<AtomicUsize>,
    optimizing: Mutex<Named<Duration>>,
}

/// Names whose time in the optimizer is remembered.
const OPTIMIZED_NAMES: usize = 1000;

/// Bytes of a checkpoint in memory: they count toward the sum of all until this is dropped.
#[derive(Debug)]
pub(super) struct InMemory {
    bytes: usize,
    sum: Arc<AtomicUsize>,
}

impl Drop for InMemory {
    fn drop(&mut self) {
        self.sum.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// This process's folder; the lock tells other processes that it is alive, and ends with it however it ends.
#[derive(Debug)]
struct RunFolder {
    path: PathBuf,
    _lock: File,
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        // Whatever cannot be removed now is removed at the next start, when the lock is free.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The files of one checkpoint. They are removed with the last table or running scan that holds this.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    _run: Arc<RunFolder>,
}

impl Files {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Store {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            run: Mutex::new(None),
            names: Mutex::new(HashMap::new()),
            in_memory: Arc::default(),
            optimizing: Mutex::default(),
        }
    }

    /// Adds to the time that the optimizer took for a name since its last checkpoint, and returns it.
    pub(super) fn optimizing(&self, name: &str, elapsed: Duration) -> Duration {
        let mut optimizing = self.optimizing.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = optimizing.entry(name, OPTIMIZED_NAMES);
        *sum += elapsed;
        *sum
    }

    /// A checkpoint of this name is made.
    pub(super) fn optimized(&self, name: &str) {
        let mut optimizing = self.optimizing.lock().unwrap_or_else(PoisonError::into_inner);
        optimizing.set(name, Duration::ZERO, OPTIMIZED_NAMES);
    }

    /// Bytes of all checkpoints in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.in_memory.load(Ordering::Relaxed)
    }

    /// Counts a checkpoint in memory.
    pub(super) fn count_memory(&self, bytes: usize) -> InMemory {
        self.in_memory.fetch_add(bytes, Ordering::Relaxed);
        InMemory { bytes, sum: Arc::clone(&self.in_memory) }
    }

    /// The folder for all checkpoints.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// `name`, or with a number after it where it was given out before.
    pub(super) fn unique_name(&self, name: &str) -> String {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let count = names.entry(name.to_owned()).or_insert(0);
        *count += 1;
        if *count == 1 { name.to_owned() } else { format!("{name}_{count}") }
    }

    /// An empty folder for one checkpoint.
    pub(super) fn files(&self, name: &str) -> Result<Arc<Files>> {
        self.try_files(name).map_err(|source| {
            Error::CheckpointFolder { name: name.to_owned(), folder: self.folder.clone(), source }.into()
        })
    }

    fn try_files(&self, name: &str) -> io::Result<Arc<Files>> {
        let run = {
            let mut run = self.locked();
            match run.as_ref() {
                Some(run) => Arc::clone(run),
                None => {
                    remove_stale(&self.folder);
                    Arc::clone(run.insert(Arc::new(new_run(&self.folder)?)))
                }
            }
        };
        let safe: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(60).collect();
        let path = tempfile::Builder::new().prefix(&format!("{safe}-")).tempdir_in(&run.path)?.keep();
        Ok(Arc::new(Files { path, _run: run }))
    }

    /// Removes what killed processes have left behind. Does nothing where the folder does not exist.
    pub(crate) fn remove_stale(&self) {
        remove_stale(&self.folder);
    }

    /// Removes all of this process's files at once, also those still in use.
    pub(crate) fn remove_all(&self) {
        if let Some(run) = self.locked().take() {
            // A running checkpoint may make a file while its folder is being emptied.
            for _ in 0..REMOVE_TRIES {
                if fs::remove_dir_all(&run.path).is_ok() || !run.path.exists() {
                    return;
                }
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, Option<Arc<RunFolder>>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes this process's folder. It gets the name that others look for only when it is locked.
fn new_run(folder: &Path) -> io::Result<RunFolder> {
    fs::create_dir_all(folder)?;
    let pid = std::process::id();
    let new = tempfile::Builder::new().prefix(&format!("{NEW_PREFIX}{pid}-")).tempdir_in(folder)?;
    let lock = File::create(new.path().join(LOCK))?;
    lock.lock()?;
    let name = new.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let path = folder.join(name.replacen(NEW_PREFIX, PREFIX, 1));
    let new = new.keep();
    fs::rename(&new, &path)?;
    Ok(RunFolder { path, _lock: lock })
}

/// Removes folders whose process is no more: their lock is free.
fn remove_stale(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)) {
            continue;
        }
        let path = entry.path();
        let alive = match File::open(path.join(LOCK)) {
            Ok(lock) => matches!(lock.try_lock(), Err(TryLockError::WouldBlock)),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        if !alive {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_go_with_their_last_holder_and_the_run_with_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned());
        let files = store.files("a name/with *").unwrap();
        let path = files.path().to_owned();
        assert!(path.is_dir());
        let held = Arc::clone(&files);
        drop(files);
        assert!(path.is_dir());
        drop(held);
        assert!(!path.exists());
        assert_eq!(entries(folder.path()).len(), 1);
        drop(store);
        assert!(entries(folder.path()).is_empty());
    }

    #[test]
    fn removes_folders_of_the_dead_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let dead = folder.path().join(format!("{PREFIX}1-x"));
        fs::create_dir(&dead).unwrap();
        File::create(dead.join(LOCK)).unwrap();
        fs::write(dead.join("part.parquet"), "x").unwrap();
        fs::create_dir(folder.path().join("mine")).unwrap();
        let living = Store::new(folder.path().to_owned());
        let files = living.files("a").unwrap();
        assert!(!dead.exists(), "the dead one goes when the next process starts");
        Store::new(folder.path().to_owned()).remove_stale();
        assert!(files.path().is_dir(), "the living one stays");
        assert!(folder.path().join("mine").is_dir());
        living.remove_all();
        assert_eq!(entries(folder.path()), ["mine"]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Store::new(file.join("below")).files("frame").unwrap_err().to_string();
        assert!(error.contains("'frame'") && error.contains("file/below"), "{error}");
    }
}
