//! What the programs share around their work: the exit code, broken pipes, panics, warnings about settings.
//!
//! Each program under `bin/` is one call of [`programs`]. The work itself is elsewhere; here is only decided how it
//! ends.

use crate::Result;
use crate::document::pdf;
use crate::run::ProgramError;
use crate::run::{Console, Message, last_value};
use crate::settings::{self, Environment, ProgramSettings, Request, Settings, Task, Terminal};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

#[cfg(feature = "cluster")]
mod cluster;
mod convert;
mod exit;
mod experiment;
mod explain;
mod learning;
mod memory;
mod models;
mod remedy;

pub(crate) use exit::Exit;

/// The programs, for `bin/` alone: this is no interface of the library.
pub mod programs {
    use super::memory::give_back_large_blocks;
    use super::{Exit, answer, asked_metrics_file, convert, exit_code, learning, run};
    use crate::settings::{ConvertSettings, EvaluateSettings, Settings, TrainSettings};
    use std::process::ExitCode;
    use std::time::SystemTime;

    /// The program `predict_classifier`.
    #[must_use]
    pub fn predict() -> ExitCode {
        give_back_large_blocks();
        exit_code(|errors| {
            let start = SystemTime::now();
            let mut are_read = false;
            let result = run::<Settings>(errors, |settings| {
                are_read = true;
                match answer(settings)? {
                    Some(exit) => Ok(exit),
                    None => crate::run::label(settings),
                }
            });
            if let (Err(error), false, Some(file)) = (&result, are_read, asked_metrics_file()) {
                // One error is enough: this one is what has to be mended first.
                let _ = crate::run::record_failure(&file, start, error, Exit::from(error).code());
            }
            result
        })
    }

    /// The program `train_classifier`.
    #[must_use]
    pub fn train() -> ExitCode {
        exit_code(|errors| run::<TrainSettings>(errors, |settings| learning::train(settings).map(Into::into)))
    }

    /// The program `evaluate_classifier`.
    #[must_use]
    pub fn evaluate() -> ExitCode {
        exit_code(|errors| {
            run::<EvaluateSettings>(errors, |settings| learning::evaluate(settings).map(Into::into))
        })
    }

    /// The program `convert_annotations`.
    #[must_use]
    pub fn convert() -> ExitCode {
        exit_code(|errors| run::<ConvertSettings>(errors, convert::convert))
    }

    /// The program `classifier_scheduler`.
    #[cfg(feature = "cluster")]
    #[must_use]
    pub fn scheduler() -> ExitCode {
        exit_code(|errors| run::<crate::settings::SchedulerSettings>(errors, super::cluster::schedule))
    }

    /// The program `classifier_executor`.
    #[cfg(feature = "cluster")]
    #[must_use]
    pub fn executor() -> ExitCode {
        exit_code(|errors| run::<crate::settings::ExecutorSettings>(errors, super::cluster::execute))
    }

    /// Reads the texts of an `env_config` and a config file, whatever they hold: for fuzzing.
    pub fn read_settings(env_config: &str, toml: &str) {
        crate::settings::read_texts(env_config, toml);
    }

    /// Reads `body` as each answer that a server may give, of this media type, and takes attachments of at most `most`
    /// bytes; the length of the longest that it took: for fuzzing.
    #[must_use]
    pub fn read_answer(media_type: &str, body: &[u8], most: u64) -> u64 {
        let body = bytes::Bytes::copy_from_slice(body);
        crate::source::couchdb::read_listing(&body);
        crate::couchdb::read_any(media_type, &body, most)
    }
}

/// Where an error that ends the program is written: as the settings want it once they are known, until then as the
/// arguments and the environment ask.
#[derive(Debug, Clone)]
struct FatalErrors {
    requested: Console,
    known: Arc<OnceLock<Console>>,
}

impl FatalErrors {
    fn of_process() -> Self {
        let requested = Console::requested(std::env::args_os(), |name| std::env::var_os(name));
        Self { requested, known: Arc::default() }
    }

    /// From now on as these settings want it.
    fn as_in(&self, terminal: &Terminal) {
        let _ = self.known.set(Console::new(terminal));
    }

    fn write(&self, message: &str, exit: Exit) {
        let console = self.known.get().unwrap_or(&self.requested);
        console.write(&Message::Error { message, exit_code: exit.code() });
    }
}

/// Runs a program and decides its exit code. An error is one message on standard error; a panic is reported as a fault
/// of the program, without its backtrace.
fn exit_code(program: impl FnOnce(&FatalErrors) -> Result<Exit>) -> ExitCode {
    let errors = FatalErrors::of_process();
    let in_hook = errors.clone();
    panic::set_hook(Box::new(move |info| {
        // What panics over a damaged PDF fails that document, which is told as such.
        if pdf::is_read_here() {
            return;
        }
        let place =
            info.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
        let payload = info.payload();
        let reason = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no reason given");
        in_hook.write(
            &format!(
                "this is a fault in the program{place}: {reason}\nPlease report it, with the command line."
            ),
            Exit::Unusable,
        );
    }));
    let exit = match panic::catch_unwind(AssertUnwindSafe(|| program(&errors))) {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) => {
            let exit = Exit::from(&error);
            errors.write(&remedy::with_remedy(&error).to_string(), exit);
            exit
        }
        Err(_) => Exit::Unusable,
    };
    exit.into()
}

/// Reads the settings of a program, warns about them, and does its work.
fn run<S: ProgramSettings + HasTerminal>(
    errors: &FatalErrors,
    work: impl FnOnce(&S) -> Result<Exit>,
) -> Result<Exit> {
    match settings::request::<S>(std::env::args_os(), &Environment::of_process(), &experiment::fetch)? {
        Request::Print(text) => print(&text).map(Into::into),
        Request::Run(settings, notices) => {
            errors.as_in(settings.terminal());
            warn(&notices, settings.terminal());
            work(&settings)
        }
    }
}

/// What is asked for instead of a run.
fn answer(settings: &Settings) -> Result<Option<Exit>> {
    match &settings.task {
        Task::Explain { document, line } => print(&explain::explain(settings, document, *line)?)?,
        Task::ListModels => print(&models::list(&settings.model_folders)?)?,
        Task::Label | Task::UpdateTaxonomyFlag => return Ok(None),
    }
    Ok(Some(Exit::Done))
}

/// The metrics file that the command line or the environment asks for, where it is one that the program writes.
fn asked_metrics_file() -> Option<PathBuf> {
    let variable = || ["METRICS_FILE", "SKOL_METRICS_FILE"].into_iter().find_map(std::env::var_os);
    let file = PathBuf::from(last_value("--metrics-file", std::env::args_os()).or_else(variable)?);
    let written = file.extension().is_some_and(|extension| extension == "prom" || extension == "json");
    // A bare name has the working folder as its parent.
    let file = if file.is_absolute() { file } else { std::env::current_dir().ok()?.join(file) };
    written.then_some(file)
}

/// Settings that say how the program reports.
trait HasTerminal {
    /// How it reports.
    fn terminal(&self) -> &Terminal;
}

macro_rules! has_terminal {
    ($($settings:ty),+) => { $(
        impl HasTerminal for $settings {
            fn terminal(&self) -> &Terminal {
                &self.terminal
            }
        }
    )+ };
}
has_terminal!(Settings, settings::TrainSettings, settings::EvaluateSettings, settings::ConvertSettings);
#[cfg(feature = "cluster")]
has_terminal!(settings::SchedulerSettings, settings::ExecutorSettings);

/// Prints `text` on standard output. A reader that has seen enough (`| head`) is no error.
fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    match out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(newline.as_bytes()))
        .and_then(|()| out.flush())
    {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(ProgramError::StandardOutput(error).into()),
    }
}

/// Writes on standard error what is odd about the settings, from verbosity 1 on.
fn warn(notices: &[String], terminal: &Terminal) {
    if terminal.verbosity == 0 {
        return;
    }
    let console = Console::new(terminal);
    for message in notices {
        console.write(&Message::Setting { message });
    }
}
