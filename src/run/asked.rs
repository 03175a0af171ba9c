//! What the arguments ask for, before they are known to be right: where an error that ends the program is written.

use std::ffi::OsString;

/// The value of option `name` (with its dashes) as it stands last in `arguments`. Configuration files are not read.
#[must_use]
pub fn last_value(name: &str, arguments: impl IntoIterator<Item = OsString>) -> Option<OsString> {
    let mut last = None;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            break;
        }
        let Some(text) = argument.to_str() else { continue };
        let value = match text.strip_prefix(name) {
            Some("") => arguments.next(),
            Some(rest) => rest.strip_prefix('=').map(OsString::from),
            None => None,
        };
        last = value.or(last);
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_counts_in_either_form() {
        let ask = |line: &str| last_value("--metrics-file", line.split(' ').map(OsString::from));
        assert_eq!(ask("in --metrics-file a.prom --limit=x"), Some("a.prom".into()));
        assert_eq!(ask("--metrics-file=a.prom --metrics-file b.json"), Some("b.json".into()));
        for line in ["in", "in -- --metrics-file a.prom", "--metrics-files=a", "--metrics-file"] {
            assert_eq!(ask(line), None, "{line}");
        }
    }
}
