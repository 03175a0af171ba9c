//! Definitions, names and types agree.

use super::{Surroundings, command};
use crate::settings::definition::{Program, all};
use crate::settings::{EvaluateSettings, Input, ProgramSettings, Task, TrainSettings, skol};
use std::collections::BTreeSet;
use strum::VariantArray;

#[test]
fn every_setting_is_read_once_it_belongs_to_a_program() {
    fn check<S: ProgramSettings>(arguments: &[&str]) {
        let run = Surroundings::new().read::<S>(arguments).unwrap();
        let read: BTreeSet<_> = run.shown.keys().copied().collect();
        assert_eq!(read, S::PROGRAM.settings().iter().map(|setting| setting.key).collect::<BTreeSet<_>>());
    }
    check::<super::Settings>(&[]);
    check::<TrainSettings>(&["--input=x"]);
    check::<EvaluateSettings>(&["--gold=x"]);
}

#[test]
fn no_name_means_two_things() {
    for &program in Program::VARIANTS {
        let mut seen = BTreeSet::new();
        for setting in program.settings() {
            let aliases = setting.aliases.iter().map(|name| (*name).to_owned());
            for name in setting.option().into_iter().chain(aliases) {
                assert!(!seen.contains(&name), "--{name} stands twice in {}", program.name());
                seen.insert(name);
            }
        }
        command::command(program).debug_assert();
    }
    for name in all().flat_map(|setting| setting.assignments()) {
        assert!(!skol::is_of_another_program(&name), "{name} is a setting");
    }
    let mut seen = BTreeSet::new();
    let former = skol::VARIABLES.iter().map(|(name, _)| (*name).into());
    for name in all().flat_map(|setting| setting.assignments()).chain(former) {
        assert!(!seen.contains(&name), "{name} stands twice");
        seen.insert(name);
    }
}

#[test]
fn help_lines_are_lines() {
    for setting in all() {
        assert!(!setting.help().contains('\n') && !setting.help().ends_with('.'), "{}", setting.key);
        assert!(!setting.help().is_empty() && setting.help().len() <= 95, "{}", setting.key);
        for paragraph in setting.more() {
            assert!(paragraph.ends_with('.'), "{}: {paragraph}", setting.key);
        }
    }
}

#[test]
fn the_defaults_make_a_run_over_the_samples() {
    let settings = Surroundings::new().predict(&[]).unwrap();
    assert_eq!(settings.task, Task::Label);
    assert_eq!(settings.input, Input::Samples);
    assert_eq!(settings.partitions, settings.cores);
    assert_eq!((settings.prediction_batch_size, settings.incremental_batch_size), (24, 50));
    assert!(settings.notices.is_empty());
    assert_eq!(settings.selection.taxonomy_abbrevs.len(), 23);
    assert_eq!(settings.origin("verbosity"), "default");
}
