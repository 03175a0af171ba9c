//! Where a paragraph stands in its document: under which heading, and in which numbering.
//!
//! A journal says itself what follows: `Literature cited`, `Key to the species`, `Acknowledgements`. So each
//! paragraph is seen together with the last heading before it in its document, however far above that is: the
//! heading's first words, how many paragraphs ago it was, and how the paragraph itself begins.
//!
//! A heading is a short paragraph of letters that begins with a capital; one with a year is a reference or a date,
//! and one with a form feed is the head of a page.
//!
//! The numbers that lines begin with are compared with the last one before: the two leads of a couplet in a key
//! repeat a number, the items of a list count on.

use super::layout::{Template, Token, key, size_class};
use super::lexer::Kind;
use crate::document::Paragraph;
use crate::document::lines::begins_page;

/// Most tokens of a heading.
const MOST_TOKENS: usize = 10;
/// Paragraphs after a heading are distinguished up to this class of their number.
const FURTHEST: u32 = 14;

/// Lines of each kind are counted up to this.
const MOST_LINES: u32 = 3;
/// Longest number of a couplet or an item, in digits.
const LONGEST_NUMBER: usize = 3;

/// The last heading and the last number of the document so far.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// Codes of the heading's first two words, the second 0 for none; `None` before the first heading.
    words: Option<[u32; 2]>,
    /// How many paragraphs ago the heading was.
    since: usize,
    /// The last number that a line began with.
    number: Option<u32>,
}

impl Outline {
    /// Appends the keys of where `paragraph` stands, distinct, to `keys`; then takes it for the heading of what
    /// follows if it is one. `year` is the code of a year.
    pub(crate) fn observe(
        &mut self,
        paragraph: &Paragraph<'_>,
        tokens: &[Token],
        year: Option<u32>,
        keys: &mut Vec<u64>,
    ) {
        self.since += 1;
        if let Some([first, second]) = self.words {
            let kind = |at: usize| tokens.get(at).map_or(9, |token| token.kind as u32);
            keys.push(key(Template::UNDER as u8, first, 0, 0));
            keys.push(key(Template::UNDER_TWO as u8, first, second, 0));
            keys.push(key(Template::UNDER_SINCE as u8, first, size_class(self.since).min(FURTHEST), 0));
            keys.push(key(Template::UNDER_AND_KINDS as u8, first, kind(0) * 10 + kind(1), 0));
        }
        self.numbering(paragraph.text, keys);
        if is_heading(paragraph, tokens, year) {
            let mut words = tokens.iter().filter(|token| is_word(token)).map(|token| token.code);
            self.words = words.next().map(|first| [first, words.next().unwrap_or(0)]);
            self.since = 0;
        }
    }

    /// How the numbers at the starts of lines go on from the last one before.
    fn numbering(&mut self, text: &str, keys: &mut Vec<u64>) {
        let (mut repeated, mut next, mut others) = (0, 0, 0);
        for number in text.lines().filter_map(leading_number) {
            match self.number {
                Some(last) if last == number => repeated += 1,
                Some(last) if last + 1 == number => next += 1,
                _ => others += 1,
            }
            self.number = Some(number);
        }
        if repeated + next + others > 0 {
            let [a, b, c] = [repeated, next, others].map(|lines: u32| lines.min(MOST_LINES));
            keys.push(key(Template::NUMBERING as u8, a * 100 + b * 10 + c, 0, 0));
            keys.push(key(Template::REPEATED as u8, a, 0, 0));
        }
    }
}

/// The number that a line begins with, if it can be that of a couplet or an item.
fn leading_number(line: &str) -> Option<u32> {
    let line = line.trim_ascii_start();
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    (1..=LONGEST_NUMBER).contains(&digits).then(|| line[..digits].parse().ok())?
}

fn is_word(token: &Token) -> bool {
    matches!(token.kind, Kind::Lower | Kind::Capitalised | Kind::Upper)
}

fn is_heading(paragraph: &Paragraph<'_>, tokens: &[Token], year: Option<u32>) -> bool {
    if tokens.len() > MOST_TOKENS || tokens.iter().any(|token| Some(token.code) == year) {
        return false;
    }
    let begins = tokens.iter().find(|token| is_word(token)).is_some_and(|token| token.kind != Kind::Lower);
    let text = paragraph.text.as_bytes();
    let solid = text.iter().filter(|byte| !byte.is_ascii_whitespace()).count();
    let letters = text.iter().filter(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii()).count();
    begins && letters * 10 > solid * 6 && !text.contains(&b'\x0c') && !begins_page(paragraph.before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::layout::{KNOWN, UNKNOWN, describe};
    use crate::features::lexer::for_each_token;
    use crate::features::lexicon::Lexicon;

    /// What each paragraph, given with what stands before it, stands under.
    fn under(document: &[(&str, &str)]) -> Vec<Vec<String>> {
        let lexicon = Lexicon::from_terms(["#year", "literature", "cited", "key", "to", "1"]);
        let mut outline = Outline::default();
        let mut found = Vec::new();
        for (before, text) in document {
            let (mut tokens, mut keys) = (Vec::new(), Vec::new());
            for_each_token(text, &mut String::new(), |term, kind| {
                let code = lexicon.get(term).map_or(UNKNOWN, |number| number + KNOWN);
                tokens.push(Token { code, kind });
            });
            outline.observe(&Paragraph { before, text }, &tokens, Some(KNOWN), &mut keys);
            found.push(keys.into_iter().map(|key| describe(key, &lexicon)).collect());
        }
        found
    }

    #[test]
    fn what_follows_a_heading_stands_under_it() {
        let found = under(&[
            ("", "A text before all headings, which is longer than any heading is."),
            ("\n\n", "LITERATURE CITED"),
            ("\n\n", "Zopf, W. 1877."),
            ("\n", "12. Lloyd"),
        ]);
        assert!(found[..2].iter().all(Vec::is_empty), "{found:?}");
        assert_eq!(
            found[2],
            [
                "under=literature",
                "under two=literature cited",
                "paragraphs since=literature 1",
                "under, then kinds=literature A."
            ]
        );
        assert_eq!(found[3][2..4], ["paragraphs since=literature 2", "under, then kinds=literature 1."]);
    }

    #[test]
    fn numbers_are_compared_with_the_last_one_before() {
        let found = under(&[
            ("", "1. Spores small .. 2\n1. Spores large .. 3"),
            ("\n", "2. Cap red"),
            ("\n", "2. Cap blue"),
            ("\n", "1949 was"),
        ]);
        let numbers = |found: &[String]| {
            found.iter().filter(|name| name.starts_with("lines")).cloned().collect::<Vec<_>>()
        };
        let expected = ["101", "10", "100"]
            .map(|numbers| format!("lines with the number before, the next, others={numbers}"));
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(&numbers(found)[0], expected);
        }
        assert_eq!(numbers(&found[2])[1], "lines with the number before=1");
        assert!(numbers(&found[3]).is_empty());
    }

    #[test]
    fn heads_of_pages_years_and_numbers_are_no_headings() {
        let key = ("\n\n", "5. Key to");
        for other in [
            ("\n\x0c", "Mycologia"),
            ("\n", "Vol. 41, 1949"),
            ("\n", "12-14 x 7"),
            ("\n", "and so on"),
            ("\n", ""),
        ] {
            let found = under(&[key, other, ("\n", "1. Spores")]);
            assert_eq!(found[2][..2], ["under=key", "under two=key to"], "{other:?}");
        }
    }
}
