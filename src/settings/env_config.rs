//! The reader for `env_config`: lines of `NAME=value`, as a shell would read the simple ones.
//!
//! It knows the form of the file and nothing of the settings in it. No message repeats a value, because the
//! value may be a password.

use super::error::BadLine;

/// One assignment: the name, its value without quotes, and the line it stands on (counted from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// Name, as written.
    pub(crate) name: String,
    /// Value, unquoted; nothing in it is expanded.
    pub(crate) value: String,
    /// Line, counted from 1.
    pub(crate) line: usize,
}

/// Reads the text of an `env_config` file, in order; a name that stands there twice is given twice.
///
/// `#` starts a comment at the beginning of a line or after white space, also after a value. Values stand
/// bare, in single quotes (taken as they are) or in double quotes (where `\"`, `\\`, `\$` and `` \` `` lose
/// their backslash). `export` before a name is allowed. Nothing is expanded: `$HOME` stays as it is.
///
/// # Errors
/// The first line that cannot be read.
pub(crate) fn parse(text: &str) -> Result<Vec<Assignment>, BadLine> {
    let mut assignments = Vec::new();
    for (line, text) in lines(text) {
        let bad = |reason: &str| BadLine { line, reason: reason.to_owned() };
        let rest = match text.strip_prefix("export") {
            Some(rest) if rest.starts_with(char::is_whitespace) => rest.trim_start(),
            _ => text,
        };
        let Some((name, value)) = rest.split_once('=') else {
            return Err(bad("expected NAME=value, found no `=`"));
        };
        let name = name.trim_end();
        if !is_name(name) {
            return Err(bad(
                "expected NAME=value, where a name is made of letters, digits and `_` and does not start with a digit",
            ));
        }
        let value = parse_value(value).map_err(bad)?;
        assignments.push(Assignment { name: name.to_owned(), value, line });
    }
    Ok(assignments)
}

/// Reads the text of a `.skol_env` as SKOL's programs do: everything after the first `=` is the value, without the
/// quotes around it; there are no comments after values. The second list is the lines that are something else, such as
/// commands for a shell.
pub(crate) fn parse_shared(text: &str) -> (Vec<Assignment>, Vec<usize>) {
    let (mut assignments, mut others) = (Vec::new(), Vec::new());
    for (line, text) in lines(text) {
        let assignment = text.split_once('=').map(|(name, value)| {
            let name = name.trim();
            (name.strip_prefix("export ").unwrap_or(name).trim(), unquoted(value.trim()))
        });
        match assignment.filter(|(name, _)| is_name(name)) {
            Some((name, value)) => {
                assignments.push(Assignment { name: name.to_owned(), value: value.to_owned(), line });
            }
            None => others.push(line),
        }
    }
    (assignments, others)
}

/// The lines that are neither empty nor a comment, without white space around them, counted from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines().map(str::trim);
    (1..).zip(lines).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn unquoted(value: &str) -> &str {
    let without = |quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    without('"').or_else(|| without('\'')).unwrap_or(value)
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The value after `=`: unquoted, without the comment after it.
fn parse_value(raw: &str) -> Result<String, &'static str> {
    let trimmed = raw.trim_start();
    let (value, rest) = match trimmed.chars().next() {
        Some('\'') => single_quoted(&trimmed[1..])?,
        Some('"') => double_quoted(&trimmed[1..])?,
        _ => return Ok(bare(raw)),
    };
    let after = rest.trim_start();
    if after.is_empty() || (after.starts_with('#') && after.len() < rest.len()) {
        Ok(value)
    } else {
        Err("text after the closing quote; quote the whole value, and put a space before a comment")
    }
}

/// A value without quotes: up to the first `#` that follows white space.
fn bare(raw: &str) -> String {
    let mut after_space = false;
    for (at, c) in raw.char_indices() {
        if c == '#' && after_space {
            return raw[..at].trim().to_owned();
        }
        after_space = c.is_whitespace();
    }
    raw.trim().to_owned()
}

fn single_quoted(body: &str) -> Result<(String, &str), &'static str> {
    let (value, rest) = body.split_once('\'').ok_or("the single quote is not closed on this line")?;
    Ok((value.to_owned(), rest))
}

fn double_quoted(body: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::with_capacity(body.len());
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &body[at + 1..])),
            '\\' => match chars.clone().next() {
                Some((_, escaped @ ('"' | '\\' | '$' | '`'))) => {
                    value.push(escaped);
                    chars.next();
                }
                _ => value.push('\\'),
            },
            other => value.push(other),
        }
    }
    Err("the double quote is not closed on this line")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value_of(line: &str) -> String {
        let mut read = parse(line).unwrap();
        assert_eq!(read.len(), 1, "{line}");
        read.remove(0).value
    }

    #[test]
    fn values_are_read_as_a_shell_reads_them() {
        for (line, expected) in [
            ("VERBOSITY=2  # or 3 for even more detail", "2"),
            ("export CORES=4", "4"),
            ("  export\tCORES = 4 ", "4"),
            ("COUCHDB_PASSWORD=a#b", "a#b"),
            ("COUCHDB_PASSWORD=#b", "#b"),
            ("OUTPUT= # nothing", ""),
            ("OUTPUT=", ""),
            ("OUTPUT='with # and \\ and \"'  # why", "with # and \\ and \""),
            (r#"OUTPUT="a \"b\" \\ \$HOME \n c" # why"#, r#"a "b" \ $HOME \n c"#),
            ("OUTPUT=$HOME/out", "$HOME/out"),
            ("OUTPUT=with spaces inside", "with spaces inside"),
            ("exported=1", "1"),
            ("INPUT=ä\u{a0}#x", "ä"),
        ] {
            assert_eq!(value_of(line), expected, "{line}");
        }
    }

    #[test]
    fn lines_are_counted_from_one_and_comments_skipped() {
        let read = parse("\u{feff}# head\r\n\r\nA=1\r\n  # more\nB=2").unwrap();
        assert_eq!(
            read.iter().map(|a| (a.name.as_str(), a.value.as_str(), a.line)).collect::<Vec<_>>(),
            [("A", "1", 3), ("B", "2", 5)]
        );
    }

    #[test]
    fn a_bad_line_is_named_without_its_content() {
        for (text, line) in [
            ("A=1\nsecret", 2),
            ("my-name=1", 1),
            ("1A=1", 1),
            ("=1", 1),
            ("A='open", 1),
            ("A=\"open\\\"", 1),
            ("A='x'y", 1),
            ("A='x'#y", 1),
            ("export", 1),
        ] {
            let bad = parse(text).unwrap_err();
            assert_eq!(bad.line, line, "{text}");
            assert!(!bad.reason.contains("secret"));
        }
    }

    #[test]
    fn a_shared_file_is_read_as_its_programs_read_it() {
        let text = "A=1  # one\nB = \"a # \"b\"\n  export C='x'\n. /etc/profile\nexport D\nE=\"half\nF=a=b\n\n# G=1\nif x=1; then\nH='\n";
        let (assignments, others) = parse_shared(text);
        let read: Vec<_> = assignments.iter().map(|a| (a.name.as_str(), a.value.as_str(), a.line)).collect();
        assert_eq!(
            read,
            [
                ("A", "1  # one", 1),
                ("B", "a # \"b", 2),
                ("C", "x", 3),
                ("E", "\"half", 6),
                ("F", "a=b", 7),
                ("H", "'", 11)
            ]
        );
        assert_eq!(others, [4, 5, 10]);
    }

    fn double_quote(value: &str) -> String {
        let mut quoted = String::from('"');
        for c in value.chars() {
            if matches!(c, '"' | '\\' | '$' | '`') {
                quoted.push('\\');
            }
            quoted.push(c);
        }
        quoted.push('"');
        quoted
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_with_a_line_that_exists(text in "(?s).{0,200}") {
            if let Err(bad) = parse(&text) {
                prop_assert!(bad.line >= 1 && bad.line <= text.lines().count());
            }
        }

        #[test]
        fn syntax_like_text_never_panics(text in r#"([A-Z_]{1,3}|=|'|"|\\|#| |\n|\r|ä|export ){0,60}"#) {
            let _ = parse(&text);
        }

        #[test]
        fn quoted_values_come_back(name in "[A-Za-z_][A-Za-z0-9_]{0,12}", value in "[^\r\n]{0,40}") {
            prop_assert_eq!(value_of(&format!("{name}={}  # comment", double_quote(&value))), value.clone());
            if !value.contains('\'') {
                prop_assert_eq!(value_of(&format!("export {name}='{value}'")), value);
            }
        }
    }
}
