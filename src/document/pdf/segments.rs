//! Glyphs joined into segments: stretches of one line without a wide gap.

use super::glyphs::Glyph;
use icu_normalizer::ComposingNormalizer;
use rustc_hash::FxHashSet;

/// A gap of more than this, in sizes of the font, parts two words.
const WORD_GAP: f64 = 0.15;
/// A gap of more than this parts two segments, where no blank was drawn in it.
const SEGMENT_GAP: f64 = 0.8;
/// The same where one was: lines that are justified have wide blanks.
const BLANK_GAP: f64 = 1.4;
/// A letter that is drawn twice is moved by about this, in points. Even the narrowest letters follow each other at more
/// than twice of it.
const SHADOW: f64 = 0.4;
/// So far above or below its line stands a raised or lowered letter.
const RAISED: f64 = 0.55;

/// A stretch of a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segment {
    pub(super) text: String,
    pub(super) left: f64,
    pub(super) right: f64,
    /// Its baseline, downwards.
    pub(super) y: f64,
    /// Size of most of its letters.
    pub(super) size: f64,
}

impl Segment {
    /// The upper edge of its letters.
    pub(super) fn top(&self) -> f64 {
        self.y - 0.75 * self.size
    }

    /// The lower edge of its letters.
    pub(super) fn bottom(&self) -> f64 {
        self.y + 0.25 * self.size
    }

    /// Whether it stands in one line with `other`.
    pub(super) fn is_level_with(&self, other: &Self) -> bool {
        (self.y - other.y).abs() <= 0.35 * self.size.max(other.size)
    }
}

/// The segments of a page, from above, and from left to right where they stand in one line.
pub(super) fn of(glyphs: Vec<Glyph>) -> Vec<Segment> {
    let mut segments = in_drawn_order(with_accents(without_shadows(glyphs)));
    segments.retain(|segment| !segment.text.trim().is_empty());
    joined(segments)
}

/// Without letters that are drawn a second time, a little beside the first, which some programs do for bold type.
fn without_shadows(glyphs: Vec<Glyph>) -> Vec<Glyph> {
    let mut seen: FxHashSet<(char, i64, i64)> = FxHashSet::default();
    let mut kept = Vec::with_capacity(glyphs.len());
    for glyph in glyphs {
        if let Some(letter) = glyph.text.chars().next().filter(|letter| *letter != ' ') {
            let cell = |value: f64| (value / SHADOW).round() as i64;
            let (x, y) = (cell(glyph.x), cell(glyph.y));
            if (-1..=1).any(|dx| (-1..=1).any(|dy| seen.contains(&(letter, x + dx, y + dy)))) {
                continue;
            }
            seen.insert((letter, x, y));
        }
        kept.push(glyph);
    }
    kept
}

/// Puts accents on the letters that they are drawn over: TeX draws `´` and `e` for `é`.
fn with_accents(glyphs: Vec<Glyph>) -> Vec<Glyph> {
    let mut kept: Vec<Glyph> = Vec::with_capacity(glyphs.len());
    let mut open: Option<(char, Glyph)> = None;
    for mut glyph in glyphs {
        if let Some((mark, accent)) = open.take() {
            if put_on(&mut glyph, &accent, mark) {
                kept.push(glyph);
                continue;
            }
            close(mark, accent, &mut kept);
        }
        match combining(&glyph.text) {
            Some(mark) => open = Some((mark, glyph)),
            None => kept.push(glyph),
        }
    }
    if let Some((mark, accent)) = open {
        close(mark, accent, &mut kept);
    }
    kept
}

/// An accent that the next letter does not take: it belongs to the letter before, or stands alone.
fn close(mark: char, accent: Glyph, kept: &mut Vec<Glyph>) {
    if !kept.last_mut().is_some_and(|last| put_on(last, &accent, mark)) {
        kept.push(accent);
    }
}

/// Puts `accent` on `letter` where it is drawn over it and there is a letter with this mark. Whether it did.
fn put_on(letter: &mut Glyph, accent: &Glyph, mark: char) -> bool {
    let middle = accent.x.midpoint(accent.end);
    let is_over = middle > letter.x && middle < letter.end && (accent.y - letter.y).abs() < 0.8 * letter.size;
    let base = match letter.text.as_str() {
        "\u{131}" => "i",
        "\u{237}" => "j",
        text => text,
    };
    if !is_over || !base.chars().all(char::is_alphabetic) {
        return false;
    }
    let composed = ComposingNormalizer::new_nfc().normalize(&format!("{base}{mark}")).into_owned();
    let is_one = composed.chars().count() == base.chars().count();
    if is_one {
        letter.text = composed;
    }
    is_one
}

/// The combining form of an accent that stands alone.
fn combining(text: &str) -> Option<char> {
    Some(match text {
        "`" | "\u{2cb}" => '\u{300}',
        "\u{b4}" | "\u{2ca}" => '\u{301}',
        "^" | "\u{2c6}" => '\u{302}',
        "~" | "\u{2dc}" => '\u{303}',
        "\u{af}" | "\u{2c9}" => '\u{304}',
        "\u{2d8}" => '\u{306}',
        "\u{2d9}" => '\u{307}',
        "\u{a8}" => '\u{308}',
        "\u{2da}" => '\u{30a}',
        "\u{2dd}" => '\u{30b}',
        "\u{2c7}" => '\u{30c}',
        "\u{b8}" => '\u{327}',
        "\u{2db}" => '\u{328}',
        _ => return None,
    })
}

/// Joins each glyph to the one drawn before where it goes on from there.
fn in_drawn_order(glyphs: Vec<Glyph>) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut blank = false;
    for glyph in glyphs {
        if glyph.text == " " {
            blank = true;
            continue;
        }
        let parted = std::mem::take(&mut blank);
        if let Some(last) = segments.last_mut() {
            let gap = glyph.x - last.right;
            let size = glyph.size.min(last.size);
            let most = if parted { BLANK_GAP } else { SEGMENT_GAP } * last.size;
            let off = (glyph.y - last.y).abs();
            let level = off <= 0.1 * last.size || (off <= RAISED * last.size && gap < 0.4 * last.size);
            if level && gap <= most && gap >= -0.4 * size {
                if (parted || gap > WORD_GAP * size) && !last.text.ends_with(' ') {
                    last.text.push(' ');
                }
                // A line that begins with a raised number has the size and the baseline of what follows.
                if glyph.size > 1.2 * last.size && last.text.trim().chars().count() <= 3 {
                    (last.size, last.y) = (glyph.size, glyph.y);
                }
                last.text.push_str(&glyph.text);
                last.right = last.right.max(glyph.end);
                continue;
            }
        }
        segments.push(Segment {
            text: glyph.text,
            left: glyph.x,
            right: glyph.end,
            y: glyph.y,
            size: glyph.size,
        });
    }
    segments
}

/// Joins what stands side by side although it was not drawn one after the other.
fn joined(mut segments: Vec<Segment>) -> Vec<Segment> {
    segments.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.left.total_cmp(&b.left)));
    let mut rows: Vec<Vec<Segment>> = Vec::new();
    for segment in segments {
        match rows.last_mut() {
            // Against the first of the row, so that lines of two columns do not lead from one to the next.
            Some(row) if row[0].is_level_with(&segment) => row.push(segment),
            _ => rows.push(vec![segment]),
        }
    }
    let mut all: Vec<Segment> = Vec::new();
    for mut row in rows {
        row.sort_by(|a, b| a.left.total_cmp(&b.left));
        let start = all.len();
        for segment in row {
            let before = all[start..].iter_mut().next_back();
            match before {
                Some(last) if follows(last, &segment) => {
                    let gap = segment.left - last.right;
                    if gap > WORD_GAP * last.size.min(segment.size) && !last.text.ends_with(' ') {
                        last.text.push(' ');
                    }
                    last.text.push_str(&segment.text);
                    last.right = last.right.max(segment.right);
                    last.size = last.size.max(segment.size);
                }
                _ => all.push(segment),
            }
        }
    }
    all
}

fn follows(last: &Segment, next: &Segment) -> bool {
    let gap = next.left - last.right;
    gap <= 0.6 * last.size.min(next.size) && gap >= -0.4 * last.size
}
