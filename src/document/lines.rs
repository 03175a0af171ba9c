//! Where lines end, and what a page marker is.
//!
//! A line ends at every separator that Python's `str.splitlines` knows: `\n`, `\r\n`, `\r`, VT, FS, GS, RS, NEL,
//! U+2028, U+2029. The form feed is a page break: it parts pages, and is no line end by itself, because programs
//! that read a file line by line do not end a line there.
//!
//! A *page marker* is a line `--- PDF Page 12 Label 4 ---`, or the same without a label, as text extractors put it
//! before each page. It means what a form feed means.

/// How widely a line separator is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Separator {
    /// VT, FS, GS, RS, NEL, U+2028, U+2029: known to `str.splitlines`.
    Rare,
    /// A carriage return: known to files opened as text, too.
    Return,
    /// A line feed: known to every program.
    Newline,
}

/// The separator at the start of `bytes` and its length in bytes; of `\r\n`, the `\r`.
#[inline]
pub(crate) fn separator(bytes: &[u8]) -> Option<(Separator, usize)> {
    match bytes {
        [b'\n', ..] => Some((Separator::Newline, 1)),
        [b'\r', ..] => Some((Separator::Return, 1)),
        [0x0B | 0x1C..=0x1E, ..] => Some((Separator::Rare, 1)),
        [0xC2, 0x85, ..] => Some((Separator::Rare, 2)),
        [0xE2, 0x80, 0xA8 | 0xA9, ..] => Some((Separator::Rare, 3)),
        _ => None,
    }
}

/// True if `text` has a [`Separator::Rare`]. One pass that the compiler makes wide.
pub(crate) fn has_rare_separators(text: &str) -> bool {
    const CHUNK: usize = 4096;
    let bytes = text.as_bytes();
    let control = |byte: u8| byte == 0x0B || byte.wrapping_sub(0x1C) < 3;
    let rare = |(first, (second, third)): (&u8, (&u8, &u8))| {
        control(*first)
            | (*first == 0xC2) & (*second == 0x85)
            | (*first == 0xE2) & (*second == 0x80) & (*third & 0xFE == 0xA8)
    };
    let mut from = 0;
    while let Some(first) = bytes.get(from..).filter(|rest| rest.len() > 2) {
        let first = &first[..first.len().min(CHUNK + 2)];
        let pairs = first[1..].iter().zip(&first[2..]);
        if first.iter().zip(pairs).fold(false, |found, bytes| found | rare(bytes)) {
            return true;
        }
        from += CHUNK.min(first.len() - 2);
    }
    let last = bytes.len().saturating_sub(2);
    bytes[last..].iter().any(|byte| control(*byte)) || bytes.ends_with(&[0xC2, 0x85])
}

/// The lines of `text` with their ends, in order: they give back the text.
pub(crate) fn lines(text: &str) -> Lines<'_> {
    Lines { rest: text, rare: has_rare_separators(text) }
}

/// See [`lines`].
#[derive(Debug, Clone)]
pub(crate) struct Lines<'a> {
    rest: &'a str,
    rare: bool,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let bytes = self.rest.as_bytes();
        let (line, rest) = self.rest.split_at(after_line(bytes, line_end(bytes, 0, self.rare)));
        self.rest = rest;
        Some(line)
    }
}

/// Where the line that holds the byte at `from` ends: at its separator, or at the end of all. `rare`: whether to
/// look for [`Separator::Rare`].
#[inline]
pub(crate) fn line_end(bytes: &[u8], from: usize, rare: bool) -> usize {
    let rest = &bytes[from..];
    if rare {
        let end = (0..rest.len()).find(|at| separator(&rest[*at..]).is_some());
        return from + end.unwrap_or(rest.len());
    }
    memchr::memchr2(b'\n', b'\r', rest).map_or(bytes.len(), |end| from + end)
}

/// The first byte after the separator at `end`.
fn after_line(bytes: &[u8], end: usize) -> usize {
    match separator(&bytes[end..]) {
        Some((Separator::Return, _)) if bytes.get(end + 1) == Some(&b'\n') => end + 2,
        Some((_, length)) => end + length,
        None => bytes.len(),
    }
}

/// The length of the page marker at the start of `text`, without the line's end; `None` if there is none, or the
/// line goes on after it.
pub(crate) fn page_marker(text: &str) -> Option<usize> {
    // Longer labels than this are no labels.
    const LONGEST: usize = 160;
    let bytes = text.as_bytes();
    if !bytes.starts_with(b"---") {
        return None;
    }
    let line = &bytes[..line_end(&bytes[..bytes.len().min(LONGEST)], 0, true)];
    let mut at = 3;
    let blanks = |at: &mut usize| {
        let from = *at;
        *at += line[from..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        *at > from
    };
    let word = |at: &mut usize, word: &[u8]| {
        let found = line[*at..].starts_with(word);
        *at += if found { word.len() } else { 0 };
        found
    };
    blanks(&mut at);
    if !(word(&mut at, b"PDF") && blanks(&mut at) && word(&mut at, b"Page") && blanks(&mut at)) {
        return None;
    }
    let digits = line[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    at += digits;
    blanks(&mut at);
    if digits == 0 {
        return None;
    }
    if word(&mut at, b"Label") {
        let parted = blanks(&mut at);
        let label = line[at..].iter().take_while(|byte| !matches!(byte, b' ' | b'\t')).count();
        at += label;
        if !parted || label == 0 || !blanks(&mut at) {
            return None;
        }
    }
    let closed = word(&mut at, b"---");
    let marker = at;
    blanks(&mut at);
    let ends = at == bytes.len() || at == line.len() && separator(&bytes[at..]).is_some();
    (closed && ends).then_some(marker)
}

/// Whether a page begins in what stands before a paragraph, which holds only [blanks](super::is_blank) and page
/// markers.
pub(crate) fn begins_page(before: &str) -> bool {
    memchr::memchr2(0x0C, b'-', before.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Written from Python's documentation of `str.splitlines(keepends=True)`, without the form feed.
    fn splitlines(text: &str) -> Vec<String> {
        let ends = ['\n', '\r', '\u{b}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
        let mut lines = vec![String::new()];
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            if let Some(line) = lines.last_mut() {
                line.push(character);
            }
            if ends.contains(&character) && !(character == '\r' && characters.peek() == Some(&'\n')) {
                lines.push(String::new());
            }
        }
        lines.retain(|line| !line.is_empty());
        lines
    }

    proptest! {
        #[test]
        fn lines_are_those_of_python(text in "[ab\u{a8}é\n\r\u{b}\u{c}\u{1c}-\u{1f}\u{84}-\u{86}\u{2027}-\u{202a}]{0,30}") {
            prop_assert_eq!(lines(&text).map(str::to_owned).collect::<Vec<_>>(), splitlines(&text));
        }

        #[test]
        fn a_rare_separator_is_found_wherever_it_lies(before in 0_usize..9000, after in 0_usize..9000) {
            let text = |separator: &str| "a".repeat(before) + separator + &"b".repeat(after);
            for separator in ["\u{b}", "\u{1c}", "\u{1e}", "\u{85}", "\u{2028}", "\u{2029}"] {
                prop_assert!(has_rare_separators(&text(separator)), "{:?}", separator);
            }
            for other in ["", "\n", "\u{c}", "\u{1f}", "\u{c2}", "\u{2014}", "\u{2068}", "é"] {
                prop_assert!(!has_rare_separators(&text(other)), "{:?}", other);
            }
        }
    }

    #[test]
    fn page_markers_are_whole_lines() {
        for marker in [
            "--- PDF Page 12 Label 4 ---",
            "--- PDF Page 1 ---",
            "---PDF  Page 3---",
            "--- PDF Page 13 Label roman_xiii ---",
        ] {
            for end in ["", "\n", "\r\n", "  \n", "\u{2028}", "\u{b}"] {
                assert_eq!(page_marker(&format!("{marker}{end}")), Some(marker.len()), "{marker:?}{end:?}");
            }
            assert_eq!(page_marker(&format!("{marker} and more\n")), None);
            assert_eq!(page_marker(&format!(" {marker}")), None);
        }
        let others = [
            "---",
            "--- PDF Page ---",
            "--- PDF Page x ---",
            "--- PDF Page 1 --",
            "--- PDF Page 1 Label ---",
            "--- Page 1 ---",
            "--- PDF Page 1\n---",
        ];
        assert!(others.iter().all(|other| page_marker(other).is_none()));
    }
}
