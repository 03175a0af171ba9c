//! The table, the defaults and the typed settings say the same.

use super::layers::{DEFAULTS, Layer, Layers, Rank, Raw};
use super::option::{Kind, Program};
use super::{Environment, Settings, Task, TrainSettings, table, toml_file};
use std::collections::BTreeSet;

/// The keys of `config/default.toml` with the comment above each, in the order of the file.
fn defaults_with_comments() -> Vec<(String, String)> {
    let (mut section, mut comment, mut found) = (String::new(), String::new(), Vec::new());
    for line in DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some(text) = line.strip_prefix("# ") {
            comment = text.to_owned();
        } else if let Some((key, _)) = line.split_once(" = ") {
            found.push((format!("{section}{key}"), std::mem::take(&mut comment)));
        }
    }
    found
}

#[test]
fn the_defaults_are_complete_and_commented_as_in_the_help() {
    let expected: Vec<_> =
        table::all().filter(|s| s.key != "config").map(|s| (s.key.to_owned(), s.help.to_owned())).collect();
    let mut found = defaults_with_comments();
    // A TOML table must come last; the table of settings puts what is common last.
    found.sort_by_key(|(key, _)| table::all().position(|setting| setting.key == key));
    assert_eq!(found, expected);
    assert_eq!(toml_file::read(DEFAULTS).unwrap().len(), expected.len());
}

#[test]
fn every_setting_is_read_once_it_belongs_to_a_program() {
    let settings = Settings::defaults().unwrap();
    let read: BTreeSet<_> = settings.shown.keys().copied().collect();
    assert_eq!(read, table::of(Program::Predict).map(|setting| setting.key).collect::<BTreeSet<_>>());

    let mut layer = Layer::new(Rank::CommandLine);
    layer.set("train.input", Raw::Text("x".into()), "here");
    layer.set("evaluate.gold", Raw::Text("x".into()), "here");
    let environment = Environment::new("/nowhere", [("", ""); 0]);
    let layers = Layers::read(Program::Train, layer, &[], &environment).unwrap();
    let train = TrainSettings::from_layers(&layers, &environment).unwrap();
    let keys: BTreeSet<_> = train.shown.keys().copied().collect();
    assert_eq!(keys, table::of(Program::Train).map(|setting| setting.key).collect::<BTreeSet<_>>());
    let evaluate = super::EvaluateSettings::from_layers(&layers, &environment).unwrap();
    let keys: BTreeSet<_> = evaluate.shown.keys().copied().collect();
    assert_eq!(keys, table::of(Program::Evaluate).map(|setting| setting.key).collect::<BTreeSet<_>>());
}

#[test]
fn no_name_means_two_things() {
    for program in Program::ALL {
        let mut seen = BTreeSet::new();
        for setting in table::of(program) {
            for name in setting.aliases.iter().chain([&setting.long]).filter(|name| !name.is_empty()) {
                assert!(seen.insert(*name), "--{name} stands twice in {}", program.name());
            }
        }
        super::command::command(program).debug_assert();
    }
    let mut seen = BTreeSet::new();
    for name in table::all().flat_map(|setting| setting.env).chain(table::OUTDATED.iter().map(|old| &old.env))
    {
        assert!(seen.insert(*name), "{name} stands twice");
    }
}

#[test]
fn help_lines_are_lines() {
    for setting in table::all() {
        assert!(!setting.help.contains('\n') && !setting.help.ends_with('.'), "{}", setting.key);
        assert!(setting.help.len() <= 90, "{}", setting.key);
        assert!(setting.key == "input" || !setting.long.is_empty(), "{}", setting.key);
        assert!(!setting.env.is_empty(), "{} has no name in the environment", setting.key);
    }
}

#[test]
fn choices_offer_what_the_types_take() {
    let words = |key| match table::by_key(key).unwrap().kind {
        Kind::Choice(words) => words.to_vec(),
        _ => panic!("{key} is no choice"),
    };
    let of = |all: &[&'static str]| all.to_vec();
    assert_eq!(
        words("output_format"),
        of(&super::OutputFormat::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>())
    );
    assert_eq!(
        words("checkpoint"),
        of(&super::CheckpointPolicy::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>())
    );
    assert_eq!(words("color"), of(&super::ColorChoice::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>()));
    assert_eq!(
        words("log_format"),
        of(&super::LogFormat::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>())
    );
}

#[test]
fn the_defaults_make_a_run_over_the_samples() {
    let settings = Settings::defaults().unwrap();
    assert_eq!(settings.task, Task::Label);
    assert_eq!(settings.input, super::Input::Samples);
    assert_eq!(settings.partitions, settings.cores);
    assert_eq!((settings.prediction_batch_size, settings.incremental_batch_size), (24, 50));
    assert!(settings.notices.is_empty());
    assert_eq!(settings.selection.taxonomy_abbrevs.len(), 12);
    assert_eq!(settings.origin("verbosity"), Some("default"));
    assert_eq!(settings.origin("no such setting"), None);
}
