//! Who else may read a file that holds a password.

use std::path::Path;

/// Whether users outside of the owner and the group may read `file`. Always no where files have no such mode.
pub(crate) fn others_can_read(file: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

/// The warning about it.
pub(crate) fn warning(file: &Path) -> String {
    format!("{0} holds a password and can be read by every user; run: chmod 600 {0}", file.display())
}
