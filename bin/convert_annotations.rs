//! Converts and checks annotations; see `convert_annotations --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    skol_classifier::programs::convert()
}
