//! Segments of a page in reading order.
//!
//! A page is read from above; where a gutter parts it, the left column is read to its end before the right one. What
//! lies across a gutter (a title, a wide table) ends the columns above it. Columns of a table are none: their cells are
//! too narrow to be read down.

use super::segments::Segment;

/// Height of one step when columns are compared, in points.
const STEP: f64 = 2.0;
/// Columns narrower than so many sizes of the font are cells of a table.
const NARROWEST: f64 = 11.0;
/// A gutter is at least so wide, in sizes of the font.
const GUTTER: f64 = 0.7;
/// Columns stand side by side over at least so many lines.
const FEWEST_LINES: f64 = 4.0;
/// A page with more segments than this is no text in columns, and to compare them all would take long.
const MOST_SEGMENTS: usize = 20_000;
/// So many left edges are tried as gutters: those where most lines begin.
const MOST_EDGES: usize = 32;
/// Columns within columns are rare, and a hostile page must not be divided for ever.
const MOST_DIVISIONS: usize = 4;

/// Lines that are read one after the other, from above.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Block {
    pub(super) segments: Vec<Segment>,
    /// Whether the text of the block before goes on in it, as from one column to the next.
    pub(super) goes_on: bool,
}

/// The blocks of a page in reading order.
pub(super) fn in_order(segments: Vec<Segment>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (head, body, foot) = parts(segments);
    push(head, false, &mut blocks);
    divide(body, false, MOST_DIVISIONS, &mut blocks);
    push(foot, false, &mut blocks);
    blocks
}

fn push(segments: Vec<Segment>, goes_on: bool, blocks: &mut Vec<Block>) {
    if !segments.is_empty() {
        blocks.push(Block { segments, goes_on });
    }
}

/// The running title, what is between, and the page number: a first and a last line that stand apart.
fn parts(mut segments: Vec<Segment>) -> (Vec<Segment>, Vec<Segment>, Vec<Segment>) {
    let first = segments.iter().take_while(|segment| segment.is_level_with(&segments[0])).count();
    let apart = |above: f64, below: f64, size: f64| below - above > 0.9 * size;
    let head = match segments.get(first) {
        Some(next) if apart(lowest(&segments[..first]), highest(&segments[first..]), next.size) => first,
        _ => 0,
    };
    let mut rest = segments.split_off(head);
    let head = segments;
    let last = match rest.last() {
        Some(end) => rest.iter().rev().take_while(|segment| segment.is_level_with(end)).count(),
        None => 0,
    };
    let middle = rest.len() - last;
    let foot = match rest[..middle].last() {
        Some(before) if apart(lowest(&rest[..middle]), highest(&rest[middle..]), before.size) => middle,
        _ => rest.len(),
    };
    let foot = rest.split_off(foot);
    (head, rest, foot)
}

fn highest(segments: &[Segment]) -> f64 {
    segments.iter().map(Segment::top).fold(f64::INFINITY, f64::min)
}

fn lowest(segments: &[Segment]) -> f64 {
    segments.iter().map(Segment::bottom).fold(f64::NEG_INFINITY, f64::max)
}

/// Reads a stretch of a page column by column.
fn divide(segments: Vec<Segment>, goes_on: bool, divisions: usize, blocks: &mut Vec<Block>) {
    let gutter = if divisions == 0 { None } else { gutter(&segments) };
    let Some(gutter) = gutter else { return push(segments, goes_on, blocks) };
    let mut goes_on = goes_on;
    let mut rest = segments.into_iter().peekable();
    while rest.peek().is_some() {
        let mut across = Vec::new();
        while let Some(segment) = rest.next_if(|segment| gutter.is_crossed_by(segment)) {
            across.push(segment);
        }
        if !across.is_empty() {
            push(across, goes_on, blocks);
            goes_on = false;
        }
        let (mut left, mut right) = (Vec::new(), Vec::new());
        while let Some(segment) = rest.next_if(|segment| !gutter.is_crossed_by(segment)) {
            if segment.left < gutter.x { left.push(segment) } else { right.push(segment) }
        }
        let both = !left.is_empty();
        divide(left, goes_on, divisions - 1, blocks);
        divide(right, goes_on || both, divisions - 1, blocks);
        goes_on = false;
    }
}

#[derive(Debug, Clone, Copy)]
struct Gutter {
    /// The left edge of the column to its right.
    x: f64,
    /// What reaches beyond it by less is no crossing: numbers hang out, letters overlap.
    tolerance: f64,
}

impl Gutter {
    fn is_crossed_by(&self, segment: &Segment) -> bool {
        segment.left < self.x - self.tolerance && segment.right > self.x + self.tolerance
    }
}

/// The gutter with most lines on both of its sides, where there is one.
fn gutter(segments: &[Segment]) -> Option<Gutter> {
    if segments.len() > MOST_SEGMENTS {
        return None;
    }
    let size = median(segments.iter().map(|segment| segment.size))?;
    let mut lefts: Vec<f64> = segments.iter().map(|segment| segment.left).collect();
    lefts.sort_by(f64::total_cmp);
    let mut edges: Vec<(f64, usize)> = Vec::new();
    for left in lefts {
        match edges.last_mut() {
            Some((edge, count)) if left - *edge < 0.5 * size => *count += 1,
            _ => edges.push((left, 1)),
        }
    }
    edges.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    edges.truncate(MOST_EDGES);
    let columns = edges.into_iter().map(|(x, _)| Gutter { x, tolerance: 0.5 * size });
    let fitting = columns.filter_map(|gutter| Some((gutter, Sides::of(segments, gutter)?.worth(size)?)));
    fitting.max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(gutter, _)| gutter)
}

/// What stands on both sides of a gutter.
struct Sides {
    /// Steps of the page's height with text on both sides and none across.
    both: usize,
    /// Those with text across.
    across: usize,
    /// How wide the text on each side is.
    widths: [f64; 2],
    /// How wide the gutter is beside lines that reach it.
    gap: f64,
}

impl Sides {
    fn of(segments: &[Segment], gutter: Gutter) -> Option<Self> {
        let (top, bottom) = (highest(segments), lowest(segments));
        let steps = ((bottom - top) / STEP).ceil();
        // A page is some 800 points high; what claims more is not laid out to be read.
        if !(1.0..=50_000.0).contains(&steps) {
            return None;
        }
        let mut taken = vec![0_u8; steps as usize + 1];
        let mut ends = [Vec::new(), Vec::new()];
        for segment in segments {
            let side = if gutter.is_crossed_by(segment) {
                4
            } else if segment.left < gutter.x - gutter.tolerance {
                ends[0].push(segment.right);
                1
            } else {
                ends[1].push(segment.right);
                2
            };
            let (from, to) = ((segment.top() - top) / STEP, (segment.bottom() - top) / STEP);
            taken[from.max(0.0) as usize..=(to.max(0.0) as usize).min(steps as usize)]
                .iter_mut()
                .for_each(|at| *at |= side);
        }
        let left = segments.iter().map(|segment| segment.left).fold(f64::INFINITY, f64::min);
        ends.iter_mut().for_each(|side| side.sort_by(f64::total_cmp));
        // Most lines of a column reach its end; some stick out.
        let reach = |side: &[f64]| side.get(side.len() * 9 / 10).or(side.last()).copied();
        let (left_end, right_end) = (reach(&ends[0])?, reach(&ends[1])?);
        Some(Self {
            both: taken.iter().filter(|&&sides| sides == 3).count(),
            across: taken.iter().filter(|&&sides| sides & 4 != 0).count(),
            widths: [left_end - left, right_end - gutter.x],
            gap: gutter.x - left_end,
        })
    }

    /// How good the gutter is; `None` where it is none.
    fn worth(&self, size: f64) -> Option<f64> {
        let lines = self.both as f64 * STEP / size;
        let wide = self.widths.iter().all(|&width| width >= NARROWEST * size);
        let is_one =
            lines >= FEWEST_LINES && wide && self.gap >= GUTTER * size && self.both * 4 >= self.across;
        is_one.then_some(self.both as f64 - self.across as f64)
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
