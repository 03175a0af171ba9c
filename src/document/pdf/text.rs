//! Blocks of a page written as lines of text.

use super::order::Block;
use super::segments::Segment;

/// More room than this many usual line distances above a line is a blank line.
const BLANK_LINE: f64 = 1.25;
/// A line that begins further to the right than this, in sizes of the font, is indented.
const INDENTED: f64 = 0.7;
/// A gap of more than this within a line parts cells of a table.
const CELL_GAP: f64 = 2.0;
/// Blanks at the beginning of a line at most.
const MOST_BLANKS: usize = 20;

/// One line of a block.
struct Line {
    text: String,
    left: f64,
    y: f64,
    size: f64,
}

/// Appends `blocks` to `text`.
pub(super) fn write(blocks: &[Block], text: &mut String) {
    for (place, block) in blocks.iter().enumerate() {
        if place > 0 && !block.goes_on {
            text.push('\n');
        }
        write_block(&lines(&block.segments), text);
    }
}

fn lines(segments: &[Segment]) -> Vec<Line> {
    let mut rows: Vec<Vec<&Segment>> = Vec::new();
    for segment in segments {
        match rows.last_mut() {
            Some(row) if row[0].is_level_with(segment) => row.push(segment),
            _ => rows.push(vec![segment]),
        }
    }
    let line = |mut row: Vec<&Segment>| {
        row.sort_by(|a, b| a.left.total_cmp(&b.left));
        let mut text = row[0].text.trim().to_owned();
        for pair in row.windows(2) {
            // The cells of a table stay apart.
            let cells = pair[1].left - pair[0].right > CELL_GAP * pair[0].size;
            text.push_str(if cells { "   " } else { " " });
            text.push_str(pair[1].text.trim());
        }
        let widest = row.iter().max_by_key(|segment| segment.text.len());
        let (y, size) = widest.map_or((row[0].y, row[0].size), |segment| (segment.y, segment.size));
        Line { text, left: row[0].left, y, size }
    };
    rows.into_iter().map(line).collect()
}

fn write_block(lines: &[Line], text: &mut String) {
    let margin = margin(lines);
    let distance = usual_distance(lines);
    let mut above: Option<f64> = None;
    for line in lines {
        if let (Some(above), Some(distance)) = (above, distance)
            && line.y - above > BLANK_LINE * distance
        {
            text.push('\n');
        }
        above = Some(line.y);
        let indent = (line.left - margin) / line.size;
        if indent > INDENTED {
            // Two blanks are about as wide as the font is high.
            let blanks = ((indent * 2.0).round() as usize).min(MOST_BLANKS);
            text.extend(std::iter::repeat_n(' ', blanks));
        }
        text.push_str(&line.text);
        text.push('\n');
    }
}

/// Where lines begin that are not indented: furthest to the left of where a fair share of them begins.
fn margin(lines: &[Line]) -> f64 {
    let lefts: Vec<f64> = lines.iter().map(|line| line.left).collect();
    least_of_many(&lefts, 2.0).or_else(|| lefts.iter().copied().min_by(f64::total_cmp)).unwrap_or_default()
}

/// The distance between lines of one paragraph: the smallest that a fair share of them has.
///
/// Not the most frequent one: where paragraphs are short, that is the distance between paragraphs.
fn usual_distance(lines: &[Line]) -> Option<f64> {
    let distances = lines.windows(2).filter_map(|pair| {
        let distance = pair[1].y - pair[0].y;
        // Less is a fraction or a table, more is a gap.
        (0.8 * pair[1].size..2.2 * pair[1].size).contains(&distance).then_some(distance)
    });
    least_of_many(&distances.collect::<Vec<f64>>(), 0.6)
}

/// The least of `values` that a sixth of them comes near to.
fn least_of_many(values: &[f64], near: f64) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let share = (values.len() / 6).max(1);
    // In sorted values, those near to one stand behind it.
    let start = values
        .iter()
        .enumerate()
        .find(|&(place, value)| values.get(place + share).is_some_and(|other| other - value <= near));
    start.map(|(place, _)| values[place + share / 2])
}
