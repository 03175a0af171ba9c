//! The metrics file as a monitor reads it.

use super::Place;
use std::process::{Command, Stdio};

/// Names and values of the samples.
fn samples(text: &str) -> Vec<(&str, f64)> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name, value.parse().unwrap_or_else(|_| panic!("{line}")))
        })
        .collect()
}

/// Gives `text` to another reader, if there is one; what it complains of comes back.
fn ask(reader: &str, arguments: &[&str], text: &str) -> Option<String> {
    use std::io::Write;
    let mut child = Command::new(reader)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Some(if output.status.success() { said } else { format!("{}: {said}", output.status) })
}

const PARSER: &str = "
import sys
try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    sys.exit('no prometheus_client')
families = list(text_string_to_metric_families(sys.stdin.read()))
assert families and all(family.samples and family.documentation for family in families)
";

#[test]
fn the_prometheus_form_is_read_by_others_and_its_help_by_people() {
    let place = Place::with(&["in/a.txt", "in/.hidden.txt", "in/b.doc"]);
    for verbosity in ["0", "1", "2", "3"] {
        let arguments = ["in", "-o", "out", "--force", "--verbosity", verbosity, "--metrics-file", "m.prom"];
        let answer = place.run(&arguments);
        assert_eq!(answer.code, Some(0), "{}", answer.stderr);
        let text = place.read("m.prom");
        let mut helped = 0;
        for help in text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
            let (name, words) = help.split_once(' ').unwrap();
            helped += 1;
            assert!(words.ends_with('.') && words.starts_with(char::is_uppercase), "{help}");
            assert!(!words.contains("of the metrics"), "{help}");
            for unit in ["_s", "_ms", "_ns", "_kb", "_mb"] {
                assert!(!name.ends_with(unit), "an abbreviated unit: {name}");
            }
        }
        assert!(helped > 10, "{text}");
        let samples = samples(&text);
        for name in
            ["start_time", "end_time", "elapsed_seconds", "exit_code", "last_success_time", "left_out_hidden"]
        {
            let name = format!("skol_classifier_{name}");
            assert!(samples.iter().any(|(known, _)| *known == name), "{name} is missing:\n{text}");
        }
        match ask("promtool", &["check", "metrics"], &text) {
            Some(said) => assert_eq!(said, "", "promtool complains"),
            None => eprintln!("promtool was NOT asked: it is not installed"),
        }
        match ask("python3", &["-c", PARSER], &text) {
            Some(said) if said.contains("no prometheus_client") => {
                eprintln!("prometheus_client was NOT asked: it is not installed");
            }
            Some(said) => assert_eq!(said, "", "prometheus_client complains"),
            None => eprintln!("prometheus_client was NOT asked: there is no python3"),
        }
    }
}

#[test]
fn the_time_of_the_last_success_stays_when_a_run_fails() {
    let place = Place::with(&["in/a.txt"]);
    for file in ["m.prom", "m.json"] {
        let value = |key: &str| -> f64 {
            let text = place.read(file);
            match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(json) => json[key].as_f64().unwrap_or(f64::NAN),
                Err(_) => {
                    let name = format!("skol_classifier_{key}");
                    samples(&text).into_iter().find(|(known, _)| *known == name).map_or(f64::NAN, |(_, v)| v)
                }
            }
        };
        let run = |arguments: &[&str]| {
            place.run(&[arguments, &["-o", "out", "--metrics-file", file]].concat()).code
        };
        assert_ne!(run(&["in/a.txt", "--model", "missing.skol"]), Some(0));
        assert!(value("last_success_time").is_nan(), "nothing succeeded yet");
        assert_eq!(run(&["in"]), Some(0));
        let success = value("last_success_time");
        assert_eq!((success, value("exit_code")), (value("end_time"), 0.0));
        place.write("in/bad.txt", b"a bad \xe9 byte\n");
        for (arguments, code) in [(&["in"][..], 1), (&["in", "-o", "/proc/nowhere"], 3)] {
            let mut all = vec!["--metrics-file", file];
            all.extend(arguments);
            if !arguments.contains(&"-o") {
                all.extend(["-o", "out"]);
            }
            assert_eq!(place.run(&all).code, Some(code));
            assert_eq!((value("last_success_time"), value("exit_code")), (success, f64::from(code)));
            assert!(value("end_time") > success && value("start_time") <= value("end_time"));
        }
        std::fs::remove_file(place.path("in/bad.txt")).unwrap();
        // Settings that are wrong are no good night either.
        for wrong in [&["in", "--limit=some"][..], &["in", "--no-such-option"], &["--skip-existing"]] {
            let before = value("end_time");
            assert_eq!(run(wrong), Some(2), "{wrong:?}");
            assert_eq!((value("last_success_time"), value("exit_code")), (success, 2.0), "{wrong:?}");
            assert!(value("end_time") > before && value("start_time") <= value("end_time"));
        }
        // A dry run did nothing that could have succeeded.
        assert_eq!(run(&["in", "--dry-run"]), Some(0));
        assert_eq!(value("last_success_time"), success);
    }
}
