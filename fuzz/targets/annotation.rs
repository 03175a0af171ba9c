//! The whole way: any bytes become a text or an error; its annotation without the marks is the text, and each mark begins
//! or ends a line.

use skol_classifier::document::{Paragraph, TextEncoding, yedda};
use skol_classifier::segment::segment;

pub fn check(bytes: &[u8]) {
    let encoding = if bytes.len().is_multiple_of(2) { TextEncoding::Auto } else { TextEncoding::Utf8 };
    let Ok(text) = encoding.decode(bytes.to_vec()) else { return };
    let (paragraphs, after) = Paragraph::tile(&text, &segment(&text));
    let labels = ["Nomenclature", "Description", "Misc-exposition"].into_iter().cycle();
    let mut annotation = Vec::new();
    yedda::write_document(&mut annotation, paragraphs.iter().copied().zip(labels), after);
    let annotation = String::from_utf8(annotation).expect("markers are put between characters");
    assert_eq!(yedda::strip(&annotation), text);

    let ends = |c: char| matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let mut blocks = 0;
    for line in annotation.split(ends) {
        let inner = line.strip_prefix("[@").unwrap_or(line);
        blocks += usize::from(inner.len() < line.len());
        let inner = inner.strip_suffix("*]").unwrap_or(inner);
        assert!(!inner.contains("[@") && !inner.contains("*]"), "{line:?}");
    }
    assert_eq!(blocks, paragraphs.len());
}
