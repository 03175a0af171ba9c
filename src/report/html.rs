//! One self-contained HTML page.

use std::fmt::Display;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::pages::visible;

/// The style of all pages. Colours are roles: text, quiet text, lines, two series.
const STYLE: &str = include_str!("html.css");

/// Text as it may stand in SVG that is written by hand, between tags and in quoted attributes.
#[must_use]
pub(super) fn escape(text: &str) -> String {
    let text: &str = &visible(text);
    html! { (text) }.into_string()
}

/// A page that is being written, section by section.
#[derive(Debug, Clone)]
pub struct Page {
    title: String,
    body: Vec<Markup>,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words, set left.
    Text(String),
    /// A figure, set right.
    Number(String),
    /// A figure on a ground that is the darker, the larger the share (0 to 1).
    Shaded(String, f64),
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A figure, as it prints.
    pub fn number(number: impl Display) -> Self {
        Self::Number(number.to_string())
    }

    /// A figure with three decimals.
    #[must_use]
    pub fn decimal(number: f64) -> Self {
        Self::Number(format!("{number:.3}"))
    }
}

impl Page {
    /// A page with its title as heading, and one line below it.
    #[must_use]
    pub fn new(title: &str, subtitle: &str) -> Self {
        let body = html! { h1 { (visible(title)) } p.quiet { (visible(subtitle)) } };
        Self { title: title.to_owned(), body: vec![body] }
    }

    /// Begins a section.
    pub fn section(&mut self, heading: &str) -> &mut Self {
        self.add(html! { h2 { (visible(heading)) } })
    }

    /// Adds a paragraph of plain text.
    pub fn paragraph(&mut self, text: &str) -> &mut Self {
        self.add(html! { p { (visible(text)) } })
    }

    /// Adds a plot (SVG, as [`super::plot`] draws it) with a line below it.
    pub fn figure(&mut self, svg: &str, caption: &str) -> &mut Self {
        self.add(html! { figure { (PreEscaped(svg)) figcaption { (visible(caption)) } } })
    }

    /// Adds a table; the first cell of each row names the row. On a phone each row becomes a list of its own, with the
    /// heads of the columns before the figures.
    pub fn table(&mut self, caption: &str, heads: &[&str], rows: &[Vec<Cell>]) -> &mut Self {
        let is_words = |column: usize| rows.iter().any(|row| matches!(row.get(column), Some(Cell::Text(_))));
        self.add(html! {
            div.scroll tabindex="0" role="region" aria-label=(visible(caption)) {
                table {
                    caption { (visible(caption)) }
                    thead { tr {
                        @for (column, head) in heads.iter().enumerate() {
                            th scope="col" class=[is_words(column).then_some("text")] { (visible(head)) }
                        }
                    } }
                    tbody {
                        @for row in rows {
                            tr {
                                @for (column, cell) in row.iter().enumerate() {
                                    (cell.shown(column == 0, heads.get(column).copied().unwrap_or_default()))
                                }
                            }
                            "\n"
                        }
                    }
                }
            }
        })
    }

    fn add(&mut self, part: Markup) -> &mut Self {
        self.body.push(part);
        self
    }

    /// The whole page.
    #[must_use]
    pub fn finish(&self) -> String {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy"
                        content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (visible(&self.title)) }
                    style { (PreEscaped(STYLE)) }
                }
                body { main { @for part in &self.body { (part) "\n" } } }
            }
        }
        .into_string()
    }
}

impl Cell {
    /// The cell; `head` is what its column is called, for those who see one row at a time.
    fn shown(&self, first: bool, head: &str) -> Markup {
        let head = visible(head);
        match self {
            Self::Text(text) if first => html! { th scope="row" { (visible(text)) } },
            Self::Text(text) => html! { td.text data-head=(head) { (visible(text)) } },
            Self::Number(number) => html! { td data-head=(head) { (visible(number)) } },
            Self::Shaded(number, share) => {
                let share = format!("--share:{:.0}%", share.clamp(0.0, 1.0) * 40.0);
                html! { td.shade data-head=(head) style=(share) { (visible(number)) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_page_cannot_become_markup() {
        let evil = "<script>\"x\" & 'y'\u{0}</script>";
        let mut page = Page::new(evil, evil);
        page.section(evil).paragraph(evil).figure("<svg></svg>", evil).table(
            evil,
            &[evil],
            &[vec![Cell::text(evil), Cell::number(evil), Cell::Shaded(evil.to_owned(), 9.0)]],
        );
        let html = page.finish();
        assert!(!html.contains("<script") && !html.contains('\u{0}'));
        let shown = "&lt;script&gt;&quot;x&quot; &amp; 'y'\u{2400}&lt;/script&gt;";
        // The title twice, the caption twice, and each of the rest once.
        assert_eq!(html.matches(shown).count(), 12);
        assert!(html.contains("--share:40%"), "a share above 1 is 1");
    }
}
