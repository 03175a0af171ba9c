//! The programs of a cluster as real processes on the loopback interface.

mod databases;
mod files;
mod kills;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::operator::{Answer, Place, answer};

/// A port that nobody listens at, below those of outgoing connections. Each is given out once.
fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = 21_000 + u16::try_from(std::process::id() % 100).unwrap() * 100;
    loop {
        let port = begin + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A process that ends with the test.
struct Process {
    command: Command,
    child: Child,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process {
    /// Starts it, and waits for the line that says that it is ready.
    fn start(mut command: Command) -> Self {
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped());
        let child = Self::launch(&mut command);
        Self { command, child }
    }

    fn launch(command: &mut Command) -> Child {
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("listening") || line.contains("working"), "{line:?}");
        child
    }

    /// SIGKILL.
    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, with the same ports and folders.
    fn start_again(&mut self) {
        self.child = Self::launch(&mut self.command);
    }
}

/// A scheduler with its executors, in a folder of their own.
struct Cluster {
    port: u16,
    scheduling: &'static str,
    folder: tempfile::TempDir,
    scheduler: Process,
    executors: Vec<Process>,
}

impl Cluster {
    fn start(scheduling: &'static str, executors: usize) -> Self {
        let (port, folder) = (port(), tempfile::tempdir().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_classifier_scheduler"));
        command.args(["--port", &port.to_string(), "--scheduling", scheduling]).current_dir(folder.path());
        let scheduler = Process::start(command);
        let mut this = Self { port, scheduling, folder, scheduler, executors: Vec::new() };
        for _ in 0..executors {
            let executor = this.executor(&[]);
            this.executors.push(executor);
        }
        this
    }

    /// One more executor of one core, with these variables in its environment.
    fn executor(&self, variables: &[(&str, &str)]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_classifier_executor"));
        let (own, tasks) = (port(), port());
        command
            .args(["--scheduler", &self.address(), "--cores", "1", "--scheduling", self.scheduling])
            .args(["--port", &own.to_string(), "--task-port", &tasks.to_string()])
            .args(["--work-dir", &format!("rows-{own}")]);
        // `start` clears what the environment holds otherwise.
        let mut with = Command::new("env");
        with.args(variables.iter().map(|(name, value)| format!("{name}={value}")));
        with.arg(format!("TMPDIR={}", self.folder.path().display()));
        with.arg(command.get_program()).args(command.get_args()).current_dir(self.folder.path());
        Process::start(with)
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Runs `predict_classifier` in `place` on this cluster.
    fn run(&self, place: &Place, arguments: &[&str]) -> Answer {
        answer(place.program().args(["--cluster", &self.address()]).args(arguments))
    }
}

/// Content of every file below `folder` that is no record of the program's own, by name.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let names = crate::operator::names_below(folder);
    names.into_iter().map(|name| (name.clone(), std::fs::read(folder.join(name)).unwrap())).collect()
}
