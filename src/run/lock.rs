//! One run at a time on the same output.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Held for as long as a run writes. The operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock `file`, which is made if it is missing; `output` is what it guards, for the message.
    ///
    /// # Errors
    /// [`Locked`](crate::error::ErrorKind::Locked) when another process holds it;
    /// [`Unusable`](crate::error::ErrorKind::Unusable) when it cannot be made.
    pub fn take(file: &Path, output: &str) -> Result<Self> {
        let unusable = |error: std::io::Error| {
            Error::unusable(format!(
                "the lock '{}' cannot be taken: {error}; change the permissions of its folder",
                file.display()
            ))
        };
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(file)
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is a courtesy; that it is held is what counts.
                let _ = lock.read_to_string(&mut holder);
                let holder = holder.trim();
                return Err(Error::locked(format!(
                    "another run{} is writing to {output}; wait until it has ended, or give another output",
                    if holder.is_empty() { String::new() } else { format!(" (process {holder})") }
                )));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| write!(lock, "{}", std::process::id()))
            .map_err(unusable)?;
        Ok(Self { _file: lock })
    }

    /// The lock file of an output that is not a folder, such as a database: its name is a hash of `output`.
    ///
    /// # Errors
    /// When the folder for locks cannot be made.
    pub fn file_for(output: &str, folder: &Path) -> Result<PathBuf> {
        std::fs::create_dir_all(folder).map_err(|error| {
            Error::unusable(format!(
                "the folder for locks '{}' cannot be made: {error}; give another with --checkpoint-dir",
                folder.display()
            ))
        })?;
        Ok(folder.join(format!("skol_classifier-{}.lock", short_hash(output))))
    }
}

/// A name for `output` that can stand in a path: the first 16 hexadecimal digits of its SHA-256.
pub(super) fn short_hash(output: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(output.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
