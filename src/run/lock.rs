//! One run at a time on the same output, whoever starts it.
//!
//! An output folder is locked by a file in it: taking the lock also shows that the folder can be written to. A database
//! is locked by a name in the machine's memory where the system has such names (Linux' abstract sockets): it asks for
//! no folder that every user and every service could write to, is the same for a service with a temporary folder of its
//! own, and is gone with its process.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use super::error::ProgramError;
use crate::error::{Error, Result};
use crate::sink::SinkError;
use crate::sink::files::folder::Folder;

/// The lock file of an output folder.
const LOCK_FILE: &str = ".skol_classifier.lock";

/// What a run writes to, and what keeps others from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lock {
    /// A folder, locked by a file in it.
    Folder(std::path::PathBuf),
    /// Something else, such as a database, by the name that everybody gives it.
    Name(String),
}

/// Held for as long as a run writes. The operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct RunLock {
    _held: Held,
}

#[derive(Debug)]
enum Held {
    File {
        _file: File,
    },
    #[cfg(target_os = "linux")]
    Socket {
        _socket: std::os::unix::net::UnixListener,
    },
}

impl RunLock {
    /// Takes the lock; `output` is what it guards, for the message.
    ///
    /// # Errors
    /// [`Locked`](crate::error::ErrorKind::Locked) when another process holds it;
    /// [`Unusable`](crate::error::ErrorKind::Unusable) when it cannot be made.
    pub fn take(lock: &Lock, output: &str) -> Result<Self> {
        match lock {
            Lock::Folder(folder) => {
                let unusable = |error: io::Error| {
                    let source = io::Error::new(
                        error.kind(),
                        format!("its lock '{LOCK_FILE}' cannot be taken: {error}"),
                    );
                    SinkError::Folder { folder: folder.clone(), source }.into()
                };
                Self::file(folder, Path::new(LOCK_FILE), output, unusable)
            }
            Lock::Name(name) => Self::name(name, output),
        }
    }

    #[cfg(target_os = "linux")]
    fn name(name: &str, output: &str) -> Result<Self> {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net::{SocketAddr, UnixListener};

        let address = match SocketAddr::from_abstract_name(format!("skol_classifier/{}", short_hash(name))) {
            Ok(address) => address,
            Err(_) => return Self::file_of_name(name, output),
        };
        match UnixListener::bind_addr(&address) {
            Ok(socket) => Ok(Self { _held: Held::Socket { _socket: socket } }),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(locked(output, &holder(&address))),
            // A sandbox may forbid sockets of this kind.
            Err(_) => Self::file_of_name(name, output),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn name(name: &str, output: &str) -> Result<Self> {
        Self::file_of_name(name, output)
    }

    fn file_of_name(name: &str, output: &str) -> Result<Self> {
        let folder = std::env::temp_dir();
        let file = format!("skol_classifier-{}.lock", short_hash(name));
        let unusable =
            |error: io::Error| ProgramError::Lock { file: folder.join(&file), source: error }.into();
        Self::file(&folder, Path::new(&file), output, unusable)
    }

    fn file(folder: &Path, name: &Path, output: &str, unusable: impl Fn(io::Error) -> Error) -> Result<Self> {
        let (mut file, writable) =
            Folder::open(folder).and_then(|folder| folder.shared_file(name)).map_err(&unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is a courtesy; that it is held is what counts.
                let _ = (&mut file).take(20).read_to_string(&mut holder);
                return Err(locked(output, &holder));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        // A lock that may only be read holds as well; nobody learns who holds it.
        if writable {
            file.set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| write!(file, "{}", std::process::id()))
                .map_err(unusable)?;
        }
        Ok(Self { _held: Held::File { _file: file } })
    }
}

/// The process that listens at `address`, or nothing.
#[cfg(target_os = "linux")]
fn holder(address: &std::os::unix::net::SocketAddr) -> String {
    // tokio's stream knows how to ask, and needs its runtime.
    let Ok(_runtime) = tokio::runtime::Handle::try_current() else { return String::new() };
    std::os::unix::net::UnixStream::connect_addr(address)
        .and_then(|stream| stream.set_nonblocking(true).map(|()| stream))
        .and_then(tokio::net::UnixStream::from_std)
        .and_then(|stream| stream.peer_cred())
        .ok()
        .and_then(|peer| peer.pid())
        .map_or_else(String::new, |pid| pid.to_string())
}

fn locked(output: &str, holder: &str) -> Error {
    ProgramError::Locked { holder: holder.trim().parse().ok(), output: output.to_owned() }.into()
}

/// A name for `output` that can stand in a path: the first 16 hexadecimal digits of its SHA-256.
pub(super) fn short_hash(output: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(output.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn a_name_is_held_once_and_is_free_again() {
        let name = Lock::Name(format!("test {}", std::process::id()));
        let first = RunLock::take(&name, "it").unwrap();
        let second = RunLock::take(&name, "it").unwrap_err();
        assert_eq!(second.kind(), ErrorKind::Locked);
        if cfg!(target_os = "linux") {
            assert!(second.to_string().contains(&std::process::id().to_string()), "{second}");
        }
        drop(first);
        RunLock::take(&name, "it").unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_is_never_taken_through_a_link_on_a_fifo_or_on_a_file_with_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join(LOCK_FILE);
        let victim = folder.path().join("victim");
        let take = || RunLock::take(&Lock::Folder(folder.path().to_path_buf()), "it");
        let plants: [&dyn Fn(); 4] = [
            &|| std::os::unix::fs::symlink(&victim, &lock).unwrap(),
            &|| std::fs::hard_link(&victim, &lock).unwrap(),
            &|| assert!(std::process::Command::new("mkfifo").arg(&lock).status().unwrap().success()),
            &|| std::fs::create_dir(&lock).unwrap(),
        ];
        for plant in plants {
            std::fs::write(&victim, "precious").unwrap();
            plant();
            let error = take().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unusable, "{error}");
            assert!(error.to_string().contains("remove it"), "{error}");
            assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
            let _ = std::fs::remove_file(&lock).or_else(|_| std::fs::remove_dir(&lock));
        }
        take().unwrap();
    }
}
