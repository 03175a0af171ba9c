//! Lines, and the few cheap facts about each that the decision looks at.
//!
//! A line ends at `\n`, `\r\n`, a lone `\r` or a form feed. Lines that hold only blanks are not given out; the
//! next line knows how many there were. Each byte is looked at once, apart from a bounded number at a line's
//! two ends; of a line longer than 255 bytes only the beginning is counted.

use super::shape::{Head, Tail, head_of, tail_of};
use crate::document::is_blank;
use memchr::memchr3;

/// How many bytes of a line are counted, at most; a packed counter holds no more.
const COUNTED: usize = 255;

/// What is known of a line that is not blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Line {
    /// First byte that is not blank.
    pub start: usize,
    /// One past the last byte that is not blank.
    pub end: usize,
    /// Blank lines before it.
    pub gap: u8,
    /// A form feed stands between the line before and this one.
    pub page_break: bool,
    /// Characters, as far as counted.
    pub length: u8,
    /// Characters of its first word.
    pub first_word: u8,
    /// Digits among the bytes counted.
    pub digits: u8,
    /// Words among the bytes counted.
    pub words: u8,
    /// Full stops among the bytes counted.
    pub stops: u8,
    /// How it begins.
    pub head: Head,
    /// How it ends.
    pub tail: Tail,
    /// It begins like the name of a species: `Amanita rubra Muster`, `A. rubra (Muster) Beispiel`.
    pub binomial: bool,
}

/// Packed counters, one byte each: digit, space, full stop, continuation byte.
const COUNTS: [u64; 256] = {
    let mut counts = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        counts[byte] = match b {
            b'0'..=b'9' => 1,
            b' ' | b'\t' => 1 << 8,
            b'.' => 1 << 16,
            0x80..=0xBF => 1 << 24,
            b'\n' | b'\r' | 0x0C => END,
            _ => 0,
        };
        byte += 1;
    }
    counts
};

/// Marks the bytes that end a line.
const END: u64 = 1 << 63;

/// The lines of a text.
pub(super) struct Lines<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let bytes = self.text.as_bytes();
        let (mut breaks, mut page_break) = (0_u32, false);
        let mut start = self.at;
        loop {
            match *bytes.get(start)? {
                b' ' | b'\t' | 0x0B => {}
                b'\n' => breaks += 1,
                b'\r' => {
                    start += usize::from(bytes.get(start + 1) == Some(&b'\n'));
                    breaks += 1;
                }
                0x0C => page_break = true,
                0..=0x7F => break,
                _ => match self.text.get(start..).and_then(|rest| rest.chars().next()) {
                    Some(c) if is_blank(c) => start += c.len_utf8() - 1,
                    _ => break,
                },
            }
            start += 1;
        }
        let mut counts = 0_u64;
        let limit = bytes.len().min(start + COUNTED);
        let mut end = start;
        while end < limit {
            let count = COUNTS[usize::from(bytes[end])];
            if count == END {
                break;
            }
            counts += count;
            end += 1;
        }
        let counted = end - start;
        if end == limit {
            end = memchr3(b'\n', b'\r', 0x0C, &bytes[end..]).map_or(bytes.len(), |more| end + more);
        }
        self.at = end;
        end = trimmed_end(self.text, start, end);
        let lane = |n: u32| (counts >> (8 * n)) as u8;
        let line = &self.text[start..end];
        let (head, first_word, binomial) = head_of(line);
        Some(Line {
            start,
            end,
            gap: u8::try_from(breaks.saturating_sub(1)).unwrap_or(u8::MAX),
            page_break,
            length: u8::try_from(counted.min(end - start)).unwrap_or(u8::MAX).saturating_sub(lane(3)),
            first_word,
            digits: lane(0),
            words: lane(1).saturating_add(1),
            stops: lane(2),
            head,
            tail: tail_of(line),
            binomial,
        })
    }
}

/// `end` moved before the blanks at the end of `text[start..end]`.
fn trimmed_end(text: &str, start: usize, end: usize) -> usize {
    match text.as_bytes()[end - 1] {
        b'!'..=0x7E => end,
        _ => start + text[start..end].trim_end_matches(is_blank).len(),
    }
}
