//! Metrics as files: JSON or Prometheus' text format, replaced whole.

use std::fmt::Write as _;
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
        let mut text = escape_controls(&serde_json::to_string_pretty(metrics)?);
        text.push('\n');
        text
    };
    write_atomically(path, text.as_bytes())
}

/// JSON with the control characters that JSON itself lets stand (DEL and U+0080 to U+009F) escaped as well: they can
/// only be in texts, and mean something to terminals.
pub(crate) fn escape_controls(json: &str) -> String {
    if !json.contains(|c: char| c.is_control() && c != '\n') {
        return json.to_owned();
    }
    json.chars().fold(String::with_capacity(json.len() + 16), |mut shown, c| {
        if c.is_control() && c != '\n' {
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
        shown
    })
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
    fn control_characters_are_escaped_in_both_forms() {
        let folder = tempfile::tempdir().unwrap();
        let text = "a\u{1b}[2J\u{7f}\u{9b}\n\"b";
        let metrics = serde_json::json!({ "model": { "name": text }, "closures": { text: 3 } });
        for name in ["m.prom", "m.json"] {
            let file = folder.path().join(name);
            super::write_metrics(&file, "x_", &metrics, &[]).unwrap();
            let written = std::fs::read_to_string(&file).unwrap();
            assert!(!written.contains(|c: char| c.is_control() && c != '\n'), "{written:?}");
        }
        let json = std::fs::read(folder.path().join("m.json")).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&json).unwrap(), metrics);
    }

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
