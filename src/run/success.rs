//! When a run last succeeded, from the metrics file that the run before left.

use std::path::Path;

use crate::sink::files::folder::{Entry, Folder};

/// The key of the time in a metrics file, in seconds since 1970.
pub(super) const LAST_SUCCESS: &str = "last_success_time";
/// A metrics file is far smaller.
const MOST_BYTES: u64 = 16 << 20;

/// The time of the last success that stands in `file`, in either of its forms; `prefix` begins its name in the
/// Prometheus form. `None` where there is no file, or none that says so.
pub(super) fn last(file: &Path, prefix: &str) -> Option<f64> {
    use std::io::Read;

    let folder = Folder::open(file.parent()?).ok()?;
    let Entry::Regular(open) = folder.entry(Path::new(file.file_name()?)).ok()? else { return None };
    let mut text = String::new();
    open.take(MOST_BYTES).read_to_string(&mut text).ok()?;
    let name = format!("{prefix}{LAST_SUCCESS} ");
    let prometheus = || text.lines().find_map(|line| line.strip_prefix(&name)?.trim().parse::<f64>().ok());
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(json) => json.get(LAST_SUCCESS)?.as_f64(),
        Err(_) => prometheus(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_read_from_either_form_and_from_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("m.prom");
        assert_eq!(last(&file, "x_"), None);
        for (text, wanted) in [
            ("# HELP x_last_success_time t\nx_last_success_time 12.5\nx_other 3\n", Some(12.5)),
            ("{\"last_success_time\": 7}", Some(7.0)),
            ("{\"last_success_time\": null}", None),
            ("x_last_success_times 3\n", None),
            ("", None),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(last(&file, "x_"), wanted, "{text}");
        }
    }
}
