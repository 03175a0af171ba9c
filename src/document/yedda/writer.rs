//! Blocks out.

use super::escape::escape_into;
use crate::document::Paragraph;
use crate::document::lines::{Separator, separator};
use memchr::{memchr, memrchr};

/// The longest label, in bytes, that reader and writer know.
pub(super) const LONGEST_LABEL: usize = 64;

/// True if `label` can stand in a block's closer: one to 64 bytes, a letter first, then letters, digits, `-`,
/// `_`, `/`, `.` and single spaces between them.
#[must_use]
pub fn is_label(label: &str) -> bool {
    label.len() <= LONGEST_LABEL
        && label.starts_with(char::is_alphabetic)
        && !label.ends_with(' ')
        && !label.contains("  ")
        && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '.' | ' '))
}

/// Appends one block, `[@text#label*]`, to `out`; `text` may hold anything.
///
/// `label` must satisfy [`is_label`] (the labels of a model do), else the block would not be read back.
/// White space between blocks goes between the calls, as it is or by [`write_text`].
pub fn write_block(out: &mut Vec<u8>, text: &str, label: &str) {
    out.extend_from_slice(b"[@");
    escape_into(text, out);
    out.push(b'#');
    out.extend_from_slice(label.as_bytes());
    out.extend_from_slice(b"*]");
}

/// Appends text that stands in no block to `out`; it may hold anything.
///
/// One stretch between two blocks is one call: cut in two, a `[` at the end of the first and an `@` at the
/// start of the second would become an opener.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    escape_into(text, out);
}

/// Appends a whole document to `out`: each paragraph as a block with its label, and what stands between them and `after`
/// the last. Each mark begins or ends a line (see the [module's](super) page), if a line ends between any two
/// paragraphs, as the segmenter gives them.
pub fn write_document<'a>(
    out: &mut Vec<u8>,
    paragraphs: impl IntoIterator<Item = (Paragraph<'a>, &'a str)>,
    after: &str,
) {
    let mut open: Option<(&str, &str)> = None;
    for (paragraph, label) in paragraphs {
        let before = paragraph.before;
        let (close, start) = if open.is_some() {
            (mark_end(before, false), mark_start(before, false))
        } else {
            (0, mark_start(before, true))
        };
        end_block(out, open, &before[..close]);
        write_text(out, &before[close..start.max(close)]);
        out.extend_from_slice(b"[@");
        out.extend_from_slice(&before.as_bytes()[start.max(close)..]);
        open = Some((paragraph.text, label));
    }
    let close = if open.is_some() { mark_end(after, true) } else { 0 };
    end_block(out, open, &after[..close]);
    write_text(out, &after[close..]);
}

/// Ends the block of a text and label, with `blanks` at the end of its last line.
fn end_block(out: &mut Vec<u8>, open: Option<(&str, &str)>, blanks: &str) {
    if let Some((text, label)) = open {
        escape_into(text, out);
        out.extend_from_slice(blanks.as_bytes());
        out.push(b'#');
        out.extend_from_slice(label.as_bytes());
        out.extend_from_slice(b"*]");
    }
}

/// Where the mark of the paragraph before `gap` ends: before the first line end of the widest known kind, and before all
/// page markers. At the document's end, where no `\n` is, at the end of `gap`.
fn mark_end(gap: &str, last: bool) -> usize {
    let bytes = gap.as_bytes();
    let marker = memchr(b'-', bytes);
    let above = &bytes[..marker.unwrap_or(bytes.len())];
    match memchr(b'\n', above).or_else(|| widest(above, |found, best| found > best)) {
        Some(end) if marker.is_some() || !last || above.get(end) == Some(&b'\n') => end,
        _ if last && marker.is_none() => gap.len(),
        _ => 0,
    }
}

/// Where the mark of the paragraph after `gap` begins: after the last line end of the widest known kind, and after all page
/// markers. At the document's start, where no `\n` is, at the start of `gap`.
fn mark_start(gap: &str, first: bool) -> usize {
    let bytes = gap.as_bytes();
    let marker = memrchr(b'-', bytes).map(|dash| dash + 1);
    let from = marker.unwrap_or(0);
    let below = &bytes[from..];
    if let Some(end) = memrchr(b'\n', below) {
        return from + end + 1;
    }
    if first && marker.is_none() {
        return 0;
    }
    let end = widest(below, |found, best| found >= best);
    end.map_or(gap.len(), |end| from + end + separator(&below[end..]).map_or(0, |(_, length)| length))
}

/// Where the separator stands that is `better` than all before it.
fn widest(bytes: &[u8], better: impl Fn(Separator, Separator) -> bool) -> Option<usize> {
    let mut best = None;
    for at in 0..bytes.len() {
        if let Some((found, _)) = separator(&bytes[at..])
            && best.is_none_or(|(_, best)| better(found, best))
        {
            best = Some((at, found));
        }
    }
    best.map(|(at, _)| at)
}
