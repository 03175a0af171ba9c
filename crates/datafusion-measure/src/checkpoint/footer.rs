//! The footer of a checkpoint's file, as it was written.
//!
//! The footer says how the rest of a Parquet file is to be read, and the readers below us panic on some that no writer
//! makes. A file whose footer is another by now is not opened.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// The last bytes of every Parquet file: the footer's length and four letters.
const TAIL_BYTES: u64 = 8;

/// What a footer was right after it was written: a keyed hash (SipHash), which nobody outside of the process can meet.
#[derive(Debug, Clone)]
pub(super) struct Footer {
    file_bytes: u64,
    footer_bytes: u64,
    hash: u64,
    key: RandomState,
}

impl Footer {
    /// The footer of a file that was written just now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let file_bytes = file.metadata()?.len();
        let mut length = [0; 4];
        file.seek(SeekFrom::Start(file_bytes.saturating_sub(TAIL_BYTES)))?;
        file.read_exact(&mut length)?;
        let footer_bytes = (u64::from(u32::from_le_bytes(length)) + TAIL_BYTES).min(file_bytes);
        let key = RandomState::new();
        let hash = key.hash_one(read_end(&mut file, footer_bytes)?);
        Ok(Self { file_bytes, footer_bytes, hash, key })
    }

    /// Bytes of the whole file.
    pub(super) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// An error where the file at `path` has another length or another footer than it was written with.
    pub(super) fn check(&self, path: &Path) -> io::Result<()> {
        let mut file = File::open(path)?;
        let same = file.metadata()?.len() == self.file_bytes
            && self.key.hash_one(read_end(&mut file, self.footer_bytes)?) == self.hash;
        if same {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "the file is not what was written to it"))
    }
}

fn read_end(file: &mut File, bytes: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::End(-i64::try_from(bytes).unwrap_or(i64::MAX)))?;
    let mut end = Vec::new();
    file.take(bytes).read_to_end(&mut end)?;
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn any_change_of_the_footer_or_the_length_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let file = [&b"PAR1 rows rows "[..], b"how to read them", &16u32.to_le_bytes(), b"PAR1"].concat();
        fs::write(&path, &file).unwrap();
        let footer = Footer::of(&path).unwrap();
        footer.check(&path).unwrap();
        for at in file.len() - 24..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert!(footer.check(&path).is_err(), "byte {at}");
        }
        for changed in [&file[1..], &file[..file.len() - 1], &[&file[..], b" "].concat(), b""] {
            fs::write(&path, changed).unwrap();
            assert!(footer.check(&path).is_err(), "{changed:?}");
        }
    }
}
