//! What the programs share around their work: the exit code, broken pipes, panics, warnings about settings.
//!
//! Each program under `bin/` is one call into this room. The work itself lies elsewhere; here is only decided
//! how it ends.

use crate::settings::{self, Environment, LogFormat, Request, Terminal};
use crate::{Error, Result};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

mod explain;
mod learning;
mod models;

/// Runs a program and decides its exit code: what `run` returns, or the code of its error. An error stands on
/// standard error in one message; a panic is told as a fault of the program, without its backtrace.
pub fn main(run: fn() -> Result<u8>) -> ExitCode {
    panic::set_hook(Box::new(|info| {
        let place =
            info.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
        let payload = info.payload();
        let reason = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no reason given");
        let _ = writeln!(
            io::stderr(),
            "error: this is a fault in the program{place}: {reason}\nPlease report it, with the command line."
        );
    }));
    let code = match panic::catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            error.exit_code()
        }
        Err(_) => Error::unusable("").exit_code(),
    };
    ExitCode::from(code)
}

/// The program `predict_classifier`.
///
/// # Errors
/// Wrong settings, and whatever makes the run impossible.
pub fn predict() -> Result<u8> {
    match settings::predict(std::env::args_os(), &Environment::of_process())? {
        Request::Print(text) => print(&text),
        Request::Run(settings) if settings.task.is_question() => answer(&settings),
        Request::Run(settings) => {
            warn(&settings.notices, &settings.terminal);
            crate::run::label(&settings)
        }
    }
}

/// The program `train_classifier`.
///
/// # Errors
/// Wrong settings, and whatever makes training impossible.
pub fn train() -> Result<u8> {
    match settings::train(std::env::args_os(), &Environment::of_process())? {
        Request::Print(text) => print(&text),
        Request::Run(settings) => {
            warn(&settings.notices, &settings.terminal);
            learning::train(&settings)
        }
    }
}

/// The program `evaluate_classifier`.
///
/// # Errors
/// Wrong settings, and whatever makes the evaluation impossible.
pub fn evaluate() -> Result<u8> {
    match settings::evaluate(std::env::args_os(), &Environment::of_process())? {
        Request::Print(text) => print(&text),
        Request::Run(settings) => {
            warn(&settings.notices, &settings.terminal);
            learning::evaluate(&settings)
        }
    }
}

/// What is asked for instead of a run.
fn answer(settings: &settings::Settings) -> Result<u8> {
    warn(&settings.notices, &settings.terminal);
    match &settings.task {
        settings::Task::Explain { document, line } => print(&explain::explain(settings, document, *line)?),
        _ => print(&models::list()?),
    }
}

/// Prints `text` on standard output. A reader that has seen enough (`| head`) is no error.
///
/// # Errors
/// Standard output cannot be written, for another reason than that.
pub fn print(text: &str) -> Result<u8> {
    let mut out = io::stdout().lock();
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    match out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(newline.as_bytes()))
        .and_then(|()| out.flush())
    {
        Ok(()) => Ok(0),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(Error::unusable(format!("cannot write to standard output: {error}"))),
    }
}

/// Says on standard error what is odd about the settings, from verbosity 1 on.
fn warn(notices: &[String], terminal: &Terminal) {
    if terminal.verbosity == 0 {
        return;
    }
    let mut err = io::stderr().lock();
    for notice in notices {
        let _ = match terminal.log_format {
            LogFormat::Text => writeln!(err, "warning: {notice}"),
            LogFormat::Json => writeln!(err, "{}", serde_json::json!({ "level": "warn", "message": notice })),
        };
    }
}
