//! Tokens: the parts a text is made of, without the accidents of its spacing.
//!
//! A run of letters is a token, lower-cased, with ligatures (`ﬁ`) taken apart and the Greek mu read as
//! the micro sign; a run of digits is a token that only tells its length, or that it is a year
//! (1700 to 2099); every other character that is not white space is a token of its own. So `9-12 x 5 µm`
//! becomes `#1 - #2 x #1 µm`, whatever the numbers are and however scanning has spaced them.
//!
//! Pure ASCII runs are handled byte by byte; a run with anything else in it, character by character.

/// How a token looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Letters that begin with a small one.
    Lower = 0,
    /// Letters that begin with a capital.
    Capitalised = 1,
    /// Two letters or more, all capitals.
    Upper = 2,
    /// Digits.
    Number = 3,
    /// Any other character.
    Mark = 4,
}

const SPACE: u8 = 0;
const LOWER: u8 = 1;
const UPPER: u8 = 2;
const DIGIT: u8 = 3;
const MARK: u8 = 4;
const WIDE: u8 = 5;

const CLASS: [u8; 256] = {
    let mut table = [MARK; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b' ' | 9..=13 => SPACE,
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            128.. => WIDE,
            _ => MARK,
        };
        byte += 1;
    }
    table
};

/// The token of a year.
pub(crate) const YEAR: &str = "#year";

/// The token of a number.
fn number(digits: &[u8]) -> &'static str {
    match digits {
        [b'1', b'7'..=b'9', _, _] | [b'2', b'0', _, _] => YEAR,
        [_] => "#1",
        [_, _] => "#2",
        [_, _, _] => "#3",
        [_, _, _, _] => "#4",
        _ => "#5+",
    }
}

/// Calls `visit` with each token of `text` and its kind; `buffer` is scratch.
pub(crate) fn for_each_token(text: &str, buffer: &mut String, mut visit: impl FnMut(&str, Kind)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let class = CLASS[byte as usize];
        match class {
            SPACE => at += 1,
            MARK => {
                visit(&text[at..=at], Kind::Mark);
                at += 1;
            }
            DIGIT => {
                let length = run(&bytes[at..], |class| class == DIGIT);
                visit(number(&bytes[at..at + length]), Kind::Number);
                at += length;
            }
            LOWER | UPPER => {
                let length = run(&bytes[at..], |class| class == LOWER || class == UPPER);
                let end = at + length;
                if bytes.get(end).is_some_and(|&byte| CLASS[byte as usize] == WIDE) {
                    at = wide(text, at, buffer, &mut visit);
                    continue;
                }
                let word = &text[at..end];
                let kind = if class == LOWER {
                    Kind::Lower
                } else if length > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase()) {
                    Kind::Upper
                } else {
                    Kind::Capitalised
                };
                if kind == Kind::Lower && !word.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    visit(word, kind);
                } else {
                    buffer.clear();
                    buffer.push_str(word);
                    buffer.make_ascii_lowercase();
                    visit(buffer, kind);
                }
                at = end;
            }
            _ => at = wide(text, at, buffer, &mut visit),
        }
    }
}

/// How many bytes at the start of `bytes` have a class that is `wanted`.
#[inline]
fn run(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|&byte| !wanted(CLASS[byte as usize])).unwrap_or(bytes.len())
}

/// The token at `at`, character by character; gives where the next one begins.
#[cold]
fn wide(text: &str, at: usize, buffer: &mut String, visit: &mut impl FnMut(&str, Kind)) -> usize {
    buffer.clear();
    let mut end = at;
    let (mut letters, mut capitals, mut first_is_capital) = (0_usize, 0_usize, false);
    for character in text[at..].chars() {
        if !character.is_alphanumeric() || character.is_ascii_digit() {
            break;
        }
        end += character.len_utf8();
        letters += 1;
        if character.is_uppercase() {
            capitals += 1;
            first_is_capital |= letters == 1;
        }
        match character {
            '\u{fb00}' => buffer.push_str("ff"),
            '\u{fb01}' => buffer.push_str("fi"),
            '\u{fb02}' => buffer.push_str("fl"),
            '\u{fb03}' => buffer.push_str("ffi"),
            '\u{fb04}' => buffer.push_str("ffl"),
            '\u{3bc}' => buffer.push('\u{b5}'),
            other => buffer.extend(other.to_lowercase()),
        }
    }
    if letters > 0 {
        let kind = match (letters, capitals, first_is_capital) {
            (2.., capitals, _) if capitals == letters => Kind::Upper,
            (_, _, true) => Kind::Capitalised,
            _ => Kind::Lower,
        };
        visit(buffer, kind);
        return end;
    }
    let Some(character) = text[at..].chars().next() else { return text.len() };
    if !character.is_whitespace() {
        buffer.push(character);
        visit(buffer, Kind::Mark);
    }
    at + character.len_utf8()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<(String, Kind)> {
        let mut found = Vec::new();
        for_each_token(text, &mut String::new(), |token, kind| found.push((token.to_owned(), kind)));
        found
    }

    fn texts(text: &str) -> Vec<String> {
        tokens(text).into_iter().map(|(token, _)| token).collect()
    }

    #[test]
    fn numbers_tell_their_length_only() {
        assert_eq!(texts("9-12 x 5.0(\u{3bc}m"), ["#1", "-", "#2", "x", "#1", ".", "#1", "(", "µm"]);
        assert_eq!(texts("1899 2099 1699 123456"), ["#year", "#year", "#4", "#5+"]);
    }

    #[test]
    fn words_are_lower_cased_and_their_kind_kept() {
        let expected =
            [("amanita", Kind::Capitalised), ("rubra", Kind::Lower), ("sp", Kind::Lower), (".", Kind::Mark)];
        assert_eq!(tokens("Amanita rubra sp."), expected.map(|(token, kind)| (token.to_owned(), kind)));
        assert_eq!(tokens("KEY A É ÉÀ")[0], ("key".to_owned(), Kind::Upper));
        assert_eq!(tokens("KEY A É ÉÀ")[1].1, Kind::Capitalised);
        assert_eq!(tokens("KEY A É ÉÀ")[2], ("é".to_owned(), Kind::Capitalised));
        assert_eq!(tokens("KEY A É ÉÀ")[3].1, Kind::Upper);
    }

    #[test]
    fn characters_beyond_ascii_join_their_word() {
        assert_eq!(
            texts("Pa\u{fb01}ni naïve—x\u{a0}y\u{fffd}"),
            ["pafini", "naïve", "—", "x", "y", "\u{fffd}"]
        );
        assert!(texts(" \u{c}\u{a0}\r\n").is_empty());
    }
}
