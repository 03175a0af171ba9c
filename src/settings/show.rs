//! `--show-config`: every effective setting, and where it came from. The output is itself a config file.

use super::definition::Program;
use super::reader::Shown;
use crate::printable::printable;
use std::collections::BTreeMap;

/// One line a setting, in the order of the documentation; secrets are masked and commented out. What there is to
/// warn of follows.
pub(super) fn show(program: Program, shown: &BTreeMap<&'static str, Shown>, notices: &[String]) -> String {
    let line =
        |key: &str, shown: &Shown| format!("{}{key} = {}", if shown.masked { "# " } else { "" }, shown.value);
    let lines: Vec<(String, &str)> = program
        .settings()
        .iter()
        .filter_map(|setting| shown.get(setting.key).map(|shown| (line(setting.key, shown), &*shown.origin)))
        .collect();
    let width =
        lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 48).max().unwrap_or(0);
    let mut text =
        format!("# {} {}: every setting and where it came from\n", program.name(), env!("CARGO_PKG_VERSION"));
    for (line, origin) in lines {
        // An origin may hold a file name with a line break.
        text.push_str(&format!("{line:width$}  # {}\n", printable(origin)));
    }
    for notice in notices {
        text.push_str(&format!("# warning: {}\n", printable(notice)));
    }
    text
}
