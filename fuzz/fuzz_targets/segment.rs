//! Paragraphs and the blanks between them are the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skol_classifier::document::{Paragraph, is_blank};
use skol_classifier::segment::segment;

fuzz_target!(|text: &str| {
    let spans = segment(text);
    let (paragraphs, after) = Paragraph::tile(text, &spans);
    let mut joined = String::with_capacity(text.len());
    for paragraph in paragraphs {
        assert!(!paragraph.text.is_empty() && paragraph.before.chars().all(is_blank));
        assert!(!paragraph.text.starts_with(is_blank) && !paragraph.text.ends_with(is_blank));
        joined.push_str(paragraph.before);
        joined.push_str(paragraph.text);
    }
    assert!(after.chars().all(is_blank));
    joined.push_str(after);
    assert_eq!(joined, text);
});
