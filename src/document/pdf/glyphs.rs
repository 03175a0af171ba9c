//! The glyphs of a page: what each means and where it stands.

use super::{Deadline, PdfError, give_up};
use hayro_interpret::font::{Glyph as Drawn, GlyphRun};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::hayro_syntax::Pdf;
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, RenderContent, SoftMask, TransformExt, interpret_page,
};

/// One glyph, in points. The page is turned so that its text runs to the right; y grows downwards.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Glyph {
    /// What it means: mostly one letter, more for ligatures.
    pub(super) text: String,
    /// Where it begins.
    pub(super) x: f64,
    /// Where it ends.
    pub(super) end: f64,
    /// Its baseline.
    pub(super) y: f64,
    /// Size of the font.
    pub(super) size: f64,
}

/// A page with more letters than this is not there to be read.
const MOST_ON_A_PAGE: usize = 1_000_000;
/// More letters than any volume has; a small file can show one page a million times.
const MOST: usize = 50_000_000;

/// What was met in all pages so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// Glyphs that are no white space.
    pub(super) glyphs: usize,
    /// Those of them that nothing gives a meaning.
    pub(super) unknown: usize,
    /// Those whose code was taken for their meaning.
    guessed: usize,
    /// Those of the guessed ones that are no ASCII.
    guessed_others: usize,
}

impl Seen {
    /// How many glyphs have a meaning that cannot be relied on, where that is most of them.
    ///
    /// Codes of Latin texts are mostly ASCII; where they are not, the font has an alphabet of its own.
    pub(super) fn meaningless(&self) -> Option<usize> {
        let doubtful = if self.guessed_others * 10 > self.guessed * 3 { self.guessed } else { 0 };
        let unknown = self.unknown + doubtful;
        (unknown * 2 > self.glyphs).then_some(unknown)
    }
}

/// Reads one page after another.
pub(super) struct Reader<'a> {
    pdf: &'a Pdf,
    cache: InterpreterCache<'a>,
    settings: InterpreterSettings,
    deadline: Deadline,
    seen: Seen,
}

impl<'a> Reader<'a> {
    pub(super) fn new(pdf: &'a Pdf, deadline: Deadline) -> Self {
        // Comments and stamps are not the author's text.
        let settings = InterpreterSettings { render_content: RenderContent::PAGE, ..Default::default() };
        Self { pdf, cache: InterpreterCache::new(), settings, deadline, seen: Seen::default() }
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen
    }

    /// The glyphs of `page`, in the order in which it draws them, turned upright: those of the direction that most of
    /// its text has first, then the others, each direction set below the one before.
    pub(super) fn page(&mut self, page: &Page<'a>) -> Vec<Glyph> {
        let (width, height) = page.render_dimensions();
        let bounds = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
        let transform = page.initial_transform(true).to_kurbo();
        let settings = self.settings.clone();
        let mut context = Context::new(transform, bounds, &self.cache, self.pdf.xref(), settings);
        let before = self.seen;
        let mut collector = Collector {
            bounds,
            found: Default::default(),
            before,
            seen: before,
            deadline: self.deadline,
            steps: 0,
        };
        interpret_page(page, &mut context, &mut collector);
        self.seen = collector.seen;
        upright(collector.found, bounds)
    }
}

/// Directions in which text runs: right, down, left, up.
const DIRECTIONS: usize = 4;

/// All glyphs of a page as one list of upright ones.
fn upright(mut found: [Vec<Glyph>; DIRECTIONS], bounds: Rect) -> Vec<Glyph> {
    let mut directions: Vec<usize> =
        (0..DIRECTIONS).filter(|&direction| !found[direction].is_empty()).collect();
    directions.sort_by_key(|&direction| std::cmp::Reverse(found[direction].len()));
    let below = bounds.width() + bounds.height();
    let mut glyphs = Vec::new();
    for (place, direction) in directions.into_iter().enumerate() {
        let mut turned = std::mem::take(&mut found[direction]);
        turned.iter_mut().for_each(|glyph| glyph.y += below * place as f64);
        glyphs.append(&mut turned);
    }
    glyphs
}

struct Collector {
    bounds: Rect,
    found: [Vec<Glyph>; DIRECTIONS],
    /// What was met on the pages before.
    before: Seen,
    seen: Seen,
    deadline: Deadline,
    steps: usize,
}

impl Collector {
    /// After each thing that is drawn: asks for the time now and then.
    fn step(&mut self) {
        self.steps += 1;
        if self.steps.is_multiple_of(256) {
            self.deadline.check();
        }
    }

    /// Notes a letter that is read.
    fn note(&mut self, meaning: &Meaning) {
        self.seen.glyphs += 1;
        match meaning {
            Meaning::Told(_) => {}
            Meaning::Guessed(text) => {
                self.seen.guessed += 1;
                self.seen.guessed_others += usize::from(!text.is_ascii());
            }
            Meaning::Unknown => self.seen.unknown += 1,
        }
        if self.seen.glyphs - self.before.glyphs > MOST_ON_A_PAGE {
            give_up(PdfError::TooMuch { most: MOST_ON_A_PAGE, place: "on a page" });
        }
        if self.seen.glyphs > MOST {
            give_up(PdfError::TooMuch { most: MOST, place: "in all" });
        }
    }

    fn add(&mut self, drawn: &Drawn<'_>, transform: Affine) {
        self.step();
        let meaning = meaning(drawn);
        let text = match &meaning {
            Meaning::Told(text) | Meaning::Guessed(text) => text.clone(),
            Meaning::Unknown => char::REPLACEMENT_CHARACTER.to_string(),
        };
        if text.is_empty() {
            return;
        }
        let advance = match drawn {
            Drawn::Outline(outline) => outline.advance_width(),
            Drawn::Type3(shape) => shape.advance_width(),
        };
        let along = Vec2::new(transform.as_coeffs()[0], transform.as_coeffs()[1]);
        let upwards = Vec2::new(transform.as_coeffs()[2], transform.as_coeffs()[3]);
        let start = transform * Point::ORIGIN;
        // Glyphs have 1000 units to the font's size.
        let size = upwards.hypot() * 1000.0;
        let width = along.hypot() * f64::from(advance.unwrap_or(500.0)).max(0.0);
        if !(start.x.is_finite() && start.y.is_finite() && size.is_finite() && width.is_finite())
            || size < 0.1
        {
            return;
        }
        // What lies outside of the page is not read by anybody.
        if !self.bounds.inflate(size, size).contains(start) {
            return;
        }
        if !text.trim().is_empty() {
            self.note(&meaning);
        }
        let direction = match (along.x.abs() >= along.y.abs(), along.x >= 0.0, along.y >= 0.0) {
            (true, true, _) => 0,
            (false, _, true) => 1,
            (true, false, _) => 2,
            (false, _, false) => 3,
        };
        let (x, y) = match direction {
            0 => (start.x, start.y),
            1 => (start.y, self.bounds.width() - start.x),
            2 => (self.bounds.width() - start.x, self.bounds.height() - start.y),
            _ => (self.bounds.height() - start.y, start.x),
        };
        self.found[direction].push(Glyph { text, x, end: x + width, y, size });
    }
}

/// What a glyph means.
enum Meaning {
    /// Its font says so.
    Told(String),
    /// Its code is taken for it.
    Guessed(String),
    /// Nobody knows.
    Unknown,
}

/// What `drawn` means. TeX drew letters as pictures for years, whose fonts say nothing: their codes are those of ASCII and
/// Latin-1, with ligatures below.
fn meaning(drawn: &Drawn<'_>) -> Meaning {
    match (drawn.as_unicode(), drawn) {
        (Some(BfString::Char(letter)), _) => Meaning::Told(written(letter)),
        (Some(BfString::String(letters)), _) => Meaning::Told(letters.chars().map(written).collect()),
        (None, Drawn::Type3(shape)) => match shape.char_code() {
            11 => Meaning::Guessed("ff".to_owned()),
            12 => Meaning::Guessed("fi".to_owned()),
            13 => Meaning::Guessed("fl".to_owned()),
            14 => Meaning::Guessed("ffi".to_owned()),
            15 => Meaning::Guessed("ffl".to_owned()),
            code @ (0x20..=0x7e | 0xa1..=0xff) => {
                char::from_u32(code).map_or(Meaning::Unknown, |letter| Meaning::Guessed(written(letter)))
            }
            _ => Meaning::Unknown,
        },
        (None, Drawn::Outline(_)) => Meaning::Unknown,
    }
}

/// A letter as it is written in a text: ligatures of type-setting as their letters, any white space as a blank, and
/// nothing for control characters.
fn written(letter: char) -> String {
    match letter {
        '\u{fb00}' => "ff".into(),
        '\u{fb01}' => "fi".into(),
        '\u{fb02}' => "fl".into(),
        '\u{fb03}' => "ffi".into(),
        '\u{fb04}' => "ffl".into(),
        '\u{fb05}' | '\u{fb06}' => "st".into(),
        // A hyphen at the end of a line is often drawn as this.
        '\u{ad}' => "-".into(),
        letter if letter.is_whitespace() => " ".into(),
        letter if letter.is_control() => String::new(),
        letter => letter.into(),
    }
}

impl<'a> Device<'a> for Collector {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {
        self.step();
    }
    fn push_clip_path(&mut self, _: &ClipPath) {
        self.step();
    }
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        for glyph in run.glyphs() {
            self.add(glyph, props.transform * glyph.transform());
        }
    }
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.step();
    }
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
