//! Trains a model; see `train_classifier --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    skol_classifier::programs::train()
}
