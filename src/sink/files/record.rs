//! What this program wrote into an output folder: the SHA-256 of each file, in the folder itself.
//!
//! `.skol_classifier/` holds up to 256 files of lines as `sha256sum` writes and checks them, by the first byte of
//! the name's own SHA-256, so that looking up a name reads one small file whatever the size of the output:
//!
//! ```text
//! cd output && cat .skol_classifier/.*.sha256 | sha256sum --check --quiet     # what people changed
//! ```
//!
//! A line is added *before* its file gets its name. A run that is killed between the two leaves a file that the line
//! before describes; so the last two lines of a name count, until [`settle`](Record::settle) leaves one. The
//! record goes with the folder when that is copied or moved, and is as shared as the folder is.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::folder::{Entry, Folder};

/// The folder of the record, in the output folder.
pub(crate) const RECORD_FOLDER: &str = ".skol_classifier";
/// The largest file of a record that is read: it would stand for 100 million annotations.
const MOST_BYTES: u64 = 64 << 20;
/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// The SHA-256 of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContentDigest([u8; 32]);

impl ContentDigest {
    pub(crate) fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    pub(crate) fn of_file(mut file: File) -> io::Result<Self> {
        let mut hash = Sha256::new();
        io::copy(&mut file, &mut hash)?;
        Ok(Self(hash.finalize().into()))
    }

    fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
        if pairs.len() != bytes.len() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    fn hex(self) -> String {
        self.0.iter().fold(String::with_capacity(DIGITS), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// The record of an output folder.
#[derive(Debug)]
pub(crate) struct Record(Folder);

impl Record {
    /// The record of `output`, made where it is missing.
    pub(crate) fn make(output: &Folder) -> io::Result<Self> {
        output.shared_subfolder(Path::new(RECORD_FOLDER)).map(Self)
    }

    /// The record of `output`, if it has one.
    pub(crate) fn open(output: &Folder) -> io::Result<Option<Self>> {
        match output.subfolder(Path::new(RECORD_FOLDER), false) {
            Ok(folder) => Ok(Some(Self(folder))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether this program wrote the file `name` with this content last.
    pub(crate) fn knows(&self, name: &str, digest: ContentDigest) -> io::Result<bool> {
        let text = self.text(&shard_of(name))?;
        let written = lines(&text).filter(|(known, _)| *known == name).map(|(_, digest)| digest);
        let written: Vec<ContentDigest> = written.collect();
        Ok(written.iter().rev().take(2).any(|known| *known == digest))
    }

    /// Adds that `name` is about to be written with this content.
    pub(crate) fn add(&self, name: &str, digest: ContentDigest) -> io::Result<()> {
        let (mut file, writable) = self.0.shared_file(Path::new(&shard_of(name)))?;
        if !writable {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to somebody else"));
        }
        // One write: lines of several partitions do not mix.
        file.write_all(line(name, digest).as_bytes())
    }

    /// The names of files that this program wrote, those that `wanted` picks.
    pub(crate) fn names(&self, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for shard in shards() {
            let text = self.text(&shard)?;
            names.extend(lines(&text).map(|(name, _)| name).filter(|name| wanted(name)));
        }
        Ok(names)
    }

    /// Leaves one line for each name: what its file in `output` holds, if one says so, else the last. To be called
    /// by whoever holds the folder's lock, before a run and after it.
    pub(crate) fn settle(&self, output: &Folder) -> io::Result<()> {
        for shard in shards() {
            let text = self.text(&shard)?;
            let mut by_name: HashMap<String, Vec<ContentDigest>> = HashMap::new();
            let mut order = Vec::new();
            let mut count = 0;
            for (name, digest) in lines(&text) {
                count += 1;
                let digests = by_name.entry(name.clone()).or_default();
                if digests.is_empty() {
                    order.push(name);
                }
                digests.push(digest);
            }
            if count == order.len() {
                continue;
            }
            let mut settled = String::with_capacity(text.len());
            for name in order {
                let Some(digests) = by_name.get(&name) else { continue };
                let there = if digests.len() > 1 { digest_of(output, &name) } else { None };
                let kept = there.filter(|there| digests.contains(there)).or(digests.last().copied());
                settled.extend(kept.map(|digest| line(&name, digest)));
            }
            self.replace(&shard, &settled)?;
        }
        Ok(())
    }

    fn replace(&self, shard: &str, text: &str) -> io::Result<()> {
        let new = format!("{shard}.new");
        let new = Path::new(&new);
        match self.0.remove(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let (mut file, _) = self.0.shared_file(new)?;
        file.write_all(text.as_bytes())?;
        self.0.rename(new, Path::new(shard))
    }

    /// The lines of one file; none where it does not exist.
    fn text(&self, shard: &str) -> io::Result<String> {
        match self.0.entry(Path::new(shard))? {
            Entry::Absent => Ok(String::new()),
            Entry::Regular(file) => {
                let mut bytes = Vec::new();
                file.take(MOST_BYTES).read_to_end(&mut bytes)?;
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
            Entry::Link => Err(io::Error::other(format!("'{shard}' is a symbolic link; remove it"))),
            Entry::Special(kind) => Err(io::Error::other(format!("'{shard}' is {kind}; remove it"))),
        }
    }
}

/// What the file `name` below `output` holds; `None` where that cannot be found out.
fn digest_of(output: &Folder, name: &str) -> Option<ContentDigest> {
    let path = Path::new(name);
    let parent = output.parent_of(path, false).ok()?;
    match parent.as_ref().unwrap_or(output).entry(Path::new(path.file_name()?)).ok()? {
        Entry::Regular(file) => ContentDigest::of_file(file).ok(),
        _ => None,
    }
}

fn shards() -> impl Iterator<Item = String> {
    (0..=u8::MAX).map(|byte| format!(".{byte:02x}.sha256"))
}

fn shard_of(name: &str) -> String {
    let [first, ..] = <[u8; 32]>::from(Sha256::digest(name.as_bytes()));
    format!(".{first:02x}.sha256")
}

/// A line as `sha256sum` writes it: a name with a line end or a `\` in it is escaped, and a `\` before the line says so.
fn line(name: &str, digest: ContentDigest) -> String {
    let mark = if name.contains(['\\', '\n', '\r']) { "\\" } else { "" };
    let escaped = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    format!("{mark}{}  {escaped}\n", digest.hex())
}

/// Names and digests of `text`. A last line without its end was cut short and does not count, nor does what is no line
/// of a record.
fn lines(text: &str) -> impl Iterator<Item = (String, ContentDigest)> {
    text.split_inclusive('\n').filter_map(|line| {
        let line = line.strip_suffix('\n')?;
        let (escaped, line) = match line.strip_prefix('\\') {
            Some(line) => (true, line),
            None => (false, line),
        };
        let digest = ContentDigest::from_hex(line.get(..DIGITS)?)?;
        let name = line.get(DIGITS..)?.strip_prefix("  ")?;
        Some((if escaped { unescaped(name) } else { name.to_owned() }, digest))
    })
}

fn unescaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match if c == '\\' { chars.next().map(|c| (c, true)) } else { Some((c, false)) } {
            Some(('n', true)) => out.push('\n'),
            Some(('r', true)) => out.push('\r'),
            Some((c, _)) => out.push(c),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> (tempfile::TempDir, Folder, Record) {
        let folder = tempfile::tempdir().unwrap();
        let output = Folder::open(folder.path()).unwrap();
        let record = Record::make(&output).unwrap();
        (folder, output, record)
    }

    #[test]
    fn the_last_two_contents_count_until_the_record_is_settled() {
        let (folder, output, record) = record();
        let [one, two, three] = [&b"1"[..], b"2", b"3"].map(ContentDigest::of);
        let knows = |digest| record.knows("a/b.txt.ann", digest).unwrap();
        for digest in [one, two] {
            record.add("a/b.txt.ann", digest).unwrap();
        }
        assert!(knows(one) && knows(two) && !knows(three));
        record.add("a/b.txt.ann", three).unwrap();
        assert!(!knows(one) && knows(two) && knows(three));

        // Killed before the third got its name: the file holds the second.
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/b.txt.ann"), "2").unwrap();
        record.settle(&output).unwrap();
        assert!(!knows(one) && knows(two) && !knows(three));

        // A person changed it: the last content of ours is what counts.
        record.add("a/b.txt.ann", three).unwrap();
        std::fs::write(folder.path().join("a/b.txt.ann"), "mine").unwrap();
        record.settle(&output).unwrap();
        assert!(!knows(two) && knows(three) && !knows(ContentDigest::of(b"mine")));
        assert!(record.knows("other", three).is_ok_and(|known| !known));
    }

    #[test]
    fn a_line_that_was_cut_short_or_is_none_does_not_count() {
        let digest = ContentDigest::of(b"x");
        let whole = line("b.ann", digest);
        let text = format!("hello\n{whole}{}", whole.trim_end());
        assert_eq!(lines(&text).count(), 1);
        assert_eq!(lines(&format!("{}  \u{fffd}", "é".repeat(40))).count(), 0);
    }

    /// Another reader: coreutils checks what we wrote, also names with line ends and back-slashes.
    #[cfg(unix)]
    #[test]
    fn sha256sum_checks_the_record_and_names_what_was_changed() {
        let (folder, _, record) = record();
        let names = ["plain.ann", "with space.ann", "line\nend\r.ann", "back\\slash.ann", "ünï.ann"];
        for name in names {
            std::fs::write(folder.path().join(name), name).unwrap();
            record.add(name, ContentDigest::of(name.as_bytes())).unwrap();
        }
        let check = || {
            std::process::Command::new("sh")
                .args(["-c", "cat .skol_classifier/.*.sha256 | sha256sum --check --quiet"])
                .current_dir(folder.path())
                .env("LC_ALL", "C.UTF-8")
                .output()
                .unwrap()
        };
        let checked = check();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
        std::fs::write(folder.path().join("plain.ann"), "corrected").unwrap();
        let checked = check();
        assert!(!checked.status.success());
        assert!(String::from_utf8_lossy(&checked.stdout).contains("plain.ann: FAILED"));
    }

    proptest! {
        #[test]
        fn lines_are_read_as_they_were_written(names in proptest::collection::vec("(\\PC|[\\\\\n\r]){1,30}", 1..20)) {
            let digests: Vec<_> = names.iter().map(|name| ContentDigest::of(name.as_bytes())).collect();
            let text: String = names.iter().zip(&digests).map(|(name, digest)| line(name, *digest)).collect();
            let read: Vec<_> = lines(&text).collect();
            let written: Vec<_> = names.into_iter().zip(digests).collect();
            prop_assert_eq!(read, written);
        }
    }
}
