//! The model file: named sections of bytes under one checksum.
//!
//! ```text
//! offset  bytes  what
//! 0       8      magic "SKOLMDL\n"
//! 8       4      format version, little-endian like every number
//! 12      4      number of sections
//! 16      8      length of the whole file
//! 24      16 n   for each section: its name (4 bytes ASCII), zeros (4 bytes), its length (8 bytes)
//! ...            the sections, one after the other
//! end-32  32     SHA-256 of everything before
//! ```
//!
//! This module knows bytes only; what the sections hold is the business of [`Model`](super::Model).

use super::ContainerError;
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 8] = b"SKOLMDL\n";
/// The version of the format that this program writes, and the newest that it reads.
pub(super) const VERSION: u32 = 1;
const HEAD: usize = 24;
const ENTRY: usize = 16;
const CHECKSUM: usize = 32;

/// The sections of a model file, borrowed from its bytes.
pub(super) struct Container<'a> {
    sections: Vec<([u8; 4], &'a [u8])>,
    /// SHA-256 of the whole file in hexadecimal, as `sha256sum` prints it.
    pub(super) sha256: String,
}

impl<'a> Container<'a> {
    /// Checks `bytes` and finds the sections.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ContainerError> {
        let found = bytes.len() as u64;
        if !bytes.starts_with(&MAGIC[..bytes.len().min(MAGIC.len())]) || bytes.is_empty() {
            return Err(ContainerError::Foreign);
        }
        let truncated = |expected: usize| ContainerError::Truncated { found, expected: expected as u64 };
        let smallest = HEAD + CHECKSUM;
        let version = u32::from_le_bytes(array(bytes, 8).ok_or_else(|| truncated(smallest))?);
        if version > VERSION {
            return Err(ContainerError::Newer(version));
        }
        let count = u32::from_le_bytes(array(bytes, 12).ok_or_else(|| truncated(smallest))?) as usize;
        let expected = u64::from_le_bytes(array(bytes, 16).ok_or_else(|| truncated(smallest))?);
        if found < expected || bytes.len() < smallest {
            return Err(ContainerError::Truncated { found, expected: expected.max(smallest as u64) });
        }
        if found > expected || version == 0 {
            return Err(ContainerError::Corrupt);
        }
        let (body, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
        let mut hasher = Sha256::new();
        hasher.update(body);
        if hasher.clone().finalize().as_slice() != checksum {
            return Err(ContainerError::Corrupt);
        }
        hasher.update(checksum);
        let sha256 = hex::encode(hasher.finalize());

        let mut sections = Vec::new();
        let mut at = HEAD.saturating_add(ENTRY.saturating_mul(count));
        for entry in 0..count {
            let name = array(bytes, HEAD + ENTRY * entry).ok_or(ContainerError::Corrupt)?;
            let length = array(bytes, HEAD + ENTRY * entry + 8).map(u64::from_le_bytes);
            let length =
                length.and_then(|length| usize::try_from(length).ok()).ok_or(ContainerError::Corrupt)?;
            let section =
                at.checked_add(length).and_then(|end| body.get(at..end)).ok_or(ContainerError::Corrupt)?;
            sections.push((name, section));
            at += length;
        }
        Ok(Self { sections, sha256 })
    }

    /// The section called `name` (4 ASCII characters).
    pub(super) fn section(&self, name: &'static str) -> Result<&'a [u8], ContainerError> {
        self.optional(name).ok_or(ContainerError::MissingSection(name))
    }

    /// The section called `name`, if the file has one.
    pub(super) fn optional(&self, name: &'static str) -> Option<&'a [u8]> {
        self.sections.iter().find(|(found, _)| found == name.as_bytes()).map(|&(_, bytes)| bytes)
    }
}

/// The file that holds `sections` (names of 4 ASCII characters).
pub(super) fn write(sections: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let content: usize = sections.iter().map(|(_, bytes)| ENTRY + bytes.len()).sum();
    let length = HEAD + content + CHECKSUM;
    let mut file = Vec::with_capacity(length);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&VERSION.to_le_bytes());
    file.extend_from_slice(&u32::try_from(sections.len()).unwrap_or(u32::MAX).to_le_bytes());
    file.extend_from_slice(&(length as u64).to_le_bytes());
    for (name, bytes) in sections {
        file.extend_from_slice(*name);
        file.extend_from_slice(&[0; 4]);
        file.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    }
    sections.iter().for_each(|(_, bytes)| file.extend_from_slice(bytes));
    let checksum = Sha256::digest(&file);
    file.extend_from_slice(&checksum);
    file
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file() -> Vec<u8> {
        write(&[(b"ABCD", b"first".to_vec()), (b"EFGH", Vec::new()), (b"IJKL", vec![7; 100])])
    }

    #[test]
    fn sections_come_back() {
        let file = file();
        let container = Container::open(&file).expect("it was just written");
        assert_eq!(container.section("ABCD"), Ok(&b"first"[..]));
        assert_eq!(container.section("EFGH"), Ok(&b""[..]));
        assert_eq!(container.section("IJKL"), Ok(&[7; 100][..]));
        assert_eq!(container.section("NONE"), Err(ContainerError::MissingSection("NONE")));
        assert_eq!(container.sha256, hex::encode(Sha256::digest(&file)));
    }

    #[test]
    fn says_what_is_wrong() {
        let mut newer = file();
        newer[8] = 9;
        assert_eq!(Container::open(&newer).err(), Some(ContainerError::Newer(9)));
        assert_eq!(Container::open(b"PK\x03\x04 something else").err(), Some(ContainerError::Foreign));
        assert_eq!(Container::open(b"").err(), Some(ContainerError::Foreign));
        let whole = file();
        for end in 1..whole.len() {
            let cut = Container::open(&whole[..end]).err();
            assert!(matches!(cut, Some(ContainerError::Truncated { .. })), "{end}: {cut:?}");
        }
    }

    proptest! {
        /// Whatever bit is flipped, and whatever is added, is noticed.
        #[test]
        fn damage_is_noticed(at in any::<prop::sample::Index>(), bit in 0_u8..8, tail in 0_usize..3) {
            let mut damaged = file();
            let at = at.index(damaged.len());
            damaged[at] ^= 1 << bit;
            damaged.extend(std::iter::repeat_n(0, tail));
            prop_assert!(Container::open(&damaged).is_err());
        }

        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), own in any::<bool>()) {
            let mut bytes = bytes;
            if own && bytes.len() >= 8 {
                bytes[..8].copy_from_slice(MAGIC);
            }
            prop_assert!(Container::open(&bytes).is_err());
        }
    }
}
