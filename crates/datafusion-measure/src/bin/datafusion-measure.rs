//! Compares the metrics of two runs, for people and for a build: see [`Comparison`].
//!
//! Exits with 0 where no plan grew by more than the limit, with 1 where one did, with 2 where files could not be compared.

use std::path::Path;
use std::process::ExitCode;

use datafusion_measure::Comparison;

const USAGE: &str = "usage: datafusion-measure compare BEFORE.json AFTER.json [--limit PERCENT]

Compares the metrics of two runs, as Metrics::write has written them: the sizes of serialized plans, their depths and the
numbers of their operators.

Exit codes: 0 nothing grew by more than PERCENT (default 10); 1 something did; 2 wrong usage, or a file that cannot be
compared.";

/// By how many percent a plan may grow, unless a limit is given.
const LIMIT: f64 = 10.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // --limit=10 is --limit 10.
    let arguments: Vec<&str> = arguments
        .iter()
        .flat_map(|argument| match argument.split_once('=') {
            Some(("--limit", percent)) => vec!["--limit", percent],
            _ => vec![argument.as_str()],
        })
        .collect();
    let (before, after, limit) = match arguments[..] {
        ["--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        ["--version" | "-V"] => {
            println!("datafusion-measure {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        ["compare", before, after] => (before, after, Some(LIMIT)),
        ["compare", before, after, "--limit", limit] | ["compare", "--limit", limit, before, after] => {
            (before, after, limit.parse().ok().filter(|limit: &f64| limit.is_finite() && *limit >= 0.0))
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Some(limit) = limit else {
        eprintln!("error: the limit is no number of percent; give one, as in --limit 10\n\n{USAGE}");
        return ExitCode::from(2);
    };
    match Comparison::of_files(Path::new(before), Path::new(after), limit) {
        Ok(comparison) => {
            print!("{comparison}");
            if comparison.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
