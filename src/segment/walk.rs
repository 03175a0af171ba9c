//! From lines to paragraphs: one walk, which asks at each place between two lines whether to cut there.

use super::features::{Counts, Place};
use super::line::{Line, Lines};
use crate::document::Span;

/// How many lines are looked at together to tell how lines are set (with as many before them).
const STRETCH: usize = 256;

/// Walks over the lines of `text`, asks `cut` at each place between two of them, and gives each paragraph to
/// `paragraph`. A form feed cuts without asking.
///
/// Memory does not depend on the text: the walk holds one stretch of lines.
pub(super) fn walk(text: &str, mut cut: impl FnMut(&Place<'_>) -> bool, mut paragraph: impl FnMut(Span)) {
    let mut lines = Lines::new(text);
    let Some(mut first) = lines.next() else { return };
    let (mut above, mut length) = (first, 1);
    let mut coming = lines.next();
    let mut stretch = [Line::default(); STRETCH];
    let (mut before, mut counts) = (Counts::NONE, Counts::NONE);
    counts.add(&first);
    while coming.is_some() {
        let mut filled = 0;
        while let (Some(line), Some(slot)) = (coming, stretch.get_mut(filled)) {
            *slot = line;
            counts.add(&line);
            filled += 1;
            coming = lines.next();
        }
        let layout = counts.layout(&before);
        for (i, below) in stretch[..filled].iter().enumerate() {
            let next = stretch[..filled].get(i + 1).or(coming.as_ref());
            let place = Place { above: &above, first: &first, lines: length, below, next, layout };
            if below.page_break || cut(&place) {
                paragraph(Span { start: first.start, end: above.end });
                (first, length) = (*below, 1);
            } else {
                length += 1;
            }
            above = *below;
        }
        before = std::mem::replace(&mut counts, Counts::NONE);
    }
    paragraph(Span { start: first.start, end: above.end });
}
