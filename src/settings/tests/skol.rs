//! Names and files of SKOL's programs.

use super::Surroundings;
use crate::settings::Input;
use bytesize::ByteSize;

const DATABASE: &str = "COUCHDB_URL=http://couch:5984\nINGEST_DB_NAME=skol\n";

/// User, server and database of the documents, and of the annotations.
fn databases(here: &Surroundings, arguments: &[&str]) -> [String; 2] {
    let Input::CouchDb(couchdb) = here.predict(arguments).unwrap().settings.input else { panic!() };
    [couchdb.ingest, couchdb.output].map(|endpoint| {
        let user = endpoint.credentials.map_or_else(String::new, |credentials| {
            format!("{}:{}@", credentials.username, credentials.password.expose())
        });
        format!("{user}{}{}", endpoint.url, endpoint.database)
    })
}

#[test]
fn the_line_in_use_is_understood_and_names_once_what_has_no_effect() {
    let line = "--cores=2 --batch-size=24 --spark-driver-memory=8g --spark-executor-memory=8g --union-batch-size=1000 \
                --verbosity=2 --save-text=lazy --incremental --incremental-batch-size=50 --retry-failed-extraction";
    let arguments: Vec<_> = line.split_whitespace().collect();
    let here = Surroundings::new().file("home/.skol_env", DATABASE);
    let settings = here.predict(&arguments).unwrap();
    assert_eq!((settings.cores, settings.prediction_batch_size), (2, 24));
    assert_eq!(settings.memory_limit, ByteSize(8 << 30));
    assert_eq!((settings.verbosity(), settings.incremental_batch_size), (2, 50));
    assert_eq!(settings.origin("memory_limit"), "command line --spark-driver-memory (8g)");
    assert_eq!(
        settings.notices,
        [
            "--spark-driver-memory is outdated: taken as the memory limit; use --memory-limit or MEMORY_LIMIT",
            "without effect here, and can be removed: --spark-executor-memory, --union-batch-size, --save-text, \
             --retry-failed-extraction",
        ]
    );
}

#[test]
fn options_for_redis_and_other_programs_are_accepted_with_and_without_a_value() {
    let here = Surroundings::new().file("home/.skol_env", DATABASE);
    let arguments = [
        "--redis-host",
        "redis.example.org",
        "--redis-port=6380",
        "--redis-password",
        "--cores=3",
        "--read-text",
        "--model-version",
        "v2.0",
        "--gnfinder-url=x",
        "--limit=7",
    ];
    let settings = here.predict(&arguments).unwrap();
    assert_eq!((settings.cores, settings.selection.limit), (3, Some(7)));
    assert_eq!(settings.notices.len(), 1, "{:?}", settings.notices);
    for option in ["redis-host", "redis-port", "redis-password", "read-text", "model-version", "gnfinder-url"]
    {
        assert!(settings.notices[0].contains(&format!("--{option}")), "{option}: {:?}", settings.notices);
    }
    // After `--` everything is a file.
    let settings = here.predict(&["--", "--redis-host"]).unwrap();
    assert_eq!(settings.input, Input::Paths(vec!["--redis-host".into()]));
    assert!(here.error(&["--rediss"]).contains("--rediss"));
}

#[test]
fn names_of_other_programs_are_passed_over_in_silence_and_typos_are_named() {
    let others = "ANNOTATED_PATH BAHIR_PACKAGE BRAT_DATA_DIR DEST_DB EMBEDDING_EXPIRE EMBEDDING_NAME \
                  EVAL_ANNOTATIONS_DB_NAME GNFINDER_URL GNPARSER_URL GOLDEN_ANN_DB_NAME MODEL_EXPIRE MODEL_VERSION \
                  NCBI_API_KEY REDIS_HOST REDIS_TLS SOURCE_DB SPARK_CORES SPARK_DRIVER_MEMORY SPARK_HOME TAXON_URL \
                  TRAINING_DATABASE TREATMENTS_DB_NAME UNION_BATCH_SIZE EMAIL_HOST DEFAULT_FROM_EMAIL MAILTO LOGDIR \
                  SKOL_SITE_URL DJANGO_SECRET_KEY";
    let lines: String = others.split_whitespace().map(|name| format!("{name}=4g\n")).collect();
    let lines = lines.replace("SPARK_CORES=4g", "SPARK_CORES=3");
    let here = Surroundings::new().file("home/.skol_env", &format!("{DATABASE}{lines}"));
    let settings = here.predict(&[]).unwrap();
    assert_eq!(settings.notices, [""; 0]);
    assert_eq!((settings.cores, settings.memory_limit), (3, ByteSize(4 << 30)));

    let here = here.file("env_config", "INGEST_DB_NAM=x\nREDIS_URL=redis://x\nSPARK_CORES=5\nQWERTZUIOP=1\n");
    let settings = here.predict(&[]).unwrap();
    assert_eq!(
        settings.notices,
        [
            "SPARK_CORES is outdated: use --cores or CORES",
            "env_config:1: unknown name INGEST_DB_NAM; did you mean INGEST_DB_NAME?",
            "env_config:4: unknown name QWERTZUIOP, not used",
        ]
    );
    assert_eq!(settings.cores, 5);
    let here = Surroundings::new().var("SKOL_OUPUT", "x").var("OUPUT", "x").var("SKOL_SITE_URL", "x");
    assert_eq!(
        here.predict(&["a.txt"]).unwrap().notices,
        ["environment: unknown name SKOL_OUPUT; did you mean SKOL_OUTPUT?"]
    );
}

#[test]
fn names_that_skol_never_had_count_in_the_environment_with_a_prefix_only() {
    let here =
        Surroundings::new().var("INPUT", "x").var("OUTPUT", "x").var("COLLAPSE", "1").var("MODEL", "x");
    let settings = here.predict(&[]).unwrap();
    assert_eq!((&settings.input, settings.collapse, &settings.model), (&Input::Samples, false, &None));
    assert_eq!(settings.output.to_str(), Some("output/"));
    let here = here.var("SKOL_INPUT", "in").var("SKOL_OUTPUT", "out").var("SKOL_COLLAPSE", "1");
    let settings = here.var("SKOL_LIMIT", "3").predict(&[]).unwrap();
    assert_eq!((&settings.input, settings.collapse), (&Input::Paths(vec!["in".into()]), true));
    assert_eq!((settings.output.to_str(), settings.selection.limit), (Some("out"), Some(3)));
}

#[test]
fn a_shared_file_is_read_as_its_programs_read_it_and_never_ends_a_run() {
    let here = Surroundings::new().file(
        "home/.skol_env",
        &format!(
            "{DATABASE}. /etc/profile\nexport PATH\nLIMIT=abc\nVERBOSITY=9\nCOUCHDB_PATTERN='*.md'\n\
                  COUCHDB_USER=me\nCOUCHDB_PASSWORD=a # \"b\nSKIP_EXISTING=1\n"
        ),
    );
    let settings = here.predict(&[]).unwrap();
    assert_eq!(settings.selection.limit, None);
    assert_eq!((settings.verbosity(), settings.selection.attachment_pattern.as_str()), (1, "*.md"));
    assert!(settings.selection.skip_existing);
    assert_eq!(databases(&here, &[])[0], "me:a # \"b@http://couch:5984/skol");
    let file = here.path("home/.skol_env").display().to_string();
    assert_eq!(
        settings.notices,
        [
            format!("{file}: passed over what is not NAME=value: line 3, 4"),
            format!(
                "{file}:5 (LIMIT): 'abc' is passed over as limit; allowed: a whole number from 1 to 4294967295"
            ),
            format!(
                "{file}:6 (VERBOSITY): '9' is passed over as verbosity; allowed: 0 (nothing), 1 (warnings), 2 (every \
                 stage and a summary), 3 (details)"
            ),
        ]
    );
    // What is passed over leaves what weaker layers say; a file of one's own is held to the letter.
    let here = here.file("skol_classifier.toml", "limit = 8");
    assert_eq!(here.predict(&[]).unwrap().selection.limit, Some(8));
    assert!(here.file("env_config", "LIMIT=abc").error(&[]).contains("env_config:1 (LIMIT)"));
}

#[test]
fn shared_files_are_merged_and_a_file_in_the_working_folder_adds_to_them() {
    let here = Surroundings::new()
        .file("shared/.skol_env", "COUCHDB_URL=http://shared:5984\nINGEST_DB_NAME=shared\nCORES=2\nLIMIT=2\n")
        .file("home/.skol_env", "INGEST_DB_NAME=home\nCORES=3\n");
    assert_eq!(databases(&here, &[])[0], "http://shared:5984/home");
    let here = here.file("env_config", "CORES=4");
    let settings = here.predict(&[]).unwrap();
    assert_eq!((settings.cores, settings.selection.limit), (4, Some(2)));
    // A file that is asked for stands alone.
    let here = here.file("own", "CORES=5").var("ENV_CONFIG", "own");
    let settings = here.predict(&[]).unwrap();
    assert_eq!((settings.cores, &settings.input), (5, &Input::Samples));
}

#[test]
fn databases_are_found_under_every_name_and_the_better_name_wins_wherever_it_stands() {
    let url = "COUCHDB_URL=http://couch:5984\n";
    let here = |text: &str| Surroundings::new().file("home/.skol_env", &format!("{url}{text}"));
    let ingest = |text: &str| databases(&here(text), &[])[0].replace("http://couch:5984/", "");
    assert_eq!(ingest("COUCHDB_DATABASE=c"), "c");
    assert_eq!(ingest("COUCHDB_DATABASE=c\nINGEST_DATABASE=b"), "b");
    assert_eq!(ingest("COUCHDB_DATABASE=c\nINGEST_DATABASE=b\nINGEST_DB_NAME=a"), "a");
    // As with SKOL's crontab, which sets the lesser name in the environment.
    let crontab = here("INGEST_DB_NAME=a").var("INGEST_DATABASE", "b");
    assert_eq!(databases(&crontab, &[])[0], "http://couch:5984/a");
    for option in ["--ingest-database=x", "--ingest-db-name=x", "--couchdb-database=x"] {
        assert_eq!(databases(&crontab, &[option])[0], "http://couch:5984/x", "{option}");
    }
    for option in ["--output-database=y", "--annotations-db-name=y"] {
        assert_eq!(databases(&crontab, &[option])[1], "http://couch:5984/y", "{option}");
    }
}

#[test]
fn each_role_has_its_server_and_user() {
    let here = Surroundings::new().file(
        "home/.skol_env",
        "COUCHDB_HOST=main:5984\nCOUCHDB_USER=me\nCOUCHDB_PASSWORD=p\nINGEST_DB_NAME=in\nANNOTATIONS_DB_NAME=out\n",
    );
    let main = "me:p@http://main:5984";
    assert_eq!(databases(&here, &[]), [format!("{main}/in"), format!("{main}/out")]);
    let here = here.var("INGEST_URL", "https://docs.example.org");
    assert_eq!(databases(&here, &[]), ["me:p@https://docs.example.org/in".to_owned(), format!("{main}/out")]);
    let here = here.var("INGEST_USERNAME", "reader").var("INGEST_PASSWORD", "q");
    assert_eq!(
        databases(&here, &[]),
        ["reader:q@https://docs.example.org/in".to_owned(), format!("{main}/out")]
    );
    let here = here.var("COUCHDB_URL", "http://better");
    assert_eq!(databases(&here, &[])[1], "me:p@http://better/out");
    // What is typed is meant for both.
    let typed = databases(&here, &["--couchdb-url=http://typed", "--couchdb-username=u"]);
    assert_eq!(typed, ["u:q@http://typed/in", "u:p@http://typed/out"]);
    let shown = here.printed(&["--show-config"]);
    assert!(shown.contains("# ingest_password = \"********\"") && !shown.contains("= \"q\""), "{shown}");
}

#[test]
fn an_experiment_counts_below_the_command_line_and_above_the_rest() {
    let here = Surroundings::new()
        .file("home/.skol_env", &format!("{DATABASE}ANNOTATIONS_DB_NAME=ann\nMODEL_NAME=mine\n"))
        .var("EXPERIMENT_NAME", "v3");
    let settings = here.predict(&[]).unwrap();
    assert_eq!(settings.model.as_deref(), Some("logistic_words_suffixes"));
    assert_eq!(settings.origin("model"), "experiment v3");
    assert!(
        settings.notices[0].contains("'logistic_sections_v1.0' is one of SKOL's"),
        "{:?}",
        settings.notices
    );
    let Input::CouchDb(couchdb) = &settings.input else { panic!() };
    assert_eq!(couchdb.golden.as_ref().unwrap().database, "v3_golden");
    assert_eq!(databases(&here, &[]), ["http://couch:5984/v3_ingest", "http://couch:5984/v3_ann"]);
    let typed = ["--ingest-db-name=typed", "--model=context", "--experiment=v3"];
    assert_eq!(databases(&here, &typed)[0], "http://couch:5984/typed");
    assert_eq!(here.predict(&typed).unwrap().model.as_deref(), Some("context"));
    assert_eq!(here.error(&["--experiment=v4"]), "no experiment v4");
    assert!(Surroundings::new().error(&["--experiment=v3"]).contains("add --couchdb-url"));
}

#[test]
fn models_of_skol_are_the_nearest_of_ours() {
    for name in ["logistic_sections", "logistic_paragraphs", "production_v2", "skol:classifier:model:v3_hand"]
    {
        let settings = Surroundings::new().predict(&["--model-name", name]).unwrap();
        assert_eq!(settings.model.as_deref(), Some("logistic_words_suffixes"), "{name}");
        assert_eq!(settings.notices.len(), 1);
    }
    assert!(crate::model::catalog::names().contains(&"logistic_words_suffixes"));
    assert_eq!(Surroundings::new().predict(&["--model=mine"]).unwrap().model.as_deref(), Some("mine"));
}

#[test]
fn samples_are_labelled_only_when_nothing_hints_at_other_documents() {
    let innocent = [
        "--verbosity=2",
        "--cores=1",
        "--model=context",
        "--limit=3",
        "--dry-run",
        "--output-format=jsonl",
        "--metrics-file=m.json",
    ];
    assert_eq!(Surroundings::new().predict(&innocent).unwrap().input, Input::Samples);
    for (hint, named) in [
        ("--incremental", "command line --incremental"),
        ("--skip-existing", "command line --skip-existing"),
        ("-o=x", "command line --output"),
        ("--doc-id=a", "command line --doc-id"),
        ("--union-batch-size=1000", "--union-batch-size"),
        ("--spark-driver-memory=8g", "--spark-driver-memory"),
        ("--redis-host=x", "--redis-host"),
        ("--couchdb-username=me", "command line --couchdb-username"),
    ] {
        let message = Surroundings::new().error(&[hint]);
        assert!(
            message.contains(named) && message.contains("set COUCHDB_URL and INGEST_DB_NAME"),
            "{message}"
        );
        assert!(Surroundings::new().predict(&[hint, "a.txt"]).is_ok(), "{hint}");
    }
    for name in
        ["COUCHDB_USER", "SKIP_EXISTING", "REDIS_HOST", "SPARK_CORES", "TREATMENTS_DB_NAME", "SKOL_OUTPUT"]
    {
        assert!(Surroundings::new().var(name, "1").error(&[]).contains(name), "{name}");
    }
    for name in ["VERBOSITY", "MAILTO", "SPARK_HOME", "LOGDIR", "SOURCE_DB", "OUTPUT"] {
        assert_eq!(Surroundings::new().var(name, "1").predict(&[]).unwrap().input, Input::Samples, "{name}");
    }
    let lost = Surroundings::new().file("home/.skol_env", "REDIS_HOST=x\n");
    assert!(lost.printed(&["--show-config"]).contains("# warning: no documents are named"));
    assert!(lost.error(&[]).contains(".skol_env:1 (REDIS_HOST)"));
}
