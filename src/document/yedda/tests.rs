use super::*;
use proptest::prelude::*;

/// Blocks as (text, label).
fn blocks(annotation: &str) -> Vec<(String, Option<String>)> {
    let parsed = parse(annotation);
    parsed.blocks.iter().map(|b| (parsed.text_of(b).to_owned(), b.label.map(str::to_owned))).collect()
}

fn labelled(pairs: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
    pairs
        .iter()
        .map(|(text, label)| ((*text).to_owned(), (!label.is_empty()).then(|| (*label).to_owned())))
        .collect()
}

fn repairs(annotation: &str) -> Vec<String> {
    parse(annotation).repairs.iter().map(ToString::to_string).collect()
}

#[test]
fn reads_plain_blocks_with_line_and_span() {
    let text = "[@Amanita rubra Muster, sp. nov.#Nomenclature*]\n\n[@ Pileus 3-5 cm,\nred.#Description*]\n";
    let parsed = parse(text);
    assert_eq!(parsed.text, "Amanita rubra Muster, sp. nov.\n\n Pileus 3-5 cm,\nred.\n");
    assert_eq!(parsed.repairs, []);
    assert_eq!(
        blocks(text),
        labelled(&[
            ("Amanita rubra Muster, sp. nov.", "Nomenclature"),
            ("Pileus 3-5 cm,\nred.", "Description")
        ])
    );
    assert_eq!(parsed.blocks[1].line, 3);
}

#[test]
fn hash_and_brackets_stay_in_the_text() {
    let text = "[@Isolate #12 [sic] of glauci*]; no. #3#Misc-exposition*]";
    assert_eq!(blocks(text), labelled(&[("Isolate #12 [sic] of glauci*]; no. #3", "Misc-exposition")]));
    assert_eq!(repairs(text), Vec::<String>::new());
}

#[test]
fn a_closer_without_star_is_repaired() {
    let text = "[@Amanita rubra#Nomenclature]\n\n[@Pileus red.#Description]\n[@end#Key*]";
    assert_eq!(
        blocks(text),
        labelled(&[("Amanita rubra", "Nomenclature"), ("Pileus red.", "Description"), ("end", "Key")])
    );
    assert_eq!(
        repairs(text),
        [
            "line 1: '#Nomenclature]' read as '#Nomenclature*]'",
            "line 3: '#Description]' read as '#Description*]'"
        ]
    );
    // At the end of the file too, and for labels never seen before.
    assert_eq!(blocks("[@a b#Habitat-notes]\n"), labelled(&[("a b", "Habitat-notes")]));
    // The same sign inside a block that is closed is text.
    assert_eq!(blocks("[@see #Table]\nbelow#Key*]"), labelled(&[("see #Table]\nbelow", "Key")]));
}

#[test]
fn other_damaged_closers() {
    assert_eq!(blocks("[@215@Page-header*]\n[@x#Key*]"), labelled(&[("215", "Page-header"), ("x", "Key")]));
    assert_eq!(
        blocks("[@A. rubra — Fig. 1Nomenclature*]\n"),
        labelled(&[("A. rubra — Fig. 1", "Nomenclature")])
    );
    assert_eq!(
        blocks("[@a#Key*\n\n[@b#Key)\n[@c#Key"),
        labelled(&[("a", "Key"), ("b", "Key"), ("c", "Key")])
    );
    assert_eq!(repairs("[@a#Key"), ["line 1: '#Key' read as '#Key*]'"]);
}

#[test]
fn text_between_blocks_is_kept_without_label() {
    let text = "Front matter\n\n[@a#Key*]\n\nActa Fungorum\n12\n\n[@b#Key*]\ntail\n";
    assert_eq!(
        blocks(text),
        labelled(&[
            ("Front matter", ""),
            ("a", "Key"),
            ("Acta Fungorum\n12", ""),
            ("b", "Key"),
            ("tail", "")
        ])
    );
    assert_eq!(repairs(text).len(), 3);
}

#[test]
fn nested_blocks_are_flattened_in_order() {
    let text = "[@Pileus convex,\n[@\u{c}12 Acta Fungorum#Page-header*]\n[@Fig. 1.#Figure*]\nred.#Description*]\n[@x#Key*]";
    assert_eq!(
        blocks(text),
        labelled(&[
            ("Pileus convex,", "Description"),
            ("12 Acta Fungorum", "Page-header"),
            ("Fig. 1.", "Figure"),
            ("red.", "Description"),
            ("x", "Key")
        ])
    );
    assert_eq!(repairs(text), ["line 1: block within a block: the outer one is cut in two around it"]);
}

#[test]
fn an_unclosed_opener_does_not_swallow_what_follows() {
    let text = "[@lost text\n\n[@a#Key*]\n\n[@b#Description*]\n\n[@c#Nomenclature*]\n";
    assert_eq!(
        blocks(text),
        labelled(&[("lost text", ""), ("a", "Key"), ("b", "Description"), ("c", "Nomenclature")])
    );
    assert_eq!(repairs(text), ["line 1: '[@' without '#Label*]': its text is left without a label"]);
    assert_eq!(repairs("[@\n\n[@a#Key*]"), ["line 1: '[@' without text before the next '[@': left out"]);
}

#[test]
fn a_missing_opener_takes_the_text_since_the_last_block() {
    let text = "[@a#Key*]\n1. Spores blue\n2. Spores red#Key*]\n";
    assert_eq!(blocks(text), labelled(&[("a", "Key"), ("1. Spores blue\n2. Spores red", "Key")]));
    assert_eq!(repairs(text).len(), 1);
}

#[test]
fn empty_blocks_and_labels_of_other_kinds() {
    assert_eq!(blocks("[@#Key*]\n[@ \n #Key*]"), labelled(&[]));
    assert_eq!(repairs("[@#Key*]"), ["line 1: block without text: left out"]);
    assert_eq!(blocks("[@x#page_header*]"), labelled(&[("x", "Page-header")]));
    assert_eq!(repairs("[@x#page_header*]"), ["line 1: label 'page_header' read as 'Page-header'"]);
    assert_eq!(repairs("[@x#Foo*]\n[@y#Foo*]"), ["line 1: label 'Foo' is not a known one: kept as it is"]);
    assert_eq!(blocks("[@x#Foo*]"), labelled(&[("x", "Foo")]));
}

#[test]
fn escaping_as_documented() {
    let escape = |text| {
        let mut out = Vec::new();
        write_text(&mut out, text);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(escape("a [@ b"), "a [\\@ b");
    assert_eq!(escape("*] *\\] *\\\\]"), "*\\] *\\\\] *\\\\\\]");
    assert_eq!(escape("#Key] [x] *"), "#Key] [x] *");
    let mut out = Vec::new();
    write_block(&mut out, "odd [@ text#Key*] here", "Key");
    let written = String::from_utf8(out).unwrap();
    assert_eq!(written, "[@odd [\\@ text#Key*\\] here#Key*]");
    assert_eq!(blocks(&written), labelled(&[("odd [@ text#Key*] here", "Key")]));
    assert_eq!(repairs(&written), Vec::<String>::new());
}

#[test]
fn work_is_linear_whatever_comes() {
    // Would take hours if an opener looked for its closer, or an unclosed one for its text, each time anew.
    for unit in ["[@", "[@x", "*]", "#Key*]", "[@x#", "x#Key]\n", "[\\", "*\\", "#", "[@a[@b#Key*]"] {
        let text = unit.repeat(400_000);
        let parsed = parse(&text);
        assert!(parsed.text.len() <= text.len());
    }
}

/// Text made of what markers are made of.
fn nasty() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "[",
        "@",
        "[@",
        "\\",
        "*",
        "]",
        "*]",
        "#",
        "Key",
        "#Key*]",
        "#Key]",
        "\n",
        " ",
        "\u{c}",
        "a",
        "é",
        "\u{feff}",
        "Nomenclature*]\n",
        "\r\n",
    ]);
    prop_oneof![prop::collection::vec(parts, 0..24).prop_map(|parts| parts.concat()), any::<String>()]
}

proptest! {
    #[test]
    fn strip_undoes_write(pieces in prop::collection::vec((nasty(), prop::option::of("[A-Z][a-z_-]{0,12}")), 0..8)) {
        let mut written = Vec::new();
        let mut document = String::new();
        let mut last_was_text = false;
        for (text, label) in &pieces {
            match label {
                Some(label) => write_block(&mut written, text, label),
                None if last_was_text => continue,
                None => write_text(&mut written, text),
            }
            last_was_text = label.is_none();
            document.push_str(text);
        }
        let written = String::from_utf8(written).unwrap();
        prop_assert_eq!(strip(&written), document);
    }

    #[test]
    fn written_blocks_are_read_back(pieces in prop::collection::vec((nasty(), "[A-Z][a-z_-]{0,12}"), 0..8)) {
        let mut written = Vec::new();
        let mut expected = Vec::new();
        for (text, label) in &pieces {
            write_block(&mut written, text, label);
            let text = text.trim_matches(crate::document::is_blank);
            if !text.is_empty() {
                let label = crate::document::labels::canonical(label).unwrap_or(label);
                expected.push((text.to_owned(), Some(label.to_owned())));
            }
        }
        prop_assert_eq!(blocks(&String::from_utf8(written).unwrap()), expected);
    }

    #[test]
    fn any_text_is_read_and_the_blocks_tile_it(text in nasty()) {
        let parsed = parse(&text);
        let mut end = 0;
        for block in &parsed.blocks {
            prop_assert!(block.span.start >= end && block.span.end > block.span.start);
            prop_assert!(parsed.text[end..block.span.start].chars().all(crate::document::is_blank));
            prop_assert!(block.line >= 1 && block.line <= text.matches('\n').count() + 1);
            end = block.span.end;
        }
        prop_assert!(parsed.text[end..].chars().all(crate::document::is_blank));
        prop_assert!(parsed.repairs.is_sorted_by_key(|repair| repair.line));
    }

    #[test]
    fn only_markers_and_their_backslashes_go(text in nasty()) {
        // What is left is a subsequence of the input, and what went is made of marker characters and labels.
        let parsed = parse(&text);
        let mut rest = text.chars();
        for c in parsed.text.chars() {
            prop_assert!(rest.any(|other| other == c));
        }
        for c in ['\n', '\u{c}', '\u{feff}'] {
            prop_assert_eq!(text.matches(c).count(), parsed.text.matches(c).count());
        }
    }
}
