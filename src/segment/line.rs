//! Lines, and the few cheap facts about each that the decision looks at.
//!
//! A line ends at `\n`, `\r\n`, a lone `\r` or a form feed. Lines that hold only blanks are not given out; the
//! next line knows how many there were. Each byte is looked at once, apart from a bounded number at a line's
//! two ends; of a line longer than 240 bytes only the beginning is counted.

use super::shape::{Head, Lead, Tail, head_of, tail_of};
use crate::document::is_blank;
use memchr::memchr3;

/// How many bytes of a line are counted, at most: their number fits a byte.
const COUNTED: usize = 15 * LANES;

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
    /// Class of the share of digits: under a sixteenth, an eighth, a quarter, more.
    pub digits: u8,
    /// Class of the number of words: 1, 2, to 4, to 6, to 9, more.
    pub words: u8,
    /// It has leaders: eight full stops or more.
    pub leaders: bool,
    /// How it begins.
    pub head: Head,
    /// How it ends.
    pub tail: Tail,
    /// What it opens with.
    pub lead: Lead,
}

/// How many bytes are counted at a time.
const LANES: usize = 16;

/// Counts of bytes, one per lane.
#[derive(Clone, Copy, Default)]
struct Lanes {
    digits: [u8; LANES],
    spaces: [u8; LANES],
    stops: [u8; LANES],
    continuations: [u8; LANES],
}

impl Lanes {
    fn of(bytes: &[u8]) -> Self {
        let mut lanes = Self::default();
        let (chunks, rest) = bytes.as_chunks::<LANES>();
        for chunk in chunks {
            lanes.add(chunk);
        }
        let mut last = [0; LANES];
        last[..rest.len()].copy_from_slice(rest);
        lanes.add(&last);
        lanes
    }

    fn add(&mut self, chunk: &[u8; LANES]) {
        for (lane, byte) in chunk.iter().enumerate() {
            self.digits[lane] += u8::from(byte.is_ascii_digit());
            self.spaces[lane] += u8::from(*byte == b' ');
            self.stops[lane] += u8::from(*byte == b'.');
            self.continuations[lane] += u8::from(*byte & 0xC0 == 0x80);
        }
    }
}

/// The sum over all lanes, which is at most [`COUNTED`].
fn sum(lanes: [u8; LANES]) -> u8 {
    let (pairs, _) = lanes.as_chunks::<8>();
    let pairs = pairs.iter().fold(0_u64, |pairs, lanes| pairs + u64::from_le_bytes(*lanes));
    (pairs.wrapping_mul(0x0101_0101_0101_0101) >> 56) as u8
}

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
        let mut end = memchr3(b'\n', b'\r', 0x0C, &bytes[start..]).map_or(bytes.len(), |more| start + more);
        self.at = end;
        end = trimmed_end(self.text, start, end);
        let counted = &bytes[start..end.min(start + COUNTED)];
        let lanes = Lanes::of(counted);
        let length = counted.len() as u8 - sum(lanes.continuations);
        let line = &self.text[start..end];
        let (head, first_word, lead) = head_of(line);
        Some(Line {
            start,
            end,
            gap: u8::try_from(breaks.saturating_sub(1)).unwrap_or(u8::MAX),
            page_break,
            length,
            first_word,
            digits: share_class(sum(lanes.digits), length),
            words: words_class(sum(lanes.spaces)),
            leaders: sum(lanes.stops) >= 8,
            head,
            tail: tail_of(line),
            lead,
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

/// See [`Line::digits`].
fn share_class(digits: u8, length: u8) -> u8 {
    let (digits, length) = (u32::from(digits) * 16, u32::from(length));
    u8::from(digits >= length) + u8::from(digits >= 2 * length) + u8::from(digits >= 4 * length)
}

/// See [`Line::words`]; there is one word more than spaces.
fn words_class(spaces: u8) -> u8 {
    const CLASSES: [u8; 10] = [0, 1, 2, 2, 3, 3, 4, 4, 4, 5];
    CLASSES[usize::from(spaces.min(9))]
}
