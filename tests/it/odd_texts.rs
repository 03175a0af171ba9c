//! Texts as they come: the same paragraphs get the same labels, whatever characters, line ends and page breaks they are
//! written with. The plain texts are the shipped samples.

use std::path::Path;
use std::sync::Arc;

use skol_classifier::document::yedda;
use skol_classifier::document::{Paragraph, TextEncoding};
use skol_classifier::model::{Model, catalog};
use skol_classifier::segment::segment;

/// What a text shows, without what nobody sees, and the label of each paragraph.
fn labelled(model: &Arc<Model>, text: &str) -> Vec<(String, u16)> {
    let (paragraphs, _) = Paragraph::tile(text, &segment(text));
    let labels = model.scorer().score(&paragraphs).labels.to_vec();
    paragraphs.iter().map(|paragraph| plain(paragraph.text)).zip(labels).collect()
}

/// Letters only, so that the copies can be compared.
fn plain(text: &str) -> String {
    let narrow = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        other => other,
    };
    text.chars().map(narrow).filter(char::is_ascii_alphanumeric).collect()
}

fn samples() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/documents");
    let mut found: Vec<_> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap()))
        .collect();
    found.sort();
    // The long volume is like the others, and takes long in a debug build.
    found.retain(|(_, text)| text.len() < 100_000);
    assert!(found.len() > 8);
    found
}

fn model() -> Arc<Model> {
    Arc::new(Model::load(catalog::default_name()).unwrap())
}

#[test]
fn line_ends_change_no_label() {
    let model = model();
    for (name, text) in samples() {
        let text = text.replace("\r\n", "\n");
        let plain = labelled(&model, &text);
        for end in ["\r\n", "\r", "\u{b}", "\u{85}", "\u{2028}", "\u{2029}", "\u{1c}", "\u{1d}", "\u{1e}"] {
            assert_eq!(labelled(&model, &text.replace('\n', end)), plain, "{name} with {end:?}");
        }
    }
}

#[test]
fn marks_that_nobody_sees_change_no_label() {
    let model = model();
    for (name, text) in samples() {
        let text = text.replace("\r\n", "\n");
        let plain = labelled(&model, &text);
        for mark in ["\u{ad}", "\u{200b}", "\u{200d}", "\u{2060}", "\u{feff}"] {
            // Within every third word: between two of its letters.
            let (mut marked, mut words, mut before) = (String::new(), 0, ' ');
            for c in text.chars() {
                words += usize::from(!before.is_alphabetic() && c.is_alphabetic());
                if words % 3 == 0 && before.is_ascii_lowercase() && c.is_ascii_lowercase() {
                    marked.push_str(mark);
                }
                marked.push(c);
                before = c;
            }
            assert_ne!(marked, text);
            assert_eq!(labelled(&model, &marked), plain, "{name} with {mark:?}");
        }
    }
}

#[test]
fn compatibility_forms_count_as_what_they_show() {
    let model = model();
    let full_width = |c: char| match c {
        '!'..='~' => char::from_u32(c as u32 + 0xfee0).unwrap_or(c),
        ' ' => '\u{3000}',
        other => other,
    };
    for (name, text) in samples() {
        let text = text.replace("\r\n", "\n");
        let plain = labelled(&model, &text);
        let wide: String = text.chars().map(full_width).collect();
        assert_eq!(labelled(&model, &wide), plain, "{name} in full width");
        let spaced = text.replace(' ', "\u{a0}");
        assert_eq!(labelled(&model, &spaced), plain, "{name} with no-break spaces");
    }
}

#[test]
fn a_page_marker_counts_as_a_form_feed() {
    let model = model();
    for (name, text) in samples() {
        let text = text.replace("\r\n", "\n");
        // A page break on a line of its own at every fifth blank line.
        let mut blanks = 0;
        let paged: Vec<&str> = text
            .split('\n')
            .map(|line| {
                blanks += usize::from(line.is_empty());
                if line.is_empty() && blanks % 5 == 1 { "\u{c}" } else { line }
            })
            .collect();
        let paged = paged.join("\n");
        for marker in ["--- PDF Page 12 Label 4 ---", "--- PDF Page 7 ---"] {
            let marked: String = paged
                .split('\n')
                .map(|line| if line == "\u{c}" { marker } else { line })
                .collect::<Vec<_>>()
                .join("\n");
            assert_eq!(labelled(&model, &marked), labelled(&model, &paged), "{name} with {marker}");
        }
    }
}

#[test]
fn encodings_change_no_label() {
    let text =
        "Der Hut ist 3–5 cm breit, rötlich, später gelblich; Geruch süß.\n\nFundort: Österreich, Kärnten.\n";
    let (bytes, _, lost) = encoding_rs::WINDOWS_1252.encode(text);
    assert!(!lost);
    for name in ["windows-1252", "auto"] {
        let encoding: TextEncoding = name.parse().unwrap();
        assert_eq!(encoding.decode(bytes.to_vec()).unwrap(), text);
    }
    let utf16: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(TextEncoding::default().decode(utf16).unwrap(), text);
}

#[test]
fn text_that_is_an_annotation_is_carried_or_stripped() {
    use skol_classifier::document::{SourceMarks, TextParams};
    let annotation = "[@Amanita rubra Muster, sp. nov.#Nomenclature*]\n\n[$Pileus red.#Description*]\n";
    let read = |source_marks| {
        TextParams { source_marks, ..TextParams::default() }.read(annotation.as_bytes().to_vec()).unwrap()
    };
    assert_eq!(read(SourceMarks::Strip), "Amanita rubra Muster, sp. nov.\n\nPileus red.\n");
    let text = read(SourceMarks::Escape);
    let mut out = Vec::new();
    let (paragraphs, after) = Paragraph::tile(&text, &segment(&text));
    yedda::write_document(&mut out, paragraphs.into_iter().map(|paragraph| (paragraph, "Key")), after);
    let written = String::from_utf8(out).unwrap();
    assert_eq!(yedda::strip(&written), annotation);
    assert!(written.contains("[\\@Amanita") && written.contains("[\\$Pileus"), "{written}");
}
