//! SIGINT and SIGTERM: what is in hand is finished and saved, then the run ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::pipeline::Stop;

/// Exit code after SIGINT, by custom 128 + 2.
const INTERRUPTED: u8 = 130;
/// Exit code after SIGTERM, by custom 128 + 15.
const TERMINATED: u8 = 143;

/// Which signal has come, if one has.
#[derive(Debug, Clone, Default)]
pub struct Signals(Arc<AtomicU8>);

impl Signals {
    /// Listens for signals on the current tokio runtime: the first stops the run at its source, by `stop`, and
    /// calls `on_stop`; a second calls `on_exit`, which must not take long, and ends the process at once.
    ///
    /// # Errors
    /// When the operating system does not let us listen.
    pub fn listen(
        stop: Stop,
        on_stop: impl Fn(&str) + Send + 'static,
        on_exit: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let signals = Self::default();
        let seen = signals.clone();
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::spawn(async move {
                loop {
                    let (code, name) = tokio::select! {
                        _ = interrupt.recv() => (INTERRUPTED, "SIGINT"),
                        _ = terminate.recv() => (TERMINATED, "SIGTERM"),
                    };
                    if !seen.record(code) {
                        on_exit();
                        std::process::exit(i32::from(code));
                    }
                    stop.stop();
                    on_stop(name);
                }
            });
        }
        #[cfg(not(unix))]
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if !seen.record(INTERRUPTED) {
                    on_exit();
                    std::process::exit(i32::from(INTERRUPTED));
                }
                stop.stop();
                on_stop("Ctrl-C");
            }
        });
        Ok(signals)
    }

    /// Whether `code` is the first signal.
    fn record(&self, code: u8) -> bool {
        self.0.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// The exit code of the signal that stopped the run.
    #[must_use]
    pub fn exit_code(&self) -> Option<u8> {
        Some(self.0.load(Ordering::SeqCst)).filter(|code| *code != 0)
    }
}
