//! The run report: one run of `predict_classifier` as a page.

use serde_json::{Map, Value};

use super::html::{Cell, Page};
use super::plot::bars;

/// Failures shown at most; the metrics file has all of them.
const FAILURES: usize = 200;

/// The page of a run, out of its metrics (as in the metrics file) and the sentence that ended it.
#[must_use]
pub fn run_page(metrics: &Value, sentence: &str) -> String {
    let model = &metrics["model"];
    let model = match (model["name"].as_str(), model["sha256"].as_str()) {
        (Some(name), Some(sha256)) => format!("model {name} ({})", sha256.get(..12).unwrap_or(sha256)),
        _ => "no model was loaded".to_string(),
    };
    let version = metrics["version"].as_str().unwrap_or_default();
    let mut page = Page::new("Run of predict_classifier", &format!("skol_classifier {version}, {model}"));
    page.paragraph(sentence);
    if let Some(error) = metrics["error"].as_str() {
        page.section("The run failed").paragraph(error);
    }
    documents(&mut page, metrics);
    failures(&mut page, &metrics["failures"]);
    labels(&mut page, &metrics["labels"]);
    stages(&mut page, &metrics["stages"]);
    sizes(&mut page, metrics);
    dataframes(&mut page, &metrics["dataframes"]);
    list(&mut page, "Warnings", &metrics["warnings"]);
    list(&mut page, "Advice", &metrics["advice"]);
    page.finish()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn documents(page: &mut Page, metrics: &Value) {
    let row = |name: &str, value: &Value| vec![Cell::text(name), Cell::number(value)];
    let mut rows: Vec<_> = entries(&metrics["documents"])
        .map(|(name, count)| row(&format!("documents {name}"), count))
        .collect();
    rows.push(row("paragraphs", &metrics["paragraphs"]));
    rows.push(row("bytes of text", &metrics["bytes"]));
    rows.push(row("retries", &metrics["retries"]));
    rows.push(vec![Cell::text("seconds"), Cell::decimal(metrics["elapsed_s"].as_f64().unwrap_or_default())]);
    if let Some(bytes) = metrics["peak_rss_bytes"].as_f64() {
        rows.push(vec![Cell::text("peak memory, MiB"), Cell::number(format!("{:.1}", bytes / 1_048_576.0))]);
    }
    page.section("What was done").table("Documents and text", &["", "number"], &rows);
}

fn failures(page: &mut Page, failures: &Value) {
    let Some(failures) = failures.as_array().filter(|failures| !failures.is_empty()) else { return };
    let text = |value: &Value| Cell::text(value.as_str().unwrap_or_default());
    let rows: Vec<_> = failures
        .iter()
        .take(FAILURES)
        .map(|failure| {
            vec![text(&failure["attachment_name"]), text(&failure["doc_id"]), text(&failure["error"])]
        })
        .collect();
    page.section("What failed").table(
        "Documents that failed",
        &["name", "document", "reason and way out"],
        &rows,
    );
    if failures.len() > FAILURES {
        page.paragraph(&format!("{} more stand in the metrics file.", failures.len() - FAILURES));
    }
}

fn labels(page: &mut Page, labels: &Value) {
    let total: f64 = entries(labels).filter_map(|(_, count)| count.as_f64()).sum();
    if total == 0.0 {
        return;
    }
    let shares: Vec<(String, f64)> = entries(labels)
        .map(|(label, count)| (label.clone(), count.as_f64().unwrap_or_default() / total))
        .collect();
    let rows: Vec<_> =
        entries(labels).map(|(label, count)| vec![Cell::text(label.clone()), Cell::number(count)]).collect();
    let svg = bars("labels", "Labels", "Share of the paragraphs that got each label", &shares);
    page.section("Labels given").figure(&svg, "Share of the paragraphs with each label").table(
        "Paragraphs per label",
        &["label", "paragraphs"],
        &rows,
    );
}

fn stages(page: &mut Page, stages: &Value) {
    let seconds = |stage: &Value| stage["elapsed_s"].as_f64().unwrap_or_default();
    let total: f64 = entries(stages).map(|(_, stage)| seconds(stage)).sum();
    if total == 0.0 {
        return;
    }
    let shares: Vec<_> =
        entries(stages).map(|(name, stage)| (name.clone(), seconds(stage) / total)).collect();
    let rows: Vec<_> = entries(stages)
        .map(|(name, stage)| {
            vec![
                Cell::text(name.clone()),
                Cell::decimal(seconds(stage)),
                Cell::number(&stage["rows"]),
                Cell::number(&stage["partitions"]),
            ]
        })
        .collect();
    let svg = bars("stages", "Time per stage", "Share of the operators' time that each stage took", &shares);
    page.section("Where the time went")
        .figure(&svg, "Share of the operators' time, all partitions together")
        .table("Stages", &["stage", "seconds", "rows", "partitions"], &rows);
}

fn sizes(page: &mut Page, metrics: &Value) {
    let kinds = [("closure", "closures"), ("broadcast", "broadcasts"), ("task", "tasks")];
    let rows: Vec<_> = kinds
        .iter()
        .flat_map(|(kind, key)| {
            entries(&metrics[*key]).map(move |(name, bytes)| {
                vec![Cell::text(name.clone()), Cell::text(*kind), Cell::number(bytes)]
            })
        })
        .collect();
    if !rows.is_empty() {
        page.section("What travels").table("Serialized sizes", &["name", "kind", "bytes"], &rows);
    }
}

fn dataframes(page: &mut Page, frames: &Value) {
    let rows: Vec<_> = entries(frames)
        .map(|(name, frame)| {
            let checkpointed = if frame["checkpointed"] == true { "yes" } else { "no" };
            vec![
                Cell::text(name.clone()),
                Cell::number(&frame["columns"]),
                Cell::number(
                    frame["partitions"].as_u64().map_or_else(String::new, |count| count.to_string()),
                ),
                Cell::number(&frame["lineage_depth"]),
                Cell::text(checkpointed),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let heads = ["DataFrame", "columns", "partitions", "lineage depth", "checkpoint"];
        page.section("DataFrames").table("DataFrames", &heads, &rows);
    }
}

fn list(page: &mut Page, heading: &str, lines: &Value) {
    let Some(lines) = lines.as_array().filter(|lines| !lines.is_empty()) else { return };
    page.section(heading);
    for line in lines.iter().filter_map(Value::as_str) {
        page.paragraph(line);
    }
}
