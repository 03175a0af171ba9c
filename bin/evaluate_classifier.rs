//! Scores a model; see `evaluate_classifier --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    skol_classifier::programs::evaluate()
}
