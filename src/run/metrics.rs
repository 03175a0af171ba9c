//! The metrics file: what a run was, for machines.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::tally::Tally;
use crate::classifier::StageMetrics;
use crate::error::{Error, Result};
use crate::instrumentation::{Instrumentation, write_atomically, write_metrics};
use crate::model::Model;
use crate::report::run_page;

/// Prefix of the names in the Prometheus form.
const PREFIX: &str = "skol_classifier_";

/// Everything that is written about a run.
#[derive(Debug)]
pub struct RunMetrics<'a> {
    /// What became of the documents.
    pub tally: &'a Tally,
    /// How long the run took.
    pub elapsed: Duration,
    /// Its stages.
    pub stages: &'a [StageMetrics],
    /// What was measured beside it.
    pub instrumentation: &'a Instrumentation,
    /// The model, if it came to that.
    pub model: Option<&'a Model>,
    /// Whether it answered with the three labels instead of its own.
    pub collapsed: bool,
    /// Why the run could not be done.
    pub error: Option<&'a Error>,
}

impl RunMetrics<'_> {
    /// The metrics as JSON, with the documented keys.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let measured = self.instrumentation.metrics().to_json();
        let part = |name: &str| measured.get(name).cloned().unwrap_or_else(|| json!({}));
        let stages: Map<String, Value> = self
            .stages
            .iter()
            .map(|stage| {
                let value = json!({
                    "elapsed_s": stage.elapsed.as_secs_f64(),
                    "rows": stage.rows,
                    "partitions": stage.partitions,
                });
                (stage.name.to_string(), value)
            })
            .collect();
        let names = self.model.map(|model| model.answers(self.collapsed)).unwrap_or_default();
        let labels: Map<String, Value> = names
            .iter()
            .enumerate()
            .map(|(place, label)| (label.clone(), self.tally.labels.get(place).copied().unwrap_or(0).into()))
            .collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "model": self.model.map(|model| json!({ "name": model.name(), "sha256": model.sha256() })),
            "documents": self.tally.documents,
            "left": self.tally.left,
            "labels": labels,
            "paragraphs": self.tally.paragraphs,
            "bytes": self.tally.bytes,
            "retries": self.tally.retries,
            "elapsed_s": self.elapsed.as_secs_f64(),
            "peak_rss_bytes": peak_rss_bytes(),
            "stages": stages,
            "closures": part("closures"),
            "broadcasts": part("broadcasts"),
            "tasks": part("tasks"),
            "dataframes": part("dataframes"),
            "warnings": measured.get("warnings").cloned().unwrap_or_else(|| json!([])),
            "advice": measured.get("advice").cloned().unwrap_or_else(|| json!([])),
            "failures": self.tally.failures,
            "kept": self.tally.kept,
            "error": self.error.map(ToString::to_string),
        })
    }

    /// Writes them to `file`: JSON, or Prometheus text where it ends with `.prom`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, file: &Path) -> Result<()> {
        write_metrics(file, PREFIX, &self.to_json(), &[("labels", "label")]).map_err(|error| {
            Error::unusable(format!(
                "the metrics file '{}' cannot be written: {error}; give another with --metrics-file",
                file.display()
            ))
        })
    }

    /// Writes them to `file` as a page for people; `sentence` is how the run ended.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_page(&self, file: &Path, sentence: &str) -> Result<()> {
        let page = run_page(&self.to_json(), sentence);
        write_atomically(file, page.as_bytes()).map_err(|error| {
            Error::unusable(format!(
                "the report '{}' cannot be written: {error}; give another with --report",
                file.display()
            ))
        })
    }
}

/// The most memory this process has held, in bytes, where the operating system tells.
fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
