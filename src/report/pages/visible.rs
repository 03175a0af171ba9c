//! Text of any kind as text that can be seen.

use std::borrow::Cow;

/// What stands for a character that cannot be seen and could mislead: a mark that turns the direction of the
/// text around, or a control character without a picture.
const REPLACEMENT: char = '\u{fffd}';

/// `text` with every control character and every mark of direction replaced by one visible character, so that
/// nothing hides and nothing turns around what follows it. One character stands for one: offsets in Unicode code
/// points stay as they are. Tabs and line ends stay.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| shown(c) == c) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().map(shown).collect())
    }
}

/// The character that is shown for `c`.
pub(super) fn shown(c: char) -> char {
    match c {
        '\t' | '\n' => c,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or(REPLACEMENT),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{fdd0}'..='\u{fdef}'
        | '\u{fffe}'
        | '\u{ffff}' => REPLACEMENT,
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_shown_character_for_character() {
        assert_eq!(
            visible("a\0b\rc\u{7f}\u{85}\u{202e}d\te\n"),
            "a\u{2400}b\u{240d}c\u{2421}\u{fffd}\u{fffd}d\te\n"
        );
        assert!(matches!(visible("Amanita rubra µ ß 漢"), Cow::Borrowed(_)));
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let text = String::from(c);
            assert_eq!(visible(&text).chars().count(), 1);
            assert!(!visible(&text).chars().any(|c| c.is_control() && c != '\t' && c != '\n'));
        }
    }
}
