//! SIGINT and SIGTERM: what is in hand is finished and saved, then the run ends.
//!
//! Signals are waited for by a thread of their own: labelling keeps every thread of the engine busy, and a task
//! among them would hear of a signal only when one of them has nothing to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::cli::Exit;
use crate::pipeline::Stop;

/// The number of SIGINT.
const INTERRUPTED: u8 = 2;
/// The number of SIGTERM.
const TERMINATED: u8 = 15;

/// How long what is in hand may take after the first signal. What is not done then is left for the next run:
/// files and documents are written whole or not at all, so that nothing is lost by that.
const GRACE: Duration = Duration::from_millis(1400);
/// How long the last messages may take after that: their reader may be slow.
const LAST: Duration = Duration::from_millis(2600);

/// Which signal has come, if one has, and whether its time of grace is over.
#[derive(Debug, Clone)]
pub struct Signals {
    seen: Arc<AtomicU8>,
    over: watch::Receiver<bool>,
}

impl Default for Signals {
    /// No signal is listened for.
    fn default() -> Self {
        Self { seen: Arc::default(), over: watch::channel(false).1 }
    }
}

impl Signals {
    /// Listens for signals: the first stops the run at its source, by `stop`, and calls `on_stop` with its name;
    /// a second calls `on_exit`, which must not take long, and ends the process at once.
    ///
    /// # Errors
    /// When the operating system does not let us listen.
    pub fn listen(
        stop: Stop,
        on_stop: impl Fn(&str) + Send + 'static,
        on_exit: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut arrivals = {
            let _entered = runtime.enter();
            Arrivals::new()?
        };
        let (over_sender, over) = watch::channel(false);
        let signals = Self { seen: Arc::default(), over };
        let seen = Arc::clone(&signals.seen);
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let (signal, name) = arrivals.next().await;
                seen.store(signal, Ordering::SeqCst);
                stop.stop();
                on_stop(name);
                let deadline = async {
                    tokio::time::sleep(GRACE).await;
                    // Nobody waits any more when the run has ended.
                    let _ = over_sender.send(true);
                    tokio::time::sleep(LAST).await;
                    signal
                };
                let last = tokio::select! {
                    (second, _) = arrivals.next() => second,
                    signal = deadline => signal,
                };
                on_exit();
                std::process::exit(Exit::Signal(last).code().into());
            });
        })?;
        Ok(signals)
    }

    /// The number of the signal that stopped the run.
    #[must_use]
    pub fn received(&self) -> Option<u8> {
        Some(self.seen.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Returns when a signal came and its time of grace is over; never where no signal comes.
    pub async fn grace_is_over(&self) {
        let mut over = self.over.clone();
        if over.wait_for(|over| *over).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The signals that end a run, as they come.
#[cfg(unix)]
struct Arrivals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Arrivals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> (u8, &'static str) {
        tokio::select! {
            _ = self.interrupt.recv() => (INTERRUPTED, "SIGINT"),
            _ = self.terminate.recv() => (TERMINATED, "SIGTERM"),
        }
    }
}

#[cfg(not(unix))]
struct Arrivals;

#[cfg(not(unix))]
impl Arrivals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> (u8, &'static str) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        (INTERRUPTED, "Ctrl-C")
    }
}
