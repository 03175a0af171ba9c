//! The document in a page, character for character.

use serde::{Deserialize, Serialize};

use super::LabelledText;
use super::summary::{FORMAT, Summary};
use super::visible::shown;
use crate::document::Span;

/// What the shown text does not say.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Exact {
    /// White space before each paragraph.
    gaps: Vec<String>,
    /// White space after the last.
    after: String,
    /// Offset in code points and character, for those that another one is shown for.
    replaced: Vec<(usize, char)>,
}

impl Exact {
    pub(super) fn of(document: &LabelledText<'_>) -> Self {
        let mut exact = Self { after: document.after.to_owned(), ..Self::default() };
        let mut at = 0;
        for paragraph in &document.paragraphs {
            exact.gaps.push(paragraph.before.to_owned());
            at += paragraph.before.chars().count();
            for line in super::lines::lines(paragraph.text) {
                for c in line.text.chars() {
                    if shown(c) != c {
                        exact.replaced.push((at, c));
                    }
                    at += 1;
                }
                at += line.end.chars().count();
            }
        }
        exact
    }
}

/// A document as it was read from its page.
#[derive(Debug, Clone, PartialEq)]
pub struct PageDocument {
    /// What the page says about itself.
    pub summary: Summary,
    /// The text.
    pub text: String,
    /// Its paragraphs, with the label of each that has one.
    pub paragraphs: Vec<(Span, Option<String>)>,
}

/// Why a page cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageReadError {
    /// It is not one of ours.
    #[error("this is no page of a labelled document; give a page that predict_classifier wrote")]
    OtherPage,
    /// It is one of ours, but something in it was changed.
    #[error("the page was changed after it was written ({what}); write it again with --output-format html")]
    Changed {
        /// What does not fit.
        what: &'static str,
    },
    /// The data in it cannot be read.
    #[error("the data '{id}' of the page cannot be read; write it again with --output-format html")]
    Data {
        /// Which data.
        id: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// The JSON of the data element `id`.
fn json<'a>(page: &'a str, id: &str) -> Option<&'a str> {
    let open = format!("<script type=\"application/json\" id=\"{id}\">");
    let start = page.find(&open)? + open.len();
    let rest = &page[start..];
    Some(&rest[..rest.find("</script>")?])
}

/// The summary of the page that begins with `page`, if it is one of ours and the summary is whole.
pub(super) fn summary(page: &str) -> Option<Result<Summary, serde_json::Error>> {
    let found = serde_json::from_str::<Summary>(json(page, "summary")?);
    match found {
        Ok(summary) if summary.format != FORMAT => None,
        found => Some(found),
    }
}

impl PageDocument {
    /// Reads the document back from its page: text and labels as they were written, character for character.
    ///
    /// # Errors
    /// When it is no such page, or not as it was written.
    pub fn read(page: &str) -> Result<Self, PageReadError> {
        let summary = summary(page)
            .ok_or(PageReadError::OtherPage)?
            .map_err(|source| PageReadError::Data { id: "summary", source })?;
        let exact = json(page, "exact").ok_or(PageReadError::OtherPage)?;
        let exact: Exact =
            serde_json::from_str(exact).map_err(|source| PageReadError::Data { id: "exact", source })?;
        let changed = |what| PageReadError::Changed { what };
        let main = page.find("<main id=\"text\"").ok_or(changed("it has no text"))?;
        let main = page[main..].split("</main>").next().unwrap_or_default();
        let mut text = String::with_capacity(summary.length);
        let (mut paragraphs, mut gaps, mut replaced) =
            (Vec::new(), exact.gaps.iter(), exact.replaced.iter().copied().peekable());
        let mut at = 0;
        for paragraph in main.split("<p id=\"p").skip(1) {
            let gap = gaps.next().ok_or(changed("it has more paragraphs than before"))?;
            text.push_str(gap);
            at += gap.chars().count();
            let tag = paragraph.find('>').ok_or(changed("a paragraph is broken"))?;
            let label = attribute(&paragraph[..tag], "data-l")
                .map(|label| label.parse().ok().and_then(|index: usize| summary.labels.get(index)).cloned())
                .map(|label| label.ok_or(changed("a label is unknown")))
                .transpose()?;
            let start = text.len();
            for line in paragraph.split("<span").skip(1) {
                let last = is_last(paragraph, line);
                let (tag, rest) = line.split_once('>').ok_or(changed("a line is broken"))?;
                let shown = rest.split_once("</span>").ok_or(changed("a line is broken"))?.0;
                for c in unescaped(shown).chars() {
                    let c = replaced.next_if(|(offset, _)| *offset == at).map_or(c, |(_, c)| c);
                    text.push(c);
                    at += 1;
                }
                match attribute(tag, "data-t") {
                    Some(end) => {
                        for c in end.split('.') {
                            let c = u32::from_str_radix(c, 16).ok().and_then(char::from_u32);
                            text.push(c.ok_or(changed("the end of a line is broken"))?);
                            at += 1;
                        }
                    }
                    None if !last => {
                        text.push('\n');
                        at += 1;
                    }
                    None => {}
                }
            }
            paragraphs.push((Span { start, end: text.len() }, label));
        }
        text.push_str(&exact.after);
        if paragraphs.len() != summary.paragraphs || crate::document::text_digest(&text) != summary.sha256 {
            return Err(changed("its text is another"));
        }
        Ok(Self { summary, text, paragraphs })
    }
}

/// Whether `line` is the end of `paragraph`.
fn is_last(paragraph: &str, line: &str) -> bool {
    paragraph.as_bytes().as_ptr_range().end == line.as_bytes().as_ptr_range().end
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let open = format!(" {name}=\"");
    let start = tag.find(&open)? + open.len();
    tag[start..].split('"').next()
}

fn unescaped(text: &str) -> String {
    // The ampersand last: "&amp;lt;" is "&lt;".
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}
