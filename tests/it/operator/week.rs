//! The operator's week: the crontab's own line, seven nights, two users, a monitor.
//!
//! What each night's mail, exit code and metrics were stands in `docs/operators-week.md`; `SKOL_TEST_TRANSCRIPT=FILE` writes it
//! anew.

use super::{Answer, Place, TEXT, answer, wait_until};
use crate::couchdb::proxy::front;
use crate::couchdb::server::{TestDatabase, server, with_texts};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `nobody`, who is on every machine.
const OTHER: u32 = 65_534;

/// Somebody with a home, and with a folder for temporary files that nobody else sees, as a service has it.
struct User {
    name: &'static str,
    /// A copy that everybody may run: the build's own folder may lie in a home that others cannot enter.
    program: PathBuf,
    home: PathBuf,
    temporary: PathBuf,
    /// Whom the program runs as; `None`: whoever runs the tests.
    id: Option<u32>,
}

impl User {
    fn new(place: &Place, name: &'static str, id: Option<u32>) -> Self {
        let [home, temporary] = ["home", "tmp"].map(|folder| {
            let folder = place.path(&format!("{folder}-{name}"));
            fs::create_dir(&folder).unwrap();
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
            if let Some(id) = id {
                std::os::unix::fs::chown(&folder, Some(id), Some(id)).unwrap();
            }
            folder
        });
        Self { name, program: place.path("predict_classifier"), home, temporary, id }
    }

    fn configure(&self, database: &TestDatabase, password: &str) {
        let file = self.home.join(".skol_env");
        let text = format!(
            "COUCHDB_URL={}\nCOUCHDB_USER={}\nCOUCHDB_PASSWORD={password}\nINGEST_DATABASE={}\nANNOTATIONS_DB_NAME={}\n",
            front(),
            server().user,
            database.name,
            database.name,
        );
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        if let Some(id) = self.id {
            std::os::unix::fs::chown(&file, Some(id), Some(id)).unwrap();
        }
    }

    /// The crontab's line, in this user's home; `shell` is done first.
    fn line(&self, metrics: &Path, shell: &str) -> Command {
        let crontab =
            fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/cron/crontab")).unwrap();
        let line = crontab.lines().find(|line| line.starts_with("30 2 * * *")).unwrap();
        let (_, job) = line.split_once("predict_classifier").unwrap();
        let (options, _) = job.split_once("--metrics-file=").unwrap();
        let script = format!(
            "{shell} exec '{}' {options} --metrics-file='{}'",
            self.program.display(),
            metrics.display()
        );
        let mut command = match self.id {
            Some(id) => {
                let mut command = Command::new("setpriv");
                let (user, group) = (format!("--reuid={id}"), format!("--regid={id}"));
                command.args([user.as_str(), group.as_str(), "--clear-groups", "sh", "-c", &script]);
                command
            }
            None => {
                let mut command = Command::new("sh");
                command.args(["-c", &script]);
                command
            }
        };
        command
            .current_dir(&self.home)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", &self.home)
            .env("TMPDIR", &self.temporary)
            .stdin(Stdio::null());
        command
    }
}

/// What the monitor reads from the metrics file.
fn monitor(metrics: &Path) -> BTreeMap<String, f64> {
    let Ok(text) = fs::read_to_string(metrics) else { return BTreeMap::new() };
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.strip_prefix("skol_classifier_")?.rsplit_once(' '))
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
        .collect()
}

struct Week {
    metrics: PathBuf,
    /// What differs from run to run, and what stands for it in the transcript.
    names: Vec<(String, &'static str)>,
    /// When a night was a good one.
    successes: Vec<(f64, String)>,
    transcript: String,
}

impl Week {
    /// Notes a night; its mail and what the monitor shows come back.
    fn note(&mut self, night: &str, answer: &Answer) -> (String, BTreeMap<String, f64>) {
        let mail = format!("{}{}", answer.stdout, answer.stderr);
        let shown = monitor(&self.metrics);
        let (day, what) = night.split_once(": ").unwrap();
        self.succeeded(day);
        let code = answer.code.map_or("none: it was killed".to_owned(), |code| code.to_string());
        let value = |name: &str| shown.get(name).copied();
        let success = value("last_success_time").map_or("never", |time| {
            let night = self.successes.iter().find(|(success, _)| *success == time);
            night.map_or("an unknown night", |(_, day)| day)
        });
        let _ = writeln!(self.transcript, "\n## {day}: {what}\n\n| | |\n|---|---|\n| exit code | {code} |");
        if let (Some(code), Some(saved), Some(failed)) =
            (value("exit_code"), value("documents_saved"), value("documents_failed"))
        {
            let _ = writeln!(
                self.transcript,
                "| the monitor shows | exit code {code}, {saved} saved, {failed} failed; last success: {success} |"
            );
        }
        let _ = match mail.trim_end() {
            "" => writeln!(self.transcript, "| mail | none |"),
            _ => writeln!(self.transcript, "| mail | as below |\n"),
        };
        for line in self.normalized(&mail).lines() {
            let _ = writeln!(self.transcript, "    {line}");
        }
        (mail, shown)
    }

    /// A run that ended well, whoever began it.
    fn succeeded(&mut self, day: &str) {
        let shown = monitor(&self.metrics);
        if let (Some(end), Some(success)) = (shown.get("end_time"), shown.get("last_success_time"))
            && end == success
        {
            self.successes.push((*success, day.to_owned()));
        }
    }

    /// `mail` with names in the place of what differs from run to run.
    fn normalized(&self, mail: &str) -> String {
        let mut text = mail.to_owned();
        for (name, instead) in &self.names {
            text = text.replace(name, instead);
        }
        let words =
            text.split_inclusive([' ', '/', '"', '\'', '(', ')', ':', '\n']).scan("", |before, word| {
                let body = word.trim_end_matches([' ', '/', '"', '\'', '(', ')', ':', '\n']);
                let end = &word[body.len()..];
                let instead = match body {
                    _ if *before == "process " => "4711",
                    _ if *before == "in " && body.parse::<f64>().is_ok() => "1.0",
                    _ if body.starts_with(".metrics-") => ".metrics-XXXXXX",
                    _ if body.len() == 16 && body.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                        "0123456789abcdef"
                    }
                    other => other,
                };
                *before = word;
                Some(format!("{instead}{end}"))
            });
        words.collect()
    }
}

fn seed(database: &TestDatabase, night: &str, count: usize) {
    let documents: Vec<_> = (0..count)
        .map(|number| {
            let text = format!("Number {number}\n\n{}", TEXT.repeat(20));
            with_texts(&format!("{night}-{number:04}"), &[("article.txt", &text)], json!({}))
        })
        .collect();
    database.put_all(&documents);
}

fn annotated(database: &TestDatabase) -> usize {
    let documents = database.everything();
    documents.iter().filter(|document| document["_attachments"].get("article.txt.ann").is_some()).count()
}

/// Whether the process `id` has a socket of the name that locks a database.
fn holds_a_lock(id: u32) -> bool {
    let sockets = fs::read_to_string("/proc/net/unix").unwrap();
    let locks: Vec<String> = sockets
        .lines()
        .filter(|line| line.contains("@skol_classifier/"))
        .filter_map(|line| Some(format!("socket:[{}]", line.split_whitespace().nth(6)?)))
        .collect();
    let Ok(files) = fs::read_dir(format!("/proc/{id}/fd")) else { return false };
    files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok())
        .any(|target| locks.iter().any(|lock| target.as_os_str() == lock.as_str()))
}

#[test]
fn the_operators_week() {
    let place = Place::new();
    fs::set_permissions(place.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    let two_users = std::os::unix::fs::MetadataExt::uid(&fs::metadata(place.path(".")).unwrap()) == 0
        && Command::new("setpriv").arg("--version").output().is_ok();
    if !two_users {
        eprintln!("the week was NOT played with two users: that takes root and setpriv");
    }
    let program = env!("CARGO_BIN_EXE_predict_classifier");
    if fs::hard_link(program, place.path("predict_classifier")).is_err() {
        fs::copy(program, place.path("predict_classifier")).unwrap();
    }
    let cron = User::new(&place, "cron", two_users.then_some(OTHER));
    let admin = User::new(&place, "admin", None);
    let folder = place.path("monitor");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let database = server().database("week");
    let home = |user: &User| user.home.display().to_string();
    let mut week = Week {
        metrics: folder.join("skol_classifier.prom"),
        names: vec![
            (database.name.clone(), "journals"),
            (front(), "http://couch.example.org:5984"),
            (home(&cron), "/home/cron"),
            (home(&admin), "/home/admin"),
            (place.path("nowhere").display().to_string(), "/home/nowhere"),
            (folder.display().to_string(), "/var/lib/metrics"),
        ],
        successes: Vec::new(),
        transcript: String::new(),
    };
    cron.configure(&database, &server().secret);
    admin.configure(&database, &server().secret);
    let line = |user: &User, shell: &str| user.line(&folder.join("skol_classifier.prom"), shell);

    // The administrator tries it first; that must not stand in cron's way.
    seed(&database, "trial", 2);
    let tried = answer(&mut line(&admin, ""));
    week.note(&format!("Sunday evening: {} tries it", admin.name), &tried);
    assert_eq!(tried.code, Some(0), "{}", tried.stderr);
    fs::remove_file(&week.metrics).unwrap();

    seed(&database, "monday", 5);
    let (mail, shown) = {
        let a = answer(&mut line(&cron, ""));
        assert_eq!(a.code, Some(0), "{}", a.stderr);
        week.note("Monday: five new documents", &a)
    };
    assert!(mail.contains("5 saved") && mail.lines().count() == 1, "{mail}");
    assert_eq!((shown["exit_code"], shown["documents_saved"]), (0.0, 5.0));
    assert_eq!(shown["last_success_time"], shown["end_time"]);
    assert!(shown["start_time"] > 1e9 && shown["start_time"] <= shown["end_time"]);

    let quiet = answer(&mut line(&cron, ""));
    let (mail, shown) = week.note("Tuesday: nothing new", &quiet);
    assert_eq!((quiet.code, mail.as_str()), (Some(0), ""));
    let success = shown["last_success_time"];
    assert_eq!((shown["exit_code"], success), (0.0, shown["end_time"]));

    cron.configure(&database, "wrong-but-secret-too");
    let wrong = answer(&mut line(&cron, ""));
    let (mail, shown) = week.note("Wednesday: the password was changed", &wrong);
    assert_eq!(wrong.code, Some(3), "{mail}");
    assert!(mail.starts_with("error: ") && !mail.contains("wrong-but-secret-too"), "{mail}");
    assert_eq!((shown["exit_code"], shown["last_success_time"]), (3.0, success), "{shown:?}");
    assert!(shown["end_time"] > success);
    cron.configure(&database, &server().secret);

    seed(&database, "thursday", 300);
    let mut killed = line(&cron, "").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("an annotation", || {
        let first = database.get("thursday-0000").unwrap();
        first["_attachments"].get("article.txt.ann").is_some() || killed.try_wait().unwrap().is_some()
    });
    killed.kill().unwrap();
    let output = killed.wait_with_output().unwrap();
    let night = Answer {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    let (_, shown) = week.note("Thursday: killed in the middle", &night);
    assert!(night.code.is_none(), "it was over before it could be killed");
    assert_eq!(shown["last_success_time"], success);

    // The administrator runs it by hand when cron's time comes; each has temporary files of their own.
    let mut by_hand = line(&admin, "").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the lock", || holds_a_lock(by_hand.id()) || by_hand.try_wait().unwrap().is_some());
    let signal =
        |signal: &str| Command::new("kill").args([signal, &by_hand.id().to_string()]).status().unwrap();
    assert!(signal("-STOP").success());
    let second = answer(&mut line(&cron, ""));
    let (mail, shown) = week.note("Friday: the administrator's own run is under way", &second);
    assert_eq!(second.code, Some(4), "{mail}");
    assert!(mail.contains(&format!("process {}", by_hand.id())), "{mail}");
    assert_eq!(shown["exit_code"], 4.0);
    assert!(signal("-CONT").success());
    assert!(by_hand.wait().unwrap().success());
    week.succeeded("Friday, by hand");
    assert_eq!(annotated(&database), 307);

    let mut moved = line(&cron, "");
    let moved = answer(moved.env("HOME", place.path("nowhere")));
    let (mail, shown) = week.note("Saturday: the home folder was moved", &moved);
    assert_eq!(moved.code, Some(2), "{mail}");
    assert!(mail.contains("INGEST_D") && mail.contains("HOME"), "{mail}");
    // Not the figures of the night before, which was a good one.
    let by_hand = week.successes.last().unwrap().0;
    assert_eq!((shown["exit_code"], shown["documents_saved"]), (2.0, 0.0), "{shown:?}");
    assert_eq!(shown["last_success_time"], by_hand, "{shown:?}");

    seed(&database, "sunday", 3);
    // A limit on the size of files is what a test can have of a full disk.
    let full = answer(&mut line(&cron, "trap '' XFSZ; ulimit -f 0;"));
    let (mail, _) = week.note("Sunday: the disk is full", &full);
    assert_eq!(full.code, Some(3), "{mail}");
    assert!(mail.contains("skol_classifier.prom") && mail.contains("--metrics-file"), "{mail}");
    // The labels are where they belong all the same.
    assert_eq!(annotated(&database), 310);

    let document = format!("{INTRODUCTION}{}", week.transcript);
    if let Some(file) = std::env::var_os("SKOL_TEST_TRANSCRIPT") {
        fs::write(file, &document).unwrap();
    } else if two_users {
        let kept = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operators-week.md"));
        assert_eq!(document, kept.unwrap(), "SKOL_TEST_TRANSCRIPT=docs/operators-week.md writes it anew");
    }
}

const INTRODUCTION: &str = "# The operator's week

What the crontab's line (`examples/cron/crontab`) does in seven nights: its exit code, what a monitor reads from
`--metrics-file`, and the mail that cron sends, word by word. It is the transcript of a test (`tests/it/operator/week.rs`),
which plays it with two users of the machine, `cron` and `admin`, each with a home and a folder for temporary files of their
own. Names of folders, databases and processes, and times, are those of an example.
";
