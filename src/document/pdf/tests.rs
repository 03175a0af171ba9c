//! Pages as they are laid out, and PDFs that must harm nobody.

use super::segments::Segment;
use super::{Deadline, PdfError, is_read_here, on_own_thread, order, text, text_within};
use std::time::{Duration, Instant};

const SAMPLE: &[u8] = include_bytes!("../../../tests/data/pdf/one_column.pdf");

/// Lines of a column that begins at `left`, so many points wide, from `top` on; ten points high, twelve apart.
fn column(name: &str, left: f64, width: f64, top: f64, lines: usize) -> Vec<Segment> {
    (0..lines)
        .map(|line| Segment {
            text: format!("{name}{line}"),
            left,
            right: left + width,
            y: top + 12.0 * line as f64,
            size: 10.0,
        })
        .collect()
}

fn written(mut segments: Vec<Segment>) -> String {
    segments.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.left.total_cmp(&b.left)));
    let mut out = String::new();
    text::write(&order::in_order(segments), &mut out);
    out
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn two_columns_are_read_one_after_the_other_below_what_lies_across() {
    let page = [
        column("title", 60.0, 400.0, 50.0, 1),
        column("a", 50.0, 200.0, 80.0, 6),
        // Its lines stand a little lower.
        column("b", 270.0, 200.0, 83.0, 6),
        column("figure", 50.0, 420.0, 170.0, 1),
        column("c", 50.0, 200.0, 200.0, 5),
        column("d", 270.0, 200.0, 200.0, 4),
        column("7", 250.0, 8.0, 700.0, 1),
    ];
    let text = written(page.concat());
    let wanted = "title0 a0 a1 a2 a3 a4 a5 b0 b1 b2 b3 b4 b5 figure0 c0 c1 c2 c3 c4 d0 d1 d2 d3 70";
    assert_eq!(words(&text).join(" "), wanted);
    assert!(text.contains("a5\nb0\n"), "a paragraph may go on in the next column: {text}");
    assert!(text.contains("\n\nfigure0\n\n"), "{text}");
}

#[test]
fn three_columns_are_read_from_left_to_right() {
    let columns = ["a", "b", "c"].iter().enumerate();
    let page = columns.flat_map(|(place, name)| column(name, 50.0 + 170.0 * place as f64, 150.0, 80.0, 5));
    assert_eq!(words(&written(page.collect())).join(" "), "a0 a1 a2 a3 a4 b0 b1 b2 b3 b4 c0 c1 c2 c3 c4");
}

#[test]
fn tables_and_keys_are_read_line_by_line() {
    let table = [column("name", 50.0, 90.0, 80.0, 5), column("size", 220.0, 40.0, 80.0, 5)].concat();
    assert!(written(table).starts_with("name0   size0\nname1   size1\n"));
    let key = [column("couplet", 50.0, 300.0, 80.0, 6), column("to", 420.0, 12.0, 80.0, 6)].concat();
    assert!(written(key).starts_with("couplet0   to0\ncouplet1   to1\n"));
}

#[test]
fn room_above_a_line_is_a_blank_line_and_an_indent_stays() {
    let mut page = column("a", 50.0, 300.0, 80.0, 4);
    page.extend(column("b", 50.0, 300.0, 136.0, 3));
    page.extend(column("c", 65.0, 285.0, 172.0, 1));
    page.extend(column("d", 50.0, 300.0, 184.0, 3));
    assert_eq!(written(page), "a0\na1\na2\na3\n\nb0\nb1\nb2\n   c0\nd0\nd1\nd2\n");
}

#[test]
fn what_takes_too_long_is_given_up() {
    let error = text_within(SAMPLE.to_vec(), Duration::ZERO).expect_err("no time at all");
    assert_eq!(error, PdfError::TooSlow { seconds: 0 });
    assert!(text_within(SAMPLE.to_vec(), Duration::from_secs(600)).is_ok());
}

#[test]
fn what_fails_or_hangs_on_its_own_thread_harms_nobody() {
    let deadline = |most| Deadline { end: Instant::now() + most, most };
    let soon = Duration::from_millis(10);
    let error = on_own_thread(deadline(soon), || std::panic::resume_unwind(Box::new("damaged")));
    assert_eq!(error, Err(PdfError::Damaged));
    // It asks nobody for the time.
    let error = on_own_thread(deadline(soon), || {
        std::thread::sleep(Duration::from_secs(20));
        Ok(String::new())
    });
    assert_eq!(error, Err(PdfError::TooSlow { seconds: 0 }));
    let asked = on_own_thread(deadline(soon), || Ok(is_read_here().to_string()));
    assert_eq!((asked.as_deref(), is_read_here()), (Ok("true"), false));
}

#[test]
fn no_layout_divides_without_end() {
    for (left, y, size) in [(0.0, f64::MAX, 1.0), (-1e300, 1e300, 1e-3), (0.0, 0.0, 1e6)] {
        let line = |place: usize| Segment {
            text: place.to_string(),
            left: left + place as f64,
            right: left + 1e3,
            y: y / (place + 1) as f64,
            size,
        };
        assert_eq!(words(&written((0..50).map(line).collect())).len(), 50);
    }
}

/// A page with `codes` in a font of pictures whose names say nothing, as TeX made them.
fn pictured(codes: &[u8]) -> Vec<u8> {
    let each = |format: fn(usize) -> String| (0..256).map(format).collect::<String>();
    let hex: String = codes.iter().map(|code| format!("{code:02x}")).collect();
    let drawing = format!("BT /F 10 Tf 50 700 Td <{hex}> Tj ET");
    format!(
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
         3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj\n\
         4 0 obj<</Length {}>>stream\n{drawing}\nendstream endobj\n\
         5 0 obj<</Type/Font/Subtype/Type3/FontBBox[0 0 500 700]/FontMatrix[.001 0 0 .001 0 0]/FirstChar 0/LastChar 255\
         /Widths[{}]/Encoding<</Type/Encoding/Differences[0 {}]>>/CharProcs<<{}>>/Resources<<>>>>endobj\n\
         6 0 obj<</Length 38>>stream\n500 0 0 0 500 700 d1 0 0 500 700 re f \nendstream endobj\ntrailer<</Root 1 0 R>>\n",
        drawing.len(),
        each(|_| "500 ".to_owned()),
        each(|code| format!("/g{code}")),
        each(|code| format!("/g{code} 6 0 R")),
    )
    .into_bytes()
}

#[test]
fn letters_that_are_pictures_are_taken_by_their_codes_where_they_look_like_latin_text() {
    let read = |codes: &[u8]| text_within(pictured(codes), Duration::from_secs(60));
    assert_eq!(read(b"Boletus edulis Bull., \x0cne").as_deref(), Ok("Boletus edulis Bull., fine\n\u{c}"));
    let cyrillic = b"\xcc\xe8\xed\xe8\xf1\xf2\xe5\xf0\xf1\xf2\xe2\xee, 12";
    assert!(matches!(read(cyrillic), Err(PdfError::NoMeaning { .. })));
}
