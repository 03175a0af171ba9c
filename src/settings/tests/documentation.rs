//! What is shown and what is written down: `--show-config`, help, examples, man pages.

use super::Surroundings;
use crate::settings::{Program, documents};
use clap::ValueEnum;
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use strum::VariantArray;

/// What `--show-config` says, without what depends on machine and folder.
fn shown(here: &Surroundings, arguments: &[&str]) -> String {
    let text = here.printed(&[arguments, &["--show-config"]].concat());
    text.replace(&here.folder.path().display().to_string(), "[folder]")
}

#[test]
fn show_config_says_every_value_and_its_origin() {
    let here = Surroundings::new()
        .file("skol_classifier.toml", "# mine\ncheckpoint = 'always'\ndoc_ids = ['a', 'b,c']\n")
        .file("env_config", "export COUCHDB_USER=me\nCOUCHDB_PASSWORD=geheim\nVERBOSTY=2\n")
        .file("home/.config/skol_classifier/config.toml", "log-format = 'json'\n")
        .var("COUCHDB_URL", "https://couch.example.org")
        .var("NO_COLOR", "1");
    let arguments = ["--cores=2", "--memory-limit=2g", "--ingest-db-name=skol", "--skip-existing", "--force"];
    insta::assert_snapshot!(shown(&here, &arguments));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn what_show_config_prints_is_a_config_file_that_says_the_same(
        output in "[^\0]{1,20}",
        ids in prop::collection::vec("[^,\0]{1,8}", 0..3),
        verbosity in 0..4_u8,
        limit in prop::option::of(1..1000_u32),
        memory in 1..1_000_000_u32,
        force in any::<bool>(),
    ) {
        prop_assume!(!output.trim().is_empty());
        let here = Surroundings::new();
        let mut arguments = vec![
            "a.txt".to_owned(),
            format!("--output={output}"),
            format!("--verbosity={verbosity}"),
            format!("--memory-limit={memory}"),
            format!("--force={force}"),
        ];
        arguments.extend(limit.map(|limit| format!("--limit={limit}")));
        arguments.extend(ids.iter().map(|id| format!("--doc-id={id}")));
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let first = here.printed(&[&arguments[..], &["--show-config"]].concat());
        let here = here.file("again.toml", &first);
        let again = here.printed(&["--config=again.toml", "--show-config"]);
        let values = |text: &str| text.parse::<toml::Table>().unwrap().into_iter().filter(|(key, _)| key != "config").collect::<Vec<_>>();
        prop_assert_eq!(values(&again), values(&first));
        let said = here.predict(&arguments).unwrap();
        let read = here.predict(&["--config=again.toml"]).unwrap();
        prop_assert_eq!(&said.selection, &read.selection);
        prop_assert_eq!((&said.output, said.memory_limit), (&read.output, read.memory_limit));
    }

    #[test]
    fn no_env_config_makes_it_panic(text in r##"((CORES|COUCHDB_URL|INPUT|LIMIT|export|REPORT|NO_COLOR)?[ ='"#\\@:/a0]{0,6}\n?){0,8}"##) {
        let here = Surroundings::new().file("env_config", &text);
        if let Err(error) = here.predict(&["--ingest-db-name=x"]) {
            prop_assert_eq!(error.kind(), crate::error::ErrorKind::Usage);
        }
    }
}

/// The promised options of `predict_classifier`: long name or alias, names in the environment.
const PROMISED: &[(&[&str], &[&str])] = &[
    (&[], &["SKOL_INPUT"]),
    (&["output"], &["SKOL_OUTPUT"]),
    (&["output-format"], &["OUTPUT_FORMAT"]),
    (&["model"], &["MODEL_NAME"]),
    (&["verbosity"], &["VERBOSITY"]),
    (&["couchdb-url"], &["COUCHDB_URL"]),
    (&["couchdb-username"], &["COUCHDB_USER"]),
    (&["couchdb-password"], &["COUCHDB_PASSWORD"]),
    (&["couchdb-password-file"], &["COUCHDB_PASSWORD_FILE"]),
    (&["ingest-db-name"], &["INGEST_DB_NAME"]),
    (&["ingest-database"], &["INGEST_DATABASE"]),
    (&["output-database"], &["ANNOTATIONS_DB_NAME"]),
    (&["attachment-pattern"], &["COUCHDB_PATTERN"]),
    (&["doc-id"], &["DOC_IDS"]),
    (&["limit"], &["LIMIT"]),
    (&["skip-existing"], &["SKIP_EXISTING"]),
    (&["force"], &["FORCE"]),
    (&["incremental"], &["INCREMENTAL"]),
    (&["incremental-batch-size"], &["INCREMENTAL_BATCH_SIZE"]),
    (&["prediction-batch-size", "batch-size"], &["PREDICTION_BATCH_SIZE"]),
    (&["dry-run"], &["DRY_RUN"]),
    (&["taxonomy-filter"], &["TAXONOMY_FILTER"]),
    (&["update-taxonomy-flag-only"], &[]),
    (&[], &["TAXONOMY_ABBREVS", "SKIP_TAXONOMY_CHECK"]),
    (&["skip-golden"], &["SKIP_GOLDEN"]),
    (&["include-taxpub"], &["INCLUDE_TAXPUB"]),
    (&["cores", "num-workers"], &["CORES", "NUM_WORKERS"]),
    (&["partitions"], &["PARTITIONS"]),
    (&["memory-limit"], &["MEMORY_LIMIT"]),
    (&["checkpoint"], &["CHECKPOINT"]),
    (&["checkpoint-dir"], &["CHECKPOINT_PATH"]),
    (&["lineage-threshold"], &["LINEAGE_THRESHOLD"]),
    (&["metrics-file"], &["METRICS_FILE"]),
    (&["report"], &["REPORT"]),
    (&["cluster"], &["CLUSTER_URL"]),
    (&["env-config"], &["ENV_CONFIG"]),
    (&["show-config"], &[]),
    (&["list-models"], &[]),
    (&["color"], &["NO_COLOR"]),
    (&["no-progress"], &["NO_PROGRESS"]),
    (&["log-format"], &["LOG_FORMAT"]),
];

#[test]
fn every_promised_name_is_in_help_and_env_config_example() {
    let help = Surroundings::new().printed(&["--help"]);
    let example = repository_file("env_config.example");
    for (options, names) in PROMISED {
        for option in *options {
            assert!(
                help.lines().any(|line| line
                    .split([' ', '<', '[', ']', ','])
                    .any(|word| word == format!("--{option}"))),
                "--{option} is not in the help"
            );
        }
        for name in *names {
            assert!(
                help.contains(&format!(": {name}")) || help.contains(&format!(", {name}")),
                "{name} is not in the help"
            );
            let line = format!("#{name}=");
            assert!(
                example.lines().any(|l| l.starts_with(&line) || l.contains(&format!("(also {name})")))
                    || *name == "ENV_CONFIG",
                "{name} is not in env_config.example"
            );
        }
    }
}

#[test]
fn the_example_of_env_config_can_be_read_with_every_name_set() {
    let all: String = repository_file("env_config.example")
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.split_once('=').is_some_and(|(name, _)| !name.contains(' ')) => {
                format!("{rest}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    // The example has the default for databases.
    let arguments = ["a.txt", "--attachment-pattern", "*.txt"];
    let defaults = shown(&Surroundings::new().file("env_config", "# nothing"), &arguments);
    let values = |text: &str| text.parse::<toml::Table>().unwrap();
    assert_eq!(values(&shown(&Surroundings::new().file("env_config", &all), &["a.txt"])), values(&defaults));
    assert!(Surroundings::new().file("env_config", &all).predict(&["a.txt"]).unwrap().notices.is_empty());
}

#[test]
fn the_lines_for_cron_and_systemd_are_understood() {
    let mut understood = 0;
    let here = Surroundings::new().file("couchdb-password", "secret").file(
        "home/.skol_env",
        "COUCHDB_URL=http://localhost:5984\nCOUCHDB_USER=skol\nINGEST_DB_NAME=skol\nCOUCHDB_PASSWORD=x\n",
    );
    let folder = here.folder.path().display().to_string();
    for line in repository_file("examples/cron/crontab")
        .lines()
        .chain(repository_file("examples/cron/skol-classifier.service").lines())
    {
        if let Some((_, arguments)) = line.split_once("predict_classifier --") {
            let arguments = format!("--{arguments}").replace("%d", &folder).replace("%S", "/var/lib");
            let arguments: Vec<_> = arguments.split_whitespace().collect();
            here.predict(&arguments).unwrap_or_else(|error| panic!("{line}: {error}"));
            understood += 1;
        }
    }
    assert_eq!(understood, 4);
}

fn repository_file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap_or_default()
}

/// Files that are made from the definitions stay as made. `SKOL_WRITE_DOCS=1 cargo test` writes them anew.
#[test]
fn generated_files_are_current() {
    let mut files = vec![
        ("env_config.example".to_owned(), documents::env_config_example()),
        ("config/default.toml".to_owned(), documents::default_toml()),
        ("docs/settings.md".to_owned(), documents::reference()),
    ];
    for &program in Program::VARIANTS {
        files.push((format!("docs/man/{}.1", program.name()), documents::man_page(program)));
    }
    for (name, text) in files {
        if std::env::var_os("SKOL_WRITE_DOCS").is_some() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &text).unwrap();
        }
        assert!(
            repository_file(&name) == text,
            "{name} is not what the definitions of the settings make; run: SKOL_WRITE_DOCS=1 cargo test --lib settings::"
        );
    }
}

#[test]
fn completions_know_every_option() {
    for shell in clap_complete::Shell::value_variants() {
        let script = documents::completions(Program::Predict, *shell);
        assert!(script.contains("output-format") && script.contains("skip-existing"), "{shell}");
    }
}
