//! A folder that others may write to as well.
//!
//! Everything below it is reached by the folder's own descriptor, name by name, and never through a symbolic link:
//! a link that somebody planted leads nowhere. What is opened is a regular file or it is not opened; a FIFO or a
//! device is never waited for. The folder itself may be reached by links: its user named it.

use std::fs::File;
use std::io;
use std::path::{Component, Path};

/// What stands under a name.
#[derive(Debug)]
pub(crate) enum Entry {
    /// Nothing.
    Absent,
    /// A regular file, open for reading.
    Regular(File),
    /// A symbolic link; it was not followed.
    Link,
    /// A folder, FIFO, socket or device.
    Special(&'static str),
}

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder(platform::Handle);

impl Folder {
    /// Opens the folder at `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        platform::open(if path.as_os_str().is_empty() { Path::new(".") } else { path }).map(Self)
    }

    /// The folder `name` in this one, which is made where `make` says so and it is missing.
    ///
    /// # Errors
    /// Also when `name` is a symbolic link.
    pub(crate) fn subfolder(&self, name: &Path, make: bool) -> io::Result<Self> {
        platform::subfolder(&self.0, name, make).map(Self)
    }

    /// The folder that holds `relative`, and the name in it; `None` where this one holds it itself.
    pub(crate) fn parent_of(&self, relative: &Path, make: bool) -> io::Result<Option<Self>> {
        let mut parts = relative.parent().into_iter().flat_map(Path::components);
        let first = parts.by_ref().find_map(normal);
        let Some(first) = first else { return Ok(None) };
        let mut folder = self.subfolder(first, make)?;
        for part in parts.filter_map(normal) {
            folder = folder.subfolder(part, make)?;
        }
        Ok(Some(folder))
    }

    /// What stands under `name`; a regular file is opened for reading.
    pub(crate) fn entry(&self, name: &Path) -> io::Result<Entry> {
        platform::entry(&self.0, name)
    }

    /// A new file for writing.
    ///
    /// # Errors
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) whatever stands there, a link as well.
    pub(crate) fn create(&self, name: &Path) -> io::Result<File> {
        platform::create(&self.0, name)
    }

    /// An existing regular file with one name, for reading and, where it is allowed, writing; whether it is.
    ///
    /// # Errors
    /// Also when something other than that stands there.
    pub(crate) fn existing(&self, name: &Path) -> io::Result<(File, bool)> {
        platform::existing(&self.0, name)
    }

    /// Opens the file `name`, or makes it so that it belongs to whom the folder belongs to and can be written by
    /// whom the folder can be written by. Whether it can be written comes back with it.
    pub(crate) fn shared_file(&self, name: &Path) -> io::Result<(File, bool)> {
        // Between two looks another run may make the file.
        for _ in 0..16 {
            match self.existing(name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                found => return found,
            }
            match self.create(name) {
                Ok(file) => {
                    platform::share_file(&self.0, &file)?;
                    return Ok((file, true));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        self.existing(name)
    }

    /// The folder `name` in this one, made if it is missing so that it is shared as this one is.
    pub(crate) fn shared_subfolder(&self, name: &Path) -> io::Result<Self> {
        match self.subfolder(name, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = self.subfolder(name, true)?;
                platform::share_folder(&self.0, &made.0)?;
                Ok(made)
            }
            found => found,
        }
    }

    /// Gives `from` the name `to`, whatever stood there.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        platform::rename(&self.0, from, to)
    }

    /// Gives `from` the name `to` as well.
    ///
    /// # Errors
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) where something stands there.
    pub(crate) fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        platform::link(&self.0, from, to)
    }

    /// Removes the name; a link is removed, not what it leads to.
    pub(crate) fn remove(&self, name: &Path) -> io::Result<()> {
        platform::remove(&self.0, name)
    }
}

fn normal(part: Component<'_>) -> Option<&Path> {
    match part {
        Component::Normal(name) => Some(Path::new(name)),
        _ => None,
    }
}

/// What is no regular file, by a word for people.
#[cfg(unix)]
fn word(kind: std::fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(unix)]
mod platform {
    use std::fs::File;
    use std::io;
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
    use rustix::io::Errno;

    use super::Entry;

    pub(super) type Handle = OwnedFd;

    /// Opening waits for nobody, and a terminal does not become ours.
    const NO_WAITING: OFlags = OFlags::CLOEXEC.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
    const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
    const PERMISSIONS: u32 = 0o777;

    pub(super) fn open(path: &Path) -> io::Result<Handle> {
        Ok(rustix::fs::open(path, FOLDER, Mode::empty())?)
    }

    pub(super) fn subfolder(folder: &Handle, name: &Path, make: bool) -> io::Result<Handle> {
        let open = || rustix::fs::openat(folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
        let found = match open() {
            Err(Errno::NOENT) if make => {
                match rustix::fs::mkdirat(folder, name, Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(Errno::EXIST) => open(),
                    Err(error) => Err(error),
                }
            }
            found => found,
        };
        found.map_err(|error| match error {
            // Linux says NOTDIR for a link to a folder that is not to be followed, others LOOP.
            Errno::NOTDIR | Errno::LOOP => {
                let link = rustix::fs::readlinkat(folder, name, Vec::new()).is_ok();
                let what = if link { "a symbolic link" } else { "no folder" };
                io::Error::new(
                    io::ErrorKind::NotADirectory,
                    format!("'{}' stands in its way, which is {what}", name.display()),
                )
            }
            error => error.into(),
        })
    }

    pub(super) fn entry(folder: &Handle, name: &Path) -> io::Result<Entry> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | NO_WAITING;
        match rustix::fs::openat(folder, name, flags, Mode::empty()) {
            Ok(file) => {
                let file = File::from(file);
                let kind = file.metadata()?.file_type();
                Ok(if kind.is_file() { Entry::Regular(file) } else { Entry::Special(super::word(kind)) })
            }
            Err(Errno::NOENT) => Ok(Entry::Absent),
            Err(Errno::LOOP | Errno::MLINK) => Ok(Entry::Link),
            Err(Errno::NXIO | Errno::NODEV | Errno::OPNOTSUPP) => Ok(Entry::Special("a socket or a device")),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn create(folder: &Handle, name: &Path) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(folder, name, flags, Mode::from_raw_mode(0o666))?))
    }

    pub(super) fn existing(folder: &Handle, name: &Path) -> io::Result<(File, bool)> {
        let open = |access: OFlags| {
            rustix::fs::openat(folder, name, access | OFlags::NOFOLLOW | NO_WAITING, Mode::empty())
        };
        // A lock can be taken on a file that may only be read.
        let (file, writable) = match open(OFlags::RDWR | OFlags::APPEND) {
            Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => (open(OFlags::RDONLY), false),
            file => (file, true),
        };
        let wrong = |what: &str| {
            Err(io::Error::other(format!("{what} stands in its place; look who put it there, and remove it")))
        };
        let file = match file {
            Ok(file) => File::from(file),
            Err(Errno::LOOP | Errno::MLINK) => return wrong("a symbolic link"),
            Err(Errno::NXIO | Errno::NODEV | Errno::OPNOTSUPP) => return wrong("a socket or a device"),
            Err(Errno::ISDIR) => return wrong("a folder"),
            Err(error) => return Err(error.into()),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return wrong(super::word(metadata.file_type()));
        }
        if metadata.nlink() > 1 {
            return wrong("a file with another name");
        }
        Ok((file, writable))
    }

    pub(super) fn share_file(folder: &Handle, file: &File) -> io::Result<()> {
        let shared = rustix::fs::fstat(folder)?.st_mode & 0o222;
        share(folder, file, 0o444 | shared)
    }

    pub(super) fn share_folder(folder: &Handle, made: &Handle) -> io::Result<()> {
        let mode = rustix::fs::fstat(folder)?.st_mode & (PERMISSIONS | 0o2000);
        share(folder, made, mode)
    }

    /// Gives what was just made the owner of `folder` and the permissions `mode`. A folder that belongs to somebody
    /// else keeps what root makes in it usable for them; others than root cannot give files away, and need not.
    fn share(folder: &Handle, made: impl std::os::fd::AsFd, mode: u32) -> io::Result<()> {
        let (owner, ours) = (rustix::fs::fstat(folder)?, rustix::fs::fstat(&made)?);
        if (owner.st_uid, owner.st_gid) != (ours.st_uid, ours.st_gid) {
            let (uid, gid) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
            match rustix::fs::fchown(&made, Some(uid), Some(gid)) {
                // Whoever is not root, containers without that right, and file systems without owners.
                Ok(()) | Err(Errno::PERM | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match rustix::fs::fchmod(&made, Mode::from_raw_mode(mode)) {
            Ok(()) | Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn rename(folder: &Handle, from: &Path, to: &Path) -> io::Result<()> {
        Ok(rustix::fs::renameat(folder, from, folder, to)?)
    }

    pub(super) fn link(folder: &Handle, from: &Path, to: &Path) -> io::Result<()> {
        Ok(rustix::fs::linkat(folder, from, folder, to, AtFlags::empty())?)
    }

    pub(super) fn remove(folder: &Handle, name: &Path) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(folder, name, AtFlags::empty())?)
    }
}

/// Where folders have no descriptors: the same promises as far as a look beforehand can keep them.
#[cfg(not(unix))]
mod platform {
    use std::fs::{self, File, OpenOptions};
    use std::io;
    use std::path::{Path, PathBuf};

    use super::Entry;

    pub(super) type Handle = PathBuf;

    pub(super) fn open(path: &Path) -> io::Result<Handle> {
        if path.is_dir() { Ok(path.to_path_buf()) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    pub(super) fn subfolder(folder: &Handle, name: &Path, make: bool) -> io::Result<Handle> {
        let path = folder.join(name);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => Ok(path),
            Ok(_) => Err(io::ErrorKind::NotADirectory.into()),
            Err(error) if make && error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir(&path).map(|()| path)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn entry(folder: &Handle, name: &Path) -> io::Result<Entry> {
        let path = folder.join(name);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => File::open(path).map(Entry::Regular),
            Ok(found) if found.is_symlink() => Ok(Entry::Link),
            Ok(_) => Ok(Entry::Special("a folder or a device")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Entry::Absent),
            Err(error) => Err(error),
        }
    }

    pub(super) fn create(folder: &Handle, name: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(folder.join(name))
    }

    pub(super) fn existing(folder: &Handle, name: &Path) -> io::Result<(File, bool)> {
        match entry(folder, name)? {
            Entry::Absent => Err(io::ErrorKind::NotFound.into()),
            Entry::Regular(_) => {
                OpenOptions::new().read(true).append(true).open(folder.join(name)).map(|file| (file, true))
            }
            Entry::Link | Entry::Special(_) => {
                Err(io::Error::other("no regular file stands in its place; remove it"))
            }
        }
    }

    pub(super) fn share_file(_folder: &Handle, _file: &File) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn share_folder(_folder: &Handle, _made: &Handle) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn rename(folder: &Handle, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(folder.join(from), folder.join(to))
    }

    pub(super) fn link(folder: &Handle, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(folder.join(from), folder.join(to))
    }

    pub(super) fn remove(folder: &Handle, name: &Path) -> io::Result<()> {
        fs::remove_file(folder.join(name))
    }
}
