//! YEDDA: the document with a block around each paragraph.

use super::LabelledDocument;
use crate::document::yedda;

pub(super) fn render(document: &LabelledDocument<'_>) -> Vec<u8> {
    let markers: usize =
        document.paragraphs.iter().map(|paragraph| document.label(paragraph).len() + "[@#*]".len()).sum();
    let mut out = Vec::with_capacity(document.bytes() + markers + 16);
    for paragraph in &document.paragraphs {
        yedda::write_text(&mut out, paragraph.before);
        yedda::write_block(&mut out, paragraph.text, document.label(paragraph));
    }
    yedda::write_text(&mut out, document.after);
    out
}
