//! Lines, and the few cheap facts about each that the decision looks at.
//!
//! A line ends at any separator of [`lines`](crate::document::lines) and at a form feed. Lines that hold only blanks,
//! and page markers, are not given out; the next line knows how many there were. What a line shows counts, not the
//! characters it is written with (see [`fold`]). Each byte is looked at a bounded number of times; of a line longer than
//! 240 bytes only the beginning is counted, and its length is that in bytes.

use super::shape::{Head, Lead, Tail, head_of, tail_of};
use crate::document::fold::fold;
use crate::document::is_blank;
use crate::document::lines::{has_rare_separators, line_end, page_marker, separator};
use memchr::{memchr, memchr3};

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
    /// Characters; beyond what is counted, bytes.
    pub length: u16,
    /// Blanks before it on its line.
    pub indent: u8,
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
    rare: bool,
    folded: String,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, rare: has_rare_separators(text), folded: String::new() }
    }

    /// What stands between the line that ended at `self.at` and the next: the line's start, the separators, whether a
    /// page begins there, and the bytes of its indentation. `None` if there is no further line.
    fn gap(&self) -> Option<(usize, u32, bool, usize)> {
        let bytes = self.text.as_bytes();
        let (mut breaks, mut page_break) = (0_u32, false);
        let mut start = self.at;
        // Where the line begins, with its indentation.
        let mut from = start;
        loop {
            match *bytes.get(start)? {
                b' ' | b'\t' | 0x1F => {}
                b'\n' => {
                    breaks += 1;
                    from = start + 1;
                }
                b'\r' => {
                    start += usize::from(bytes.get(start + 1) == Some(&b'\n'));
                    breaks += 1;
                    from = start + 1;
                }
                0x0C => {
                    page_break = true;
                    from = start + 1;
                }
                0x0B | 0x1C..=0x1E => {
                    breaks += 1;
                    from = start + 1;
                }
                b'-' if breaks > 0 || self.at == 0 => match self.text.get(start..).and_then(page_marker) {
                    Some(length) => {
                        page_break = true;
                        start += length - 1;
                        from = start + 1;
                    }
                    None => break,
                },
                0..=0x7F => break,
                _ => {
                    let rest = &bytes[start..];
                    match self.text.get(start..).and_then(|rest| rest.chars().next()) {
                        Some(c) if is_blank(c) => {
                            start += c.len_utf8() - 1;
                            if separator(rest).is_some() {
                                breaks += 1;
                                from = start + 1;
                            }
                        }
                        _ => break,
                    }
                }
            }
            start += 1;
        }
        Some((start, breaks, page_break, start - from))
    }

    /// Where the line that begins at `start` ends, its separator and the blanks before that not counted.
    fn end_of(&self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        if !self.rare {
            return memchr3(b'\n', b'\r', 0x0C, &bytes[start..]).map_or(bytes.len(), |more| start + more);
        }
        let end = line_end(bytes, start, true);
        memchr(0x0C, &bytes[start..end]).map_or(end, |more| start + more)
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let (start, breaks, page_break, indent) = self.gap()?;
        self.at = self.end_of(start);
        let end = trimmed_end(self.text, start, self.at);
        let line = fold(&self.text[start..end], &mut self.folded);
        let counted = &line.as_bytes()[..line.len().min(COUNTED)];
        let lanes = Lanes::of(counted);
        let characters = counted.len() as u8 - sum(lanes.continuations);
        let uncounted = line.len() - counted.len();
        let (head, first_word, lead) = head_of(line);
        Some(Line {
            start,
            end,
            gap: u8::try_from(breaks.saturating_sub(1)).unwrap_or(u8::MAX),
            page_break,
            length: u16::try_from(usize::from(characters) + uncounted).unwrap_or(u16::MAX),
            indent: u8::try_from(indent).unwrap_or(u8::MAX),
            first_word,
            digits: share_class(sum(lanes.digits), characters),
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
