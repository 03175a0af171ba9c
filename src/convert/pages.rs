//! Documents from pages, and onto pages.

use super::{AnnotatedText, ConvertError, LabelledSpan};
use crate::document::Paragraph;
use crate::report::pages::{LabelledText, PageDocument, PageParagraph, document_page};

/// The document of a page.
pub(super) fn read(page: &str) -> Result<AnnotatedText, ConvertError> {
    let PageDocument { summary, text, paragraphs } = PageDocument::read(page)?;
    let paragraphs = paragraphs
        .into_iter()
        .map(|(span, label)| LabelledSpan { span, label, probabilities: Vec::new() })
        .collect();
    // A page shows whole percents: too few for probabilities that are read again.
    Ok(AnnotatedText { name: summary.name, doc_id: summary.doc_id, text, labels: Vec::new(), paragraphs })
}

/// The page of a document; `labels` are those that occur in it, or that its probabilities are of.
pub(super) fn page(document: &AnnotatedText, labels: &[String]) -> String {
    let spans: Vec<_> = document.paragraphs.iter().map(|paragraph| paragraph.span).collect();
    let (paragraphs, after) = Paragraph::tile(&document.text, &spans);
    let paragraphs = paragraphs
        .iter()
        .zip(&document.paragraphs)
        .map(|(paragraph, labelled)| PageParagraph {
            before: paragraph.before,
            text: paragraph.text,
            label: labelled.label.as_ref().and_then(|label| labels.iter().position(|known| known == label)),
            probabilities: &labelled.probabilities,
        })
        .collect();
    document_page(&LabelledText { name: &document.name, doc_id: &document.doc_id, labels, paragraphs, after })
}
