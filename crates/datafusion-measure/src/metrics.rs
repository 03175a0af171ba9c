//! What was measured, as plain data that people's summaries and machines' files are both made from.
//!
//! Holds and writes values; measures nothing.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use super::execution::ExecutionMetrics;
use super::lineage::Lineage;

/// Everything measured in one run, in the order it was first met.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Metrics {
    /// Elapsed seconds, rows and partitions of each scope that ended.
    pub stages: Named<StageMetrics>,
    /// Bytes the extension codec writes for each operator.
    pub closures: Named<usize>,
    /// Bytes of each value that every worker needs.
    pub broadcasts: Named<usize>,
    /// How each broadcast travels.
    pub broadcast_travel: Named<Travel>,
    /// Bytes of the largest stage of each plan, serialized for one partition.
    pub tasks: Named<usize>,
    /// What each DataFrame is made of.
    pub dataframes: Named<DataFrameMetrics>,
    /// What executed plans did, operator by operator.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub executions: Named<ExecutionMetrics>,
    /// Warnings, in the order they were given.
    pub warnings: Vec<String>,
    /// Advice from what was measured.
    pub advice: Vec<String>,
}

/// How a broadcast gets to the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Travel {
    /// The plan names it, and each worker loads it once.
    Reference,
    /// Its bytes are part of the plan and go with every task.
    Inline,
}

/// One scope: a stage of the caller's work.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct StageMetrics {
    /// Seconds from start to end; the sum when the scope was entered several times.
    pub elapsed_s: f64,
    /// Rows, where the caller said how many.
    pub rows: Option<u64>,
    /// Partitions, where the caller said how many.
    pub partitions: Option<usize>,
    /// How often it failed.
    pub failures: usize,
}

/// One DataFrame as it was last seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DataFrameMetrics {
    /// Columns of its schema.
    pub columns: usize,
    /// Partitions of its physical plan, where one was made.
    pub partitions: Option<usize>,
    /// Operators on the longest path of its logical plan.
    pub lineage_depth: usize,
    /// Whether a checkpoint was made of it.
    pub checkpointed: bool,
    /// Its lineage before the checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage_depth_before: Option<usize>,
    /// Seconds that the plan run for its checkpoint took to be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_planning_s: Option<f64>,
    /// Operators, exchanges, unions, scans and expressions of the logical plan.
    pub logical: Lineage,
    /// The same of the physical plan, where one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub physical: Option<Lineage>,
    /// Bytes of the largest stage for one partition, where it was serialized.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_bytes: Option<usize>,
    /// Rows per partition, where they were counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partition_rows: Vec<u64>,
    /// Bytes in memory per partition, where they were counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partition_bytes: Vec<u64>,
}

impl DataFrameMetrics {
    /// All rows, where they were counted.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        (!self.partition_rows.is_empty()).then(|| self.partition_rows.iter().sum())
    }
}

/// Values by name, in the order of their first entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Named<T> {
    entries: Vec<(String, T)>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T> Named<T> {
    /// The value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.entries.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Names and values, in the order of their first entry.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sets the value of a name.
    pub(super) fn set(&mut self, name: &str, value: T) {
        match self.entries.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.entries.push((name.to_owned(), value)),
        }
    }

    /// The value of a name, made if it is new.
    pub(super) fn entry(&mut self, name: &str) -> &mut T
    where
        T: Default,
    {
        let index = match self.entries.iter().position(|(known, _)| known == name) {
            Some(index) => index,
            None => {
                self.entries.push((name.to_owned(), T::default()));
                self.entries.len() - 1
            }
        };
        &mut self.entries[index].1
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Writes `contents` to `path` so that a reader sees the old file or the new one, never a part.
///
/// # Errors
/// When the folder cannot be written to; a half-written temporary file is removed.
pub fn write_atomically(path: &Path, contents: &[u8]) -> io::Result<()> {
    replace(path, contents, true)
}

/// [`write_atomically`], where `flush` says whether to wait until the disk has it.
pub(super) fn replace(path: &Path, contents: &[u8], flush: bool) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".metrics-");
    #[cfg(unix)]
    {
        // As any new file: others may read it where the umask lets them. A monitor has to.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(contents)?;
    if flush {
        file.as_file().sync_all()?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Any JSON object of metrics as Prometheus' text format: one sample per number or truth value, named
/// `<prefix><path with underscores>`.
///
/// The objects named in `labelled`, pairs of key and label such as `("closures", "name")`, hold one entry per name:
/// their keys become the value of that label instead of a part of the metric's name. Of a list the length is told. Texts
/// become labels: those of one object are the labels of one sample, `<prefix><path>_info`, whose value is 1. Within the
/// objects named in `labelled`, lists and texts are left out.
#[must_use]
pub fn prometheus_text(prefix: &str, metrics: &Value, labelled: &[(&str, &str)]) -> String {
    let mut families: Vec<Family> = Vec::new();
    if let Value::Object(root) = metrics {
        collect_samples(prefix, root, labelled, &mut families);
    }
    let mut text = String::new();
    for family in families {
        let _ = writeln!(text, "# HELP {} {}", family.name, family.help);
        let _ = writeln!(text, "# TYPE {} gauge", family.name);
        for sample in family.samples {
            text.push_str(&sample);
            text.push('\n');
        }
    }
    text
}

/// All samples of one name.
struct Family {
    name: String,
    help: String,
    samples: Vec<String>,
}

fn collect_samples(
    prefix: &str,
    object: &Map<String, Value>,
    labelled: &[(&str, &str)],
    families: &mut Vec<Family>,
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

/// Adds the numbers of `value`, which is found at `path` (as people are told) and named `<prefix><name>`.
fn add_samples(
    prefix: &str,
    path: &str,
    name: &str,
    labels: &str,
    value: &Value,
    families: &mut Vec<Family>,
) {
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
    let name = format!("{prefix}{}", metric_name(name));
    let sample = format!("{name}{labels} {number}");
    add_sample(families, name, || format!("{path} of the metrics{what}"), sample);
}

/// Adds the texts of `object` as labels of one sample.
fn add_info(prefix: &str, path: &str, object: &Map<String, Value>, families: &mut Vec<Family>) {
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

fn add_sample(families: &mut Vec<Family>, name: String, help: impl FnOnce() -> String, sample: String) {
    match families.iter_mut().find(|family| family.name == name) {
        Some(family) => family.samples.push(sample),
        None => families.push(Family { name, help: escape_help(&help()), samples: vec![sample] }),
    }
}

/// The unit that a name tells.
fn unit(name: &str) -> &'static str {
    if name.ends_with("_s") {
        ", in seconds"
    } else if name.ends_with("_ns") {
        ", in nanoseconds"
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

fn escape_help(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

fn escape_label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

impl Metrics {
    /// Whether there is nothing to sum up: no size, no DataFrame, no execution.
    pub(super) fn is_empty(&self) -> bool {
        self.closures.is_empty()
            && self.broadcasts.is_empty()
            && self.tasks.is_empty()
            && self.dataframes.is_empty()
            && self.executions.is_empty()
    }

    /// The metrics as a JSON object with the keys of a metrics file.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// Writes the metrics to `path`, atomically: Prometheus' text format with `prefix` for a name that ends in
    /// `.prom`, else JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path, prefix: &str) -> io::Result<()> {
        write_metrics(path, prefix, &self.to_json(), &[])
    }
}

/// The objects of [`Metrics`] whose keys are names, and the label each name becomes in Prometheus' format.
pub const LABELLED: [(&str, &str); 7] = [
    ("stages", "stage"),
    ("closures", "closure"),
    ("broadcasts", "broadcast"),
    ("broadcast_travel", "broadcast"),
    ("tasks", "task"),
    ("dataframes", "dataframe"),
    ("executions", "execution"),
];

/// Writes any metrics object to `path`, atomically: Prometheus' text format with `prefix` for a name that ends in
/// `.prom`, else JSON. A caller that has metrics of its own merges [`Metrics::to_json`] into them and writes both,
/// with the objects of its own whose keys are names in `labelled`, as in [`LABELLED`].
///
/// # Errors
/// When the file cannot be written.
pub fn write_metrics(
    path: &Path,
    prefix: &str,
    metrics: &Value,
    labelled: &[(&str, &str)],
) -> io::Result<()> {
    let text = if path.extension().is_some_and(|extension| extension == "prom") {
        prometheus_text(prefix, metrics, &[&LABELLED, labelled].concat())
    } else {
        let mut text = serde_json::to_string_pretty(metrics)?;
        text.push('\n');
        text
    };
    write_atomically(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Metrics {
        let mut metrics = Metrics::default();
        metrics.closures.set("save \"partition\"", 2355);
        metrics.dataframes.set(
            "save_input",
            DataFrameMetrics { columns: 3, partitions: Some(24), lineage_depth: 15, ..Default::default() },
        );
        metrics.warnings.push("something".into());
        metrics
    }

    #[test]
    fn json_has_the_keys_of_the_metrics_file() {
        let json = sample().to_json();
        assert_eq!(json["closures"]["save \"partition\""], 2355);
        let frame = &json["dataframes"]["save_input"];
        assert_eq!(frame["columns"], 3);
        assert_eq!(frame["partitions"], 24);
        assert_eq!(frame["lineage_depth"], 15);
        assert_eq!(frame["checkpointed"], false);
        assert_eq!(json["warnings"][0], "something");
        for key in ["stages", "broadcasts", "tasks"] {
            assert!(json[key].is_object(), "{key}");
        }
    }

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
        assert!(text.contains("# HELP x_elapsed_s elapsed_s of the metrics, in seconds\n"), "{text}");
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
    fn files_are_replaced_whole_and_the_ending_chooses_the_format() {
        let folder = tempfile::tempdir().unwrap();
        let json = folder.path().join("m.json");
        std::fs::write(&json, "old").unwrap();
        sample().write(&json, "x_").unwrap();
        let read: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
        assert_eq!(read["dataframes"]["save_input"]["columns"], 3);
        sample().write(&folder.path().join("m.prom"), "x_").unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
        assert!(sample().write(&folder.path().join("missing/m.json"), "x_").is_err());
    }
}
