//! Any text is read as an annotation without loss, and any text survives being written and read.

use skol_classifier::document::{is_blank, yedda};

pub fn check(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    let parsed = yedda::parse(text);
    let mut end = 0;
    for block in &parsed.blocks {
        assert!(block.span.start >= end && block.span.end > block.span.start);
        assert!(is_between(&parsed.text[end..block.span.start]));
        end = block.span.end;
    }
    assert!(is_between(&parsed.text[end..]));
    let mut rest = text.chars();
    assert!(parsed.text.chars().all(|kept| rest.any(|c| c == kept)));

    let mut written = Vec::new();
    yedda::write_block(&mut written, text, "Description");
    let written = String::from_utf8(written).expect("markers are put between characters");
    assert_eq!(yedda::strip(&written), text);
    assert!(!yedda::parse(&written).blocks.is_empty() || is_between(text));
}

/// Blanks, and lines that are page markers.
fn is_between(text: &str) -> bool {
    let ends = |c: char| matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    text.split(ends).map(|line| line.trim_matches(is_blank)).all(|line| {
        line.is_empty() || line.starts_with("---") && line.contains("PDF") && line.ends_with("---")
    })
}
