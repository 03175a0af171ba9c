//! Layout and shape: what a paragraph looks like, apart from what it says.
//!
//! Each paragraph gets one observation per template: the first and last tokens, kinds of tokens in a row
//! (a binomial is a capitalised word and a lower-case one), densities of digits, capitals, marks, numbers,
//! years and measurements, the number of lines and their lengths, blank lines, form feed and indentation
//! before it. Counts are put in classes that grow by a factor of the square root of two, so that an observation
//! is one of a few values and becomes a column of its own.

use super::lexer::{Kind, YEAR};
use super::lexicon::Lexicon;
use crate::document::Paragraph;
use crate::document::lines::begins_page;
use crate::document::name::{self, After};

/// A token as the layout sees it: its code and its kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    /// [`UNKNOWN`], or the number in the lexicon plus [`KNOWN`].
    pub code: u32,
    pub kind: Kind,
}

/// Code of no token: before the first and after the last.
const NONE: u32 = 0;
/// Code of a token that is not in the lexicon.
pub(crate) const UNKNOWN: u32 = 1;
/// Code of the lexicon's first token.
pub(crate) const KNOWN: u32 = 2;

/// Bits of a code within a key: a key holds a template and three codes.
const CODE_BITS: u32 = 19;
/// The largest lexicon whose codes fit.
pub(crate) const MAX_TOKENS: usize = (1 << CODE_BITS) - KNOWN as usize;

/// What a key's values are, for [`describe`].
#[derive(Clone, Copy)]
enum Values {
    /// Codes of tokens.
    Tokens(usize),
    /// The code of a token, then a kind pattern.
    TokenKinds,
    /// The code of a token, then a class of a count.
    TokenSize,
    /// Kinds of tokens in a row, one decimal digit each.
    Kinds,
    /// A class of a count: see [`size_class`].
    Size,
    /// A class of a ratio: see [`ratio_class`].
    Ratio,
    /// A small number as it is.
    Plain,
}

macro_rules! templates {
    ($($constant:ident $name:literal $values:expr,)*) => {
        // Some are counted up to rather than named.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, dead_code)]
        #[derive(Clone, Copy)]
        #[repr(u8)]
        pub(super) enum Template { _ZERO, _PAIR, $($constant,)* }
        const TEMPLATES: &[(&str, Values)] = &[("", Values::Plain), ("pair", Values::Tokens(2)), $(($name, $values),)*];
    };
}

templates! {
    FIRST "first" Values::Tokens(1),
    SECOND "second" Values::Tokens(1),
    THIRD "third" Values::Tokens(1),
    FIRST_TWO "first two" Values::Tokens(2),
    LAST "last" Values::Tokens(1),
    LAST_BUT_ONE "last but one" Values::Tokens(1),
    LAST_TWO "last two" Values::Tokens(2),
    LAST_THREE "last three" Values::Tokens(3),
    FIRST_KIND "first kind" Values::Kinds,
    FIRST_KINDS "first 3 kinds" Values::Kinds,
    FIRST_FIVE_KINDS "first 5 kinds" Values::Kinds,
    LAST_KINDS "last 3 kinds" Values::Kinds,
    FIRST_AND_KINDS "first, then kinds" Values::TokenKinds,
    DIGITS "digits, ratio" Values::Ratio,
    CAPITALS "capitals, ratio" Values::Ratio,
    STOPS "full stops, ratio" Values::Ratio,
    COMMAS "commas, ratio" Values::Ratio,
    COLONS "colons and semicolons, ratio" Values::Ratio,
    BRACKETS "brackets, ratio" Values::Ratio,
    HYPHENS "hyphens, ratio" Values::Ratio,
    BEYOND_ASCII "characters beyond ASCII, ratio" Values::Ratio,
    AMPERSANDS "& and =, ratio" Values::Ratio,
    OTHER_MARKS "other marks, ratio" Values::Ratio,
    DIGIT_COUNT "digits" Values::Size,
    CAPITAL_COUNT "capitals" Values::Size,
    STOP_COUNT "full stops" Values::Size,
    COMMA_COUNT "commas" Values::Size,
    COLON_COUNT "colons and semicolons" Values::Size,
    BRACKET_COUNT "brackets" Values::Size,
    TOKENS "tokens" Values::Size,
    TOKEN_LENGTH "bytes per token" Values::Ratio,
    LOWER_TOKENS "small words, ratio" Values::Ratio,
    CAPITALISED_TOKENS "capitalised words, ratio" Values::Ratio,
    UPPER_TOKENS "capital words, ratio" Values::Ratio,
    NUMBER_TOKENS "numbers, ratio" Values::Ratio,
    FEW_WORDS "capitalised and small words" Values::Plain,
    YEARS "years" Values::Plain,
    YEAR_AT_END "tokens after the last year" Values::Plain,
    MEASURES "measurements" Values::Plain,
    MEASURE_RATIO "measurements, ratio" Values::Ratio,
    LINES "lines" Values::Size,
    LONGEST_LINE "longest line" Values::Size,
    FIRST_LINE "first line" Values::Size,
    LAST_LINE "last line" Values::Size,
    LAST_LINE_TENTHS "last line, tenths of the longest" Values::Plain,
    FIRST_LINE_TENTHS "first line, tenths of the longest" Values::Plain,
    SHORT_LINES_TENTHS "short lines, tenths" Values::Plain,
    BLANK_LINES "blank lines within" Values::Plain,
    BEFORE "line ends before, form feed" Values::Plain,
    INDENT "indentation" Values::Size,
    LEADERS "leader dots" Values::Plain,
    FIRST_COLON "tokens before the first colon" Values::Size,
    FIRST_DASH "tokens before the first dash" Values::Size,
    PAGE_RANGES "page ranges" Values::Plain,
    VOLUME_PAGES "numbers after number and colon" Values::Plain,
    REFERENCE "page ranges, years, class of tokens" Values::Plain,
    NUMBERING "lines with the number before, the next, others" Values::Plain,
    REPEATED "lines with the number before" Values::Plain,
    UNDER "under" Values::Tokens(1),
    UNDER_TWO "under two" Values::Tokens(2),
    UNDER_SINCE "paragraphs since" Values::TokenSize,
    UNDER_AND_KINDS "under, then kinds" Values::TokenKinds,
    NAME "name: form, authors, what follows" Values::Plain,
    NAME_LATIN "name: Latin endings, form, whether it ends the paragraph" Values::Plain,
    NAME_REST "name: what follows, bytes of it" Values::Plain,
    NAME_BEFORE "name: what stands before, form, rank below the species" Values::Plain,
}

/// A key of up to three values below 2^19 under `template`.
pub(super) const fn key(template: u8, a: u32, b: u32, c: u32) -> u64 {
    (template as u64) << (3 * CODE_BITS) | (a as u64) << (2 * CODE_BITS) | (b as u64) << CODE_BITS | c as u64
}

/// The key of two tokens in a row.
#[inline]
pub(crate) const fn pair_key(first: u32, second: u32) -> u64 {
    key(Template::_PAIR as u8, first, second, 0)
}

/// 0, 1, 2, 3, then two classes per doubling: `floor(2 log2 n)`.
pub(super) fn size_class(n: usize) -> u32 {
    if n < 4 {
        return n as u32;
    }
    let n = n as u64;
    let exponent = n.ilog2();
    // n >= 2^(exponent + 1/2)  <=>  n^2 >= 2^(2 exponent + 1), on the leading 31 bits.
    let leading = if exponent > 30 { n >> (exponent - 30) } else { n };
    let leading_exponent = exponent.min(30);
    2 * exponent + u32::from(leading * leading >= 1 << (2 * leading_exponent + 1))
}

/// 0 for nothing, else `32 + floor(2 log2(part / whole))`, at least 16.
fn ratio_class(part: usize, whole: usize) -> u32 {
    if part == 0 {
        return 0;
    }
    // Scaled by 2^16, two classes per doubling: 32 classes for a ratio of one.
    let scaled = ((part as u64) << 16) / (whole.max(1) as u64);
    size_class(scaled as usize).max(16)
}

/// Byte classes, counted in lanes of ten bits.
mod lane {
    pub const DIGIT: usize = 0;
    pub const CAPITAL: usize = 1;
    pub const STOP: usize = 2;
    pub const COMMA: usize = 3;
    pub const COLON: usize = 4;
    pub const BRACKET: usize = 5;
    pub const HYPHEN: usize = 6;
    pub const WIDE: usize = 7;
    pub const AMPERSAND: usize = 8;
    pub const OTHER: usize = 9;
    pub const SMALL: usize = 10;
    pub const SPACE: usize = 11;
    pub const COUNT: usize = 12;
}

const LANE_BITS: usize = 10;

const LANES: [u128; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let lane = match byte as u8 {
            b'0'..=b'9' => lane::DIGIT,
            b'A'..=b'Z' => lane::CAPITAL,
            b'.' => lane::STOP,
            b',' => lane::COMMA,
            b';' | b':' => lane::COLON,
            b'(' | b')' | b'[' | b']' => lane::BRACKET,
            b'-' => lane::HYPHEN,
            128.. => lane::WIDE,
            b'&' | b'=' => lane::AMPERSAND,
            b'a'..=b'z' => lane::SMALL,
            b' ' | 9..=13 => lane::SPACE,
            _ => lane::OTHER,
        };
        table[byte] = 1 << (LANE_BITS * lane);
        byte += 1;
    }
    table
};

/// How many bytes of each class there are.
fn count_bytes(text: &[u8]) -> [usize; lane::COUNT] {
    let mut counts = [0; lane::COUNT];
    for chunk in text.chunks((1 << LANE_BITS) - 1) {
        let lanes = chunk.iter().fold(0_u128, |sum, &byte| sum + LANES[byte as usize]);
        for (lane, count) in counts.iter_mut().enumerate() {
            *count += (lanes >> (LANE_BITS * lane)) as usize & ((1 << LANE_BITS) - 1);
        }
    }
    counts
}

/// Units of measurement, also as scanning has garbled them.
const MEASURES: [&str; 14] =
    ["µm", "um", "mm", "cm", "pm", "nm", "m", "jum", "jim", "tum", "x", "µ", "micra", "in"];

/// What the layout must know of the lexicon.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Landmarks {
    year: Option<u32>,
    stop: Option<u32>,
    colon: Option<u32>,
    comma: Option<u32>,
    dashes: [Option<u32>; 3],
    measures: [Option<u32>; MEASURES.len()],
}

impl Landmarks {
    pub(crate) fn new(lexicon: &Lexicon) -> Self {
        let code = |term: &str| lexicon.get(term).map(|number| number + KNOWN);
        Self {
            year: code(YEAR),
            stop: code("."),
            colon: code(":"),
            comma: code(","),
            dashes: ["-", "\u{2013}", "\u{2014}"].map(code),
            measures: MEASURES.map(code),
        }
    }

    /// The code of a year.
    pub(crate) fn year(&self) -> Option<u32> {
        self.year
    }

    /// Whether a number after these tokens ends a range of pages, as in `Mycologia 33: 350-355`.
    fn is_page_range(&self, before: &[Token]) -> bool {
        let [.., mark, first, dash] = before else { return false };
        self.dashes.contains(&Some(dash.code))
            && first.kind == Kind::Number
            && Some(first.code) != self.year
            && [self.colon, self.comma, self.stop].contains(&Some(mark.code))
    }

    /// Whether a number after these tokens is a page of a volume, as in `Sylloge 9: 215`.
    fn is_after_volume(&self, before: &[Token]) -> bool {
        let [.., volume, colon] = before else { return false };
        Some(colon.code) == self.colon && volume.kind == Kind::Number
    }
}

/// Scratch for [`observe`].
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<usize>);

/// Appends the keys of a paragraph's layout to `keys`: distinct, one per template that applies.
pub(crate) fn observe(
    paragraph: &Paragraph<'_>,
    tokens: &[Token],
    landmarks: &Landmarks,
    lines: &mut Lines,
    keys: &mut Vec<u64>,
) {
    ends(tokens, keys);
    let counts = count_bytes(paragraph.text.as_bytes());
    densities(paragraph.text.len(), &counts, tokens.len(), keys);
    kinds(tokens, landmarks, keys);
    line_lengths(paragraph.text, lines, keys);
    surroundings(paragraph.before, keys);
    name(paragraph.text, keys);
}

/// The scientific name that a paragraph begins with; nothing where it begins with none.
fn name(text: &str, keys: &mut Vec<u64>) {
    let Some(name) = name::read(text) else { return };
    let (form, after) = (name.form as u32, name.after as u32);
    let mut add = |template: Template, value: u32| keys.push(key(template as u8, value, 0, 0));
    add(Template::NAME, (form * 10 + name.authors as u32) * 10 + after);
    let ends = u32::from(matches!(name.after, After::Nothing | After::Novelty | After::Status));
    add(Template::NAME_LATIN, (u32::from(name.latin) * 100 + form) * 10 + ends);
    add(Template::NAME_REST, after * 100 + size_class(text.len() - name.end).min(20));
    add(Template::NAME_BEFORE, (name.before as u32 * 100 + form) * 10 + u32::from(name.infraspecific));
}

/// Whether `key` holds the code of a token.
pub(super) fn has_token(key: u64) -> bool {
    let template = TEMPLATES.get((key >> (3 * CODE_BITS)) as usize);
    template.is_none_or(|(_, values)| {
        matches!(values, Values::Tokens(_) | Values::TokenKinds | Values::TokenSize)
    })
}

/// First and last tokens, and their kinds.
fn ends(tokens: &[Token], keys: &mut Vec<u64>) {
    let code = |at: usize| tokens.get(at).map_or(NONE, |token| token.code);
    let kind = |at: usize| tokens.get(at).map_or(9, |token| token.kind as u32);
    let last = |back: usize| tokens.len().checked_sub(back + 1).map_or(NONE, code);
    let last_kind = |back: usize| tokens.len().checked_sub(back + 1).map_or(9, kind);
    let mut add = |template: Template, a, b, c| keys.push(key(template as u8, a, b, c));
    add(Template::FIRST, code(0), 0, 0);
    add(Template::SECOND, code(1), 0, 0);
    add(Template::THIRD, code(2), 0, 0);
    add(Template::FIRST_TWO, code(0), code(1), 0);
    add(Template::LAST, last(0), 0, 0);
    add(Template::LAST_BUT_ONE, last(1), 0, 0);
    add(Template::LAST_TWO, last(1), last(0), 0);
    add(Template::LAST_THREE, last(2), last(1), last(0));
    add(Template::FIRST_KIND, kind(0), 0, 0);
    add(Template::FIRST_KINDS, kind(0) * 100 + kind(1) * 10 + kind(2), 0, 0);
    let five = (0..5).fold(0, |pattern, at| pattern * 10 + kind(at));
    add(Template::FIRST_FIVE_KINDS, five, 0, 0);
    add(Template::LAST_KINDS, last_kind(2) * 100 + last_kind(1) * 10 + last_kind(0), 0, 0);
    add(Template::FIRST_AND_KINDS, code(0), kind(1) * 10 + kind(2), 0);
}

/// How many bytes of which class, absolutely and per byte that is not white space.
fn densities(length: usize, counts: &[usize; lane::COUNT], tokens: usize, keys: &mut Vec<u64>) {
    let solid = length - counts[lane::SPACE];
    let ratios = Template::DIGITS as u8;
    for (template, lane) in (ratios..).zip(lane::DIGIT..=lane::OTHER) {
        keys.push(key(template, ratio_class(counts[lane], solid), 0, 0));
    }
    let sizes = Template::DIGIT_COUNT as u8;
    for (template, lane) in (sizes..).zip(lane::DIGIT..=lane::BRACKET) {
        keys.push(key(template, size_class(counts[lane]), 0, 0));
    }
    keys.push(key(Template::TOKENS as u8, size_class(tokens), 0, 0));
    keys.push(key(Template::TOKEN_LENGTH as u8, ratio_class(solid, tokens), 0, 0));
}

/// Kinds of tokens, years, measurements, page numbers, leader dots, first colon and dash.
fn kinds(tokens: &[Token], landmarks: &Landmarks, keys: &mut Vec<u64>) {
    let mut counts = [0_usize; 5];
    let (mut years, mut after_year, mut measures) = (0_u32, None, 0_usize);
    let (mut dots, mut most_dots) = (0_u32, 0_u32);
    let (mut colon, mut dash) = (None, None);
    let (mut page_ranges, mut volume_pages) = (0_u32, 0_u32);
    let mut after_number = false;
    for (at, token) in tokens.iter().enumerate() {
        counts[token.kind as usize] += 1;
        let code = Some(token.code);
        match token.kind {
            Kind::Number => {
                if code == landmarks.year {
                    years += 1;
                    after_year = Some(tokens.len() - 1 - at);
                } else {
                    page_ranges += u32::from(landmarks.is_page_range(&tokens[..at]));
                    volume_pages += u32::from(landmarks.is_after_volume(&tokens[..at]));
                }
            }
            Kind::Mark => {
                if code == landmarks.stop {
                    dots += 1;
                    most_dots = most_dots.max(dots);
                } else if code == landmarks.colon {
                    colon.get_or_insert(at);
                } else if landmarks.dashes.contains(&code) {
                    dash.get_or_insert(at);
                }
            }
            _ => measures += usize::from(after_number && landmarks.measures.contains(&code)),
        }
        if code != landmarks.stop {
            dots = 0;
        }
        after_number = token.kind == Kind::Number;
    }
    let mut add = |template: Template, value: u32| keys.push(key(template as u8, value, 0, 0));
    add(Template::LOWER_TOKENS, ratio_class(counts[0], tokens.len()));
    add(Template::CAPITALISED_TOKENS, ratio_class(counts[1], tokens.len()));
    add(Template::UPPER_TOKENS, ratio_class(counts[2], tokens.len()));
    add(Template::NUMBER_TOKENS, ratio_class(counts[3], tokens.len()));
    add(Template::FEW_WORDS, (counts[1].min(9) * 10 + counts[0].min(9)) as u32);
    add(Template::YEARS, years.min(6));
    add(Template::YEAR_AT_END, after_year.filter(|&after| after < 6).map_or(9, |after| after as u32));
    add(Template::MEASURES, measures.min(10) as u32);
    add(Template::MEASURE_RATIO, ratio_class(measures, tokens.len()));
    add(Template::LEADERS, u32::from(most_dots >= 3));
    add(Template::FIRST_COLON, colon.map_or(99, size_class));
    add(Template::FIRST_DASH, dash.map_or(99, size_class));
    add(Template::PAGE_RANGES, page_ranges.min(6));
    add(Template::VOLUME_PAGES, volume_pages.min(6));
    if page_ranges > 0 {
        add(
            Template::REFERENCE,
            (page_ranges.min(3) * 10 + years.min(3)) * 100 + size_class(tokens.len()).min(99),
        );
    }
}

/// The number of lines and their lengths in bytes, without the white space around them.
fn line_lengths(text: &str, lines: &mut Lines, keys: &mut Vec<u64>) {
    let lengths = &mut lines.0;
    lengths.clear();
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text.as_bytes()).chain([text.len()]) {
        lengths.push(text.as_bytes()[start..end].trim_ascii().len());
        start = end + 1;
    }
    let count = lengths.len();
    let (first, last) = (lengths.first().copied().unwrap_or(0), lengths.last().copied().unwrap_or(0));
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let mut add = |template: Template, value: u32| keys.push(key(template as u8, value, 0, 0));
    add(Template::LINES, size_class(count));
    add(Template::LONGEST_LINE, size_class(longest));
    add(Template::FIRST_LINE, size_class(first));
    add(Template::LAST_LINE, size_class(last));
    if count > 1 {
        let tenths = |part: usize, whole: usize| (10 * part / whole.max(1)) as u32;
        let short = lengths.iter().filter(|&&length| length * 10 < longest * 6).count();
        let blank = lengths.iter().filter(|&&length| length == 0).count();
        add(Template::LAST_LINE_TENTHS, tenths(last, longest));
        add(Template::FIRST_LINE_TENTHS, tenths(first, longest));
        add(Template::SHORT_LINES_TENTHS, tenths(short, count));
        add(Template::BLANK_LINES, blank.min(5) as u32);
    }
}

/// What stands before the paragraph: line ends, a form feed or page marker, indentation.
fn surroundings(before: &str, keys: &mut Vec<u64>) {
    let ends = before.bytes().filter(|&byte| byte == b'\n').count().min(4) as u32;
    let page = u32::from(begins_page(before));
    let indent = before.bytes().rev().take_while(|&byte| byte == b' ' || byte == b'\t').count();
    keys.push(key(Template::BEFORE as u8, ends * 2 + page, 0, 0));
    keys.push(key(Template::INDENT as u8, size_class(indent), 0, 0));
}

/// What `key` stands for, for people.
pub(crate) fn describe(key: u64, lexicon: &Lexicon) -> String {
    let mask = (1 << CODE_BITS) - 1;
    let values = [2, 1, 0].map(|place| ((key >> (place * CODE_BITS)) & mask) as u32);
    let Some((name, kind)) = TEMPLATES.get((key >> (3 * CODE_BITS)) as usize) else {
        return format!("key {key}");
    };
    let token = |code: u32| match code {
        NONE => "(none)",
        UNKNOWN => "(rare)",
        known => lexicon.term((known - KNOWN) as usize).unwrap_or("(rare)"),
    };
    let pattern = |mut pattern: u32, digits: u32| {
        let mut text = String::new();
        for place in (0..digits).rev() {
            let unit = 10_u32.pow(place);
            text.push(match pattern / unit {
                0 => 'a',
                1 => 'A',
                2 => 'X',
                3 => '1',
                4 => '.',
                _ => '_',
            });
            pattern %= unit;
        }
        text
    };
    let size = |class: u32| match class {
        class if class < 4 => class,
        class => 2_f64.powf(f64::from(class) / 2.0).ceil() as u32,
    };
    let digits = match *name {
        "first kind" => 1,
        "first 5 kinds" => 5,
        _ => 3,
    };
    match *kind {
        Values::Tokens(count) => {
            let tokens: Vec<&str> = values.iter().take(count).map(|&code| token(code)).collect();
            format!("{name}={}", tokens.join(" "))
        }
        Values::TokenKinds => format!("{name}={} {}", token(values[0]), pattern(values[1], 2)),
        Values::Kinds => format!("{name}={}", pattern(values[0], digits)),
        Values::TokenSize => format!("{name}={} {}", token(values[0]), size(values[1])),
        Values::Size if values[0] == 99 => format!("{name}=(none)"),
        Values::Size if values[0] < 4 => format!("{name}={}", values[0]),
        Values::Size => format!("{name}>={}", size(values[0])),
        Values::Ratio if values[0] == 0 => format!("{name}=0"),
        Values::Ratio => format!("{name}>={:.3}", 2_f64.powf((f64::from(values[0]) - 32.0) / 2.0)),
        Values::Plain => format!("{name}={}", values[0]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_are_half_powers_of_two() {
        for n in 4_usize..100_000 {
            let expected = ((n as f64).log2() * 2.0 + 1e-12).floor() as u32;
            assert_eq!(size_class(n), expected, "{n}");
        }
        assert_eq!([0, 1, 2, 3].map(size_class), [0, 1, 2, 3]);
        assert!(size_class(usize::MAX) < 1 << CODE_BITS);
    }

    #[test]
    fn ratio_classes_are_relative_and_bounded() {
        assert_eq!(ratio_class(0, 5), 0);
        assert_eq!(ratio_class(5, 5), 32);
        assert_eq!(ratio_class(5, 10), 30);
        assert_eq!(ratio_class(1, 1_000_000), 16);
        assert_eq!(ratio_class(3, 0), ratio_class(3, 1));
    }

    #[test]
    fn bytes_are_counted_by_class_in_long_texts_too() {
        let text = "aB1.,;(-\u{e9}&* ".repeat(700);
        let counts = count_bytes(text.as_bytes());
        assert_eq!(counts.map(|count| count / 700), [1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]);
        assert_eq!(counts.iter().sum::<usize>(), text.len());
    }

    #[test]
    fn ratio_templates_stand_in_the_order_of_the_byte_classes() {
        assert_eq!(Template::OTHER_MARKS as usize - Template::DIGITS as usize, lane::OTHER);
        assert_eq!(Template::BRACKET_COUNT as usize - Template::DIGIT_COUNT as usize, lane::BRACKET);
        assert_eq!(TEMPLATES.len(), Template::NAME_BEFORE as usize + 1);
        assert!(TEMPLATES.len() < 1 << (64 - 3 * CODE_BITS));
    }
}
