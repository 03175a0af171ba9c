//! Paragraphs and what is between them, blanks and page markers, are the text.

use skol_classifier::document::{Paragraph, is_blank};
use skol_classifier::segment::segment;

pub fn check(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    let spans = segment(text);
    let (paragraphs, after) = Paragraph::tile(text, &spans);
    let mut joined = String::with_capacity(text.len());
    for paragraph in paragraphs {
        assert!(!paragraph.text.is_empty() && is_between(paragraph.before));
        assert!(!paragraph.text.starts_with(is_blank) && !paragraph.text.ends_with(is_blank));
        joined.push_str(paragraph.before);
        joined.push_str(paragraph.text);
    }
    assert!(is_between(after));
    joined.push_str(after);
    assert_eq!(joined, text);
}

/// Blanks, and lines that are page markers.
fn is_between(text: &str) -> bool {
    let ends = |c: char| matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    text.split(ends).map(|line| line.trim_matches(is_blank)).all(|line| {
        line.is_empty() || line.starts_with("---") && line.contains("PDF") && line.ends_with("---")
    })
}
