//! Under which heading a paragraph stands.
//!
//! A journal says itself what follows: `Literature cited`, `Key to the species`, `Acknowledgements`. So each
//! paragraph is seen together with the last heading before it in its document, however far above that is: the
//! heading's first words, how many paragraphs ago it was, and how the paragraph itself begins.
//!
//! A heading is a short paragraph of letters that begins with a capital; one with a year is a reference or a date,
//! and one with a form feed is the head of a page.

use super::layout::{Template, Token, key, size_class};
use super::lexer::Kind;
use crate::document::Paragraph;

/// Most tokens of a heading.
const MOST_TOKENS: usize = 10;
/// Paragraphs after a heading are told apart up to this class of their number.
const FURTHEST: u32 = 14;

/// The last heading of the document so far.
#[derive(Debug, Default)]
pub(crate) struct Headings {
    /// Codes of its first two words, 0 for none.
    words: Option<[u32; 2]>,
    /// How many paragraphs ago it was.
    since: usize,
}

impl Headings {
    /// Appends the keys of what `paragraph` stands under, distinct, to `keys`; then takes it for the heading of what
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
        if is_heading(paragraph, tokens, year) {
            let mut words = tokens.iter().filter(|token| is_word(token)).map(|token| token.code);
            self.words = words.next().map(|first| [first, words.next().unwrap_or(0)]);
            self.since = 0;
        }
    }
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
    begins && letters * 10 > solid * 6 && !text.contains(&b'\x0c') && !paragraph.before.contains('\x0c')
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
        let mut headings = Headings::default();
        let mut found = Vec::new();
        for (before, text) in document {
            let (mut tokens, mut keys) = (Vec::new(), Vec::new());
            for_each_token(text, &mut String::new(), |term, kind| {
                let code = lexicon.get(term).map_or(UNKNOWN, |number| number + KNOWN);
                tokens.push(Token { code, kind });
            });
            headings.observe(&Paragraph { before, text }, &tokens, Some(KNOWN), &mut keys);
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
        assert!(found[..2].iter().all(Vec::is_empty));
        assert_eq!(
            found[2],
            [
                "under=literature",
                "under two=literature cited",
                "paragraphs since=literature 1",
                "under, then kinds=literature A."
            ]
        );
        assert_eq!(found[3][2..], ["paragraphs since=literature 2", "under, then kinds=literature 1."]);
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
