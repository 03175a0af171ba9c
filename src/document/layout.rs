//! The same text set in other lines: as a word processor, a web page or a wider page would hand it over.
//!
//! A scanned page breaks its lines where the paper ends. A text that was never printed has one line a paragraph; others
//! wrap it at 80 columns, space it double or indent what opens a paragraph. [`LineLayout::set`] makes such a copy of a
//! text whose paragraphs are known, so that one annotated volume trains and tests for all of them.

use super::{Span, is_blank};
use std::fmt;

/// How paragraphs are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parting {
    /// A blank line stands between paragraphs.
    BlankLine,
    /// The next line begins the next paragraph; nothing tells.
    Nothing,
    /// The first line of a paragraph is indented by four spaces, and no blank line stands before it.
    Indent,
    /// A blank line stands after every line (double spacing).
    EveryLine,
}

/// How the lines of a text are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineLayout {
    /// Characters of a full line; `None`: each paragraph is one line.
    pub columns: Option<usize>,
    /// What stands between paragraphs.
    pub parting: Parting,
    /// Long words are hyphenated where a line ends.
    pub hyphenate: bool,
}

impl LineLayout {
    /// The layouts that are measured and trained for.
    pub const ALL: [Self; 13] = {
        const fn of(columns: Option<usize>, parting: Parting, hyphenate: bool) -> LineLayout {
            LineLayout { columns, parting, hyphenate }
        }
        [
            of(None, Parting::BlankLine, false),
            of(None, Parting::Nothing, false),
            of(None, Parting::Indent, false),
            of(Some(40), Parting::BlankLine, true),
            of(Some(60), Parting::BlankLine, false),
            of(Some(80), Parting::BlankLine, false),
            of(Some(80), Parting::Nothing, true),
            of(Some(80), Parting::Indent, false),
            of(Some(80), Parting::EveryLine, false),
            of(Some(100), Parting::BlankLine, true),
            of(Some(120), Parting::Nothing, false),
            of(Some(120), Parting::BlankLine, false),
            of(Some(250), Parting::BlankLine, false),
        ]
    };

    /// `text`, which has its paragraphs at `spans` (ascending and disjoint), in this layout; and where they are now.
    ///
    /// A word that was hyphenated at a line's end is joined. Form feeds between paragraphs stay.
    #[must_use]
    pub fn set(&self, text: &str, spans: &[Span]) -> (String, Vec<Span>) {
        let (mut out, mut set) = (String::with_capacity(text.len()), Vec::with_capacity(spans.len()));
        let mut end = 0;
        for span in spans {
            if !out.is_empty() {
                out.push_str(match self.parting {
                    Parting::BlankLine | Parting::EveryLine => "\n\n",
                    Parting::Nothing | Parting::Indent => "\n",
                });
            }
            let between = text.get(end..span.start).unwrap_or_default();
            out.extend(between.chars().filter(|c| *c == '\u{c}'));
            if self.parting == Parting::Indent {
                out.push_str("    ");
            }
            let start = out.len();
            self.paragraph(text.get(span.start..span.end).unwrap_or_default(), &mut out);
            set.push(Span { start, end: out.len() });
            end = span.end;
        }
        out.push('\n');
        (out, set)
    }

    fn paragraph(&self, text: &str, out: &mut String) {
        let words = joined_words(text);
        let Some(columns) = self.columns else {
            out.push_str(&words.join(" "));
            return;
        };
        let line_end = if self.parting == Parting::EveryLine { "\n\n" } else { "\n" };
        let mut column = if self.parting == Parting::Indent { 4 } else { 0 };
        for (place, word) in words.iter().enumerate() {
            let length = word.chars().count();
            let space = usize::from(place > 0);
            if place > 0 && column + space + length > columns {
                match self.hyphenate.then(|| cut(word, columns.saturating_sub(column + 2))).flatten() {
                    Some((head, tail)) => {
                        out.push(' ');
                        out.push_str(head);
                        out.push('-');
                        out.push_str(line_end);
                        out.push_str(tail);
                        column = tail.chars().count();
                    }
                    None => {
                        out.push_str(line_end);
                        out.push_str(word);
                        column = length;
                    }
                }
                continue;
            }
            if space > 0 {
                out.push(' ');
            }
            out.push_str(word);
            column += space + length;
        }
    }
}

impl fmt::Display for LineLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.columns {
            Some(columns) => write!(f, "{columns} columns")?,
            None => f.write_str("one line a paragraph")?,
        }
        f.write_str(match self.parting {
            Parting::BlankLine => ", blank lines between",
            Parting::Nothing => ", nothing between",
            Parting::Indent => ", indented",
            Parting::EveryLine => ", double spaced",
        })?;
        f.write_str(if self.hyphenate { ", hyphenated" } else { "" })
    }
}

/// The words of a paragraph, those that a line's end had cut made whole.
fn joined_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_cut = false;
    for line in text.split(['\n', '\r', '\u{c}']) {
        for (place, word) in line.split(is_blank).filter(|word| !word.is_empty()).enumerate() {
            let goes_on = place == 0 && is_cut && word.starts_with(char::is_lowercase);
            match words.last_mut().filter(|_| goes_on) {
                Some(last) => {
                    last.pop();
                    last.push_str(word);
                }
                None => words.push(word.to_owned()),
            }
        }
        if !line.chars().all(is_blank) {
            let mut ends = line.trim_end_matches(is_blank).chars().rev();
            is_cut = ends.next() == Some('-') && ends.next().is_some_and(char::is_alphabetic);
        }
    }
    words
}

/// A long word of small letters, cut in two with at most `most` characters before the cut.
fn cut(word: &str, most: usize) -> Option<(&str, &str)> {
    let letters = word.chars().take_while(|c| c.is_lowercase()).count();
    let head = most.min(letters.checked_sub(3)?);
    if letters < 7 || head < 3 {
        return None;
    }
    let (at, _) = word.char_indices().nth(head)?;
    word.split_at_checked(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Amanita rubra Muster\nsp. nov.\n\nPileus con-\nvex, whit-\nIsh, smooth and\nstriate at the margin.\n\u{c}14 Acta";

    fn set(columns: Option<usize>, parting: Parting, hyphenate: bool) -> (String, Vec<String>) {
        let spans: Vec<Span> = [("Amanita", "nov."), ("Pileus", "margin."), ("14", "Acta")]
            .map(|(first, last)| Span {
                start: TEXT.find(first).unwrap(),
                end: TEXT.find(last).unwrap() + last.len(),
            })
            .to_vec();
        let (text, spans) = LineLayout { columns, parting, hyphenate }.set(TEXT, &spans);
        let found = spans.iter().map(|span| span.of(&text).to_owned()).collect();
        (text, found)
    }

    #[test]
    fn one_line_a_paragraph() {
        let (text, found) = set(None, Parting::Nothing, false);
        assert_eq!(found[1], "Pileus convex, whit- Ish, smooth and striate at the margin.");
        assert_eq!(text, format!("{}\n{}\n\u{c}{}\n", found[0], found[1], found[2]));
        let (text, _) = set(None, Parting::BlankLine, false);
        assert!(text.starts_with("Amanita rubra Muster sp. nov.\n\nPileus"));
    }

    #[test]
    fn lines_are_filled_up_to_the_columns() {
        let (_, found) = set(Some(16), Parting::BlankLine, false);
        assert_eq!(found[1], "Pileus convex,\nwhit- Ish,\nsmooth and\nstriate at the\nmargin.");
        let (_, found) = set(Some(16), Parting::EveryLine, false);
        assert_eq!(found[0], "Amanita rubra\n\nMuster sp. nov.");
        let (text, found) = set(Some(16), Parting::Indent, false);
        assert_eq!(found[0], "Amanita\nrubra Muster sp.\nnov.");
        assert!(text.starts_with("    Amanita") && text.contains("\n    Pileus"));
    }

    #[test]
    fn words_are_hyphenated_and_come_back_whole() {
        let text = "the pileipellis is remarkably gelatinized throughout";
        let spans = [Span { start: 0, end: text.len() }];
        let (wrapped, spans) =
            LineLayout { columns: Some(20), parting: Parting::BlankLine, hyphenate: true }.set(text, &spans);
        assert!(wrapped.contains("-\n"), "{wrapped}");
        assert!(wrapped.lines().all(|line| line.chars().count() <= 20), "{wrapped}");
        let (whole, _) =
            LineLayout { columns: None, parting: Parting::BlankLine, hyphenate: false }.set(&wrapped, &spans);
        assert_eq!(whole.trim_end(), text);
    }
}
