//! SKOL's cron line, shared settings, experiments, golden documents and the field `taxonomy`, against a real server.

use crate::couchdb::server::{TestDatabase, server, with_texts};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_predict_classifier");

/// A home folder with the shared settings of SKOL's programs.
struct Home(tempfile::TempDir);

impl Home {
    fn new(more: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let lines = format!(
            "# shared\nCOUCHDB_URL={}\nCOUCHDB_USER={}\nCOUCHDB_PASSWORD=\"{}\"\nREDIS_HOST=localhost\n\
             TREATMENTS_DB_NAME=skol_treatments\n{more}\n",
            server().url(),
            server().user,
            server().secret
        );
        home.write(".skol_env", &lines);
        home
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run_in(self.0.path(), self.0.path(), arguments)
    }

    /// Runs it; it must end with 0. Returns standard error.
    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {text}");
        text
    }

    fn metrics(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.0.path().join("m.json")).unwrap()).unwrap()
    }
}

fn run_in(folder: &Path, home: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", home)
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn seed(database: &TestDatabase, ids: &[&str]) {
    let documents: Vec<_> = ids
        .iter()
        .map(|id| {
            with_texts(id, &[("article.txt", &format!("Amanita {id} sp. nov.\n\nMinutes.\n"))], json!({}))
        })
        .collect();
    database.put_all(&documents);
}

/// The documents that have an annotation.
fn annotated(database: &TestDatabase) -> Vec<String> {
    let everything = database.everything();
    let annotated =
        everything.iter().filter(|document| document["_attachments"].get("article.txt.ann").is_some());
    annotated.map(|document| document["_id"].as_str().unwrap().to_owned()).collect()
}

/// Every document's revision.
fn revisions(database: &TestDatabase) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    database.everything().iter().map(|document| (text(&document["_id"]), text(&document["_rev"]))).collect()
}

const CRON: &str = "--cores=2 --batch-size=24 --spark-driver-memory=1g --spark-executor-memory=8g \
                    --union-batch-size=1000 --verbosity=2 --save-text=lazy --incremental \
                    --incremental-batch-size=50 --retry-failed-extraction";

#[test]
fn the_line_in_use_runs_with_the_shared_settings_and_says_where_it_writes() {
    let database = server().database("skol_cron");
    seed(&database, &["a", "b", "c"]);
    let home = Home::new(&format!("INGEST_DB_NAME={}\nLIMIT=abc\nexport PATH\n", database.name));
    let line: Vec<_> = CRON.split_whitespace().collect();
    let text = home.good(&line);
    assert_eq!(annotated(&database), ["a", "b", "c"]);
    let once = |part: &str| assert_eq!(text.matches(part).count(), 1, "{part}: {text}");
    once("without effect here");
    once("--save-text");
    once("--retry-failed-extraction");
    once("--spark-driver-memory is outdated");
    once("'abc' is passed over as limit");
    once("the ingest database");
    assert!(!text.contains("REDIS_HOST") && !text.contains("TREATMENTS"), "{text}");
    // A database of its own is no news.
    let out = server().absent("skol_cron_out");
    let output = format!("--output-database={}", out.name);
    assert!(!home.good(&[&line[..], &[output.as_str()]].concat()).contains("the ingest database"));
    assert_eq!(annotated(&out), ["a", "b", "c"]);
}

#[test]
fn a_lost_configuration_ends_with_2_and_what_to_set() {
    let empty = tempfile::tempdir().unwrap();
    let line: Vec<_> = CRON.split_whitespace().collect();
    for arguments in [&line[..], &["--skip-existing"], &["-o", "out"], &["--doc-id=a"]] {
        let output = run_in(empty.path(), empty.path(), arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains("COUCHDB_URL") && text.contains("INGEST_DB_NAME"), "{text}");
        assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "{arguments:?}");
    }
    let output = run_in(empty.path(), empty.path(), &["--limit=1", "--verbosity=2"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("shipped sample documents"), "{text}");
}

#[test]
fn an_experiment_names_databases_and_model_and_the_command_line_wins() {
    let (ingest, golden) = (server().database("skol_exp_in"), server().database("skol_exp_golden"));
    let (out, typed) = (server().absent("skol_exp_out"), server().absent("skol_exp_typed"));
    let experiments = server().database("skol_experiments");
    seed(&ingest, &["a", "b", "c"]);
    seed(&golden, &["b"]);
    experiments.put_all(&[
        json!({
            "_id": "v3",
            "model_name": "logistic_sections_v1.0",
            "notes": "for other programs",
            "databases": { "ingest": ingest.name, "annotations": out.name, "golden": golden.name, "training": "x" },
            "redis_keys": { "classifier_model": "skol:classifier:model:v3" },
        }),
        json!({ "_id": "odd", "databases": { "ingest": 7 } }),
    ]);
    let home = Home::new(&format!("EXPERIMENTS_DATABASE={}\nINGEST_DB_NAME=nowhere\n", experiments.name));
    let text = home.good(&["--experiment=v3", "--verbosity=1", "--metrics-file=m.json"]);
    assert!(text.contains("'logistic_sections_v1.0' is one of SKOL's"), "{text}");
    assert_eq!(annotated(&out), ["a", "c"]);
    assert!(annotated(&ingest).is_empty());
    let metrics = home.metrics();
    assert_eq!(metrics["model"]["name"], "logistic_words_suffixes");
    assert_eq!((&metrics["documents"]["saved"], &metrics["left_out"]["golden"]), (&json!(2), &json!(1)));

    let database = format!("--output-database={}", typed.name);
    home.good(&["--experiment=v3", &database, "--model=context", "--metrics-file=m.json"]);
    assert_eq!(home.metrics()["model"]["name"], "context");
    assert_eq!(annotated(&typed), ["a", "c"]);

    for (arguments, wanted) in [
        (&["--experiment=v9"][..], "no experiment 'v9' (command line --experiment)"),
        (&["--experiment=odd"], "cannot be understood"),
        (&["--experiment=v3", "--experiments-database=skol_test_nowhere"], "--experiments-database"),
    ] {
        let output = home.run(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(wanted) && !text.contains(&server().secret), "{text}");
    }
}

#[test]
fn golden_documents_are_left_out_counted_and_do_not_use_up_the_limit() {
    let (database, golden) = (server().database("skol_gold_in"), server().database("skol_gold"));
    seed(&database, &["a", "b", "c", "d", "e"]);
    seed(&golden, &["a", "b", "d"]);
    let home = Home::new(&format!("INGEST_DB_NAME={}\n", database.name));
    let option = format!("--golden-db={}", golden.name);
    let text = home.good(&[&option, "--limit=1", "--metrics-file=m.json"]);
    assert_eq!(annotated(&database), ["c"]);
    assert!(text.contains("passed over: 3 golden"), "{text}");
    assert_eq!(home.metrics()["left_out"]["golden"], 3);
    assert_eq!(home.metrics()["documents"]["selected"], 1);
    home.good(&[&option]);
    assert_eq!(annotated(&database), ["c", "e"]);
    let text = home.good(&[&option, "--doc-id=a", "--verbosity=0"]);
    assert!(text.contains("a") && text.contains("it is golden"), "{text}");
    // Named on the command line it must be there; named by a shared file, it may be missing.
    assert_eq!(home.run(&["--golden-db=skol_test_nowhere"]).status.code(), Some(3));
    home.write("env_config", "GOLDEN_DB_NAME=skol_test_nowhere\n");
    assert!(home.good(&[]).contains("no golden documents are left out"));
    assert_eq!(annotated(&database).len(), 5);
}

#[test]
fn taxpub_and_golden_documents_are_counted_by_the_truth_of_python() {
    let database = server().database("skol_truth");
    let text = &[("article.txt", "Amanita nova sp. nov.")][..];
    let fields = [
        ("false_empty", json!({ "is_taxpub": "", "golden_dataset": [] })),
        ("false_zero", json!({ "is_taxpub": 0, "golden_dataset": 0.0 })),
        ("golden", json!({ "golden_dataset": "v2" })),
        ("plain", json!({})),
        ("taxpub", json!({ "is_taxpub": 1 })),
    ];
    let documents: Vec<_> = fields.into_iter().map(|(id, fields)| with_texts(id, text, fields)).collect();
    database.put_all(&documents);
    let home = Home::new(&format!("INGEST_DB_NAME={}\nSKIP_GOLDEN=true\n", database.name));
    let said = home.good(&["--metrics-file=m.json"]);
    assert_eq!(annotated(&database), ["false_empty", "false_zero", "plain"]);
    assert!(said.contains("1 TaxPub") && said.contains("1 golden"), "{said}");
    assert_eq!(home.metrics()["left_out"], json!({ "taxpub": 1, "golden": 1 }));
    let said = home.good(&["--doc-id=taxpub", "--verbosity=0"]);
    assert!(said.contains("taxpub") && said.contains("--include-taxpub"), "{said}");
}

#[test]
fn the_field_taxonomy_alone_is_updated_and_a_dry_run_writes_nothing() {
    let database = server().database("skol_flag");
    database.put_all(&[
        with_texts("new", &[("article.txt", "Amanita nova sp. nov.")], json!({})),
        with_texts("right", &[("article.txt", "Minutes")], json!({ "taxonomy": false })),
        with_texts("wrong", &[("article.txt", "Minutes")], json!({ "taxonomy": true })),
    ]);
    let home = Home::new(&format!("INGEST_DB_NAME={}\n", database.name));
    let before = revisions(&database);
    let text = home.good(&["--update-taxonomy-flag-only", "--dry-run"]);
    assert!(text.contains("the field taxonomy of 2 documents would be set, 1 right already"), "{text}");
    assert_eq!(revisions(&database), before);
    let text = home.good(&["--update-taxonomy-flag-only"]);
    assert!(text.contains("the field taxonomy of 2 documents is set, 1 right already"), "{text}");
    assert!(!text.contains("labelled") && !text.contains("annotation"), "{text}");
    let field = |id: &str| database.get(id).unwrap()["taxonomy"].clone();
    assert_eq!([field("new"), field("right"), field("wrong")], [json!(true), json!(false), json!(false)]);
    let after = revisions(&database);
    // Nothing new is no news at verbosity 1.
    assert_eq!(home.good(&["--update-taxonomy-flag-only"]), "");
    assert!(home.good(&["--update-taxonomy-flag-only", "--verbosity=2"]).contains("3 right already"));
    assert_eq!(revisions(&database), after);
}

#[test]
fn the_taxonomy_filter_keeps_the_field_true_and_force_lifts_it() {
    let (database, out) = (server().database("skol_filter"), server().absent("skol_filter_out"));
    database.put_all(&[
        with_texts("new", &[("article.txt", "Amanita nova sp. nov.")], json!({})),
        with_texts("old", &[("article.txt", "Minutes")], json!({ "taxonomy": true })),
        with_texts("right", &[("article.txt", "Boletus cf. edulis")], json!({ "taxonomy": true })),
    ]);
    let home = Home::new(&format!("INGEST_DB_NAME={}\nANNOTATIONS_DB_NAME={}\n", database.name, out.name));
    let before = revisions(&database);
    home.good(&["--taxonomy-filter", "--dry-run"]);
    assert_eq!(revisions(&database), before);
    let text = home.good(&["--taxonomy-filter", "--metrics-file=m.json"]);
    assert_eq!(annotated(&out), ["new", "right"]);
    assert!(text.contains("passed over: 1 without a taxonomic abbreviation"), "{text}");
    assert_eq!(home.metrics()["left_out"]["not_taxonomic"], 1);
    assert_eq!(home.metrics()["documents"]["selected"], 2);
    let field = |id: &str| database.get(id).unwrap()["taxonomy"].clone();
    assert_eq!([field("new"), field("old"), field("right")], [json!(true), json!(false), json!(true)]);
    let after = revisions(&database);
    assert_eq!(after.iter().filter(|revision| before.contains(revision)).count(), 1, "right is not written");
    home.good(&["--taxonomy-filter"]);
    assert_eq!(revisions(&database), after);
    home.good(&["--taxonomy-filter", "--force"]);
    assert_eq!(annotated(&out), ["new", "old", "right"]);
}
