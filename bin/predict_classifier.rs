//! Labels documents; see `predict_classifier --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    skol_classifier::programs::predict()
}
