//! Any text is read as an annotation without loss, and any text survives being written and read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skol_classifier::document::{is_blank, yedda};

fuzz_target!(|text: &str| {
    let parsed = yedda::parse(text);
    let mut end = 0;
    for block in &parsed.blocks {
        assert!(block.span.start >= end && block.span.end > block.span.start);
        assert!(parsed.text[end..block.span.start].chars().all(is_blank));
        end = block.span.end;
    }
    assert!(parsed.text[end..].chars().all(is_blank));
    let mut rest = text.chars();
    assert!(parsed.text.chars().all(|kept| rest.any(|c| c == kept)));

    let mut written = Vec::new();
    yedda::write_block(&mut written, text, "Description");
    let written = String::from_utf8(written).expect("markers are put between characters");
    assert_eq!(yedda::strip(&written), text);
    assert_eq!(yedda::parse(&written).blocks.len(), usize::from(!text.chars().all(is_blank)));
});
