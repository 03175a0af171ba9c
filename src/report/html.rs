//! One self-contained HTML page.

use std::fmt::{Display, Write as _};

/// The style of all pages. Colours are roles: text, quiet text, lines, two series.
const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1d2329;--quiet:#5a6570;--line:#d5dbe1;--back:#fff;--one:#1f6fb2;--two:#b2541f}\
@media(prefers-color-scheme:dark){:root{--text:#e4e8ec;--quiet:#9aa6b2;--line:#3a444e;--back:#14181c;--one:#6cb4f0;--two:#f0a06c}}\
*{box-sizing:border-box}\
body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:62rem;background:var(--back);color:var(--text);\
font:16px/1.55 system-ui,-apple-system,'Segoe UI',sans-serif}\
h1{font-size:1.7rem;line-height:1.25;margin:0 0 .4rem}h2{font-size:1.2rem;margin:2.6rem 0 .6rem}\
p{max-width:46rem;margin:.5rem 0}.quiet,caption,figcaption{color:var(--quiet);font-size:.9rem}\
.scroll{overflow-x:auto;margin:.8rem 0}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
caption{text-align:left;padding-bottom:.4rem}\
th,td{padding:.3rem .8rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}\
th{font-weight:600}th:first-child,td:first-child,th.text,td.text{text-align:left}thead th{border-bottom-width:2px}\
td.shade{background:color-mix(in srgb,var(--one) var(--share),transparent)}\
figure{margin:1rem 0;max-width:44rem}svg{display:block;width:100%;height:auto;font:13px system-ui,sans-serif;fill:var(--text)}\
svg .axis{stroke:var(--line);fill:none}svg .quiet{fill:var(--quiet);font-size:12px}\
svg .one{stroke:var(--one)}svg .two{stroke:var(--two)}svg .mark.one{fill:var(--one)}svg .mark.two{fill:var(--two)}\
svg .curve{fill:none;stroke-width:2}svg .guide{stroke:var(--quiet);stroke-dasharray:4 4;fill:none}\
@media print{body{max-width:none;padding:0}figure,tr{break-inside:avoid}}";

/// Text as it may stand in HTML, between tags and in quoted attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Not allowed in HTML, and nothing to see.
            c if c.is_control() && !matches!(c, '\n' | '\t') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A page that is being written, section by section.
#[derive(Debug, Clone)]
pub struct Page {
    title: String,
    body: String,
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
        let body = format!("<h1>{}</h1>\n<p class=\"quiet\">{}</p>\n", escape(title), escape(subtitle));
        Self { title: title.to_owned(), body }
    }

    /// Begins a section.
    pub fn section(&mut self, heading: &str) -> &mut Self {
        let _ = writeln!(self.body, "<h2>{}</h2>", escape(heading));
        self
    }

    /// Adds a paragraph of plain text.
    pub fn paragraph(&mut self, text: &str) -> &mut Self {
        let _ = writeln!(self.body, "<p>{}</p>", escape(text));
        self
    }

    /// Adds a plot (SVG, as [`super::plot`] draws it) with a line below it.
    pub fn figure(&mut self, svg: &str, caption: &str) -> &mut Self {
        let _ = writeln!(self.body, "<figure>{svg}<figcaption>{}</figcaption></figure>", escape(caption));
        self
    }

    /// Adds a table; the first cell of each row names the row.
    pub fn table(&mut self, caption: &str, heads: &[&str], rows: &[Vec<Cell>]) -> &mut Self {
        let _ = write!(
            self.body,
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table>\
             <caption>{0}</caption>\n<thead><tr>",
            escape(caption)
        );
        for (column, head) in heads.iter().enumerate() {
            let words = rows.iter().any(|row| matches!(row.get(column), Some(Cell::Text(_))));
            let class = if words { " class=\"text\"" } else { "" };
            let _ = write!(self.body, "<th scope=\"col\"{class}>{}</th>", escape(head));
        }
        self.body.push_str("</tr></thead>\n<tbody>");
        for row in rows {
            self.body.push_str("<tr>");
            for (column, cell) in row.iter().enumerate() {
                let _ = match cell {
                    Cell::Text(text) if column == 0 => {
                        write!(self.body, "<th scope=\"row\">{}</th>", escape(text))
                    }
                    Cell::Text(text) => write!(self.body, "<td class=\"text\">{}</td>", escape(text)),
                    Cell::Number(number) => write!(self.body, "<td>{}</td>", escape(number)),
                    Cell::Shaded(number, share) => write!(
                        self.body,
                        "<td class=\"shade\" style=\"--share:{:.0}%\">{}</td>",
                        share.clamp(0.0, 1.0) * 70.0,
                        escape(number)
                    ),
                };
            }
            self.body.push_str("</tr>\n");
        }
        self.body.push_str("</tbody></table></div>\n");
        self
    }

    /// The whole page.
    #[must_use]
    pub fn finish(&self) -> String {
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
            escape(&self.title),
            self.body
        )
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
        assert_eq!(html.matches("&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;").count(), 12);
        assert!(html.contains("--share:70%"), "a share above 1 is 1");
    }
}
