//! Metrics as files: JSON or Prometheus' text format, replaced whole.

use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;

use super::prometheus::{LABELLED, prometheus_text};

/// Writes metrics to `path`, atomically: Prometheus' text format with `prefix` for a name that ends in `.prom`, else
/// JSON.
///
/// `metrics` serializes as an object: [`Metrics`](super::Metrics), or a struct of the caller's own that embeds them
/// (`#[serde(flatten)]`). Objects of the caller's own whose keys are names are listed in `labelled`, as in [`LABELLED`].
///
/// # Errors
/// When the file cannot be written.
pub fn write_metrics(
    path: &Path,
    prefix: &str,
    metrics: &impl Serialize,
    labelled: &[(&str, &str)],
) -> io::Result<()> {
    let text = if path.extension().is_some_and(|extension| extension == "prom") {
        prometheus_text(prefix, &serde_json::to_value(metrics)?, &[&LABELLED, labelled].concat())
    } else {
        let mut text = serde_json::to_string_pretty(metrics)?;
        text.push('\n');
        text
    };
    write_atomically(path, text.as_bytes())
}

/// Writes `contents` to `path` so that a reader sees the old file or the new one, never a part.
///
/// # Errors
/// When the folder cannot be written to; a half-written temporary file is removed.
pub fn write_atomically(path: &Path, contents: &[u8]) -> io::Result<()> {
    replace(path, contents, true)
}

/// [`write_atomically`], where `flush` says whether to wait until the disk has it.
pub(crate) fn replace(path: &Path, contents: &[u8], flush: bool) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".metrics-");
    #[cfg(unix)]
    {
        // As any new file: others may read it where the umask lets them. A monitor has to.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(contents)?;
    if flush {
        file.as_file().sync_all()?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::metrics::tests::sample;

    #[test]
    fn files_are_replaced_whole_and_the_ending_chooses_the_format() {
        let folder = tempfile::tempdir().unwrap();
        let json = folder.path().join("m.json");
        std::fs::write(&json, "old").unwrap();
        sample().write(&json, "x_").unwrap();
        let read: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
        assert_eq!(read["dataframes"]["save_input"]["columns"], 3);
        sample().write(&folder.path().join("m.prom"), "x_").unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
        assert!(sample().write(&folder.path().join("missing/m.json"), "x_").is_err());
    }
}
