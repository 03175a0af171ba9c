//! Does the work of a cluster; see `classifier_executor --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    skol_classifier::programs::executor()
}
