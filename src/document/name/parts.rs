//! A text in pieces: words by their case, numbers, and marks.

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part<'a> {
    Lower(&'a str),
    /// Begins with a capital.
    Capitalised(&'a str),
    /// Two letters or more, all capitals.
    Upper(&'a str),
    Number(&'a str),
    Mark(char),
    End,
}

/// Walks over the pieces of a text.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Parts<'a> {
    /// The next piece, which is passed.
    pub(super) fn take(&mut self) -> Part<'a> {
        let rest = &self.text[self.at..];
        let solid = rest.trim_start();
        self.at += rest.len() - solid.len();
        let Some(first) = solid.chars().next() else { return Part::End };
        let length = if first.is_ascii_digit() {
            solid.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(solid.len())
        } else if first.is_alphabetic() {
            word_length(solid)
        } else {
            first.len_utf8()
        };
        let piece = &solid[..length];
        self.at += length;
        if first.is_ascii_digit() {
            Part::Number(piece)
        } else if !first.is_alphabetic() {
            Part::Mark(first)
        } else if !first.is_uppercase() {
            // Letters without case, as in Chinese names, are authors like capitalised ones.
            if first.is_lowercase() { Part::Lower(piece) } else { Part::Capitalised(piece) }
        } else if piece.len() > first.len_utf8() && piece.chars().all(|c| c.is_uppercase() || c == '-') {
            Part::Upper(piece)
        } else {
            Part::Capitalised(piece)
        }
    }

    pub(super) fn peek(mut self) -> Part<'a> {
        self.take()
    }

    /// Passes `mark` if it comes next.
    pub(super) fn pass(&mut self, mark: char) -> bool {
        let mut next = *self;
        let passed = next.take() == Part::Mark(mark);
        if passed {
            *self = next;
        }
        passed
    }
}

/// How many bytes the word at the start of `text` has; a hyphen or apostrophe between letters belongs to it.
pub(super) fn word_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let letters = bytes.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(bytes.len());
    match bytes.get(letters) {
        None => return letters,
        Some(byte) if byte.is_ascii() && !matches!(byte, b'-' | b'\'') => return letters,
        Some(_) => {}
    }
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let joins =
            matches!(c, '-' | '\'' | '’') && characters.peek().is_some_and(|(_, next)| next.is_alphabetic());
        if !c.is_alphabetic() && !joins {
            return at;
        }
    }
    text.len()
}
