//! Prometheus' text format.

use std::fmt::Write as _;

use indexmap::IndexMap;
use serde_json::{Map, Value};

/// The objects of [`Metrics`](crate::Metrics) whose keys are names, and the label each name becomes in Prometheus' format.
pub const LABELLED: [(&str, &str); 7] = [
    ("scopes", "scope"),
    ("closures", "closure"),
    ("broadcasts", "broadcast"),
    ("broadcast_travel", "broadcast"),
    ("tasks", "task"),
    ("dataframes", "dataframe"),
    ("executions", "execution"),
];

/// Any JSON object of metrics as Prometheus' text format: one sample per number or truth value, named
/// `<prefix><path with underscores>`. What may not stand in a name becomes an underscore, in the prefix too.
///
/// The objects named in `labelled`, pairs of key and label such as `("closures", "name")`, hold one entry per name:
/// their keys become the value of that label instead of a part of the metric's name. Of a list the length is given. Texts
/// become labels: those of one object are the labels of one sample, `<prefix><path>_info`, whose value is 1. Within the
/// objects named in `labelled`, lists and texts are left out.
#[must_use]
pub fn prometheus_text(prefix: &str, metrics: &Value, labelled: &[(&str, &str)]) -> String {
    let mut families = Families::new();
    let prefix = &metric_prefix(prefix);
    if let Value::Object(root) = metrics {
        collect_samples(prefix, root, labelled, &mut families);
    }
    let mut text = String::new();
    for (name, family) in families {
        let _ = writeln!(text, "# HELP {name} {}", family.help);
        let _ = writeln!(text, "# TYPE {name} gauge");
        for sample in family.samples {
            text.push_str(&sample);
            text.push('\n');
        }
    }
    text
}

/// Samples by name.
type Families = IndexMap<String, Family>;

/// All samples of one name.
struct Family {
    help: String,
    samples: Vec<String>,
}

fn collect_samples(
    prefix: &str,
    object: &Map<String, Value>,
    labelled: &[(&str, &str)],
    families: &mut Families,
) {
    add_info(prefix, "", object, families);
    for (key, value) in object {
        let label = labelled.iter().find(|(name, _)| name == key).map(|(_, label)| *label);
        match (label, value) {
            (Some(label), Value::Object(entries)) => {
                for (name, entry) in entries {
                    let labels = format!("{{{label}=\"{}\"}}", escape_label(name));
                    add_samples(prefix, &format!("{key}.<{label}>"), key, &labels, entry, families);
                }
            }
            _ => add_samples(prefix, key, key, "", value, families),
        }
    }
}

/// Adds the numbers of `value`, which is found at `path` (for people) and named `<prefix><name>`.
fn add_samples(prefix: &str, path: &str, name: &str, labels: &str, value: &Value, families: &mut Families) {
    let (number, what) = match value {
        Value::Number(number) => (number.to_string(), unit(name)),
        Value::Bool(truth) => (u8::from(*truth).to_string(), ", 1 for true"),
        Value::Array(items) if labels.is_empty() => (items.len().to_string(), ", how many"),
        Value::Object(entries) => {
            if labels.is_empty() {
                add_info(prefix, path, entries, families);
            }
            for (key, entry) in entries {
                let (path, name) = (format!("{path}.{key}"), format!("{name}_{key}"));
                add_samples(prefix, &path, &name, labels, entry, families);
            }
            return;
        }
        Value::Null | Value::String(_) | Value::Array(_) => return,
    };
    let (name, number) = in_base_units(name, number);
    let name = format!("{prefix}{}", metric_name(&name));
    let sample = format!("{name}{labels} {number}");
    add_sample(families, name, || format!("{path} of the metrics{what}"), sample);
}

/// Adds the texts of `object` as labels of one sample.
fn add_info(prefix: &str, path: &str, object: &Map<String, Value>, families: &mut Families) {
    let texts = object.iter().filter_map(|(key, value)| Some((key, value.as_str()?)));
    let labels: Vec<String> =
        texts.map(|(key, text)| format!("{}=\"{}\"", metric_name(key), escape_label(text))).collect();
    if labels.is_empty() {
        return;
    }
    let gap = if path.is_empty() { "" } else { "_" };
    let name = format!("{prefix}{}{gap}info", metric_name(path));
    let sample = format!("{name}{{{}}} 1", labels.join(","));
    add_sample(families, name, || "texts of the metrics, as labels".to_owned(), sample);
}

fn add_sample(families: &mut Families, name: String, help: impl FnOnce() -> String, sample: String) {
    families
        .entry(name)
        .or_insert_with(|| Family { help: escape_help(&help()), samples: Vec::new() })
        .samples
        .push(sample);
}

/// Prometheus has times in seconds, and their unit written out.
fn in_base_units(name: &str, number: String) -> (String, String) {
    if let Some(stem) = name.strip_suffix("_ns") {
        let seconds = number.parse::<f64>().map_or(number, |nanoseconds| (nanoseconds / 1e9).to_string());
        return (format!("{stem}_seconds"), seconds);
    }
    let stem = name.strip_suffix("_s");
    (stem.map_or_else(|| name.to_owned(), |stem| format!("{stem}_seconds")), number)
}

/// The unit that a name's end stands for.
fn unit(name: &str) -> &'static str {
    if name.ends_with("_s") || name.ends_with("_ns") {
        ", in seconds"
    } else if name.ends_with("bytes") || ["closures", "broadcasts", "tasks"].contains(&name) {
        ", in bytes"
    } else {
        ""
    }
}

/// A key as a part of a metric's name: letters, digits and underscores.
fn metric_name(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// A prefix that a metric's name may begin with.
fn metric_prefix(prefix: &str) -> String {
    let mut safe: String =
        prefix.chars().map(|c| if c.is_ascii_alphanumeric() || c == ':' { c } else { '_' }).collect();
    if safe.starts_with(|c: char| c.is_ascii_digit()) {
        safe.insert(0, '_');
    }
    safe
}

fn escape_help(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

/// A label's value. Control characters other than the end of a line have no escape in the format; they are shown as
/// `\u{1b}`, so that whoever prints the file keeps their terminal.
fn escape_label(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    if !text.contains(char::is_control) {
        return text;
    }
    text.chars().fold(String::with_capacity(text.len() + 16), |mut shown, c| {
        if c.is_control() {
            let _ = write!(shown, "\\{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::tests::sample;

    #[test]
    fn prometheus_has_one_sample_per_number_with_escaped_labels() {
        let text = prometheus_text("x_", &sample().to_json(), &LABELLED);
        assert!(
            text.contains("# HELP x_closures closures.<closure> of the metrics, in bytes\n# TYPE x_closures gauge\nx_closures{closure=\"save \\\"partition\\\"\"} 2355\n"),
            "{text}"
        );
        assert!(text.contains("x_dataframes_lineage_depth{dataframe=\"save_input\"} 15\n"), "{text}");
        assert!(text.contains("x_dataframes_checkpointed{dataframe=\"save_input\"} 0\n"), "{text}");
        assert!(text.contains("x_warnings 1\n"), "{text}");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (_, number) = line.rsplit_once(' ').unwrap();
            assert!(number.parse::<f64>().is_ok(), "{line}");
        }
    }

    /// What `promtool check metrics` would say: help and type before the samples, names and labels that are allowed, no
    /// name of a histogram's parts, no sample twice.
    #[test]
    fn prometheus_text_keeps_the_rules_of_the_format() {
        let mut metrics = sample().to_json();
        metrics["version"] = "0.1 \"beta\"\\\n".into();
        metrics["model"] = serde_json::json!({"name": "context", "sha256": "00ff"});
        metrics["elapsed_s"] = 1.5.into();
        let text = prometheus_text("x_", &metrics, &LABELLED);
        assert!(text.contains("x_info{version=\"0.1 \\\"beta\\\"\\\\\\n\"} 1\n"), "{text}");
        assert!(text.contains("x_model_info{name=\"context\",sha256=\"00ff\"} 1\n"), "{text}");
        assert!(text.contains("# HELP x_elapsed_seconds elapsed_s of the metrics, in seconds\n"), "{text}");
        let name_is_allowed = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let (mut described, mut seen) = (Vec::new(), std::collections::HashSet::new());
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                assert!(!help.is_empty() && !described.contains(&name), "{line}");
                described.push(name);
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                assert_eq!(kind, format!("{} gauge", described.last().unwrap()));
            } else {
                let (sample, _) = line.rsplit_once(' ').unwrap();
                let name = sample.split('{').next().unwrap();
                assert_eq!(described.last(), Some(&name), "{line}");
                assert!(name_is_allowed(name), "{line}");
                assert!(
                    ["_count", "_sum", "_bucket", "_total"].iter().all(|end| !name.ends_with(end)),
                    "{line}"
                );
                assert!(seen.insert(sample), "twice: {line}");
            }
        }
    }

    #[test]
    fn any_prefix_gives_names_that_are_allowed() {
        for (prefix, name) in [
            ("my-app.", "my_app_closures"),
            ("9x_", "_9x_closures"),
            ("a:b_", "a:b_closures"),
            ("", "closures"),
            ("é ", "__closures"),
        ] {
            let text = prometheus_text(prefix, &sample().to_json(), &LABELLED);
            assert!(text.contains(&format!("\n{name}{{")), "{prefix}: {text}");
        }
    }
}
