//! The programs of a cluster.

use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use super::{Exit, print};
use crate::Connectors;
use crate::cluster::{
    Executor, ExecutorOptions, STACK_BYTES, Scheduler, SchedulerOptions, Scheduling, open_address_warning,
    scheduler_address,
};
use crate::couchdb::WorkerCredentials;
use crate::error::Result;
use crate::run::{Console, Message, ProgramError};
use crate::settings::{ExecutorSettings, SchedulerSettings, SchedulingChoice, Terminal};
use crate::worker::WorkerContext;

/// The program `classifier_scheduler`.
pub(super) fn schedule(settings: &SchedulerSettings) -> Result<Exit> {
    log_to(&settings.terminal);
    warn(&settings.terminal, open_address_warning("the scheduler", settings.bind));
    let options = SchedulerOptions {
        address: SocketAddr::new(settings.bind, settings.port),
        scheduling: settings.scheduling.into(),
        connectors: Connectors::default(),
    };
    on_threads(async {
        let scheduler = Scheduler::bind(options).await?;
        print(&format!("scheduler listening at {}", scheduler.address()))?;
        tokio::select! {
            served = scheduler.serve() => served,
            stopped = stopped() => stopped,
        }
    })
}

/// The program `classifier_executor`.
pub(super) fn execute(settings: &ExecutorSettings) -> Result<Exit> {
    log_to(&settings.terminal);
    warn(&settings.terminal, open_address_warning("the executor", settings.bind));
    let scheduler = scheduler_address(&settings.scheduler)?;
    let context = WorkerContext::default();
    let login = |credentials: &Option<crate::settings::Credentials>| {
        credentials.as_ref().map(|login| (login.username.clone(), login.password.clone()))
    };
    let credentials = WorkerCredentials {
        main: login(&settings.credentials.main),
        ingest: login(&settings.credentials.ingest),
    };
    context.shared(|| credentials);
    let own = settings.model_folders.iter().map(PathBuf::from);
    let options = ExecutorOptions {
        wait: Duration::from_secs(settings.wait),
        bind: settings.bind,
        advertise: settings.advertise.clone(),
        port: settings.port,
        task_port: settings.task_port,
        scheduling: settings.scheduling.into(),
        cores: settings.cores,
        memory: Some(settings.memory_limit.0),
        work_folder: settings.work_dir.clone(),
        model_folders: own.chain(settings.user_folders.iter().cloned()).collect(),
        context,
        ..ExecutorOptions::new(&scheduler)
    };
    on_threads(async {
        let executor = Executor::prepare(options).await?;
        print(&format!("executor working for {scheduler} at {}:{}", settings.bind, settings.port))?;
        executor.run().await
    })
}

impl From<SchedulingChoice> for Scheduling {
    fn from(choice: SchedulingChoice) -> Self {
        match choice {
            SchedulingChoice::Push => Self::Push,
            SchedulingChoice::Pull => Self::Pull,
        }
    }
}

fn on_threads(work: impl Future<Output = Result<()>>) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()
        .map_err(ProgramError::Threads)?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done.map(Exit::from)
}

/// Returns when a signal asks for the end.
async fn stopped() -> Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(ProgramError::Signals)?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted.map_err(ProgramError::Signals)?),
        }
    }
    #[cfg(not(unix))]
    Ok(tokio::signal::ctrl_c().await.map_err(ProgramError::Signals)?)
}

fn warn(terminal: &Terminal, warning: Option<String>) {
    if let Some(message) = warning.filter(|_| terminal.verbosity >= 1) {
        Console::new(terminal).write(&Message::Warning { message: &message });
    }
}

/// Writes what Ballista logs on standard error: its errors at verbosity 1, what it does from 2 on.
struct Log;

static LOG: Log = Log;
static LEVEL: OnceLock<log::LevelFilter> = OnceLock::new();

fn log_to(terminal: &Terminal) {
    let level = match terminal.verbosity {
        0 => log::LevelFilter::Off,
        1 => log::LevelFilter::Error,
        2 => log::LevelFilter::Info,
        _ => log::LevelFilter::Debug,
    };
    let _ = LEVEL.set(level);
    // There is one already only where this is called twice.
    if log::set_logger(&LOG).is_ok() {
        log::set_max_level(level);
    }
}

impl log::Log for Log {
    /// Of the engine's own crates: the wire's details say nothing about the work. That a client asks for, or cancels, a
    /// job that has just ended is an error to Ballista and to nobody else.
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        let level = LEVEL.get().copied().unwrap_or(log::LevelFilter::Off);
        let usual = level < log::LevelFilter::Info && metadata.target().ends_with("::task_manager");
        metadata.target().starts_with("ballista") && metadata.level() <= level && !usual
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let message = record.args().to_string();
            let whole = LEVEL.get().is_some_and(|level| *level > log::LevelFilter::Error);
            let message = if whole { message } else { shortened(&message) };
            // Nobody can be told that standard error is gone.
            let _ = writeln!(io::stderr().lock(), "{}: {}: {message}", record.level(), record.target());
        }
    }

    fn flush(&self) {}
}

/// What is kept of a long message, in characters: what happened is said first, and why last.
const FIRST: usize = 160;
const LAST: usize = 240;

/// A message as it is read in a mail: Ballista prints whole tasks with all their metrics.
fn shortened(message: &str) -> String {
    let length = message.chars().count();
    if length <= FIRST + LAST {
        return message.to_owned();
    }
    let first: String = message.chars().take(FIRST).collect();
    let last: String = message.chars().skip(length - LAST).collect();
    format!("{first} … {last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_message_the_beginning_and_the_end_are_read() {
        assert_eq!(shortened("no connection"), "no connection");
        let long = format!("Fail to update tasks [{}] due to é", "metric ".repeat(900));
        let short = shortened(&long);
        assert!(short.starts_with("Fail to update tasks [metric") && short.ends_with("due to é"), "{short}");
        assert_eq!(short.chars().count(), FIRST + LAST + 3);
    }
}
