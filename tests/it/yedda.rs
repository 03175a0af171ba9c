//! Annotations as other programs meet them: what is written is read back, and nothing of a text is lost.

use proptest::prelude::*;
use skol_classifier::document::yedda::{parse, strip, write_block, write_text};
use skol_classifier::document::{Paragraph, is_blank};
use skol_classifier::segment::segment;

/// `text`, segmented and annotated: paragraph n gets label n of a few.
fn annotate(text: &str) -> String {
    let labels = ["Nomenclature", "Description", "Misc-exposition"];
    let mut out = Vec::new();
    let (paragraphs, after) = Paragraph::tile(text, &segment(text));
    for (paragraph, label) in paragraphs.iter().zip(labels.iter().cycle()) {
        write_text(&mut out, paragraph.before);
        write_block(&mut out, paragraph.text, label);
    }
    write_text(&mut out, after);
    String::from_utf8(out).expect("markers are put between characters")
}

fn pages() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "\n",
        "\r\n",
        "\r",
        "\u{c}",
        "\n\n",
        " ",
        "\u{feff}",
        "\u{a0}",
        "[@",
        "*]",
        "#Key*]",
        "#Key]",
        "\\",
        "[",
        "@",
        "*",
        "]",
        "#",
        "a",
        "Amanita rubra Muster, sp. nov.",
        "🍄",
    ]);
    prop_oneof![prop::collection::vec(parts, 0..60).prop_map(|parts| parts.concat()), any::<String>()]
}

proptest! {
    #[test]
    fn an_annotation_without_its_markers_is_the_text(text in pages()) {
        prop_assert_eq!(strip(&annotate(&text)), text);
    }

    #[test]
    fn an_annotation_is_read_as_it_was_written(text in pages()) {
        let annotation = annotate(&text);
        let parsed = parse(&annotation);
        prop_assert_eq!(parsed.spans(), segment(&text));
        prop_assert_eq!(parsed.repairs, []);
        prop_assert!(parsed.blocks.iter().all(|block| block.label.is_some()));
    }

    #[test]
    fn whatever_is_read_keeps_every_line_in_a_block(text in pages()) {
        let parsed = parse(&text);
        let mut rest = parsed.text.clone();
        for block in parsed.blocks.iter().rev() {
            rest.replace_range(block.span.start..block.span.end, "");
        }
        prop_assert!(rest.chars().all(is_blank));
    }
}
