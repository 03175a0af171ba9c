//! Sizes against their limits, and lineage before and after checkpoints.

use maud::{Markup, html};

use super::table::{Cell, table};
use crate::format::format_bytes;
use crate::limits::Limits;
use crate::metrics::{DataFrameMetrics, Metrics, Travel};

/// Closures, broadcasts and tasks, each with its share of the limit.
pub(super) fn sizes(metrics: &Metrics, limits: &Limits) -> Markup {
    let kinds = [
        ("closure", &metrics.closures, limits.closure_bytes),
        ("broadcast", &metrics.broadcasts, limits.broadcast_bytes),
        ("task", &metrics.tasks, limits.task_bytes),
    ];
    let mut rows = Vec::new();
    for (kind, sizes, limit) in kinds {
        for (name, bytes) in sizes.iter() {
            let travel = match metrics.broadcast_travel.get(name).filter(|_| kind == "broadcast") {
                Some(Travel::Reference) => ", by reference",
                Some(Travel::Inline) => ", inline",
                None => "",
            };
            let kind = format!("{kind}{travel}");
            rows.push(size(name, kind, *bytes, limit));
        }
    }
    for query in &metrics.queries {
        if let Some(bytes) = query.task_bytes {
            let name = super::shortened(&format!("query {}: {}", query.number, query.name()), 80);
            rows.push(size(&name, "largest task".to_owned(), bytes, limits.task_bytes));
        }
    }
    html! { @if !rows.is_empty() {
        h2 { "Sizes against their limits" }
        (table("Serialized sizes: what would be sent", &["name", "kind", "size", "limit", "of the limit"], &rows))
    } }
}

fn size(name: &str, kind: String, bytes: usize, limit: usize) -> Vec<Cell> {
    let share = bytes as f64 / limit.max(1) as f64;
    let over = if share > 1.0 { " ⚠ over" } else { "" };
    vec![
        Cell::Text(name.to_owned()),
        Cell::Text(kind),
        Cell::Number(format_bytes(bytes)),
        Cell::Number(format_bytes(limit)),
        Cell::Share(format!("{:.1} %{over}", share * 100.0), share),
    ]
}

/// How deep each DataFrame is, and was before its checkpoint.
pub(super) fn lineage(metrics: &Metrics, limits: &Limits) -> Markup {
    let deepest = metrics.dataframes.iter().map(|(_, frame)| before(frame)).max().unwrap_or(1).max(1);
    let depth = |depth: usize| {
        let over = if depth > limits.lineage_checkpoint { " ⚠ deep" } else { "" };
        Cell::Share(format!("{depth}{over}"), depth as f64 / deepest as f64)
    };
    let row = |(name, frame): (&str, &DataFrameMetrics)| {
        vec![
            Cell::Text(name.to_owned()),
            depth(before(frame)),
            Cell::optional(frame.lineage_depth_optimized),
            match frame.checkpointed {
                true => depth(frame.lineage_depth),
                false => Cell::Number("no checkpoint".to_owned()),
            },
            Cell::optional(frame.partitions),
            Cell::optional(frame.rows()),
            Cell::optional(frame.task_bytes.map(format_bytes)),
        ]
    };
    let rows: Vec<_> = metrics.dataframes.iter().map(row).collect();
    let heads =
        ["DataFrame", "as written", "optimized", "after checkpoint", "partitions", "rows", "largest task"];
    html! { @if !rows.is_empty() {
        h2 { "Lineage" }
        (table("Operators on the longest path of each plan, before and after checkpoints", &heads, &rows))
    } }
}

fn before(frame: &DataFrameMetrics) -> usize {
    frame.lineage_depth_before.unwrap_or(frame.lineage_depth)
}
