//! The run report: one run of `predict_classifier` as a page.

use std::fmt::Display;

use super::html::{Cell, Page};
use super::plot::{Bar, bars};
use crate::instrumentation::{DataFrameMetrics, Metrics, Named};
use crate::run::{Failure, RunMetrics, StageSummary};

/// Failures shown at most; the metrics file has all of them.
const FAILURES: usize = 200;

/// The page of a run, out of its metrics and the sentence that ended it.
#[must_use]
pub(crate) fn run_page(metrics: &RunMetrics, sentence: &str) -> String {
    let model = match &metrics.model {
        Some(model) => {
            format!("model {} ({})", model.name, model.sha256.get(..12).unwrap_or(&model.sha256))
        }
        None => "no model was loaded".to_string(),
    };
    let mut page =
        Page::new("Run of predict_classifier", &format!("skol_classifier {}, {model}", metrics.version));
    page.paragraph(sentence);
    if let Some(error) = &metrics.error {
        page.section("The run failed").paragraph(error);
    }
    documents(&mut page, metrics);
    failures(&mut page, &metrics.failures);
    labels(&mut page, &metrics.labels);
    stages(&mut page, &metrics.stages);
    sizes(&mut page, &metrics.measured);
    dataframes(&mut page, &metrics.measured.dataframes);
    list(&mut page, "Warnings", &metrics.measured.warnings);
    list(&mut page, "Advice", &metrics.measured.advice);
    page.finish()
}

fn documents(page: &mut Page, metrics: &RunMetrics) {
    let counts = &metrics.documents;
    let row = |name: &str, value: u64| vec![Cell::text(name), Cell::number(value)];
    let mut rows = vec![
        row("documents selected", counts.selected),
        row("documents saved", counts.saved),
        row("documents unchanged", counts.unchanged),
        row("documents kept", counts.kept),
        row("documents skipped", counts.skipped),
        row("documents failed", counts.failed),
    ];
    rows.extend(metrics.left.map(|left| row("documents left", left)));
    rows.push(row("paragraphs", metrics.paragraphs));
    rows.push(row("bytes of text", metrics.bytes));
    rows.push(row("retries", metrics.retries));
    rows.push(vec![Cell::text("seconds"), Cell::decimal(metrics.elapsed_s)]);
    if let Some(bytes) = metrics.peak_rss_bytes {
        let mebibytes = format!("{:.1}", bytes as f64 / 1_048_576.0);
        rows.push(vec![Cell::text("peak memory, MiB"), Cell::number(mebibytes)]);
    }
    page.section("What was done").table("Documents and text", &["", "number"], &rows);
}

fn failures(page: &mut Page, failures: &[Failure]) {
    if failures.is_empty() {
        return;
    }
    let row = |failure: &Failure| {
        let Failure { doc_id, attachment_name, error } = failure;
        [attachment_name, doc_id, error].map(Cell::text).to_vec()
    };
    let rows: Vec<_> = failures.iter().take(FAILURES).map(row).collect();
    let heads = ["name", "document", "reason and remedy"];
    page.section("What failed").table("Documents that failed", &heads, &rows);
    if failures.len() > FAILURES {
        page.paragraph(&format!("{} more are in the metrics file.", failures.len() - FAILURES));
    }
}

fn labels(page: &mut Page, labels: &Named<u64>) {
    let total: u64 = labels.iter().map(|(_, count)| *count).sum();
    if total == 0 {
        return;
    }
    let shares: Vec<Bar> =
        labels.iter().map(|(label, count)| Bar::of_share(label, *count as f64 / total as f64)).collect();
    let rows: Vec<_> =
        labels.iter().map(|(label, count)| vec![Cell::text(label), Cell::number(count)]).collect();
    let svg = bars("labels", "Share of the paragraphs that got each label", &shares);
    page.section("Labels given").figure(&svg, "Share of the paragraphs with each label").table(
        "Paragraphs per label",
        &["label", "paragraphs"],
        &rows,
    );
}

fn stages(page: &mut Page, stages: &Named<StageSummary>) {
    let total: f64 = stages.iter().map(|(_, stage)| stage.elapsed_s).sum();
    if total == 0.0 {
        return;
    }
    let shares: Vec<Bar> =
        stages.iter().map(|(name, stage)| Bar::of_share(name, stage.elapsed_s / total)).collect();
    let row = |(name, stage): (&str, &StageSummary)| {
        vec![
            Cell::text(name),
            Cell::decimal(stage.elapsed_s),
            Cell::number(stage.rows),
            Cell::number(stage.partitions),
        ]
    };
    let rows: Vec<_> = stages.iter().map(row).collect();
    let svg = bars("stages", "Share of the operators' time that each stage took", &shares);
    page.section("Where the time went")
        .figure(&svg, "Share of the operators' time, all partitions together")
        .table("Stages", &["stage", "seconds", "rows", "partitions"], &rows);
}

fn sizes(page: &mut Page, measured: &Metrics) {
    let kinds =
        [("closure", &measured.closures), ("broadcast", &measured.broadcasts), ("task", &measured.tasks)];
    let rows: Vec<_> = kinds
        .into_iter()
        .flat_map(|(kind, sizes)| {
            sizes
                .iter()
                .map(move |(name, bytes)| vec![Cell::text(name), Cell::text(kind), Cell::number(bytes)])
        })
        .collect();
    if !rows.is_empty() {
        page.section("What travels").table("Serialized sizes", &["name", "kind", "bytes"], &rows);
    }
}

fn dataframes(page: &mut Page, frames: &Named<DataFrameMetrics>) {
    let row = |(name, frame): (&str, &DataFrameMetrics)| {
        vec![
            Cell::text(name),
            Cell::number(frame.columns),
            Cell::number(frame.partitions.map_or_else(String::new, |count| count.to_string())),
            Cell::number(frame.lineage_depth),
            Cell::text(if frame.checkpointed { "yes" } else { "no" }),
        ]
    };
    let rows: Vec<_> = frames.iter().map(row).collect();
    if !rows.is_empty() {
        let heads = ["DataFrame", "columns", "partitions", "lineage depth", "checkpoint"];
        page.section("DataFrames").table("DataFrames", &heads, &rows);
    }
}

fn list(page: &mut Page, heading: &str, lines: &[impl Display]) {
    if lines.is_empty() {
        return;
    }
    page.section(heading);
    for line in lines {
        page.paragraph(&line.to_string());
    }
}
