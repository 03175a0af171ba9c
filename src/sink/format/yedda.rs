//! YEDDA: the document with a block around each paragraph.

use super::LabelledDocument;
use crate::document::{Paragraph, yedda};

pub(super) fn render(document: &LabelledDocument<'_>) -> Vec<u8> {
    let markers: usize =
        document.paragraphs.iter().map(|paragraph| document.label(paragraph).len() + "[@#*]".len()).sum();
    let mut out = Vec::with_capacity(document.bytes() + markers + 16);
    let paragraphs = document.paragraphs.iter().map(|paragraph| {
        (Paragraph { before: paragraph.before, text: paragraph.text }, document.label(paragraph))
    });
    yedda::write_document(&mut out, paragraphs, document.after);
    out
}
