use super::*;
use crate::document::{Paragraph, is_blank};
use proptest::prelude::*;

const FORM_FEED: char = '\u{c}';
const LINE_ENDS: [char; 9] =
    ['\n', '\r', '\u{b}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
const MARKER: &str = "--- PDF Page 7 Label vii ---";

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
        "\u{1d}",
        "\u{1f}",
        "\u{2028}",
        "\u{200b}",
        "\u{ad}",
        MARKER,
        "\n--- PDF Page 7 Label vii ---\n",
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
            prop_assert!(text[end..span.start].replace(MARKER, "").chars().all(is_blank));
            let paragraph = span.of(&text);
            prop_assert!(!paragraph.starts_with(is_blank) && !paragraph.ends_with(is_blank));
            // A form feed parts paragraphs where a line ends beside it.
            for (at, _) in paragraph.match_indices(FORM_FEED) {
                let above = paragraph[..at].trim_end_matches(is_blank).len();
                let below = paragraph.len() - paragraph[at..].trim_start_matches(is_blank).len();
                prop_assert!(!paragraph[above..below].contains('\n'), "{:?}", paragraph);
            }
            end = span.end;
        }
        prop_assert!(text[end..].replace(MARKER, "").chars().all(is_blank));
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
            prop_assert!(before.is_empty() || before.ends_with(LINE_ENDS), "{:?}", &text[span.start..]);
        }
    }
}

#[test]
fn a_page_marker_is_a_form_feed_to_the_segmenter() {
    let page = "The dunes have been searched for fungi since the days of the first floras, and\n\
                later authors added little to what was known of them. During a survey in the\n";
    for end in ["\n", "\r\n", "\r", "\u{2028}"] {
        let text =
            format!("{page}{MARKER}\n{page}\n{MARKER}\n\n14 Acta\n\n{page}{MARKER}").replace('\n', end);
        let with_form_feeds = text.replace(MARKER, "\u{c}");
        assert_eq!(paragraphs(&text), paragraphs(&with_form_feeds), "{end:?}");
        assert_eq!(paragraphs(&text).len(), 4);
    }
}

#[test]
fn what_a_line_shows_decides_where_paragraphs_end() {
    let text = "Two species of Amanita are described from coastal dunes, one of them new.\n\
                A key to the species of the region is given, with notes on their ecology.\n\n\
                Amanita rubra Muster, sp. nov. Figs. 1-3\nEtymology: red.\nPileus 3-5 cm broad, convex, then plane.\n"
        .repeat(3);
    let full_width = |c: char| match c {
        '!'..='~' => char::from_u32(c as u32 + 0xFEE0).unwrap_or(c),
        ' ' => '\u{3000}',
        other => other,
    };
    let soft = |c: char| if c == 'e' { vec!['e', '\u{ad}', '\u{200b}'] } else { vec![c] };
    let shown = |text: &str| -> Vec<String> {
        paragraphs(text)
            .into_iter()
            .map(|paragraph| crate::document::fold::fold(paragraph, &mut String::new()).to_owned())
            .collect()
    };
    let plain = shown(&text);
    assert_eq!(shown(&text.chars().map(full_width).collect::<String>()), plain);
    // A soft hyphen at a line's end is a hyphen, so none is put there.
    let soft: String =
        text.chars().flat_map(soft).collect::<String>().replace("\u{ad}\u{200b}\n", "\u{200b}\n");
    assert_eq!(shown(&soft), plain);
}

#[test]
fn nothing_in_nothing_out() {
    for text in ["", " \n\r\n\t\u{c}", "\u{feff}", "\u{feff}\r\n"] {
        assert_eq!(segment(text), []);
    }
    assert_eq!(paragraphs("\u{feff}Amanita"), ["Amanita"]);
}

#[test]
fn every_word_of_the_lists_is_found() {
    use super::shape::{Head, head_of};
    let head = |line: &str| head_of(line).0;
    assert_eq!(head("Pileus 3-5 cm"), Head::Organ);
    assert_eq!(head("ETYMOLOGY: from"), Head::Section);
    assert_eq!(head("Acknowledgements"), Head::Section);
    assert_eq!(head("Figs. 1-4"), Head::Figure);
    assert_eq!(head("TABLE 1"), Head::Table);
    assert_eq!(head("Type"), Head::Section);
    assert_eq!(head("Typ"), Head::Capitalized);
    assert_eq!(head("Pneumonoultramicroscopicsilicovolcanoconiosis"), Head::Capitalized);
}

/// A page of running text, so that the segmenter sees how lines are set, and `lines` after it.
fn after_a_page(lines: &str) -> Vec<String> {
    let page = "The dunes have been searched for fungi since the days of the first floras, and\n\
                later authors added little to what was known of them. During a survey in the\n\
                last years the present authors met with several that could not be named.\n\n";
    let text = page.repeat(8) + lines;
    paragraphs(&text).into_iter().skip(8).map(|paragraph| paragraph.replace('\n', " / ")).collect()
}

#[test]
fn names_with_their_synonyms_stand_apart_from_descriptions() {
    let found = after_a_page(
        "Amanita rubra (Muster) Beispiel, comb. nov.\n≡ Agaricus ruber Muster, Fl. Norderl. 2: 113. 1871.\n\
         = Amanita rosea Dritter, Acta Fung. 4: 22. 1903.\n\nPileus 35-80 mm broad, convex, then plane, red, with\n\
         whitish patches; margin not striate. Lamellae free, crowded, white.\n",
    );
    assert_eq!(
        found.last().map(String::as_str),
        Some(
            "Pileus 35-80 mm broad, convex, then plane, red, with / whitish patches; margin not striate. Lamellae free, crowded, white."
        )
    );
    assert_eq!(found[0].split(" / ").next(), Some("Amanita rubra (Muster) Beispiel, comb. nov."));
}

#[test]
fn descriptions_begin_without_a_blank_line_too() {
    let found = after_a_page(
        "Etymology — ruber, red, from the colour of the pileus.\n\
         Pileus 35-80 mm broad, convex, then plane, pale ochraceous, covered with flat\n\
         whitish patches; margin not striate. Lamellae free, crowded, white.\n",
    );
    assert_eq!(found.len(), 2);
    assert!(found[1].starts_with("Pileus 35-80"));
}

#[test]
fn headings_and_running_headers_are_paragraphs_of_their_own() {
    let found = after_a_page(
        "MATERIALS AND METHODS\n\nMicroscopic features were studied in water and in Melzer's reagent, as\n\
         is usual, and measured with an\n\u{c}14 Acta Fungorum 7 (2005)\n\neyepiece micrometer at a magnification of \
         a thousand, fifty spores from each of\nthe collections.\n",
    );
    assert_eq!(found[0], "MATERIALS AND METHODS");
    assert_eq!(found[2], "14 Acta Fungorum 7 (2005)");
    assert_eq!(found.len(), 4);
}

#[test]
fn words_cut_at_line_ends_hold_lines_together() {
    let found = after_a_page(
        "A key to the species of the region is given, together with notes on their eco-\n\
         logy and distribution. All of the material is kept in the herbarium of the uni-\n\nversity at Norderland.\n",
    );
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn captions_and_references_are_parted() {
    let found = after_a_page(
        "Fig. 1. Amanita rubra. a. Basidiocarps; b. spores; c. basidia. Bars: a = 2 cm,\nb-c = 10 µm.\n\n\
         Dritter, E. 1903. Die Pilze der Inseln im Norden und ihre Verbreitung auf dem\nFestland. Acta Fung. 4: 1-88.\n\
         Muster, A. 1871. Flora von Norderland. Band 2. Norderland: Selbstverlag.\n",
    );
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].ends_with("b-c = 10 µm.") && found[2].starts_with("Muster, A. 1871."));
}

#[test]
fn blank_lines_after_every_line_tell_nothing() {
    let text = "The species is close to Amanita rubra, from which it is told by the amyloid spores\n\
                and the pale pileus. It fruits late in the year, when the others are gone. In all\n\
                the collections that were seen the spores were of the same size, and no other one\n\
                was met with.\n\nPileus 35-80 mm broad, convex, then plane, pale ochraceous, covered with flat\n\
                whitish patches; margin not striate.\n\n"
        .repeat(5);
    let single: Vec<String> =
        paragraphs(&text).iter().map(|paragraph| paragraph.replace('\n', " / ")).collect();
    let spread = text.replace('\n', "\n\n");
    let double: Vec<String> =
        paragraphs(&spread).iter().map(|paragraph| paragraph.replace("\n\n", " / ")).collect();
    assert_eq!(single.len(), 10);
    assert_eq!(double, single);
}

#[test]
fn where_nothing_wraps_lines_each_is_a_paragraph() {
    let text = "Two species of Amanita are described, one of them new.\n\
                The species is close to Amanita rubra, from which it is told by the amyloid spores and the pale pileus. It \
                fruits late in the year, when the others are gone. In all the collections that were seen the spores were of \
                the same size, and no other one was met with in the dunes.\n\
                Amanita rubra Muster, sp. nov.\n\
                Pileus 35-80 mm broad, convex, then plane, pale ochraceous, covered with flat whitish patches; margin not \
                striate. Lamellae free, crowded, white. Stipe 50-90 mm long, with a small bulb and a ring that is lost early. \
                Spores 9-11 x 6-7.5 µm, ellipsoid, amyloid.\n"
        .repeat(5);
    let parted = |text: &str| {
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let found = paragraphs(text);
        (lines.iter().filter(|line| found.contains(line)).count(), lines.len())
    };
    assert_eq!(parted(&text.replace('\n', "\n    ")), (20, 20));
    // Where nothing but the line end parts them, a line as long as the longest may take the next one to it.
    for text in [text.clone(), text.replace('\n', "\n\n")] {
        let (found, lines) = parted(&text);
        assert!(found * 10 >= lines * 6, "{found} of {lines}");
    }
}

#[test]
fn each_place_is_asked_about_once() {
    // The work is one question per place between two lines, whatever the text: that is what makes it linear.
    for unit in ["a\n", "a\r\n", "\u{c}a", "1.\n\n", "(", " ", "\u{a0}\n", "Aa. ", "é\u{feff}\r"] {
        let text = unit.repeat(3000);
        let lines = line::Lines::new(&text).count();
        let (mut asked, mut found) = (0, 0);
        walk::walk(
            &text,
            |place| {
                asked += 1;
                is_cut(place)
            },
            |_| found += 1,
        );
        assert!(asked <= lines.saturating_sub(1) && found <= lines);
        assert_eq!(lines > 0, found > 0);
    }
}

#[test]
fn of_a_long_line_only_the_beginning_is_counted() {
    let mut text = "Pileus red, smooth, and so on; ".repeat(200_000);
    text.push_str("\nsecond line\n");
    let lines: Vec<line::Line> = line::Lines::new(&text).collect();
    // Longer than any length that is told apart.
    assert_eq!((lines.len(), lines[0].length), (2, u16::MAX));
    assert_eq!(lines[0].end, text.find('\n').unwrap() - 1);
    assert_eq!(segment(&"a".repeat(5_000_000)).len(), 1);
}
