//! Alert rules and dashboard name metrics that the program writes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The names `skol_classifier_...` in `text`.
fn metrics(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("skol_classifier_"))
        .collect()
}

#[test]
fn alerts_and_dashboard_name_what_the_program_writes() {
    let scratch = tempfile::tempdir().unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_predict_classifier"))
        .args(["--limit", "2", "--metrics-file", "run.prom"])
        .current_dir(&scratch)
        .output()
        .unwrap();
    assert!(done.status.success());
    let written = fs::read_to_string(scratch.path().join("run.prom")).unwrap();
    let written = metrics(&written);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/monitoring");
    for file in ["alerts.yml", "dashboard.json"] {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        let named = metrics(&text);
        assert!(named.len() >= 4, "{file}: {named:?}");
        assert!(named.is_subset(&written), "{file}: {:?}", named.difference(&written));
    }
}

#[test]
fn the_dashboard_is_whole() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/monitoring/dashboard.json");
    let dashboard: serde_json::Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "ids differ");
        assert!(
            !panel["title"].as_str().unwrap().is_empty()
                && !panel["description"].as_str().unwrap().is_empty()
        );
        for target in panel["targets"].as_array().unwrap() {
            assert!(target["expr"].as_str().is_some_and(|expr| !expr.is_empty()));
        }
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "a row is 24 wide");
    }
    assert!(panels.len() >= 8);
}
