//! The lines of a paragraph as a page shows them.

/// One shown line: its text, and what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShownLine<'a> {
    /// The text without its end.
    pub text: &'a str,
    /// What ends it; empty at the end of the paragraph.
    pub end: &'a str,
    /// Whether it begins a line of the document; else it follows a page break or the like within one.
    pub numbered: bool,
}

/// The lines of `text`, which begins a line or follows the indentation of one.
///
/// Numbers count `\n`, as editors do; other characters that end a line on paper (`\r`, form feed, vertical tab, NEL,
/// U+2028, U+2029) end a shown line that has no number of its own.
pub(super) fn lines(text: &str) -> impl Iterator<Item = ShownLine<'_>> {
    let (mut rest, mut numbered, mut done) = (text, true, false);
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let is_end =
            |c: char| matches!(c, '\n' | '\r' | '\u{c}' | '\u{b}' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let Some(at) = rest.find(is_end) else {
            done = true;
            return Some(ShownLine { text: rest, end: "", numbered });
        };
        let (text, after) = rest.split_at(at);
        let first = after.chars().next().map_or(0, char::len_utf8);
        let length = if after.starts_with("\r\n") { 2 } else { first };
        let (end, after) = after.split_at(length);
        let line = ShownLine { text, end, numbered };
        rest = after;
        numbered = end.ends_with('\n');
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_their_ends_are_the_text() {
        for text in ["", "a", "a\nb", "a\r\n\rb\u{c}\n", "\n\n", "x\u{2028}y\u{85}z\u{b}", "\r\r\n"] {
            let back: String = lines(text).flat_map(|line| [line.text, line.end]).collect();
            assert_eq!(back, text);
        }
        let numbered: Vec<bool> = lines("a\rb\nc\u{c}d\r\ne").map(|line| line.numbered).collect();
        assert_eq!(numbered, [true, false, true, false, true]);
    }
}
