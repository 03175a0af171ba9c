//! Text for people: that of others, made harmless for terminals and logs, and counts.

use std::borrow::Cow;

/// `text` with every control character but the tab escaped, as `\\u{1b}`: names of files, ids and labels come from anywhere, and
/// must neither move a terminal's cursor nor begin a line of their own in a log.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_control(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// `1 file`, `2 files`.
pub(crate) fn several(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// Control characters, those that separate lines, and those that turn the direction of what follows.
fn is_control(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_all_else_is_not() {
        assert_eq!(printable("a\u{1b}[2Jb\r\nc\u{9b}\u{202e}"), "a\\u{1b}[2Jb\\u{d}\\u{a}c\\u{9b}\\u{202e}");
        for text in ["", "plain", "tab\tle", "Schwämme des Ruhltales.txt", "\\u{1b}", "菌.txt"] {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text));
        }
    }
}
