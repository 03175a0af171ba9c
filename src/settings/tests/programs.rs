//! What each program gets, typed.

use super::Run;
use super::{Surroundings, command_line};
use crate::Error;
use crate::instrumentation::CheckpointPolicy;
use crate::settings::value::ColorChoice;
use crate::settings::{EvaluateSettings, Input, LogFormat, Request, Task, TrainSettings, request};
use crate::sink::OutputFormat;
use bytesize::ByteSize;

#[test]
fn every_setting_arrives_typed() {
    let settings = Surroundings::new()
        .predict(&[
            "a.txt",
            "-o",
            "out",
            "--output-format=JSONL",
            "--model=m",
            "--verbosity=3",
            "--doc-id=a,b",
            "--doc-id",
            "c",
            "--limit=7",
            "--skip-existing",
            "--prediction-batch-size=5",
            "--incremental-batch-size=6",
            "--dry-run",
            "--taxonomy-filter",
            "--taxonomy-abbrevs=sp.,nov.",
            "--include-taxpub",
            "--cores=2",
            "--partitions=9",
            "--memory-limit=512m",
            "--checkpoint=always",
            "--checkpoint-dir=cp",
            "--lineage-threshold=12",
            "--metrics-file=m.prom",
            "--report=r.html",
            "--color=always",
            "--no-progress",
            "--log-format=json",
            "--attachment-pattern=*.md",
            "-",
        ])
        .unwrap()
        .settings;
    assert_eq!(settings.task, Task::Label);
    assert_eq!(settings.input, Input::Paths(vec!["a.txt".into(), "-".into()]));
    assert_eq!((settings.output, settings.output_format), ("out".into(), OutputFormat::Jsonl));
    assert_eq!((settings.model.as_deref(), settings.dry_run), (Some("m"), true));
    let selection = settings.selection;
    assert_eq!((selection.doc_ids.join(" "), selection.limit), ("a b c".into(), Some(7)));
    assert!(selection.skip_existing && !selection.force && selection.taxonomy_filter);
    assert_eq!(selection.taxonomy_abbrevs, ["sp.", "nov."]);
    assert!(selection.include_taxpub);
    assert_eq!(selection.attachment_pattern, "*.md");
    assert_eq!((settings.prediction_batch_size, settings.incremental_batch_size), (5, 6));
    assert_eq!((settings.cores, settings.partitions), (2, 9));
    assert_eq!((settings.memory_limit, settings.checkpoint), (ByteSize(512 << 20), CheckpointPolicy::Always));
    assert_eq!((settings.checkpoint_dir, settings.lineage_threshold), (Some("cp".into()), 12));
    assert_eq!((settings.metrics_file, settings.report), (Some("m.prom".into()), Some("r.html".into())));
    assert_eq!((settings.terminal.verbosity, settings.terminal.color), (3, ColorChoice::Always));
    assert_eq!((settings.terminal.progress(), settings.terminal.log_format), (false, LogFormat::Json));
}

#[test]
fn other_tasks_are_told_apart() {
    assert_eq!(Surroundings::new().predict(&["--list-models"]).unwrap().task, Task::ListModels);
    let explain = |here: &str| Surroundings::new().predict(&["--explain", here]).map(|run| run.settings.task);
    assert_eq!(explain("a:b.txt:12").unwrap(), Task::Explain { document: "a:b.txt".into(), line: 12 });
    for wrong in ["a.txt", "a.txt:", "a.txt:0", "a.txt:x", ":3"] {
        assert!(explain(wrong).unwrap_err().to_string().contains("DOC:LINE"), "{wrong}");
    }
}

#[test]
fn a_cluster_needs_a_build_that_can() {
    let outcome = Surroundings::new().var("CLUSTER_URL", "df://host:50050").predict(&[]);
    if cfg!(feature = "cluster") {
        assert_eq!(outcome.unwrap().cluster.as_deref(), Some("df://host:50050"));
    } else {
        let message = outcome.unwrap_err().to_string();
        assert!(message.contains("no cluster support") && message.contains("CLUSTER_URL"), "{message}");
    }
}

fn train(arguments: &[&str]) -> Result<Run<TrainSettings>, Error> {
    Surroundings::new().read(arguments)
}

fn evaluate(arguments: &[&str]) -> Result<Run<EvaluateSettings>, Error> {
    Surroundings::new().read(arguments)
}

#[test]
fn training_and_evaluating_have_their_own_settings() {
    let settings =
        train(&["--input", "ann", "--test=t", "--model=p", "--seed=5", "--cross-validate=4", "--json"])
            .unwrap();
    assert_eq!((&settings.input, &settings.test), (&"ann".into(), &Some("t".into())));
    assert_eq!((settings.model.as_str(), settings.seed, settings.cross_validate), ("p", 5, 4));
    assert!(settings.json && settings.name.is_none() && settings.report.is_none());
    assert_eq!(train(&["--input=a", "--cross-validate=0"]).unwrap().cross_validate, 0);
    assert!(train(&["--input=a", "--cross-validate=1"]).unwrap_err().to_string().contains("2 to 1000"));
    assert!(train(&[]).unwrap_err().to_string().contains("add --input DIR"));

    let settings = evaluate(&["--gold=g", "--model=m", "--collapse", "--report=r.html"]).unwrap();
    assert_eq!(
        (&settings.gold, settings.model.as_deref(), settings.collapse),
        (&"g".into(), Some("m"), true)
    );
    assert_eq!((settings.json, &settings.report), (false, &Some("r.html".into())));
    assert!(evaluate(&[]).unwrap_err().to_string().contains("add --gold DIR"));
}

#[test]
fn the_input_of_predict_is_not_the_input_of_training() {
    let here =
        Surroundings::new().var("SKOL_INPUT", "articles").var("MODEL_NAME", "x").var("SKOL_TRAIN_SEED", "3");
    let arguments = command_line("train_classifier", &["--show-config", "--input=ann"]);
    let Request::Print(shown) =
        request::<TrainSettings>(arguments, &here.environment(), &super::experiment).unwrap()
    else {
        panic!()
    };
    assert!(!shown.contains("articles") && shown.contains("train.seed = 3"), "{shown}");
}
