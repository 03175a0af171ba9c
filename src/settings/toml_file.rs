//! The reader for config files: TOML, with the line of every value.
//!
//! It knows the form of the file and nothing of the settings in it. No message repeats a value.

use super::error::BadLine;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One value: its key (dotted below a table, dashes as underscores), and the line it stands on.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) key: String,
    pub(crate) values: Values,
    pub(crate) line: usize,
}

/// A value as it was written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Values {
    Text(String),
    List(Vec<String>),
}

/// Reads the values of a file, in its order of names.
pub(crate) fn read(text: &str) -> Result<Vec<Item>, BadLine> {
    let root = DeTable::parse(text).map_err(|error| BadLine {
        line: error.span().map_or(1, |span| line_of(text.as_bytes(), span.start)),
        reason: format!("not valid TOML: {}", error.message()),
    })?;
    let mut items = Vec::new();
    collect(text, "", root.get_ref(), &mut items)?;
    Ok(items)
}

fn collect(text: &str, prefix: &str, table: &DeTable<'_>, items: &mut Vec<Item>) -> Result<(), BadLine> {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref().replace('-', "_"));
        let line = line_of(text.as_bytes(), name.span().start);
        match value.get_ref() {
            DeValue::Table(inner) => collect(text, &format!("{key}."), inner, items)?,
            DeValue::Array(array) => {
                let list = array.iter().map(|item| scalar(text, &key, item)).collect::<Result<_, _>>()?;
                items.push(Item { key, values: Values::List(list), line });
            }
            _ => {
                let values = Values::Text(scalar(text, &key, value)?);
                items.push(Item { key, values, line });
            }
        }
    }
    Ok(())
}

fn scalar(text: &str, key: &str, value: &Spanned<DeValue<'_>>) -> Result<String, BadLine> {
    match value.get_ref() {
        DeValue::String(string) => Ok(string.to_string()),
        DeValue::Boolean(flag) => Ok(flag.to_string()),
        DeValue::Float(float) => Ok(float.as_str().to_owned()),
        DeValue::Integer(integer) => Ok(i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or_else(|_| integer.as_str().to_owned(), |number| number.to_string())),
        other => Err(BadLine {
            line: line_of(text.as_bytes(), value.span().start),
            reason: format!(
                "`{key}` takes a text, a number or a list of them, not this: {}",
                other.type_str()
            ),
        }),
    }
}

/// The line, counted from 1, of the byte `at`.
pub(super) fn line_of(text: &[u8], at: usize) -> usize {
    text.iter().take(at).filter(|&&byte| byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_with_key_and_line() {
        let items =
            read("# head\ncores = 2\n\noutput-format = \"jsonl\"\n[train]\nseed = 0x10\nx = [1, \"a\"]\n")
                .unwrap();
        let mut got: Vec<_> = items.into_iter().map(|i| (i.line, i.key, i.values)).collect();
        got.sort_by_key(|item| item.0);
        assert_eq!(
            got,
            [
                (2, "cores".to_owned(), Values::Text("2".to_owned())),
                (4, "output_format".to_owned(), Values::Text("jsonl".to_owned())),
                (6, "train.seed".to_owned(), Values::Text("16".to_owned())),
                (7, "train.x".to_owned(), Values::List(vec!["1".to_owned(), "a".to_owned()])),
            ]
        );
    }

    #[test]
    fn a_broken_file_is_named_by_line_and_shows_no_value() {
        let bad = read("a = 1\ncouchdb_password = \"hunter2\n").unwrap_err();
        assert_eq!(bad.line, 2);
        assert!(!bad.reason.contains("hunter2"), "{}", bad.reason);
        let bad = read("a = 1\nb = [[1]]\n").unwrap_err();
        assert_eq!(
            (bad.line, bad.reason.as_str()),
            (2, "`b` takes a text, a number or a list of them, not this: array")
        );
    }
}
