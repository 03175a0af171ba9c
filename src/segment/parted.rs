//! Paragraphs that no line end parts are one.
//!
//! Programs that read annotations line by line need each mark at the beginning or the end of a line. What a line is
//! differs: all know `\n`, fewer a lone `\r`, and only those that split a text as Python's `str.splitlines` does know
//! the others. A text has one kind; a rarer separator within it (a soft line break, say) parts no paragraphs.

use crate::document::Span;
use crate::document::lines::{Separator, separator};
use memchr::{memchr, memchr2};

/// Joins each of `spans[first..]` to the one before where no line end of the text's kind stands between the two. A page
/// marker is a line of its own, and parts them in any text.
pub(super) fn join_unparted(text: &str, spans: &mut Vec<Span>, first: usize) {
    let between = |pair: &[Span]| &text[pair[0].end..pair[1].start];
    let mut gaps = spans[first..].windows(2).map(between);
    if gaps.all(|gap| memchr2(b'\n', b'-', gap.as_bytes()).is_some()) {
        return;
    }
    let mut found = [0; Separator::Newline as usize + 1];
    let gaps = spans[first..].windows(2).map(between).filter(|gap| !holds_marker(gap));
    gaps.filter_map(widest).for_each(|separator| found[separator as usize] += 1);
    let [rare, returns, newlines] = found;
    let all = rare + returns + newlines;
    let least = if newlines * 2 >= all {
        Separator::Newline
    } else if (newlines + returns) * 2 >= all {
        Separator::Return
    } else {
        Separator::Rare
    };
    let mut last = first;
    for next in first + 1..spans.len() {
        let (above, below) = (spans[last], spans[next]);
        let gap = between(&[above, below]);
        if holds_marker(gap) || widest(gap).is_some_and(|found| found >= least) {
            last += 1;
            spans[last] = below;
        } else {
            spans[last].end = below.end;
        }
    }
    spans.truncate(last + 1);
}

/// Whether a page marker stands between two paragraphs.
fn holds_marker(gap: &str) -> bool {
    memchr(b'-', gap.as_bytes()).is_some()
}

/// The widest known separator between two paragraphs.
fn widest(gap: &str) -> Option<Separator> {
    let bytes = gap.as_bytes();
    (0..bytes.len()).filter_map(|at| separator(&bytes[at..])).map(|(found, _)| found).max()
}
