//! The flight recorder: keeps the last runs' metrics in a folder, to compare the next one with.
//!
//! Handles JSON objects of metrics as they are written for machines, so that a caller's own keys are kept and
//! compared as well. Touches only files whose names it made itself; a record that cannot be read is passed over.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::files::replace;

const PREFIX: &str = "flight-";
const SUFFIX: &str = ".json";

/// Keeps the metrics of the last runs in a folder.
#[derive(Debug, Clone)]
pub struct FlightRecorder {
    folder: PathBuf,
    keep: usize,
}

/// A run that was recorded.
#[derive(Debug, Clone)]
pub struct Flight {
    /// When it was recorded.
    pub at: SystemTime,
    /// Its metrics.
    pub metrics: Value,
}

impl FlightRecorder {
    /// A recorder that keeps the last `keep` runs (at least one) in `folder`, which is created when needed.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, keep: usize) -> Self {
        Self { folder: folder.into(), keep: keep.max(1) }
    }

    /// Records a run's metrics, and forgets the oldest runs beyond those to keep.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn record(&self, metrics: &Value) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.folder)?;
        let mut text = serde_json::to_vec(metrics)?;
        text.push(b'\n');
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let path = self.folder.join(format!("{PREFIX}{now:020}-{}{SUFFIX}", std::process::id()));
        // Not flushed to the disk: a record that a power failure takes is no loss, waiting for the disk is.
        replace(&path, &text, false)?;
        let mut names = self.names();
        names.truncate(names.len().saturating_sub(self.keep));
        for (_, old) in names {
            // Another run may have removed it already.
            let _ = fs::remove_file(old);
        }
        Ok(path)
    }

    /// The recorded runs that can be read, oldest first.
    #[must_use]
    pub fn flights(&self) -> Vec<Flight> {
        self.names().into_iter().filter_map(|(at, path)| read(at, &path)).collect()
    }

    /// The last run that can be read.
    #[must_use]
    pub fn last(&self) -> Option<Flight> {
        self.names().into_iter().rev().find_map(|(at, path)| read(at, &path))
    }

    /// Records of this folder, oldest first.
    fn names(&self) -> Vec<(SystemTime, PathBuf)> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut found: Vec<(u64, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name();
                let stem = name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
                Some((stem.split_once('-')?.0.parse().ok()?, entry.path()))
            })
            .collect();
        found.sort();
        found.into_iter().map(|(nanos, path)| (UNIX_EPOCH + Duration::from_nanos(nanos), path)).collect()
    }
}

fn read(at: SystemTime, path: &Path) -> Option<Flight> {
    // A FIFO in a record's place would be waited for.
    let file =
        fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file).and_then(|_| fs::read(path).ok())?;
    let metrics = serde_json::from_slice(&file).ok()?;
    Some(Flight { at, metrics })
}

/// How long ago something was, for people.
pub(crate) fn ago(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_the_last_runs_and_leaves_other_files_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("flight-plan.txt"), "mine").unwrap();
        let recorder = FlightRecorder::new(folder.path().join("flights"), 3);
        assert!(recorder.last().is_none());
        for run in 0..5 {
            recorder.record(&json!({"run": run})).unwrap();
        }
        let runs: Vec<_> =
            recorder.flights().into_iter().map(|flight| flight.metrics["run"].clone()).collect();
        assert_eq!(runs, [2, 3, 4]);
        fs::write(folder.path().join("flights/flight-99999999999999999999-1.json"), "{broken").unwrap();
        fs::write(folder.path().join("flights/flight-18000000000000000000-1.json"), "{broken").unwrap();
        assert_eq!(recorder.last().unwrap().metrics["run"], 4, "a broken record is passed over");
        assert!(folder.path().join("flight-plan.txt").exists());
    }
}
