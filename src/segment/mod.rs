//! Text into paragraphs.
//!
//! A paragraph is a run of lines that belong together: a nomenclature line with its synonyms, a heading, a
//! description, a caption, a running page header. [`segment`] tells where they lie and drops nothing: what is
//! not in a paragraph is [blank](crate::document::is_blank) or a page marker.
//!
//! # How it decides
//!
//! 1. `line`: one pass over the bytes gives, for each line that is not blank, a few cheap facts: blank lines
//!    before it, its length, how many digits and words, how it begins (`shape::Head`: a lower-case letter, a
//!    numbered item, `≡`, `Fig.`, `Etymology` ...) and how it ends (`shape::Tail`: a full stop, a hyphen, a
//!    year ...).
//! 2. `walk`: the lines are taken in stretches of 256. For each, how wide a full line is; whether lines are wrapped at
//!    all (most are about as long as a full one) or each is a paragraph; whether first lines are indented; and what blank
//!    lines mean: they part paragraphs, or stand after every line, or were lost.
//! 3. `features`: at each place between two lines, fourteen observations with few values each: was there space on
//!    the line above for the first word of the line below; is the line below short; what opened the paragraph
//!    and what would open the next; and so on.
//! 4. `weights`: each value has a learned weight, the sum is the logarithm of the odds that a paragraph ends
//!    here. A form feed or a page marker always ends one, and so does a name that is published as new.
//! 5. `parted`: where no line ends between two paragraphs, they are one, so that what is written about each begins and
//!    ends a line.
//!
//! The weights were learned from annotated volumes (`learn.rs` says how and learns them again), also with blank
//! lines lost, doubled and strewn, with characters broken, as a bad scan does, and set in every
//! [`LineLayout`](crate::document::LineLayout): one line a paragraph, 40 to 250 columns, indented, double spaced.
//!
//! Each byte is looked at a bounded number of times, no memory is taken per line, and nothing but the spans
//! grows with the text.
//!
//! [`Agreement`] measures how well paragraphs fit an annotated volume.
//!
//! This module looks at text only, and at labels only to measure: it may not touch models, files or DataFusion.

mod agreement;
mod features;
#[cfg(test)]
mod learn;
mod line;
mod parted;
mod shape;
#[cfg(test)]
mod tests;
mod walk;
mod weights;

pub use agreement::Agreement;

use crate::document::Span;
use features::Place;

/// The paragraphs of `text`.
///
/// A line end is `\n` where that ends at least half of the paragraphs, else `\r` or `\n` where those do, else
/// any separator that Python's `str.splitlines` knows; a form feed alone is none. So a program that reads lines finds
/// each paragraph on lines of its own, as it knows lines.
///
/// The spans are ascending, disjoint, on character boundaries and not empty; they neither begin nor end with a
/// [blank](crate::document::is_blank), and between them there are only blanks, page markers, and at least one line end.
#[must_use]
pub fn segment(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    segment_into(text, &mut spans);
    spans
}

/// [`segment`] into a vector that is used again: the spans are added to `spans`, nothing else is allocated.
pub fn segment_into(text: &str, spans: &mut Vec<Span>) {
    let first = spans.len();
    walk::walk(text, is_cut, |span| spans.push(span));
    parted::join_unparted(text, spans, first);
}

fn is_cut(place: &Place<'_>) -> bool {
    if place.opens_with_novelty() {
        return true;
    }
    let table = &weights::LOG_ODDS[place.table()];
    place.observe().iter().map(|weight| i32::from(table[*weight])).sum::<i32>() > weights::THRESHOLD
}
