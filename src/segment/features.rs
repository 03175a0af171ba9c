//! What the decision between two lines looks at: fourteen observations, each with few values.
//!
//! An observation's value picks one learned weight (see [`weights`](super::weights)); which of the
//! [tables](Spacing) it is picked from depends on what blank lines mean in this part of the document.

use super::line::Line;
use super::shape::{Head, Lead, Tail};

/// What blank lines tell in the stretch of lines around a place, and whether there is one here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Spacing {
    /// Blank lines stand between paragraphs, and here is none.
    Close,
    /// Blank lines stand between paragraphs, and here is one.
    Apart,
    /// Blank lines tell little: there are none, or they are nearly everywhere.
    Unknown,
}

/// How the lines of a stretch are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Characters of a full line: one line in ten has as many or more.
    pub width: u16,
    /// Seven times the inverse of that, in 65536ths, rounded up.
    sevenths: u32,
    /// Lines are as long as their paragraphs: nothing has wrapped them.
    pub unwrapped: bool,
    /// Class of the share of lines that are about as long as a full one.
    even: u8,
    /// Class of the share of lines that are indented: hardly any, some, most.
    indented: u8,
    /// Blank lines that stand between any two lines (1 in a text with double spacing).
    pub usual_gap: u8,
    /// Share of the lines, in 256ths, with more blank lines before them than usual.
    pub spaced: u16,
}

/// Counts of a stretch of lines, from which its [`Layout`] is recognized.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    lengths: [u32; BUCKETS],
    gaps: [u32; 4],
    indented: u32,
    lines: u32,
}

/// Lengths up to this are counted one by one, longer ones in eighths of a doubling.
const EXACT: usize = 256;
/// How many classes of lengths there are.
const BUCKETS: usize = EXACT + 8 * 8;

/// The class of a length.
fn bucket(length: u16) -> usize {
    let length = usize::from(length);
    if length < EXACT {
        return length;
    }
    let doublings = length.ilog2() as usize - 8;
    EXACT + doublings * 8 + ((length >> (doublings + 5)) & 7)
}

/// The shortest length of a class.
fn shortest(bucket: usize) -> u16 {
    match bucket.checked_sub(EXACT) {
        None => bucket as u16,
        Some(more) => ((8 + more % 8) << (more / 8 + 5)) as u16,
    }
}

impl Counts {
    /// Counts of no lines.
    pub(super) const NONE: Self = Self { lengths: [0; BUCKETS], gaps: [0; 4], indented: 0, lines: 0 };

    /// Takes a line in.
    pub(super) fn add(&mut self, line: &Line) {
        self.lengths[bucket(line.length)] += 1;
        self.indented += u32::from(line.indent > 1);
        self.gaps[usize::from(line.gap.min(3))] += 1;
        self.lines += 1;
    }

    /// The layout of the lines counted here and in `before`.
    pub(super) fn layout(&self, before: &Self) -> Layout {
        let lines = (self.lines + before.lines).max(1);
        let mut reached = 0;
        let of_length = |length: usize| self.lengths[length] + before.lengths[length];
        let widest = (20..BUCKETS).rev().find(|length| {
            reached += of_length(*length);
            reached * 10 >= lines
        });
        let width = shortest(widest.unwrap_or(20));
        let about = bucket(width - width / 5)..=bucket(width.saturating_add(width / 5));
        let even = about.map(of_length).sum::<u32>() * 100 / lines;
        let indented = (self.indented + before.indented) * 100 / lines;
        let gaps: [u32; 4] = std::array::from_fn(|gap| self.gaps[gap] + before.gaps[gap]);
        let usual_gap = usize::from(gaps[0] * 10 < lines) + usize::from((gaps[0] + gaps[1]) * 10 < lines);
        let spaced: u32 = gaps[usual_gap + 1..].iter().sum();
        Layout {
            width,
            // A wrapped text has lines of one length, except at the ends of paragraphs. Where there are but a few
            // lines, only their length tells.
            unwrapped: width >= 140 && (even < 40 || lines < 12 && width >= 180),
            even: match even {
                ..20 => 0,
                20..40 => 1,
                40..60 => 2,
                60.. => 3,
            },
            indented: match indented {
                ..3 => 0,
                3..60 => 1,
                60.. => 2,
            },
            sevenths: (7 * 65_536_u32).div_ceil(u32::from(width)),
            usual_gap: usual_gap as u8,
            spaced: (u64::from(spaced) * 256 / u64::from(lines)) as u16,
        }
    }
}

impl Layout {
    /// What the blank lines before `line` tell here.
    fn spacing(&self, line: &Line) -> Spacing {
        match (self.spaced, line.gap > self.usual_gap) {
            (0..=4 | 128.., _) => Spacing::Unknown,
            (_, true) => Spacing::Apart,
            (_, false) => Spacing::Close,
        }
    }
}

/// The place between two lines.
pub(super) struct Place<'a> {
    /// The line before the place.
    pub above: &'a Line,
    /// The first line of the paragraph that `above` ends so far.
    pub first: &'a Line,
    /// How many lines that paragraph has so far.
    pub lines: usize,
    /// The line after the place.
    pub below: &'a Line,
    /// The line after `below`.
    pub next: Option<&'a Line>,
    /// How lines are set around here.
    pub layout: Layout,
}

/// How many observations there are.
pub(super) const OBSERVATIONS: usize = 14;

/// How many values each observation can take, in the order of [`Place::observe`].
const VALUES: [usize; OBSERVATIONS] = [
    8 * Tail::COUNT,
    8 * 8,
    Head::COUNT * Head::COUNT,
    6 * Tail::COUNT,
    4 * 4 * 2,
    Lead::COUNT * Lead::COUNT * Tail::COUNT,
    (Tail::COUNT + 1) * Head::COUNT,
    4 * 8,
    5 * 4,
    6 * 6,
    2 * Head::COUNT,
    Tail::COUNT * Head::COUNT,
    3 * 3 * 3 * 2,
    4 * 4 * 8,
];

/// How many tables of weights there are: one per [`Spacing`], for texts with wrapped lines and for others.
pub(super) const TABLES: usize = 6;

/// Where the weights of each observation begin within a table.
const OFFSETS: [usize; OBSERVATIONS] = {
    let mut offsets = [0; OBSERVATIONS];
    let mut n = 1;
    while n < OBSERVATIONS {
        offsets[n] = offsets[n - 1] + VALUES[n - 1];
        n += 1;
    }
    offsets
};

/// How many weights a table has: one per value of each observation, then one that always counts.
pub(super) const WEIGHTS: usize = OFFSETS[OBSERVATIONS - 1] + VALUES[OBSERVATIONS - 1] + 1;

impl Place<'_> {
    /// Whether a name that is published as new (`Amanita rubra Muster, sp. nov.`) begins below, and does not go on from
    /// the line above.
    pub(super) fn opens_with_novelty(&self) -> bool {
        let goes_on = matches!(self.above.tail, Tail::Comma | Tail::Hyphen | Tail::Colon | Tail::Lower);
        self.below.lead == Lead::Novelty && !goes_on
    }

    /// The table to take the weights from.
    pub(super) fn table(&self) -> usize {
        self.layout.spacing(self.below) as usize + if self.layout.unwrapped { TABLES / 2 } else { 0 }
    }

    /// Which weights of the table count here: one per observation, then the one that always counts.
    pub(super) fn observe(&self) -> [usize; OBSERVATIONS + 1] {
        let Self { above, first, lines, below, next, layout } = *self;
        let (tail, head, fill) = (above.tail as usize, below.head as usize, layout.fill(below));
        let values = [
            // Would there have been space for the next word?
            self.space_left() * Tail::COUNT + tail,
            // Short lines, full lines.
            layout.fill(above) * 8 + fill,
            // What opened the paragraph, and what would open the next.
            first.head as usize * Head::COUNT + head,
            self.length() * Tail::COUNT + tail,
            // Tables and lists of numbers.
            usize::from(above.digits * 4 + below.digits) * 2 + usize::from(fill < 4),
            // Nomenclature, run-in headings.
            (first.lead as usize * Lead::COUNT + below.lead as usize) * Tail::COUNT + tail,
            // Does the line below go on, or does it stand alone?
            match next {
                Some(next) => below.tail as usize * Head::COUNT + next.head as usize,
                None => Tail::COUNT * Head::COUNT,
            },
            match next {
                None => 0,
                Some(next) if next.page_break => 1,
                Some(next) if next.gap > layout.usual_gap => 2,
                Some(_) => 3,
            } * 8
                + fill,
            // Blank lines where they tell little, leaders of keys and contents.
            self.blank_lines() * 4 + usize::from(above.leaders) * 2 + usize::from(below.leaders),
            usize::from(above.words * 6 + below.words),
            // A running page header.
            usize::from(first.page_break && lines == 1) * Head::COUNT + above.head as usize,
            // Does the line above go on below?
            tail * Head::COUNT + head,
            // Indented first lines, hanging indents.
            self.indent(),
            // Lists of short lines, and how wide full ones are.
            (usize::from(layout.even) * 4 + layout.width_class()) * 8 + layout.fill(above),
        ];
        let mut weights = [WEIGHTS - 1; OBSERVATIONS + 1];
        for ((weight, value), offset) in weights.iter_mut().zip(values).zip(OFFSETS) {
            *weight = offset + value;
        }
        weights
    }

    /// Classes of the characters that were left on the line above after the first word of the line below.
    fn space_left(&self) -> usize {
        let used = i32::from(self.above.length) + i32::from(self.below.first_word.min(30)) + 1;
        match i32::from(self.layout.width) - used {
            ..-12 => 0,
            -12..-4 => 1,
            -4..1 => 2,
            1..5 => 3,
            5..12 => 4,
            12..25 => 5,
            25..45 => 6,
            45.. => 7,
        }
    }

    /// Classes of the number of lines of the paragraph so far.
    fn length(&self) -> usize {
        match self.lines {
            0..=1 => 0,
            2 => 1,
            3 => 2,
            4..=6 => 3,
            7..=15 => 4,
            16.. => 5,
        }
    }

    /// Whether most lines are indented, whether the line below is less, as much or more so than the one above, by how
    /// much the line above differs from what opened the paragraph, and whether the line below is indented at all.
    fn indent(&self) -> usize {
        let compare =
            |a: &Line, b: &Line| match (a.indent.saturating_sub(b.indent), b.indent.saturating_sub(a.indent))
            {
                (2.., _) => 2,
                (_, 2..) => 0,
                _ => 1,
            };
        let (below, first) = (compare(self.below, self.above), compare(self.below, self.first));
        ((usize::from(self.layout.indented) * 3 + below) * 3 + first) * 2 + usize::from(self.below.indent > 1)
    }

    fn blank_lines(&self) -> usize {
        let more = usize::from(self.below.gap.saturating_sub(self.layout.usual_gap).min(2));
        if self.layout.spaced >= 128 { 3 + more.min(1) } else { more }
    }
}

impl Layout {
    /// How full a line is, in sevenths of the usual width.
    fn fill(self, line: &Line) -> usize {
        ((u64::from(line.length) * u64::from(self.sevenths)) >> 16).min(7) as usize
    }

    fn width_class(self) -> usize {
        match self.width {
            ..45 => 0,
            45..90 => 1,
            90..140 => 2,
            140.. => 3,
        }
    }
}
