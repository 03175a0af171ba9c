//! Any standoff is read without loss, and what is written is read back. The input is a text, a NUL, and the standoff.

use skol_classifier::document::brat::{BratSpans, parse, write_annotation};
use skol_classifier::document::is_blank;

pub fn check(bytes: &[u8]) {
    let input = String::from_utf8_lossy(bytes);
    let (text, annotation) = input.split_once('\0').unwrap_or((&input, ""));
    let parsed = parse(text, annotation);
    let mut end = 0;
    for block in &parsed.blocks {
        assert!(block.span.start >= end && block.span.end > block.span.start);
        assert!(text[end..block.span.start].chars().all(is_blank));
        end = block.span.end;
    }
    assert!(text[end..].chars().all(is_blank));

    let inner = text.trim_matches(is_blank);
    if !inner.is_empty() {
        for spans in [BratSpans::Fragments, BratSpans::Contiguous] {
            let mut out = Vec::new();
            write_annotation(&mut out, 1, "Key", inner, 0, spans);
            let written = String::from_utf8(out).expect("UTF-8");
            assert_eq!(parse(inner, &written).blocks.len(), 1);
        }
    }
}
