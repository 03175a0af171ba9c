//! The metrics of a run: a struct with the documented keys, written as a file for machines and as a page for people.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::error::ProgramError;
use super::help;
use super::summary::{DocumentCounts, Failure, Kept, RunSummary};
use crate::classifier::StageMetrics;
use crate::error::{Error, Result};
use crate::instrumentation::{
    self, Instrumentation, Metrics, Named, prometheus_text, write_atomically, write_metrics,
};
use crate::model::Model;
use crate::report::run_page;
use crate::source::{LeftOut, Reason};

/// Prefix of the names in the Prometheus form.
pub(super) const PREFIX: &str = "skol_classifier_";

/// Objects of [`RunMetrics`] whose keys are names, and the label that each name becomes in the Prometheus form.
const LABELLED: [(&str, &str); 2] = [("labels", "label"), ("stages", "stage")];

/// Everything that is written about a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunMetrics {
    /// Version of the program.
    pub version: &'static str,
    /// The model, if it came to that.
    pub model: Option<ModelMetrics>,
    /// When the run began, in seconds since 1970.
    pub start_time: f64,
    /// When it ended, in seconds since 1970.
    pub end_time: f64,
    /// The exit code.
    pub exit_code: u8,
    /// When a run last did all that it was to do, in seconds since 1970; it stays when a run fails.
    pub last_success_time: Option<f64>,
    /// Documents by how they ended.
    pub documents: DocumentCounts,
    /// What the listing passed over, by reason.
    pub left_out: BTreeMap<Reason, u64>,
    /// Documents left for the next run, where this one was stopped: as many as were counted.
    pub left: Option<u64>,
    /// Paragraphs by label, in the order of the model's labels.
    pub labels: Named<u64>,
    /// Paragraphs labelled.
    pub paragraphs: u64,
    /// Bytes of text labelled.
    pub bytes: u64,
    /// Tries beyond the first, over all documents.
    pub retries: u64,
    /// Seconds that the run took.
    pub elapsed_s: f64,
    /// The most memory that the process has held, in bytes, where the operating system reports it.
    pub peak_rss_bytes: Option<u64>,
    /// Stages of the pipeline, first to last.
    pub stages: Named<StageSummary>,
    /// What was measured: closures, broadcasts, tasks, dataframes, executions, scopes, warnings, advice.
    #[serde(flatten)]
    pub measured: Metrics,
    /// The documents that failed.
    pub failures: Vec<Failure>,
    /// The documents whose annotation was left as a person made it.
    pub kept: Vec<Kept>,
    /// Why the run could not be done.
    pub error: Option<String>,
}

/// Which model labelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelMetrics {
    /// Its name.
    pub name: String,
    /// SHA-256 of its file, in hex.
    pub sha256: String,
}

/// One stage of the pipeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageSummary {
    /// Seconds spent in its operator, summed over the partitions.
    pub elapsed_s: f64,
    /// Rows that came out.
    pub rows: u64,
    /// Number of partitions.
    pub partitions: usize,
}

/// What a run knows at its end, from which its metrics are made.
#[derive(Debug)]
pub struct Ended<'a> {
    /// What became of the documents.
    pub summary: &'a RunSummary,
    /// What the listing passed over, where that is noted.
    pub left_out: Option<&'a LeftOut>,
    /// How long the run took.
    pub elapsed: Duration,
    /// When it began.
    pub start_time: SystemTime,
    /// When it ended.
    pub end_time: SystemTime,
    /// The exit code.
    pub exit_code: u8,
    /// When a run last did all that it was to do, in seconds since 1970.
    pub last_success: Option<f64>,
    /// Its stages.
    pub stages: &'a [StageMetrics],
    /// What was measured.
    pub instrumentation: &'a Instrumentation,
    /// The model, if it came to that.
    pub model: Option<&'a Model>,
    /// Whether it answered with the three labels instead of its own.
    pub collapsed: bool,
    /// Why the run could not be done.
    pub error: Option<&'a Error>,
}

impl RunMetrics {
    /// The metrics of a run that has ended.
    #[must_use]
    pub fn new(ended: &Ended<'_>) -> Self {
        let Ended { summary, elapsed, stages, instrumentation, model, collapsed, error, .. } = *ended;
        let names = model.map(|model| model.answers(collapsed)).unwrap_or_default();
        let counts = summary.labels.iter().copied().chain(std::iter::repeat(0));
        let stage = |stage: &StageMetrics| {
            let StageMetrics { name, elapsed, rows, partitions } = stage;
            let summary =
                StageSummary { elapsed_s: elapsed.as_secs_f64(), rows: *rows, partitions: *partitions };
            ((*name).to_owned(), summary)
        };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            model: model.map(|model| ModelMetrics {
                name: model.name().to_owned(),
                sha256: model.sha256().to_string(),
            }),
            start_time: unix_seconds(ended.start_time),
            end_time: unix_seconds(ended.end_time),
            exit_code: ended.exit_code,
            last_success_time: ended.last_success,
            documents: summary.documents,
            left_out: ended.left_out.map(LeftOut::counts).unwrap_or_default(),
            left: summary.left,
            labels: names.iter().cloned().zip(counts).collect(),
            paragraphs: summary.paragraphs,
            bytes: summary.bytes,
            retries: summary.retries,
            elapsed_s: elapsed.as_secs_f64(),
            peak_rss_bytes: peak_rss_bytes(),
            stages: stages.iter().map(stage).collect(),
            measured: instrumentation.metrics(),
            failures: summary.failures.clone(),
            kept: summary.kept.clone(),
            error: error.map(super::couchdb::message),
        }
    }

    /// Writes them to `file`: JSON, or Prometheus text where it ends with `.prom`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, file: &Path) -> Result<()> {
        let written = if file.extension().is_some_and(|extension| extension == "prom") {
            serde_json::to_value(self).map_err(Into::into).and_then(|metrics| {
                let text =
                    prometheus_text(PREFIX, &metrics, &[&instrumentation::LABELLED, &LABELLED[..]].concat());
                write_atomically(file, help::with_words(&text, PREFIX).as_bytes())
            })
        } else {
            write_metrics(file, PREFIX, self, &LABELLED)
        };
        written.map_err(|error| ProgramError::Metrics { file: file.to_owned(), source: error.into() }.into())
    }

    /// Writes them to `file` as a page for people; `sentence` is how the run ended.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_page(&self, file: &Path, sentence: &str) -> Result<()> {
        let page = run_page(self, sentence);
        write_atomically(file, page.as_bytes())
            .map_err(|source| ProgramError::Report { file: file.to_owned(), source }.into())
    }
}

/// Seconds since 1970, to the millisecond.
pub(super) fn unix_seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as f64 / 1000.0
}

/// The most memory this process has held, in bytes, where the operating system reports it.
fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
