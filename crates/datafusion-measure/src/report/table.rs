//! A table that becomes a list of rows on a narrow screen.

use maud::{Markup, html};

use super::visible;

/// A cell.
pub(super) enum Cell {
    /// Words, set left; the first of a row names it.
    Text(String),
    /// A figure, set right.
    Number(String),
    /// A figure with its share (0 to 1) of the largest as a bar behind it.
    Share(String, f64),
}

impl Cell {
    pub(super) fn optional(value: Option<impl ToString>) -> Self {
        Self::Number(value.map_or_else(String::new, |value| value.to_string()))
    }
}

pub(super) fn table(caption: &str, heads: &[&str], rows: &[Vec<Cell>]) -> Markup {
    let is_words = |column: usize| rows.iter().any(|row| matches!(row.get(column), Some(Cell::Text(_))));
    html! {
        table {
            caption { (visible(caption)) }
            thead { tr {
                @for (column, head) in heads.iter().enumerate() {
                    th scope="col" class=[is_words(column).then_some("text")] { (head) }
                }
            } }
            tbody { @for row in rows {
                tr { @for (column, cell) in row.iter().enumerate() {
                    (shown(cell, column, heads.get(column).copied().unwrap_or_default()))
                } }
                "\n"
            } }
        }
    }
}

fn shown(cell: &Cell, column: usize, head: &str) -> Markup {
    match cell {
        Cell::Text(text) | Cell::Number(text) if column == 0 => html! { th scope="row" { (visible(text)) } },
        Cell::Text(text) => html! { td.text data-head=(head) { (visible(text)) } },
        Cell::Number(number) => html! { td data-head=(head) { (visible(number)) } },
        Cell::Share(number, share) => {
            let share = format!("--share:{:.1}%", share.clamp(0.0, 1.0) * 100.0);
            html! { td.share data-head=(head) style=(share) { (visible(number)) } }
        }
    }
}
