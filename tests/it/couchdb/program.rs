//! `predict_classifier` itself against the server: killed, on a bad network, while somebody edits, watched for secrets.
//!
//! The sizes fit an ordinary test run. `SKOL_TEST_FULL=1` takes those of the promise (2,000 documents of 30 kB,
//! 20 kills, 100,000 small documents); a release build given as `SKOL_TEST_PROGRAM` makes that bearable.

use super::faults::contents;
use super::proxy::{Mishap, Proxy, front};
use super::server::{TestDatabase, server, with_texts};
use super::strict::{Strict, Traits};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

fn full() -> bool {
    std::env::var_os("SKOL_TEST_FULL").is_some_and(|value| value == "1")
}

/// `small` in an ordinary run, `promised` in a full one.
pub fn size(small: usize, promised: usize) -> usize {
    if full() { promised } else { small }
}

/// A folder from which the program runs, with the password in a file.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), format!("{}\n", server().secret)).unwrap();
        Self { folder }
    }

    fn metrics_file(&self) -> PathBuf {
        self.folder.path().join("metrics.json")
    }

    fn metrics(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.metrics_file()).unwrap()).unwrap()
    }

    /// The program on `database` at `url`.
    fn program(&self, url: &str, database: &str, more: &[&str]) -> Command {
        let program = std::env::var("SKOL_TEST_PROGRAM");
        let mut command =
            Command::new(program.as_deref().unwrap_or(env!("CARGO_BIN_EXE_predict_classifier")));
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .args(["--couchdb-url", url, "--ingest-db-name", database])
            .args(["--cores", "2", "--no-progress"])
            .arg("--metrics-file")
            .arg(self.metrics_file())
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A case that brings its own credentials goes without the ordinary ones.
        if !url.contains('@') && !more.contains(&"--couchdb-password-file") {
            command.args(["--couchdb-username", &server().user, "--couchdb-password-file", "password"]);
        }
        command
    }

    /// Runs it on `database`; it must end with 0.
    fn run(&self, url: &str, database: &TestDatabase, more: &[&str]) -> Output {
        let output = self.program(url, &database.name, more).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }
}

/// `count` documents of about `length` bytes each, from the sample documents.
fn seed(database: &TestDatabase, count: usize, length: usize) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/documents");
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    let texts: Vec<String> = files
        .iter()
        .map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned())
        .collect();
    let mut pool: Vec<char> = texts.join("\n\n").chars().collect();
    while pool.len() < 2 * length {
        pool.extend_from_within(..);
    }
    let step = ((pool.len() - length) / count).max(1);
    for start in (0..count).step_by(200) {
        let documents: Vec<Value> = (start..(start + 200).min(count))
            .map(|n| {
                let from = (n * step) % (pool.len() - length);
                let text: String = pool[from..from + length].iter().collect();
                with_texts(&format!("d{n:06}"), &[("t.txt", &format!("{n}\n\n{text}"))], json!({ "n": n }))
            })
            .collect();
        database.put_all(&documents);
    }
}

fn wait(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_like_one_that_is_not() {
    let (count, length, kills) = (size(150, 2_000), size(2_000, 30_000), size(6, 20));
    let (calm, killed) = (server().database("calm"), server().database("killed"));
    seed(&calm, count, length);
    seed(&killed, count, length);
    let place = Place::new();
    let begin = Instant::now();
    place.run(&front(), &calm, &[]);
    let mut undisturbed = begin.elapsed();

    let mut random = StdRng::seed_from_u64(20);
    let (mut done, mut too_late) = (0, 0);
    while done < kills {
        let mut child = place.program(&front(), &killed.name, &[]).spawn().unwrap();
        let (begin, moment) = (Instant::now(), undisturbed.mul_f64(random.random()));
        while begin.elapsed() < moment && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(10).min(moment));
        }
        if child.try_wait().unwrap().is_some() {
            // The machine was busier when the time was taken.
            undisturbed = undisturbed.min(begin.elapsed());
            too_late += 1;
            assert!(too_late < 4 * kills, "the program is over before it can be killed");
            continue;
        }
        child.kill().unwrap();
        wait(child);
        done += 1;
    }
    killed.everything().iter().for_each(whole);
    place.run(&front(), &killed, &[]);
    let (calm, killed_contents) = (contents(&calm), contents(&killed));
    assert_eq!(calm.len(), count);
    assert!(calm == killed_contents, "the databases differ");
    place.run(&front(), &killed, &[]);
    let documents = &place.metrics()["documents"];
    assert_eq!(documents["unchanged"], count, "again is free: {documents}");
    assert_eq!(documents["saved"], 0, "again is free: {documents}");
}

/// The annotation of a document, if it has one, is whole.
fn whole(document: &Value) {
    if let Some(annotation) = document["_attachments"].get("t.txt.ann") {
        use base64::Engine as _;
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(annotation["data"].as_str().unwrap()).unwrap();
        let provenance = &document["skol_classifier"]["annotations"]["t.txt.ann"];
        assert_eq!(provenance["length"], bytes.len(), "half an annotation in {}", document["_id"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_network_gives_the_same_database_and_its_retries_are_counted() {
    let (count, length) = (size(150, 2_000), size(2_000, 30_000));
    let (calm, stormy) = (server().database("calm"), server().database("stormy"));
    seed(&calm, count, length);
    seed(&stormy, count, length);
    let proxy = Proxy::start(server().address(), 10, Proxy::one_in_ten).await;
    let place = Place::new();
    place.run(&front(), &calm, &[]);
    let output = place.run(&proxy.url, &stormy, &["--batch-size", "5"]);
    assert!(contents(&calm) == contents(&stormy), "the databases differ");
    assert!(proxy.failures() > 0, "the network was not bad enough");
    let shown =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("retries"), "{shown}");
    assert_eq!(place.metrics()["documents"]["saved"], count);
}

#[test]
fn no_edit_made_during_a_run_is_lost() {
    let (count, length) = (size(120, 2_000), size(2_000, 30_000));
    let database = server().database("edited");
    seed(&database, count, length);
    let place = Place::new();
    let child = place.program(&front(), &database.name, &["--batch-size", "10"]).spawn().unwrap();
    let over = AtomicBool::new(false);
    let edits = std::thread::scope(|scope| {
        let editor = scope.spawn(|| {
            let mut random = StdRng::seed_from_u64(4);
            let mut edits = std::collections::BTreeMap::new();
            for number in 0_u64.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let id = format!("d{:06}", random.random_range(0..count));
                let mut document = database.get(&id).unwrap();
                document["edit"] = number.into();
                let data = if number % 2 == 0 { "ZXZlbg==" } else { "b2Rk" };
                document["_attachments"]["notes.md"] =
                    json!({ "content_type": "text/markdown", "data": data });
                if database.try_put(&document).is_some() {
                    edits.insert(id, number);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            edits
        });
        let output = wait(child);
        over.store(true, Ordering::Relaxed);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        editor.join().unwrap()
    });
    assert!(edits.len() > 5, "only {} documents were edited", edits.len());
    for (id, number) in &edits {
        let document = database.get(id).unwrap();
        assert_eq!(document["edit"], *number, "an edit of {id} is lost");
        let notes: &[u8] = if number % 2 == 0 { b"even" } else { b"odd" };
        assert_eq!(database.attachment(id, "notes.md").unwrap(), notes, "an attachment of {id} is lost");
    }
    let everything = database.everything();
    assert!(everything.iter().all(|document| document["_attachments"].get("t.txt.ann").is_some()));
    everything.iter().for_each(whole);
    place.run(&front(), &database, &[]);
    assert_eq!(place.metrics()["documents"]["unchanged"], count);
}

/// A server that goes away after some requests, for as long as it is told.
async fn leaving(after: u32, away: Duration) -> Proxy {
    let (number, since) = (AtomicU32::new(0), OnceLock::new());
    Proxy::start(server().address(), 1, move |_, head| {
        if number.fetch_add(1, Ordering::Relaxed) < after || head.starts_with("GET /_") {
            return None;
        }
        let since: &Instant = since.get_or_init(Instant::now);
        (since.elapsed() < away).then_some(Mishap::HangUp)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_waited_for_and_one_without_end_is_told_in_one_line() {
    let (count, length) = (size(60, 2_000), size(2_000, 30_000));
    let calm = server().database("calm");
    seed(&calm, count, length);
    let place = Place::new();
    place.run(&front(), &calm, &[]);
    let expected = contents(&calm);
    let outages: &[f64] = if full() { &[5.0, 25.0, 60.0, 110.0] } else { &[1.5] };
    for &seconds in outages {
        let database = server().database("outage");
        seed(&database, count, length);
        let proxy = leaving(8, Duration::from_secs_f64(seconds)).await;
        place.run(&proxy.url, &database, &["--batch-size", "10"]);
        assert!(contents(&database) == expected, "{seconds} s: the databases differ");
        assert_eq!(place.metrics()["documents"]["saved"], count, "{seconds} s");
        assert!(proxy.failures() > 0);
    }
    let database = server().database("gone");
    seed(&database, count, length);
    let (patience, away) = if full() { ("120", 150.0) } else { ("2", 3_600.0) };
    let proxy = leaving(8, Duration::from_secs_f64(away)).await;
    let begin = Instant::now();
    let more = ["--batch-size", "10", "--couchdb-patience", patience];
    let output = place.program(&proxy.url, &database.name, &more).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{shown}");
    let about: Vec<_> =
        shown.lines().filter(|line| line.contains("error") || line.contains("failed")).collect();
    assert!(about.len() == 1 && about[0].contains("did not answer for"), "{shown}");
    assert!(begin.elapsed() < Duration::from_secs(if full() { 140 } else { 30 }), "{:?}", begin.elapsed());
    place.run(&front(), &database, &[]);
    assert!(contents(&database) == expected, "the next run mends all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_used_is_told_with_what_to_do_before_anything_is_labelled() {
    let database = server().database("unusable");
    seed(&database, 3, 500);
    let place = Place::new();
    std::fs::write(place.folder.path().join("wrong"), format!("f4lsch-{:x}", rand::random::<u64>())).unwrap();
    let cases: [(Traits, &[&str], &str); 5] = [
        (
            Traits::default(),
            &["--couchdb-username", "skol_test_nobody", "--couchdb-password-file", "wrong"],
            "check the password of user 'skol_test_nobody'",
        ),
        (
            Traits { no_admin: true, ..Traits::default() },
            &["--output-database", "skol_test_made_by_nobody"],
            "may not create one",
        ),
        (Traits { read_only: true, ..Traits::default() }, &[], "may read it but not write"),
        (Traits { redirects: true, ..Traits::default() }, &[], "give that address with --couchdb-url"),
        (Traits { longest_body: Some(10), ..Traits::default() }, &[], "client_max_body_size"),
    ];
    for (traits, more, remedy) in cases {
        let proxy = Proxy::strict(server().address(), Arc::new(Strict::new(traits.clone()))).await;
        let output = place.program(&proxy.url, &database.name, more).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{traits:?}: {shown}");
        assert!(shown.contains(remedy), "{traits:?}: {shown}");
        assert_eq!(place.metrics()["documents"]["selected"], 0, "{traits:?}");
    }
    let output = place.program(&front(), "skol_test_there_is_no_such_database", &[]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("--ingest-db-name"));
}

#[test]
fn a_second_run_on_the_same_database_is_refused_however_the_server_is_called() {
    let database = server().database("lock");
    seed(&database, size(400, 2_000), 4_000);
    let place = Place::new();
    let url = server().url();
    let other = match url.contains("127.0.0.1") {
        true => url.replace("127.0.0.1", "localhost"),
        false => url.replace("localhost", "127.0.0.1"),
    };
    let first = place.program(&url, &database.name, &["--cores", "1"]).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while database.get("d000000").is_none_or(|document| document.get("skol_classifier").is_none()) {
        assert!(Instant::now() < until, "the first run does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    let second = place.program(&other, &database.name, &[]).output().unwrap();
    assert_eq!(second.status.code(), Some(4), "{}", String::from_utf8_lossy(&second.stderr));
    assert_eq!(wait(first).status.code(), Some(0));
}

#[test]
fn a_quiet_night_since_the_last_run_reads_no_listing() {
    let database = server().database("quiet");
    seed(&database, size(300, 200_000), 500);
    let place = Place::new();
    for (night, selected) in [(1, size(300, 200_000)), (2, 0), (3, 0)] {
        let begin = Instant::now();
        place.run(&front(), &database, &["--since", "last"]);
        let documents = &place.metrics()["documents"];
        assert_eq!(documents["selected"], selected, "night {night}: {documents}");
        eprintln!("night {night}: {:.2} s", begin.elapsed().as_secs_f64());
    }
}

#[test]
fn memory_stays_bounded_with_large_texts() {
    let database = server().database("large");
    let text = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let text = text.repeat(9_000_000 / text.len() + 1);
    for number in 0..size(3, 12) {
        database.put_all(&[json!({ "_id": format!("d{number:02}") })]);
        let rev = database.get(&format!("d{number:02}")).unwrap()["_rev"].as_str().unwrap().to_owned();
        let body = Some(("text/plain", text.as_bytes()));
        let (status, _) =
            database.request("PUT", &[&format!("d{number:02}"), "t.txt"], &format!("rev={rev}"), body);
        assert_eq!(status, 201);
    }
    let place = Place::new();
    place.run(&front(), &database, &[]);
    let metrics = place.metrics();
    let peak = metrics["peak_rss_bytes"].as_u64().unwrap();
    eprintln!("{} texts of 9 MB: peak resident memory {:.0} MB", size(3, 12), peak as f64 / 1e6);
    assert_eq!(metrics["documents"]["saved"], size(3, 12));
    assert!(peak < 250_000_000, "{peak} bytes");
}

#[test]
fn no_secret_is_ever_shown() {
    use base64::Engine as _;
    let database = server().database("secrets");
    let other = server().database("secrets_out");
    seed(&database, 8, 2_000);
    let place = Place::new();
    let wrong = format!("f4lsch-{:016x}", rand::random::<u64>());
    std::fs::write(place.folder.path().join("wrong"), &wrong).unwrap();
    let basic = format!("{}:{}", server().user, server().secret);
    let hidden = [
        server().secret.clone(),
        wrong.clone(),
        base64::engine::general_purpose::STANDARD.encode(basic),
        "AuthSession=".to_owned(),
    ];
    let with_user = front().replacen("://", &format!("://{}:{}@", server().user, server().secret), 1);
    let cases: [(&str, &str, &[&str], i32); 9] = [
        (&front(), &database.name, &[], 0),
        (&front(), &database.name, &["--output-database", &other.name], 0),
        (&front(), &database.name, &["--dry-run"], 0),
        (&with_user, &database.name, &[], 0),
        (&with_user, &database.name, &["--show-config"], 0),
        (&front(), &database.name, &["--show-config"], 0),
        (
            &front(),
            &database.name,
            &["--couchdb-username", "skol_test_nobody", "--couchdb-password-file", "wrong"],
            3,
        ),
        (&front(), "skol_test_there_is_no_such_database", &[], 3),
        (&front(), &database.name, &["--couchdb-ca-file", "password"], 0),
    ];
    for verbosity in ["0", "1", "2", "3"] {
        for (url, name, more, code) in &cases {
            let mut command = place.program(url, name, &[more, &["--verbosity", verbosity][..]].concat());
            command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
            let output = command.output().unwrap();
            let metrics = std::fs::read(place.metrics_file()).unwrap_or_default();
            let shown = [output.stdout, output.stderr, metrics].concat();
            let shown = String::from_utf8_lossy(&shown);
            assert_eq!(output.status.code(), Some(*code), "{more:?}: {shown}");
            for secret in &hidden {
                assert!(!shown.contains(secret.as_str()), "{more:?} at verbosity {verbosity} shows {secret}");
            }
        }
    }
}

#[test]
fn a_text_longer_than_a_document_may_be_fails_by_name() {
    let database = server().database("longest");
    seed(&database, 3, 2_000);
    database.put_all(&[with_texts("long", &[("t.txt", &"word ".repeat(1_000))], json!({}))]);
    let place = Place::new();
    let more = ["--max-document-size", "4k"];
    let output = place.program(&front(), &database.name, &more).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{shown}");
    for wanted in ["'t.txt' of document 'long'", "5000 bytes", "--max-document-size"] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    assert_eq!(place.metrics()["documents"]["saved"], 3);
}

/// The input is replicated away and compacted all the while, and afterwards once more: nothing is lost, and
/// the replica has every annotation.
#[test]
fn replication_and_compaction_at_the_same_time_change_nothing() {
    let (count, length) = (size(120, 2_000), size(2_000, 30_000));
    let (calm, busy, replica) =
        (server().database("calm"), server().database("busy"), server().database("replica"));
    seed(&calm, count, length);
    seed(&busy, count, length);
    let place = Place::new();
    place.run(&front(), &calm, &[]);
    let over = AtomicBool::new(false);
    let rounds = std::thread::scope(|scope| {
        let disturber = scope.spawn(|| {
            let mut rounds = 0;
            while !over.load(Ordering::Relaxed) {
                busy.replicate_to(&replica);
                // Without a body: CouchDB does not read it, and may reset the connection of whom it answered.
                assert_eq!(busy.request("POST", &["_compact"], "", None).0, 202);
                rounds += 1;
            }
            rounds
        });
        let run = place.program(&front(), &busy.name, &["--batch-size", "10"]).output();
        over.store(true, Ordering::Relaxed);
        let run = run.unwrap();
        assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
        disturber.join().unwrap()
    });
    assert!(rounds > 0);
    busy.replicate_to(&replica);
    let expected = contents(&calm);
    assert!(contents(&busy) == expected, "the databases differ");
    assert!(contents(&replica) == expected, "the replica differs");
    // On the replica everything is ours, and done.
    place.run(&front(), &replica, &[]);
    assert_eq!(place.metrics()["documents"]["unchanged"], count);
}

#[test]
fn closures_are_small_and_shown() {
    let database = server().database("closures");
    seed(&database, 4, 1_000);
    let place = Place::new();
    let output = place.run(&front(), &database, &["--verbosity", "2"]);
    let closures = place.metrics()["closures"].clone();
    let shown =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    for name in ["load_partition", "save_partition"] {
        let bytes = closures[name].as_u64().unwrap_or_else(|| panic!("{name} is not measured: {closures}"));
        assert!((1..1_000).contains(&bytes), "{name}: {bytes} bytes");
        assert!(shown.contains(name), "{name} is not shown at verbosity 2: {shown}");
    }
}

#[test]
fn the_old_production_line_runs_unchanged() {
    let database = server().database("cron");
    seed(&database, 60, 2_000);
    let place = Place::new();
    let settings = format!(
        "COUCHDB_URL={}\nCOUCHDB_USER={}\nCOUCHDB_PASSWORD='{}'  # quoted\nINGEST_DATABASE={}\n",
        front(),
        server().user,
        server().secret,
        database.name
    );
    std::fs::write(place.folder.path().join("env_config"), settings).unwrap();
    let program = std::env::var("SKOL_TEST_PROGRAM");
    let mut command = Command::new(program.as_deref().unwrap_or(env!("CARGO_BIN_EXE_predict_classifier")));
    let line = "--cores=2 --batch-size=24 --spark-driver-memory=8g --spark-executor-memory=8g \
                --union-batch-size=1000 --verbosity=2 --incremental --incremental-batch-size=50";
    command.current_dir(place.folder.path()).env_clear().env("HOME", place.folder.path());
    let output = command.args(line.split_whitespace()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(contents(&database).iter().all(|document| document["_attachments"].get("t.txt.ann").is_some()));
}

#[test]
fn memory_does_not_follow_the_number_of_documents() {
    let count = size(4_000, 100_000);
    let database = server().database("many");
    seed(&database, count, 200);
    let place = Place::new();
    place.run(&front(), &database, &[]);
    let metrics = place.metrics();
    assert_eq!(metrics["documents"]["saved"], count);
    let peak = metrics["peak_rss_bytes"].as_u64().unwrap();
    eprintln!("{count} documents: peak resident memory {:.0} MB", peak as f64 / 1e6);
    assert!(peak < 300_000_000, "{count} documents took {peak} bytes");
}
