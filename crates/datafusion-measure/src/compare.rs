//! What differs between the metrics of two runs.
//!
//! Handles JSON objects of metrics as they are written for machines, so that a caller's own keys are compared as well.

use serde_json::Value;

/// Smallest relative change of a size or count that is shown.
const CHANGE: f64 = 0.10;
/// Smallest relative change of a duration that is shown: durations vary from run to run.
const TIME_CHANGE: f64 = 0.25;
/// Smallest change of a duration that is shown, in seconds.
const TIME_LEAST: f64 = 0.1;
/// How many changes are shown at most.
const MOST: usize = 20;

/// What differs between two runs' metrics, a line each: numbers under the same path that moved notably, and names
/// that came or went under the objects in [`LABELLED`](super::LABELLED).
#[must_use]
pub fn changes(before: &Value, after: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    compare("", before, after, &mut lines);
    if lines.len() > MOST {
        let more = lines.len() - MOST;
        lines.truncate(MOST);
        lines.push(format!("and {more} more"));
    }
    lines
}

fn compare(path: &str, before: &Value, after: &Value, lines: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let named = super::prometheus::LABELLED.iter().any(|(key, _)| *key == path);
            for (key, value) in new {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match old.get(key) {
                    Some(known) => compare(&below, known, value, lines),
                    None if named => lines.push(format!("{below}: new")),
                    None => {}
                }
            }
            if named {
                let gone = old.keys().filter(|key| !new.contains_key(*key));
                lines.extend(gone.map(|key| format!("{path}.{key}: gone")));
            }
        }
        (Value::Number(old), Value::Number(new)) => {
            if let (Some(old), Some(new)) = (old.as_f64(), new.as_f64())
                && notable(path, old, new)
            {
                lines.push(format!("{path}: {} -> {}{}", number(old), number(new), relative(old, new)));
            }
        }
        (Value::Bool(old), Value::Bool(new)) if old != new => lines.push(format!("{path}: {old} -> {new}")),
        (Value::Array(old), Value::Array(new)) if path == "warnings" || path == "advice" => {
            for line in new.iter().filter(|line| !old.contains(line)) {
                lines.push(format!("new in {path}: {}", line.as_str().unwrap_or_default()));
            }
        }
        _ => {}
    }
}

fn notable(path: &str, old: f64, new: f64) -> bool {
    let change = (new - old).abs();
    if path.ends_with("_s") || path.ends_with("_ns") {
        let seconds = if path.ends_with("_ns") { change / 1e9 } else { change };
        return seconds >= TIME_LEAST && change >= TIME_CHANGE * old.abs();
    }
    if path.ends_with("depth") || path.ends_with("partitions") || path.ends_with("failures") {
        return change > 0.0;
    }
    change > 0.0 && change >= CHANGE * old.abs()
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn relative(old: f64, new: f64) -> String {
    if old == 0.0 { String::new() } else { format!(" ({:+.0} %)", (new - old) / old * 100.0) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_what_moved_and_nothing_else() {
        let before = json!({
            "elapsed_s": 10.0, "bytes": 1000, "closures": {"save": 1000, "old": 5},
            "dataframes": {"in": {"lineage_depth": 5, "checkpointed": false}}, "warnings": ["a"], "version": "1"
        });
        assert!(changes(&before, &before).is_empty());
        let after = json!({
            "elapsed_s": 10.5, "bytes": 1049, "closures": {"save": 2400, "new": 7},
            "dataframes": {"in": {"lineage_depth": 6, "checkpointed": true}}, "warnings": ["a", "b"], "version": "2"
        });
        assert_eq!(
            changes(&before, &after),
            [
                "closures.save: 1000 -> 2400 (+140 %)",
                "closures.new: new",
                "closures.old: gone",
                "dataframes.in.lineage_depth: 5 -> 6 (+20 %)",
                "dataframes.in.checkpointed: false -> true",
                "new in warnings: b",
            ]
        );
    }
}
