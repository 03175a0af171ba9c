//! Blocks in.
//!
//! One pass over the marker-like places of the text. The open blocks are at most two, an outer and one inside
//! it; when a third opens, or the outer one has been open for too long, its opener was an error and it is given
//! up. So each byte is looked at a bounded number of times.

use super::escape::{MarkerKind, find_marker_like};
use super::repair::{Repair, RepairKind};
use super::writer::{LONGEST_LABEL, is_label};
use crate::document::labels::{KNOWN_LABELS, canonical};
use crate::document::lines::{lines, page_marker};
use crate::document::{Span, is_blank};
use memchr::memchr_iter;
use rustc_hash::FxHashSet;

/// More blocks than this inside one block mean that the outer one was never closed.
const MOST_INNER_BLOCKS: usize = 12;

/// An annotation as it was read.
///
/// The blocks are ascending and disjoint, and between them [`text`](Self::text) holds only
/// [blanks](is_blank) and page markers (`--- PDF Page 12 Label 4 ---`): every other line stands in a block, though
/// perhaps in one without a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// The document's text: the annotation without its markers.
    pub text: String,
    /// The blocks in the order of the text.
    pub blocks: Vec<Block<'a>>,
    /// What was repaired, by line.
    pub repairs: Vec<Repair>,
}

impl Parsed<'_> {
    /// The text of `block`, which must be one of [`blocks`](Self::blocks).
    #[must_use]
    pub fn text_of(&self, block: &Block<'_>) -> &str {
        block.span.of(&self.text)
    }

    /// The spans of all blocks, as the segmenter gives them for raw text.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.blocks.iter().map(|block| block.span).collect()
    }
}

/// One block, or one stretch of text outside of all blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// Where it lies in [`Parsed::text`], without the blanks around it; never empty.
    pub span: Span,
    /// Its label; `None` for text outside of all blocks and in blocks that were never closed.
    pub label: Option<&'a str>,
    /// Line of the annotation file, from 1, where its text begins.
    pub line: usize,
}

/// The document's text without markers: [`Parsed::text`].
#[must_use]
pub fn strip(text: &str) -> String {
    parse(text).text
}

/// Reads an annotation. Any text can be read: one without markers is a single block without a label.
#[must_use]
pub fn parse(text: &str) -> Parsed<'_> {
    let mut reader = Reader::new(text);
    let mut from = 0;
    while let Some(place) = find_marker_like(text.as_bytes(), from) {
        from = place.end;
        if place.backslashes > 0 {
            continue; // carried text
        }
        if place.kind != MarkerKind::Closer {
            // `[$` within a block, or without a closer, is a price.
            if place.kind == MarkerKind::Opener || reader.top().is_none() && is_closed(text, place.end) {
                reader.opener(place.start, place.end);
            }
        } else if let Some((start, label)) = closer_label(text, reader.done, place.start) {
            reader.closer(start, place.end, label);
        } else if let Some((start, label)) = reader.damaged_before_star(place.start, place.end) {
            reader.damaged(start, place.end, label);
            reader.closer(start, place.end, label);
        }
    }
    reader.finish()
}

/// True if the next marker after `from` is a closer.
fn is_closed(text: &str, mut from: usize) -> bool {
    let first = from;
    while let Some(next) = find_marker_like(text.as_bytes(), from) {
        if next.backslashes == 0 {
            return next.kind == MarkerKind::Closer && closer_label(text, first, next.start).is_some();
        }
        from = next.end;
    }
    false
}

/// The `#` and label that end at the `*` of a closer, if they begin at or after `floor`.
fn closer_label(text: &str, floor: usize, star: usize) -> Option<(usize, &str)> {
    let window = star.saturating_sub(LONGEST_LABEL + 3).max(floor);
    let hash = window + text.as_bytes().get(window..star)?.iter().rposition(|byte| *byte == b'#')?;
    let label = text.get(hash + 1..star)?.trim_matches(' ');
    is_label(label).then_some((hash, label))
}

/// A block's state while it is read.
struct Owner<'a> {
    label: Option<&'a str>,
    /// True if it has text of its own.
    filled: bool,
    /// Line of its opener.
    line: usize,
    /// How many blocks were read inside it.
    inner: usize,
    /// True if the last of these was one that floats between the lines of others.
    floating: bool,
}

struct Piece {
    span: Span,
    line: usize,
    owner: Option<usize>,
}

struct Reader<'a> {
    raw: &'a str,
    /// How far `raw` has been taken in.
    done: usize,
    text: String,
    owners: Vec<Owner<'a>>,
    pieces: Vec<Piece>,
    open: [Option<usize>; 2],
    repairs: Vec<Repair>,
    unknown: FxHashSet<&'a str>,
    lines: Lines<'a>,
}

impl<'a> Reader<'a> {
    fn new(raw: &'a str) -> Self {
        Self {
            raw,
            done: 0,
            text: String::with_capacity(raw.len()),
            owners: Vec::new(),
            pieces: Vec::new(),
            open: [None; 2],
            repairs: Vec::new(),
            unknown: FxHashSet::default(),
            lines: Lines { raw: raw.as_bytes(), at: 0, line: 1 },
        }
    }

    fn top(&self) -> Option<usize> {
        self.open[1].or(self.open[0])
    }

    fn pop(&mut self) -> Option<usize> {
        self.open[1].take().or_else(|| self.open[0].take())
    }

    fn opener(&mut self, start: usize, end: usize) {
        self.before_gap(start);
        let gap = self.take(start, self.top());
        match self.open {
            [Some(_), Some(inner)] => {
                self.open[1] = None;
                if self.owners[inner].filled {
                    // Three deep: the outermost was never closed.
                    let outer = self.open[0].replace(inner);
                    self.give_up(outer);
                } else {
                    self.give_up(Some(inner));
                }
            }
            [Some(outer), None] => {
                let owner = &self.owners[outer];
                let follows_a_sibling = owner.inner > 0 && !owner.floating && !gap;
                if !owner.filled || follows_a_sibling || owner.inner >= MOST_INNER_BLOCKS {
                    self.open[0] = None;
                    self.give_up(Some(outer));
                }
            }
            _ => {}
        }
        let line = self.lines.at(start);
        self.owners.push(Owner { label: None, filled: false, line, inner: 0, floating: false });
        let slot = usize::from(self.open[0].is_some());
        self.open[slot] = Some(self.owners.len() - 1);
        self.done = end;
    }

    fn closer(&mut self, start: usize, end: usize, label: &'a str) {
        let label = self.known(label, start);
        let Some(owner) = self.top() else {
            let line = self.lines.at(start);
            self.owners.push(Owner { label: Some(label), filled: false, line, inner: 0, floating: false });
            let kind = if self.take(start, Some(self.owners.len() - 1)) {
                RepairKind::MissingOpener { label: label.to_owned() }
            } else {
                RepairKind::EmptyBlock
            };
            self.repairs.push(Repair { line, kind });
            self.done = end;
            return;
        };
        self.take(start, Some(owner));
        self.done = end;
        self.pop();
        let Owner { filled, inner, line, .. } = self.owners[owner];
        self.owners[owner].label = Some(label);
        if inner > 0 {
            self.repairs.push(Repair { line, kind: RepairKind::Nested });
        } else if !filled {
            self.repairs.push(Repair { line, kind: RepairKind::EmptyBlock });
        }
        if let Some(outer) = self.top() {
            self.owners[outer].inner += 1;
            self.owners[outer].floating =
                matches!(label, "Page-header" | "Figure" | "Table" | "Section-header");
        }
    }

    fn finish(mut self) -> Parsed<'a> {
        let end = self.raw.len();
        self.before_gap(end);
        self.take(end, self.top());
        while let Some(owner) = self.pop() {
            self.give_up(Some(owner));
        }
        let owners = self.owners;
        let blocks = self
            .pieces
            .into_iter()
            .map(|Piece { span, line, owner }| Block {
                span,
                line,
                label: owner.and_then(|owner| owners[owner].label),
            })
            .collect();
        self.repairs.sort_by_key(|repair| repair.line);
        Parsed { text: self.text, blocks, repairs: self.repairs }
    }

    /// Before an opener or the end: if a block is still open, look for its closer once more, less strictly.
    fn before_gap(&mut self, end: usize) {
        if self.top().is_some()
            && let Some((start, after, label)) = find_damaged(self.raw, self.done, end)
        {
            self.damaged(start, after, label);
            self.closer(start, after, label);
        }
    }

    /// A known label right before `*]`, after `@` or after nothing, where the line or the block ends.
    fn damaged_before_star(&self, star: usize, end: usize) -> Option<(usize, &'a str)> {
        self.top()?;
        let raw: &'a str = self.raw;
        let after = raw.get(end..)?;
        if !(after.is_empty() || after.starts_with(['\n', '\r', '\u{c}']) || after.starts_with("[@")) {
            return None;
        }
        let before = raw.get(self.done..star)?;
        let label = KNOWN_LABELS.into_iter().find(|label| before.ends_with(label))?;
        let start = star - label.len();
        let label = raw.get(start..star)?;
        Some((if before[..before.len() - label.len()].ends_with('@') { start - 1 } else { start }, label))
    }

    fn damaged(&mut self, start: usize, end: usize, label: &str) {
        let found = self.raw[start..end].trim_end().to_owned();
        self.repair(start, RepairKind::DamagedCloser { found, label: label.to_owned() });
    }

    fn give_up(&mut self, owner: Option<usize>) {
        if let Some(owner) = owner {
            let Owner { filled, line, inner, .. } = self.owners[owner];
            let kind = if filled || inner > 0 { RepairKind::Unclosed } else { RepairKind::StrayOpener };
            self.repairs.push(Repair { line, kind });
        }
    }

    fn repair(&mut self, at: usize, kind: RepairKind) {
        let line = self.lines.at(at);
        self.repairs.push(Repair { line, kind });
    }

    /// The label in its usual spelling; reports other spellings, and unknown labels once each.
    fn known(&mut self, label: &'a str, at: usize) -> &'a str {
        match canonical(label) {
            Some(known) if known == label => known,
            Some(known) => {
                self.repair(at, RepairKind::Spelling { found: label.to_owned(), label: known });
                known
            }
            None => {
                if self.unknown.insert(label) {
                    self.repair(at, RepairKind::UnknownLabel { label: label.to_owned() });
                }
                label
            }
        }
    }

    /// Takes the raw text up to `end` in, as a piece of `owner`'s. False if it is blank.
    fn take(&mut self, end: usize, owner: Option<usize>) -> bool {
        let start = self.done;
        self.done = end;
        let from = self.text.len();
        let raw = &self.raw[start..end];
        let mut copied = 0;
        while let Some(place) = find_marker_like(raw.as_bytes(), copied) {
            self.text.push_str(&raw[copied..=place.start]);
            copied = place.start + 1 + usize::from(place.backslashes > 0);
            self.text.push_str(&raw[copied..place.end]);
            copied = place.end;
        }
        self.text.push_str(&raw[copied..]);
        let mut filled = false;
        let mut at = from;
        for (marker, after) in page_markers(&self.text, from) {
            filled |= self.piece(at, marker, start, from, owner);
            at = after;
        }
        filled | self.piece(at, self.text.len(), start, from, owner)
    }

    /// Makes `start..end` of the text a piece, unless it is blank. `raw` and `from` are the offsets in the annotation and
    /// in the text where what was taken in begins.
    fn piece(&mut self, start: usize, end: usize, raw: usize, from: usize, owner: Option<usize>) -> bool {
        let Some(span) = Span::trimmed(&self.text, start, end) else { return false };
        let line = self.lines.at(raw + (span.start - from));
        self.pieces.push(Piece { span, line, owner });
        match owner {
            Some(owner) => self.owners[owner].filled = true,
            None => self.repairs.push(Repair { line, kind: RepairKind::TextBetween }),
        }
        true
    }
}

/// Where page markers stand in `text[from..]`, each on a line of its own.
fn page_markers(text: &str, from: usize) -> Vec<(usize, usize)> {
    let Some(taken) = text.get(from..).filter(|taken| taken.contains("--- ") || taken.contains("---P"))
    else {
        return Vec::new();
    };
    let mut markers = Vec::new();
    let mut at = from;
    for line in lines(taken) {
        let start = at + line.len() - line.trim_start_matches(is_blank).len();
        let opens = at > from || text[..at].chars().next_back().is_none_or(|c| c == '\n' || c == '\r');
        if let Some(length) = text.get(start..).filter(|_| opens).and_then(page_marker) {
            markers.push((start, start + length));
        }
        at += line.len();
    }
    markers
}

/// A closer that lacks something, in the raw text `start..end` of a block that no closer ends: where it begins
/// and ends, and its label.
///
/// `#Label` and one of `]`, `*`, `)` or `}` before white space or the end is one; the first counts. `#Label`
/// alone is one if the label is known and nothing follows.
fn find_damaged(raw: &str, start: usize, end: usize) -> Option<(usize, usize, &str)> {
    let chunk = raw.get(start..end)?;
    for hash in memchr_iter(b'#', chunk.as_bytes()) {
        let rest = &chunk[hash + 1..];
        let length = rest
            .bytes()
            .take(LONGEST_LABEL + 1)
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            .count();
        let label = &rest[..length];
        if !is_label(label) {
            continue;
        }
        let tail = &rest[length..];
        let junk = tail.bytes().take(3).take_while(|byte| matches!(byte, b']' | b'*' | b')' | b'}')).count();
        let after = &tail[junk..];
        let at_line_end = after.is_empty() || after.starts_with(['\n', '\r', '\u{c}']);
        let known = canonical(label).is_some();
        let strong = junk > 0 && (at_line_end || known && after.starts_with([' ', '\t']));
        let weak = junk == 0 && known && after.trim_start_matches(is_blank).is_empty();
        if strong || weak {
            let from = start + hash;
            return Some((from, from + 1 + length + junk, label));
        }
    }
    None
}

/// Line numbers of ascending (or nearly ascending) offsets.
struct Lines<'a> {
    raw: &'a [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn at(&mut self, offset: usize) -> usize {
        let (low, high) = (self.at.min(offset), self.at.max(offset));
        let between = memchr_iter(b'\n', &self.raw[low..high]).count();
        if offset >= self.at {
            self.line += between;
        } else {
            self.line -= between;
        }
        self.at = offset;
        self.line
    }
}
