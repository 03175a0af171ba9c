//! The fuzz targets on stable Rust: their seeds as they are, and mutated.
//!
//! An ordinary run takes a moment and always the same inputs. `SKOL_FUZZ_SECONDS=600` takes so long for each target, with new
//! inputs each time (`scripts/fuzz.sh`). An input that breaks a promise is kept below the build folder and named.

#[path = "../../fuzz/targets/mod.rs"]
mod targets;

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The longest input, in bytes.
const LONGEST: usize = 1 << 16;
/// How long one input may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many mutated inputs are kept to be mutated further.
const POOL: usize = 256;

/// What the readers look for, and what readers stumble over.
const TOKENS: &[&str] = &[
    "[@",
    "*]",
    "#Description*]",
    "[\\@",
    "*\\]",
    "[$",
    "[$a#b*]",
    "\\",
    "\r\n",
    "\n\n",
    "\u{c}",
    "\u{b}",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{fffd}",
    "\u{ad}",
    "\u{fb01}",
    "e\u{301}",
    "\u{1f344}",
    "\0",
    "\t",
    "--- PDF Page 1 ---",
    "T1\t",
    "R1\t",
    ";",
    "\"",
    "'",
    "=",
    "export ",
    "#",
    "[[",
    "]]",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "-0",
    "1e999",
    "18446744073709551616",
    "--b",
    "--b--",
    "Content-Type: multipart/related; boundary=b\r\n\r\n",
    "Content-Length: 9\r\n",
    "\"follows\":true",
    "\"length\":",
    "\"encoding\":\"gzip\"",
    "\"_attachments\":{}",
    "\"skol_classifier\":{\"annotations\":{}}",
    "\"_id\":\"a\"",
];

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target)
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn mutate(input: &mut Vec<u8>, other: &[u8], random: &mut SmallRng) {
    let length = input.len();
    let at = random.random_range(0..=length);
    let some = |random: &mut SmallRng| random.random_range(0..=(length - at).min(64));
    match random.random_range(0..9) {
        0 if at < length => input[at] ^= 1 << random.random_range(0..8),
        1 if at < length => input[at] = random.random(),
        2 => drop(input.splice(at..at + some(random), [])),
        3 => {
            let token = TOKENS.choose(random).unwrap_or(&"").bytes();
            drop(input.splice(at..at, token));
        }
        4 => {
            let token = TOKENS.choose(random).unwrap_or(&"").bytes();
            drop(input.splice(at..at + some(random), token));
        }
        5 => {
            let piece = input[at..at + some(random)].to_vec();
            let times = if random.random_ratio(1, 20) { 500 } else { random.random_range(1..4) };
            drop(input.splice(at..at, piece.repeat(times)));
        }
        6 if !other.is_empty() => {
            let (from, to) = (random.random_range(0..other.len()), random.random_range(0..=other.len()));
            drop(input.splice(at..at, other[from.min(to)..from.max(to)].to_vec()));
        }
        7 => input.truncate(at),
        _ => {
            let digits = (random.random::<u64>() >> random.random_range(0..60)).to_string();
            drop(input.splice(at..at + some(random).min(4), digits.into_bytes()));
        }
    }
    input.truncate(LONGEST);
}

fn run(target: &str, check: fn(&[u8])) {
    let seconds = std::env::var("SKOL_FUZZ_SECONDS").ok().and_then(|text| text.parse::<f64>().ok());
    let mut random = match seconds {
        Some(_) => SmallRng::from_os_rng(),
        None => SmallRng::seed_from_u64(8),
    };
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "{target} has no seeds in {}", folder(target).display());
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{target}-{}", std::process::id()));
    let try_one = |input: &[u8]| {
        if seconds.is_some() {
            // What ends the process (a full stack or memory) leaves its input behind.
            fs::write(&kept, input).unwrap();
        }
        let begin = Instant::now();
        let survived = catch_unwind(AssertUnwindSafe(|| check(input)));
        if survived.is_err() || begin.elapsed() > PATIENCE {
            fs::write(&kept, input).unwrap();
            panic!("{target} breaks at {} ({:.1} s)", kept.display(), begin.elapsed().as_secs_f64());
        }
    };
    let begin = Instant::now();
    seeds.iter().for_each(|seed| try_one(seed));
    let mut pool = seeds.clone();
    let mut count = seeds.len();
    // A checkpoint is a file that is written and planned anew for each input.
    let moment = if target == "checkpoint" { 50 } else { 300 };
    loop {
        let goes_on = match seconds {
            Some(seconds) => begin.elapsed().as_secs_f64() < seconds,
            None => count < moment && begin.elapsed() < Duration::from_secs(10),
        };
        if !goes_on {
            break;
        }
        let (parent, other) = (pool.choose(&mut random).unwrap(), pool.choose(&mut random).unwrap());
        let (mut input, other) = (parent.clone(), other.clone());
        for _ in 0..random.random_range(1..8) {
            mutate(&mut input, &other, &mut random);
        }
        try_one(&input);
        count += 1;
        // Seeds stay; what came of them takes turns.
        if pool.len() < seeds.len() + POOL {
            pool.push(input);
        } else {
            let place = random.random_range(seeds.len()..pool.len());
            pool[place] = input;
        }
    }
    if seconds.is_some() {
        fs::remove_file(&kept).unwrap();
    }
    eprintln!("{target}: {count} inputs in {:.0} s, none breaks a promise", begin.elapsed().as_secs_f64());
}

macro_rules! fuzz {
    ($($target:ident)*) => {
        $(
            #[test]
            fn $target() {
                run(stringify!($target), targets::$target::check);
            }
        )*

        /// A target that nobody runs finds nothing.
        #[test]
        fn every_target_is_run_and_built_for_libfuzzer() {
            let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
            let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
            let run = [$(stringify!($target)),*];
            for file in fs::read_dir(fuzz.join("targets")).unwrap() {
                let name = file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
                if name != "mod" {
                    assert!(run.contains(&name.as_str()), "{name} is not run");
                    assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
                    assert!(fuzz.join(format!("fuzz_targets/{name}.rs")).is_file(), "{name}");
                }
            }
        }
    };
}

fuzz!(annotation answers brat checkpoint model pdf segment settings yedda);
