//! One query: its figures, the tree of its plan, its stages as a waterfall, its partitions.

use std::time::Duration;

use maud::{Markup, PreEscaped, html};

use super::table::{Cell, table};
use super::{shortened, visible};
use crate::execution::{ExecutionMetrics, OperatorMetrics, StageMetrics};
use crate::format::{format_bytes, format_duration};
use crate::session::QueryMetrics;

/// Operators of a plan that are shown at most, top first.
const OPERATORS: usize = 500;
/// How deep the tree is indented at most: a deep plan would run off the page.
const LEVELS: usize = 24;
/// Partitions of a stage that are shown at most.
const PARTITIONS: usize = 64;

pub(super) fn time(seconds: f64) -> String {
    format_duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

fn bytes(bytes: u64) -> String {
    format_bytes(usize::try_from(bytes).unwrap_or(usize::MAX))
}

pub(super) fn section(query: &QueryMetrics) -> Markup {
    html! {
        section aria-labelledby={ "query-" (query.number) } {
            h2 id={ "query-" (query.number) } {
                "Query " (query.number) ": " (visible(&shortened(query.name(), 160)))
            }
            @if let Some(error) = &query.error { p { span.bad { "Failed: " } (visible(error)) } }
            @if query.text.is_some() { p.quiet { (visible(&shortened(&query.plan, 160))) } }
            (facts(query))
            (rules(query))
            h3 { "Plan" }
            p.quiet { "Each operator with its rows and its time; the bar is its share of the query's computing time." }
            (tree(&query.execution))
            @if query.execution.stages.len() > 1 || query.execution.stages.iter().any(|stage| stage.start_s.is_some()) {
                h3 { "Stages" }
                (waterfall(query.number, &query.execution.stages))
                (stages(&query.execution.stages))
            }
            (partitions(&query.execution.stages))
        }
    }
}

fn facts(query: &QueryMetrics) -> Markup {
    let depth = match query.lineage_depth {
        Some(written) => format!("{written} written, {} optimized", query.lineage_depth_optimized),
        None => query.lineage_depth_optimized.to_string(),
    };
    let mut facts = vec![
        ("rows", query.rows.to_string()),
        ("time", time(query.elapsed_s)),
        ("optimizing", query.optimizing_s.map_or_else(|| "not known".to_owned(), time)),
        ("planning", time(query.planning_s)),
        ("depth", depth),
        ("partitions", query.partitions.to_string()),
    ];
    facts.extend(query.plan_bytes.map(|bytes| ("plan", format_bytes(bytes))));
    facts.extend(query.task_bytes.map(|bytes| ("largest task", format_bytes(bytes))));
    facts.extend(query.memory_peak_bytes.map(|bytes| ("peak of the memory pool", format_bytes(bytes))));
    let consumers: Vec<_> = query.memory_consumers.iter().collect();
    let consumers: Vec<_> =
        consumers.iter().map(|peak| format!("{} {}", peak.consumer, format_bytes(peak.bytes))).collect();
    if !consumers.is_empty() {
        facts.push(("largest consumers", consumers.join(", ")));
    }
    html! { dl.facts { @for (name, value) in facts { div { dt { (name) } dd { (visible(&value)) } } } } }
}

fn rules(query: &QueryMetrics) -> Markup {
    let largest = query.rules.iter().map(|rule| rule.elapsed_s).fold(0.0, f64::max);
    let mut rules: Vec<_> = query.rules.iter().collect();
    rules.sort_by(|a, b| b.elapsed_s.total_cmp(&a.elapsed_s));
    let rows: Vec<_> = rules
        .iter()
        .map(|rule| {
            let share = if largest > 0.0 { rule.elapsed_s / largest } else { 0.0 };
            vec![
                Cell::Text(rule.name.clone()),
                Cell::Share(time(rule.elapsed_s), share),
                Cell::Number(rule.calls.to_string()),
            ]
        })
        .collect();
    html! { @if !rows.is_empty() {
        details {
            summary { "What the " (rows.len()) " rules took" }
            (table("Rules of the analyzer and of both optimizers", &["rule", "time", "calls"], &rows))
        }
    } }
}

/// The plan as nested lists, operators before their inputs.
fn tree(execution: &ExecutionMetrics) -> Markup {
    let all: u64 = execution.operators.iter().filter_map(|operator| operator.compute_ns).sum();
    let mut text = String::from("<ul class=\"tree\">");
    let mut open = 0;
    for (index, operator) in execution.operators.iter().take(OPERATORS).enumerate() {
        let level = operator.level.min(LEVELS);
        if index > 0 {
            if level > open {
                text.push_str("<ul>");
                open += 1;
            } else {
                text.push_str("</li>");
                while open > level {
                    text.push_str("</ul></li>");
                    open -= 1;
                }
            }
        }
        text.push_str("<li>");
        text.push_str(&shown(operator, all).into_string());
    }
    if !execution.operators.is_empty() {
        text.push_str("</li>");
    }
    text.push_str(&"</ul></li>".repeat(open));
    text.push_str("</ul>");
    let left = execution.operators.len().saturating_sub(OPERATORS);
    html! {
        (PreEscaped(text))
        @if left > 0 { p.quiet { (left) " more operators are below; the metrics have all." } }
    }
}

fn shown(operator: &OperatorMetrics, all_ns: u64) -> Markup {
    let share = operator.compute_ns.filter(|_| all_ns > 0).map(|ns| ns as f64 * 100.0 / all_ns as f64);
    let rows: Vec<_> = operator
        .metrics
        .iter()
        .map(|metric| vec![Cell::Text(metric.name.clone()), Cell::Number(metric.text.clone())])
        .collect();
    html! {
        span.operator style={ "--share:" (format!("{:.1}%", share.unwrap_or(0.0))) } {
            b { (visible(&operator.name)) } " " (visible(&operator.facts()))
            @if let Some(share) = share { " · " (format!("{share:.0} %")) " of the time" }
            " · stage " (operator.stage)
            @if let Some(detail) = &operator.detail {
                code.detail { (visible(&shortened(detail, 300))) }
            }
        }
        @if !rows.is_empty() {
            details {
                summary { "all " (rows.len()) " metrics" }
                (table(&format!("Metrics of {}", operator.name), &["metric", "value"], &rows))
            }
        }
    }
}

/// Height of a stage's row (px): its name, and the bar below it.
const ROW: f64 = 36.0;
/// Height of the names of the axis (px).
const AXIS: f64 = 18.0;

/// When each stage ran: a bar from its first start to its last end. Widths are percentages, not units of a `viewBox`, so
/// that text keeps its size on a narrow screen.
fn waterfall(number: u64, stages: &[StageMetrics]) -> Markup {
    let end = stages.iter().filter_map(|stage| stage.end_s).fold(0.0, f64::max);
    if end <= 0.0 {
        return html! {};
    }
    let height = ROW * stages.len() as f64 + AXIS;
    let percent = |seconds: f64| format!("{:.2}%", seconds / end * 100.0);
    html! {
        figure {
            svg width="100%" height=(height) role="img" aria-labelledby={ "waterfall-" (number) } {
                title id={ "waterfall-" (number) } { "When each stage of query " (number) " ran" }
                @for (index, stage) in stages.iter().enumerate() {
                    @let top = ROW * index as f64;
                    text x="0" y=(top + 13.0) { "stage " (stage.number) }
                    line.track x1="0" x2="100%" y1=(top + ROW - 3.0) y2=(top + ROW - 3.0) {}
                    @if let (Some(from), Some(to)) = (stage.start_s, stage.end_s) {
                        // A short stage is still seen, also at the end.
                        @let width = (to - from).max(end / 200.0);
                        rect.bar x=(percent(from.min(end - width))) y=(top + 17.0) height=(ROW - 22.0)
                            width=(percent(width)) {
                            title { "stage " (stage.number) ": " (format!("{from:.3} s to {to:.3} s")) }
                        }
                    }
                }
                text.quiet x="0" y=(height - 4.0) { "0" }
                text.quiet x="100%" y=(height - 4.0) text-anchor="end" { (time(end)) }
            }
            figcaption { "From the first start of an operator of each stage to its last end." }
        }
    }
}

fn stages(stages: &[StageMetrics]) -> Markup {
    let most = stages.iter().map(|stage| stage.compute_ns).max().unwrap_or(1).max(1) as f64;
    let row = |stage: &StageMetrics| {
        let inputs: Vec<_> = stage.inputs.iter().map(ToString::to_string).collect();
        vec![
            Cell::Text(format!("{} {}", stage.number, stage.operator)),
            Cell::Number(inputs.join(", ")),
            Cell::optional(stage.rows),
            Cell::optional(stage.output_bytes.map(bytes)),
            Cell::Share(time(stage.compute_ns as f64 / 1e9), stage.compute_ns as f64 / most),
            Cell::optional(stage.memory_bytes.map(bytes)),
            Cell::Number(match stage.spills {
                0 => String::new(),
                times => format!("{times} times, {}", bytes(stage.spilled_bytes)),
            }),
            Cell::optional(stage.scanned_bytes.map(bytes)),
            Cell::Number(if stage.pruned > 0 { stage.pruned.to_string() } else { String::new() }),
            Cell::optional(stage.skew.map(|skew| format!("{skew:.1}"))),
        ]
    };
    let rows: Vec<_> = stages.iter().map(row).collect();
    let heads =
        ["stage", "reads", "rows", "bytes", "computing", "memory", "spilled", "scanned", "pruned", "skew"];
    table("Pipelines between exchanges", &heads, &rows)
}

/// Rows of each partition, of the stages that have several.
fn partitions(stages: &[StageMetrics]) -> Markup {
    let shown = stages.iter().filter(|stage| stage.partition_rows.len() > 1);
    html! { @for (index, stage) in shown.enumerate() {
        @if index == 0 { h3 { "Partitions" } }
        (partition_rows(stage))
    } }
}

fn partition_rows(stage: &StageMetrics) -> Markup {
    let most = stage.partition_rows.iter().copied().max().unwrap_or(1).max(1) as f64;
    let rows: Vec<_> = stage
        .partition_rows
        .iter()
        .enumerate()
        .take(PARTITIONS)
        .map(|(partition, rows)| {
            vec![Cell::Number(partition.to_string()), Cell::Share(rows.to_string(), *rows as f64 / most)]
        })
        .collect();
    let skew =
        stage.skew.map_or_else(String::new, |skew| format!(", the largest has {skew:.1} times the average"));
    let summary = format!("stage {}: {} partitions{skew}", stage.number, stage.partition_rows.len());
    html! {
        details {
            summary { (summary) }
            (table(&format!("Rows of the partitions of stage {}", stage.number), &["partition", "rows"], &rows))
        }
    }
}
