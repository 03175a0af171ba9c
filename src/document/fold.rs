//! What a text shows, whatever characters it is written with.
//!
//! Scans, word processors and web pages write the same letters in many ways: full-width or mathematical forms,
//! ligatures, a base letter and a combining accent; and they put marks into words that nobody sees: soft hyphens,
//! zero-width spaces, joiners. [`fold`] gives the text that the segmenter and the features look at. The text itself
//! stays as it is.

use super::Paragraph;
use super::lines::{Separator, separator};
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// True for characters without width or meaning of their own: joiners, zero-width spaces, direction marks, variation
/// selectors, the byte order mark. The soft hyphen is not one of them: at a line's end it is a hyphen.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{34f}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
    )
}

const SOFT_HYPHEN: char = '\u{ad}';

/// `text` as it shows: line ends as `\n`, blanks as spaces, compatibility forms as the characters they stand for,
/// accents joined to their letters, without invisible marks. A text that is so already is given back as it is.
///
/// Plain ASCII with `\n` costs one pass that the compiler makes wide. The form feed stays, and so do characters that
/// show a single mark (`µ`, `´`, `¨`).
pub(crate) fn fold<'a>(text: &'a str, buffer: &'a mut String) -> &'a str {
    if !needs_folding(text) {
        return text;
    }
    buffer.clear();
    let shown = Shown { rest: text.chars() };
    let characters = shown.flat_map(|c| {
        let whole = c.is_ascii() || is_kept(c);
        let parts =
            (!whole).then(|| DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(std::iter::once(c)));
        whole.then_some(c).into_iter().chain(parts.into_iter().flatten())
    });
    buffer.extend(ComposingNormalizerBorrowed::new_nfc().normalize_iter(characters));
    buffer
}

/// Scratch to fold paragraph after paragraph in.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    before: String,
    text: String,
}

impl Folded {
    /// `paragraph` as it [shows](fold).
    #[inline]
    pub(crate) fn paragraph<'a>(&'a mut self, paragraph: &Paragraph<'a>) -> Paragraph<'a> {
        Paragraph {
            before: fold(paragraph.before, &mut self.before),
            text: fold(paragraph.text, &mut self.text),
        }
    }
}

/// The characters of a text with line ends and blanks made simple and without invisible marks.
struct Shown<'a> {
    rest: std::str::Chars<'a>,
}

impl Iterator for Shown<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        loop {
            let here = self.rest.as_str();
            let c = self.rest.next()?;
            match separator(here.as_bytes()) {
                Some((Separator::Return, _)) if self.rest.as_str().starts_with('\n') => {}
                Some(_) => return Some('\n'),
                None if c.is_ascii() => return Some(c),
                None if c == SOFT_HYPHEN => {
                    if ends_line(self.rest.as_str()) {
                        return Some('-');
                    }
                }
                None if is_invisible(c) => {}
                None if c.is_whitespace() => return Some(' '),
                None => return Some(c),
            }
        }
    }
}

/// True if only blanks stand before the line's end.
fn ends_line(rest: &str) -> bool {
    let mut rest = rest.chars();
    loop {
        let here = rest.as_str();
        match rest.next() {
            None | Some('\u{c}') => return true,
            Some(_) if separator(here.as_bytes()).is_some() => return true,
            Some(c) if c.is_whitespace() || is_invisible(c) => {}
            Some(_) => return false,
        }
    }
}

/// Marks that a compatibility decomposition would take apart into what they do not show: the micro sign is what
/// measures are written with, and a spacing accent is no space.
fn is_kept(c: char) -> bool {
    matches!(
        c,
        '\u{b5}' | '\u{a8}' | '\u{af}' | '\u{b4}' | '\u{b8}' | '\u{2d8}'
            ..='\u{2dd}' | '\u{37a}' | '\u{384}' | '\u{385}'
    )
}

fn needs_folding(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut wide, mut control) = (0_u8, false);
    for byte in bytes {
        wide |= byte;
        control |= (*byte == b'\r') | (*byte == 0x0B) | (byte.wrapping_sub(0x1C) < 3);
    }
    control || wide >= 0x80 && has_odd_character(text)
}

/// True if a character beyond ASCII is not what it shows.
fn has_odd_character(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(more) = bytes[at..].iter().position(|byte| !byte.is_ascii()) {
        at += more;
        // A byte beyond ASCII begins a character here: all bytes before it are whole characters.
        let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { return true };
        if is_odd(c) {
            return true;
        }
        at += c.len_utf8();
    }
    false
}

#[inline]
fn is_odd(c: char) -> bool {
    match c {
        '\u{80}'..='\u{9f}' => c == '\u{85}',
        '\u{a0}' | '\u{aa}' | '\u{ad}' | '\u{b2}' | '\u{b3}' | '\u{b9}' | '\u{ba}' | '\u{bc}'..='\u{be}' => {
            true
        }
        '\u{a1}'..='\u{131}' => false,
        '\u{2012}'..='\u{2023}' | '\u{2030}'..='\u{2032}' | '\u{2039}'..='\u{203b}' | '\u{fffd}' => false,
        _ => {
            c.is_whitespace()
                || is_invisible(c)
                || !is_kept(c)
                    && !ComposingNormalizerBorrowed::new_nfkc().is_normalized(c.encode_utf8(&mut [0; 4]))
                || is_combining(c)
        }
    }
}

/// True for an accent that may join the letter before it.
fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folded(text: &str) -> String {
        fold(text, &mut String::new()).to_owned()
    }

    #[test]
    fn what_shows_alike_is_alike() {
        for (text, shown) in [
            ("holo\u{ad}type, Mus\u{200b}ter \u{2060}x\u{200d}y", "holotype, Muster xy"),
            ("ﬁlum, Ｐｉｌｅｕｓ　３–５ ｃｍ", "filum, Pileus 3–5 cm"),
            ("𝐀𝐦𝐚𝐧𝐢𝐭𝐚 𝑟𝑢𝑏𝑟𝑎", "Amanita rubra"),
            ("Dvor\u{30c}a\u{301}kova\u{301}", "Dvořáková"),
            ("a\r\nb\rc\u{2028}d\u{2029}e\u{85}f\u{b}g\u{1c}h\u{1d}i\u{1e}j", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj"),
            ("eco\u{ad}\nlogy, soft\u{ad} \r\nend\u{ad}", "eco-\nlogy, soft- \nend-"),
            ("a\u{a0}b\u{2003}c\u{3000}d", "a b c d"),
            ("\u{feff}First", "First"),
        ] {
            assert_eq!(folded(text), shown, "{text:?}");
        }
    }

    #[test]
    fn what_is_simple_stays() {
        for text in ["", "Pileus 3-5 cm\n\u{c}", "5 µm × 3–4, ‘É. Lefèvre’ ≡ “x” — Ș ß ´ ¨ 李", "\u{fffd}"]
        {
            let mut buffer = String::from("scratch");
            assert_eq!(fold(text, &mut buffer), text);
            assert_eq!(buffer, "scratch", "{text:?} was taken for one that needs folding");
        }
    }

    proptest! {
        #[test]
        fn folding_again_changes_nothing(text in any::<String>()) {
            let once = folded(&text);
            prop_assert_eq!(folded(&once), once);
        }

        #[test]
        fn decomposed_text_shows_the_same(text in "[a-zA-ZÀ-ſ .,0-9µ×–]{0,40}") {
            let decomposed: String = DecomposingNormalizerBorrowed::new_nfd().normalize(&text).into_owned();
            prop_assert_eq!(folded(&decomposed), folded(&text));
        }
    }
}
