//! Layers and their order, origins, wrong values, old names.

use super::Surroundings;
use crate::settings::value::ColorChoice;
use crate::settings::{Input, machine};
use crate::sink::OutputFormat;
use std::fs;

#[test]
fn each_layer_wins_over_the_ones_before() {
    let cores = |here: &Surroundings, arguments: &[&str], expected: usize, origin: &str| {
        let settings = here.predict(arguments).unwrap();
        assert_eq!(settings.cores, expected, "{origin}");
        assert_eq!(settings.origin("cores"), origin);
        assert!(settings.notices.is_empty(), "{:?}", settings.notices);
    };
    let here = Surroundings::new();
    cores(&here, &[], machine::cores(), "default (all)");
    // Files of other projects.
    let here = here.file("config/default.toml", "cores = 11").file("config/local.toml", "cores = 11");
    cores(&here, &[], machine::cores(), "default (all)");
    let here = here.file("home/.config/skol_classifier/config.toml", "cores = 12");
    let home = here.path("home/.config/skol_classifier/config.toml").display().to_string();
    cores(&here, &[], 12, &format!("{home}:1"));
    let here = here.file("skol_classifier.toml", "\n\ncores = 13\n");
    cores(&here, &[], 13, "skol_classifier.toml:3");
    let here = here.file("mine.toml", "cores = 14");
    cores(&here, &["--config", "mine.toml"], 14, "mine.toml:1");
    let here = here.file("home/.skol_env", "CORES=15");
    let home = here.path("home/.skol_env").display().to_string();
    cores(&here, &["--config", "mine.toml"], 15, &format!("{home}:1 (CORES)"));
    let here = here.file("env_config", "# head\nCORES=16");
    cores(&here, &[], 16, "env_config:2 (CORES)");
    let here = here.file("other_env", "NUM_WORKERS=17").var("ENV_CONFIG", "other_env");
    cores(&here, &[], 17, "other_env:1 (NUM_WORKERS)");
    cores(&here, &["--env-config", "env_config"], 16, "env_config:2 (CORES)");
    let here = here.var("CORES", "18");
    cores(&here, &[], 18, "environment CORES");
    cores(&here, &["--cores=19"], 19, "command line --cores");
    cores(&here, &["--num-workers", "20"], 20, "command line --cores");
    cores(&here, &["--cores=19", "--cores=21"], 21, "command line --cores");
}

#[test]
fn empty_values_count_as_not_set() {
    let here = Surroundings::new()
        .file("skol_classifier.toml", "cores = 3\nmodel = \"mine\"\n")
        .file("env_config", "CORES=\nMODEL_NAME=''  # empty\n")
        .var("CORES", "")
        .var("OUTPUT_FORMAT", "  ")
        .var("NO_COLOR", "")
        .var("INGEST_DATABASE", "");
    let settings = here.predict(&["--limit="]).unwrap();
    assert_eq!(
        (settings.cores, settings.model.as_deref(), settings.selection.limit),
        (3, Some("mine"), None)
    );
    assert_eq!(settings.output_format, OutputFormat::Yedda);
    assert_eq!(settings.terminal.color, ColorChoice::Auto);
    assert_eq!(settings.input, Input::Samples);
}

#[test]
fn a_wrong_value_is_named_with_origin_and_remedy() {
    let with_file = Surroundings::new().file("env_config", "A=1\nCHECKPOINT=sometimes\n");
    insta::assert_snapshot!(with_file.error(&[]), @"invalid value 'sometimes' for checkpoint, from env_config:2 (CHECKPOINT); allowed: auto, never, always");
    let with_toml = Surroundings::new().file("skol_classifier.toml", "# x\nskip_existing = \"perhaps\"\n");
    insta::assert_snapshot!(with_toml.error(&[]), @"invalid value 'perhaps' for skip_existing, from skol_classifier.toml:2; allowed: true or false (also 1 or 0, yes or no, on or off)");
    let with_var = Surroundings::new().var("MEMORY_LIMIT", "lots");
    insta::assert_snapshot!(with_var.error(&[]), @"invalid value 'lots' for memory_limit, from environment MEMORY_LIMIT; allowed: a size like 8g or 512m, or a share of the machine's memory like 80%");
    for wrong in [
        ["--verbosity=4"],
        ["--verbosity=-1"],
        ["--verbosity=high"],
        ["--cores=0"],
        ["--cores=-2"],
        ["--cores=5000"],
        ["--partitions=all"],
        ["--limit=0"],
        ["--limit=1.5"],
        ["--prediction-batch-size=0"],
        ["--incremental-batch-size=99999999999"],
        ["--lineage-threshold=0"],
        ["--memory-limit=0%"],
        ["--memory-limit=101%"],
        ["--memory-limit=8x"],
        ["--metrics-file=m.txt"],
        ["--report=r.pdf"],
        ["--attachment-pattern=[a"],
        ["--force=maybe"],
        ["--output-format=xml"],
    ] {
        let message = Surroundings::new().error(&wrong);
        let (option, value) = wrong[0].split_once('=').unwrap();
        assert!(message.contains(value), "{message}");
        assert!(
            message.contains(option)
                && message.contains(if option.contains("format") { "possible" } else { "allowed" }),
            "{message}"
        );
    }
}

#[test]
fn a_typo_gets_a_suggestion() {
    assert!(Surroundings::new().error(&["--skip-exsting"]).contains("'--skip-existing'"));
    let here = Surroundings::new()
        .file("env_config", "VERBOSTY=2\nREDIS_URL=redis://x\nexport CORE=4\n")
        .file("skol_classifier.toml", "output-fromat = 'x'\n[train]\nsed = 1\n");
    assert_eq!(
        here.predict(&["a.txt"]).unwrap().notices,
        [
            "skol_classifier.toml:1: unknown name output_fromat; did you mean output_format?",
            "skol_classifier.toml:3: unknown name train.sed; did you mean train.seed?",
            "env_config:1: unknown name VERBOSTY; did you mean VERBOSITY?",
            "env_config:3: unknown name CORE; did you mean CORES?",
        ]
    );
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let here = Surroundings::new().file("env_config", "VERBOSITY=1\nnonsense\n");
    assert_eq!(here.error(&[]), "env_config:2: expected NAME=value, found no `=`");
    assert!(
        Surroundings::new()
            .error(&["--env-config=nowhere"])
            .contains("nowhere (asked for by command line --env-config)")
    );
    assert!(
        Surroundings::new()
            .var("SKOL_CONFIG", "no.toml")
            .error(&[])
            .contains("asked for by environment SKOL_CONFIG")
    );
    assert!(Surroundings::new().error(&["--config", "."]).contains("settings file ."));
    let here = Surroundings::new().file("skol_classifier.toml", "a = 1\nb = \n");
    assert!(here.error(&[]).starts_with("skol_classifier.toml:2: not valid TOML"), "{}", here.error(&[]));
    let here = Surroundings::new();
    fs::write(here.path("env_config"), b"A=1\nB=\xff\n").unwrap();
    assert_eq!(here.error(&[]), "env_config:2: not valid UTF-8; save the file as UTF-8");
}

#[test]
fn inputs_in_one_text_are_separated_like_path() {
    let here = Surroundings::new().var("SKOL_INPUT", "~/texts:b c.txt::-");
    let expected = vec!["~/texts".to_owned(), "b c.txt".into(), "-".into()];
    assert_eq!(here.predict(&[]).unwrap().input, Input::Paths(expected));
    let here = Surroundings::new().file("skol_classifier.toml", "input = ['a:b', 'c,d']\noutput = '~/out'\n");
    let settings = here.predict(&[]).unwrap();
    assert_eq!(settings.input, Input::Paths(vec!["a:b".into(), "c,d".into()]));
    assert_eq!(settings.output, here.path("home/out"));
}

#[test]
fn no_color_counts_when_it_is_set_to_anything() {
    for value in ["1", "0", "false", " "] {
        assert_eq!(
            Surroundings::new().var("NO_COLOR", value).predict(&[]).unwrap().terminal.color,
            ColorChoice::Never
        );
    }
    let here = Surroundings::new().var("NO_COLOR", "1");
    assert_eq!(here.predict(&["--color=always"]).unwrap().terminal.color, ColorChoice::Always);
}
