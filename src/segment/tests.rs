use super::*;
use crate::document::{Paragraph, is_blank};
use proptest::prelude::*;

const FORM_FEED: char = '\u{c}';
const LINE_ENDS: [char; 3] = ['\n', '\r', FORM_FEED];

fn paragraphs(text: &str) -> Vec<&str> {
    segment(text).into_iter().map(|span| span.of(text)).collect()
}

/// Lines of every kind, with every kind of line end.
fn pages() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "\n",
        "\r\n",
        "\r",
        "\u{c}",
        "\n\n",
        " ",
        "\t",
        "\u{feff}",
        "\u{a0}",
        "\u{2003}",
        "\u{85}",
        "\u{b}",
        "a",
        "Z",
        "1897",
        "12.",
        "≡",
        "é",
        "🍄",
        "\u{301}",
        "sp. nov.",
        "Amanita rubra Muster",
        "Fig. 3",
        "-",
        "(",
        "\u{0}",
        "................ 12",
        "Pileus convex, red, with a margin that is striate and a smell of radish, or ",
    ]);
    prop_oneof![prop::collection::vec(parts, 0..60).prop_map(|parts| parts.concat()), any::<String>()]
}

proptest! {
    #[test]
    fn paragraphs_and_blanks_tile_the_text(text in pages()) {
        let spans = segment(&text);
        let mut end = 0;
        for span in &spans {
            prop_assert!(span.start >= end && span.end > span.start);
            prop_assert!(text[end..span.start].chars().all(is_blank));
            let paragraph = span.of(&text);
            prop_assert!(!paragraph.starts_with(is_blank) && !paragraph.ends_with(is_blank));
            prop_assert_eq!(paragraph.find(FORM_FEED), None);
            end = span.end;
        }
        prop_assert!(text[end..].chars().all(is_blank));
        let (tiles, after) = Paragraph::tile(&text, &spans);
        let joined: String = tiles.iter().flat_map(|tile| [tile.before, tile.text]).chain([after]).collect();
        prop_assert_eq!(joined, text);
    }

    #[test]
    fn the_same_text_gives_the_same_paragraphs(text in pages()) {
        let mut spans = vec![crate::document::Span { start: 7, end: 9 }];
        segment_into(&text, &mut spans);
        prop_assert_eq!(&spans[1..], segment(&text));
    }

    #[test]
    fn paragraphs_end_at_line_ends(text in pages()) {
        for span in segment(&text) {
            let before = text[..span.start].trim_end_matches(|c| is_blank(c) && !LINE_ENDS.contains(&c));
            prop_assert!(before.is_empty() || before.ends_with(LINE_ENDS));
        }
    }
}

#[test]
fn nothing_in_nothing_out() {
    for text in ["", " \n\r\n\t\u{c}", "\u{feff}", "\u{feff}\r\n"] {
        assert_eq!(segment(text), []);
    }
    assert_eq!(paragraphs("\u{feff}Amanita"), ["Amanita"]);
}
