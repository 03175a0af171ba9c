//! Pages to look at and to correct.

use super::LabelledDocument;
use crate::report::pages::{LabelledText, PageParagraph, document_page};

/// The document as a page.
pub(super) fn render(document: &LabelledDocument<'_>) -> Vec<u8> {
    let paragraphs = document
        .paragraphs
        .iter()
        .map(|paragraph| PageParagraph {
            before: paragraph.before,
            text: paragraph.text,
            label: Some(paragraph.label),
            probabilities: paragraph.probabilities,
        })
        .collect();
    let text = LabelledText {
        name: &document.reference.attachment_name,
        doc_id: &document.reference.doc_id,
        labels: document.labels,
        paragraphs,
        after: document.after,
    };
    document_page(&text).into_bytes()
}
