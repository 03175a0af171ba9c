//! Labels documents; see `predict_classifier --help`.

use skol_classifier::cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(cli::predict)
}
