//! The program as an operator meets it: at night, among other users, and against those who mean ill.

mod corrections;
mod monitor;
mod planted;
mod signals;
mod taking_in;
mod week;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

pub(crate) const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/documents");

/// A text with paragraphs of several kinds.
pub(crate) const TEXT: &str = "Amanita rubra Novak, sp. nov.\n\nCap red, 3-5 cm wide, with white warts.\n\n\
     Found in June near the old mill, under beech.\n";

/// A folder from which the program runs, with nothing of this machine's settings.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With these files, all of the same text.
    pub(crate) fn with(names: &[&str]) -> Self {
        let place = Self::new();
        for name in names {
            place.write(name, TEXT);
        }
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_predict_classifier"));
        command
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .env("TMPDIR", self.0.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program; it must answer within two minutes, whatever it is given.
    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        answer(self.program().args(arguments))
    }

    /// Runs it with a metrics file.
    pub(crate) fn run_measured(&self, arguments: &[&str]) -> (Answer, serde_json::Value) {
        let answer = self.run(&[arguments, &["--metrics-file", "metrics.json"]].concat());
        let metrics = fs::read(self.path("metrics.json")).unwrap_or_else(|_| panic!("{}", answer.stderr));
        (answer, serde_json::from_slice(&metrics).unwrap())
    }
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `command` and fails the test when it does not end, on a busy machine either: a cluster that loses an executor
/// waits for it to come back first.
pub(crate) fn answer(command: &mut Command) -> Answer {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let (sender, ended) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let hangs = ended.recv_timeout(Duration::from_secs(300)).is_err();
        if hangs {
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
        }
        hangs
    });
    let _ = child.stdin.take();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let _ = sender.send(());
    assert!(!watch.join().unwrap(), "the program hangs");
    Answer {
        code: status.code(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// Waits until `ready`, at most a minute.
pub(crate) fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !ready() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{what} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Names of the files below `folder`, without hidden ones, sorted.
pub(crate) fn names_below(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.'))
        .filter_map(Result::ok)
        .filter(|entry| !entry.file_type().is_dir())
        .map(|entry| entry.path().strip_prefix(folder).unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
