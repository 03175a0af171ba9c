//! How the weights were learned; not part of the library.
//!
//! ```sh
//! ANNOTATED_CORPUS=folder cargo test --release --lib learn_weights -- --ignored --nocapture
//! ```
//!
//! learns them from the `.ann` files of a folder (one subfolder per journal, below it one per volume), reports
//! how well they do on volumes kept apart, and writes `weights.rs`. The same files give the same weights.

use super::agreement::{Agreement, Gold, gold_lines};
use super::features::{OBSERVATIONS, Place, TABLES, WEIGHTS};
use super::walk::walk;
use crate::document::{LineLayout, Span, is_blank, yedda};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Steps over all places.
const EPOCHS: usize = 2;
/// Penalty on the squared weights.
const PENALTY: f32 = 1e-3;
/// How much more a boundary between two classes counts than one within a class.
const CLASS_CHANGE: f32 = 3.0;
/// Cut where the log-odds are above this: a cut too much costs less than two classes in one paragraph.
const THRESHOLD: f32 = -0.5;

/// What is done to a text before it is learned from or measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    None,
    /// Blank lines lost.
    Dense,
    /// A blank line after each line.
    Double,
    /// Blank lines lost and added at random.
    Random,
    /// One character in twenty replaced or doubled.
    Noise,
    /// Its lines set another way.
    Set(LineLayout),
}

fn all() -> Vec<Damage> {
    let damages = [Damage::None, Damage::Dense, Damage::Double, Damage::Random, Damage::Noise];
    damages.into_iter().chain(LineLayout::ALL.map(Damage::Set)).collect()
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

struct Document {
    volume: String,
    damage: Damage,
    text: String,
    /// Where each line begins that is not blank, and its gold.
    lines: Vec<(usize, Gold)>,
}

impl Document {
    fn new(volume: String, parsed: &yedda::Parsed<'_>, damage: Damage, random: &mut Random) -> Self {
        if let Damage::Set(layout) = damage {
            let spans: Vec<Span> = parsed.blocks.iter().map(|block| block.span).collect();
            let (text, spans) = layout.set(&parsed.text, &spans);
            let blocks = parsed.blocks.iter().zip(spans).map(|(block, span)| yedda::Block { span, ..*block });
            let set = yedda::Parsed { text, blocks: blocks.collect(), ..parsed.clone() };
            let lines = gold_lines(&set);
            return Self { volume, damage, text: set.text, lines };
        }
        let mut out = String::new();
        let mut lines = gold_lines(parsed);
        let mut gold = lines.iter_mut();
        for line in parsed.text.split_inclusive(['\n', '\r', '\u{c}']) {
            if line.chars().all(is_blank) {
                if damage == Damage::Dense || damage == Damage::Random && random.next() < 0.3 {
                    out.extend(line.chars().filter(|c| *c == '\u{c}'));
                } else {
                    out.push_str(line);
                }
                continue;
            }
            if let Some((start, _)) = gold.next() {
                *start = out.len();
            }
            for c in line.chars() {
                if damage != Damage::Noise || c.is_whitespace() || random.next() > 0.05 {
                    out.push(c);
                } else {
                    out.push_str(["~", "e", ".", "rn"][(random.next() * 4.0) as usize]);
                }
            }
            if damage == Damage::Double || damage == Damage::Random && random.next() < 0.4 {
                out.push('\n');
            }
        }
        Self { volume, damage, text: out, lines }
    }

    /// The gold of the line that begins at or before `at`.
    fn gold(&self, at: usize) -> Gold {
        let line = self.lines.partition_point(|(start, _)| *start <= at);
        self.lines[line.saturating_sub(1)].1
    }

    /// Calls `each` at each place with whether a gold block ends there, walking as the gold does.
    fn places(&self, mut each: impl FnMut(&Place<'_>, Gold, Gold)) {
        walk(
            &self.text,
            |place| {
                let (above, below) = (self.gold(place.above.start), self.gold(place.below.start));
                each(place, above, below);
                above.block != below.block
            },
            |_| {},
        );
    }
}

fn annotation_files(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let mut entries: Vec<_> =
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| annotation_files(entry, files));
    } else if path.extension().is_some_and(|extension| extension == "ann") {
        files.push(path.into());
    }
}

fn load(root: &Path) -> Vec<Document> {
    let mut files = Vec::new();
    annotation_files(root, &mut files);
    let mut random = Random(0x5eed);
    let mut documents = Vec::new();
    for file in files {
        let annotation = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        let parsed = yedda::parse(&annotation);
        let volume: PathBuf = file.strip_prefix(root).unwrap().components().take(2).collect();
        for damage in all() {
            let volume = volume.display().to_string();
            documents.push(Document::new(volume, &parsed, damage, &mut random));
        }
    }
    documents
}

type Weights = Vec<[f32; WEIGHTS]>;

/// Logistic regression of 'a gold block ends here' by AdaGrad.
fn learn<'a>(documents: impl Iterator<Item = &'a Document>) -> Weights {
    let mut examples: Vec<(usize, [u16; OBSERVATIONS + 1], f32, f32)> = Vec::new();
    for document in documents {
        document.places(|place, above, below| {
            if above.class.is_some() && below.class.is_some() {
                let importance = if above.class == below.class { 1.0 } else { CLASS_CHANGE };
                let boundary = f32::from(u8::from(above.block != below.block));
                let observed = place.observe().map(|weight| weight as u16);
                examples.push((place.table(), observed, boundary, importance));
            }
        });
    }
    let mut weights = vec![[0_f32; WEIGHTS]; TABLES];
    let mut squares = vec![[1e-3_f32; WEIGHTS]; TABLES];
    let mut random = Random(12345);
    for _ in 0..EPOCHS * examples.len() {
        let (table, observed, boundary, importance) =
            examples[(random.next() * examples.len() as f64) as usize];
        let (weights, squares) = (&mut weights[table], &mut squares[table]);
        let log_odds: f32 = observed.iter().map(|weight| weights[usize::from(*weight)]).sum();
        let error = (1.0 / (1.0 + (-log_odds).exp()) - boundary) * importance;
        for weight in observed.map(usize::from) {
            let gradient = error + PENALTY * weights[weight];
            squares[weight] += gradient * gradient;
            weights[weight] -= 0.1 * gradient / squares[weight].sqrt();
        }
    }
    weights
}

fn add(agreement: &mut Agreement, document: &Document, mut cut: impl FnMut(&Place<'_>) -> bool) {
    let mut spans: Vec<Span> = Vec::new();
    walk(&document.text, |place| cut(place), |span| spans.push(span));
    agreement.add_lines(&document.lines, &spans);
}

fn is_cut(weights: &Weights, place: &Place<'_>) -> bool {
    if place.opens_with_novelty() {
        return true;
    }
    let table = &weights[place.table()];
    place.observe().iter().map(|weight| table[*weight]).sum::<f32>() > THRESHOLD
}

#[test]
#[ignore = "needs a folder of annotated volumes; writes weights.rs"]
fn learn_weights() {
    let root = std::env::var("ANNOTATED_CORPUS").expect("ANNOTATED_CORPUS names the folder");
    let documents = load(Path::new(&root));
    let volumes: BTreeSet<&str> = documents.iter().map(|document| document.volume.as_str()).collect();
    let mut blank_lines = Agreement::default();
    for document in documents.iter().filter(|document| document.damage == Damage::None) {
        add(&mut blank_lines, document, |place| place.below.gap > 0);
    }
    println!("{:24} {blank_lines}", "blank lines alone");
    let mut pooled: Vec<_> = all().into_iter().map(|damage| (damage, Agreement::default())).collect();
    for volume in volumes {
        let weights = learn(documents.iter().filter(|document| document.volume != volume));
        let mut own = Agreement::default();
        for document in documents.iter().filter(|document| document.volume == volume) {
            for (damage, score) in &mut pooled {
                if document.damage == *damage {
                    add(score, document, |place| is_cut(&weights, place));
                }
            }
            if document.damage == Damage::None {
                add(&mut own, document, |place| is_cut(&weights, place));
            }
        }
        println!("{volume:24} {own}");
    }
    for (damage, score) in &pooled {
        println!("{:24} {score}", format!("kept apart: {damage:?}"));
    }
    let weights = learn(documents.iter());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/segment/weights.rs");
    if std::env::var_os("WEIGHTS_ONLY_MEASURE").is_none() {
        std::fs::write(&file, rust(&weights)).unwrap();
        println!("written: src/segment/weights.rs");
    }
}

/// `weights.rs`.
fn rust(weights: &Weights) -> String {
    let mut out = String::from(
        "//! The learned weights, in hundredths of a natural log-odds unit. Written by `learn.rs`, which says how;\n\
         //! not meant to be edited.\n\nuse super::features::{TABLES, WEIGHTS};\n\n\
         /// Cut where the sum of the weights is above this.\n",
    );
    writeln!(out, "pub(super) const THRESHOLD: i32 = {};\n", (THRESHOLD * 100.0) as i32).unwrap();
    out.push_str(
        "/// See [`Place::table`](super::features::Place::table).\n#[rustfmt::skip]\n\
         pub(super) static LOG_ODDS: [[i16; WEIGHTS]; TABLES] = [\n",
    );
    for table in weights {
        out.push_str("    [");
        let mut column = 200;
        for weight in table {
            let number = format!(" {},", (weight * 100.0).round() as i16);
            if column + number.len() > 110 {
                out.push_str("\n       ");
                column = 7;
            }
            column += number.len();
            out.push_str(&number);
        }
        out.push_str("\n    ],\n");
    }
    out.push_str("];\n");
    out
}
