//! `--show-config`: every effective setting, and where it came from. The output is itself a config file.

use super::option::Program;
use super::reader::Shown;
use super::table;
use std::collections::BTreeMap;

/// One line a setting, in the order of the documentation; secrets are masked and commented out. What there is to
/// warn of follows.
pub(super) fn show(program: Program, shown: &BTreeMap<&'static str, Shown>, notices: &[String]) -> String {
    let lines: Vec<(String, &str)> = table::of(program)
        .filter_map(|setting| {
            let shown = shown.get(setting.key)?;
            let masked = if shown.masked { "# " } else { "" };
            Some((format!("{masked}{} = {}", setting.key, shown.value), shown.origin.as_str()))
        })
        .collect();
    let width =
        lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 48).max().unwrap_or(0);
    let mut text =
        format!("# {} {}: every setting and where it came from\n", program.name(), env!("CARGO_PKG_VERSION"));
    for (line, origin) in lines {
        // An origin may hold a file name with a line break.
        let origin = origin.escape_debug();
        text.push_str(&format!("{line:width$}  # {origin}\n"));
    }
    for notice in notices {
        text.push_str(&format!("# warning: {}\n", notice.escape_debug()));
    }
    text
}
