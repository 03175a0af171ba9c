//! Whether plans have grown from one run to the next: what a build should fail for.
//!
//! Handles JSON objects of metrics as they are written for machines. Times and rows are not looked at: they differ from
//! machine to machine and with the data, while the size of a plan is the program's own.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::compare::changes;

/// Numbers that say how large a plan is, wherever they stand.
const SIZES: [&str; 12] = [
    "lineage_depth",
    "lineage_depth_before",
    "lineage_depth_optimized",
    "task_bytes",
    "plan_bytes",
    "depth",
    "operators",
    "exchanges",
    "unions",
    "scans",
    "expressions",
    "closure_bytes",
];

/// Objects whose numbers are sizes, a name each.
const NAMED: [&str; 3] = ["closures", "broadcasts", "tasks"];

/// Something of a plan that has grown.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Growth {
    /// Where it is found in the metrics: `dataframes.orders.lineage_depth`.
    pub path: String,
    /// What it was: bytes, or a count.
    pub before: f64,
    /// What it is.
    pub after: f64,
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.path, self.before, self.after)?;
        if self.before > 0.0 {
            write!(f, " ({:+.0} %)", (self.after / self.before - 1.0) * 100.0)?;
        }
        Ok(())
    }
}

/// What of the plans is more than `percent` larger in `after` than in `before`: serialized sizes, depths, numbers of
/// operators and expressions. What is new has not grown.
///
/// ```
/// # use datafusion_measure::growth;
/// # use serde_json::json;
/// let (before, after) = (json!({"tasks": {"save": 1000}}), json!({"tasks": {"save": 1200}}));
/// assert_eq!(growth(&before, &after, 10.0)[0].to_string(), "tasks.save: 1000 -> 1200 (+20 %)");
/// assert!(growth(&before, &after, 25.0).is_empty());
/// ```
#[must_use]
pub fn growth(before: &Value, after: &Value, percent: f64) -> Vec<Growth> {
    let mut grown = Vec::new();
    if let (Value::Object(before), Value::Object(after)) = (before, after) {
        objects("", before, after, percent, &mut grown);
    }
    grown
}

fn objects(
    path: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    percent: f64,
    grown: &mut Vec<Growth>,
) {
    for (key, value) in after {
        let Some(known) = before.get(key) else { continue };
        let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (known, value) {
            (Value::Object(known), Value::Object(value)) => objects(&below, known, value, percent, grown),
            (Value::Number(known), Value::Number(value)) => {
                let named = path.rsplit('.').next().is_some_and(|last| NAMED.contains(&last));
                if let (true, Some(before), Some(after)) =
                    (named || SIZES.contains(&key.as_str()), known.as_f64(), value.as_f64())
                    && after > before * (1.0 + percent / 100.0)
                {
                    grown.push(Growth { path: below, before, after });
                }
            }
            (Value::Array(known), Value::Array(value)) if key == "queries" => {
                queries(&below, known, value, percent, grown);
            }
            _ => {}
        }
    }
}

/// Queries are the same where their texts are, or the topmost operators of their plans; of several, in their order.
fn queries(path: &str, before: &[Value], after: &[Value], percent: f64, grown: &mut Vec<Growth>) {
    let mut known: HashMap<(String, usize), &Map<String, Value>> = HashMap::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (name, query) in before.iter().filter_map(named) {
        let times = seen.entry(name.clone()).or_default();
        known.insert((name, *times), query);
        *times += 1;
    }
    seen.clear();
    for (name, query) in after.iter().filter_map(named) {
        let times = seen.entry(name.clone()).or_default();
        let key = (name, *times);
        *times += 1;
        if let Some(known) = known.get(&key) {
            objects(&format!("{path}['{}']", key.0), known, query, percent, grown);
        }
    }
}

fn named(query: &Value) -> Option<(String, &Map<String, Value>)> {
    let query = query.as_object()?;
    let name = query.get("text").or_else(|| query.get("plan"))?.as_str()?;
    Some((name.to_owned(), query))
}

/// Two runs, compared: what to read, and whether a build should fail.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// What changed notably, a line each: see [`changes`].
    pub changes: Vec<String>,
    /// What of the plans grew by more than the limit: see [`growth`].
    pub grown: Vec<Growth>,
    /// The limit, in percent.
    pub percent: f64,
}

/// Why two runs could not be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A file cannot be read.
    #[error("cannot read '{}': {source}; give a file that Metrics::write has written as JSON", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not JSON.
    #[error("'{}' is not JSON: {source}; give a file that Metrics::write has written, not one that ends in .prom", path.display())]
    Json {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A file is JSON, and no object.
    #[error("'{}' holds no metrics: a JSON object is expected; give a file that Metrics::write has written", .0.display())]
    NoMetrics(PathBuf),
}

impl Comparison {
    /// Compares the metrics files of two runs; more than `percent` is too much growth.
    ///
    /// # Errors
    /// [`CompareError`], when a file cannot be read or holds no metrics.
    pub fn of_files(before: &Path, after: &Path, percent: f64) -> Result<Self, CompareError> {
        Ok(Self::of(&read(before)?, &read(after)?, percent))
    }

    /// Compares the metrics of two runs; more than `percent` is too much growth.
    #[must_use]
    pub fn of(before: &Value, after: &Value, percent: f64) -> Self {
        Self { changes: changes(before, after), grown: growth(before, after, percent), percent }
    }

    /// Whether no plan has grown too much.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.grown.is_empty()
    }
}

fn read(path: &Path) -> Result<Value, CompareError> {
    let text = fs::read(path).map_err(|source| CompareError::Read { path: path.to_owned(), source })?;
    let value: Value = serde_json::from_slice(&text)
        .map_err(|source| CompareError::Json { path: path.to_owned(), source })?;
    if value.is_object() { Ok(value) } else { Err(CompareError::NoMetrics(path.to_owned())) }
}

impl fmt::Display for Comparison {
    /// Lines for people, each with its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes.is_empty() {
            writeln!(f, "Nothing notable changed.")?;
        } else {
            writeln!(f, "Changed:")?;
        }
        for change in &self.changes {
            writeln!(f, "    {change}")?;
        }
        if self.passes() {
            return writeln!(f, "No plan grew by more than {} %.", self.percent);
        }
        writeln!(f, "Plans that grew by more than {} %:", self.percent)?;
        for grown in &self.grown {
            writeln!(f, "  ⚠ {grown}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_of_plans_count_and_times_and_rows_do_not() {
        let query = |text: &str, bytes: u64| json!({"text": text, "plan_bytes": bytes, "elapsed_s": bytes, "rows": bytes});
        let before = json!({
            "closures": {"save": 100, "gone": 5}, "dataframes": {"in": {"lineage_depth": 10, "columns": 3}},
            "elapsed_s": 1.0, "queries": [query("a", 10), query("b", 10), query("a", 10)],
            "nested": {"tasks": {"t": 100}}
        });
        let after = json!({
            "closures": {"save": 111, "new": 500}, "dataframes": {"in": {"lineage_depth": 12, "columns": 300}},
            "elapsed_s": 100.0, "queries": [query("a", 10), query("a", 12), query("b", 11), query("c", 1000)],
            "nested": {"tasks": {"t": 300}}
        });
        let paths: Vec<_> = growth(&before, &after, 10.0).into_iter().map(|grown| grown.path).collect();
        assert_eq!(
            paths,
            ["closures.save", "dataframes.in.lineage_depth", "queries['a'].plan_bytes", "nested.tasks.t"]
        );
        assert!(growth(&before, &after, 200.0).is_empty());
        assert!(growth(&before, &before, 0.0).is_empty());
    }
}
