//! Gives out the work of a cluster; see `classifier_scheduler --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    skol_classifier::programs::scheduler()
}
