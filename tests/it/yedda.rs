//! Annotations as other programs meet them: what is written is read back, nothing of a text is lost, and each mark is
//! where a program looks for it that reads lines.

use proptest::prelude::*;
use skol_classifier::document::yedda::{parse, strip, write_document};
use skol_classifier::document::{Paragraph, is_blank};
use skol_classifier::segment::segment;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// `text`, segmented and annotated: paragraph n gets label n of a few.
fn annotate(text: &str) -> String {
    let labels = ["Nomenclature", "Description", "Misc-exposition"];
    let mut out = Vec::new();
    let (paragraphs, after) = Paragraph::tile(text, &segment(text));
    write_document(&mut out, paragraphs.into_iter().zip(labels.into_iter().cycle()), after);
    String::from_utf8(out).expect("markers are put between characters")
}

/// What ends a line for a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum LineEnds {
    /// `text.split('\n')`
    Newline,
    /// A file opened as text, as most programs open it.
    Universal,
    /// `str.splitlines()`
    All,
}

impl LineEnds {
    fn split(self, text: &str) -> Vec<String> {
        let text = text.replace("\r\n", if self == Self::Newline { "\r\n" } else { "\n" });
        let ends = |c: char| match self {
            Self::Newline => c == '\n',
            Self::Universal => c == '\n' || c == '\r',
            Self::All => matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'),
        };
        text.split(ends).map(str::to_owned).collect()
    }
}

/// Reads an annotation line by line, by two rules: `[@` stands at the beginning of a line only, `#Label*]` at its end
/// only; spaces do not count, nothing else is a blank. Gives the labels, or the line that breaks a rule.
fn read_lines(annotation: &str, ends: LineEnds) -> Result<Vec<String>, String> {
    let mut labels = Vec::new();
    let mut open = false;
    for line in ends.split(annotation) {
        let mut rest = line.trim_matches(' ');
        if let Some(inner) = rest.strip_prefix("[@") {
            if open {
                return Err(format!("opened again: {line:?}"));
            }
            (open, rest) = (true, inner);
        }
        if let Some((inner, label)) = rest.strip_suffix("*]").and_then(|inner| inner.rsplit_once('#')) {
            if !open {
                return Err(format!("closed before it was opened: {line:?}"));
            }
            labels.push(label.to_owned());
            (open, rest) = (false, inner);
        }
        if rest.contains("[@") || rest.contains("*]") {
            return Err(format!("a mark within a line: {line:?}"));
        }
    }
    if open { Err("never closed".to_owned()) } else { Ok(labels) }
}

fn pages() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "\n",
        "\r\n",
        "\r",
        "\u{c}",
        "\n\n",
        "\n",
        " ",
        "\t",
        "\u{feff}",
        "\u{a0}",
        "\u{2003}",
        "\u{200b}",
        "\u{ad}",
        "\u{85}",
        "\u{b}",
        "\u{1c}",
        "\u{1f}",
        "\u{2028}",
        "\u{2029}",
        "[@",
        "[$",
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
        "-",
        "\n--- PDF Page 12 Label 4 ---\n",
        "--- PDF Page 3 ---",
        "Amanita rubra Muster, sp. nov.",
        "Pileus 3-5 cm broad, convex, red, smooth, with a margin that is striate when moist.",
        "🍄",
    ]);
    prop_oneof![prop::collection::vec(parts, 0..60).prop_map(|parts| parts.concat()), any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

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
    fn marks_begin_and_end_lines_in_any_text(text in pages()) {
        let annotation = annotate(&text);
        let labels: Vec<String> =
            parse(&annotation).blocks.iter().filter_map(|block| block.label).map(str::to_owned).collect();
        // Lines as most programs know them, as far as the text has any.
        let rare = ['\u{b}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
        let least = if text.contains(rare) {
            LineEnds::All
        } else if text.replace("\r\n", "").contains('\r') {
            LineEnds::Universal
        } else {
            LineEnds::Newline
        };
        for ends in [LineEnds::Newline, LineEnds::Universal, LineEnds::All] {
            if ends >= least {
                prop_assert_eq!(read_lines(&annotation, ends), Ok(labels.clone()), "{:?}: {:?}", ends, annotation);
            }
        }
    }

    #[test]
    fn one_odd_separator_in_a_text_of_plain_lines_hurts_no_reader(
        odd in prop::sample::select(vec!["\r", "\u{b}", "\u{c}", "\u{1c}", "\u{85}", "\u{2028}", "\u{2029}", "\t", "\u{a0}", "\u{2003}", "\u{feff}"]),
        at in 0_usize..600,
    ) {
        let mut text = "\u{feff}First paragraph of a text,\nwith two lines.\n\nANOTHER ONE\n\n\u{c}96 Acta Fung.\r\n\tThe third.\n".repeat(6);
        text.insert_str(text.floor_char_boundary(at), odd);
        let annotation = annotate(&text);
        for ends in [LineEnds::Newline, LineEnds::Universal, LineEnds::All] {
            let read = read_lines(&annotation, ends);
            prop_assert!(read.as_ref().is_ok_and(|labels| labels.len() > 10), "{:?}: {:?}", ends, read);
        }
    }

    #[test]
    fn whatever_is_read_keeps_every_line_in_a_block(text in pages()) {
        let parsed = parse(&text);
        let mut rest = parsed.text.clone();
        for block in parsed.blocks.iter().rev() {
            rest.replace_range(block.span.start..block.span.end, "");
        }
        let rest = rest.replace("--- PDF Page 12 Label 4 ---", "").replace("--- PDF Page 3 ---", "");
        prop_assert!(rest.chars().all(is_blank), "{:?}", rest);
    }
}

#[test]
fn blanks_at_the_ends_of_lines_lie_inside_the_marks() {
    let text =
        "\u{feff}TITLE\r\n\r\n\t First paragraph.\u{a0}\r\n\n\u{c}96 Acta\n\n\u{2003}The last one.\u{c}  ";
    assert_eq!(
        annotate(text),
        "[@\u{feff}TITLE\r#Nomenclature*]\n\r\n[@\t First paragraph.\u{a0}\r#Description*]\n\n\
         [@\u{c}96 Acta#Misc-exposition*]\n\n[@\u{2003}The last one.\u{c}  #Nomenclature*]"
    );
}

#[test]
fn without_a_line_end_there_is_one_paragraph() {
    for (text, count) in [
        ("First page.\u{c}Second page.\n", 1),
        ("First page.\n\u{c}Second page.\n", 2),
        ("First page.\u{c}\nSecond page.\n", 2),
        ("First page.\u{c} \u{a0}Second page.", 1),
    ] {
        assert_eq!(segment(text).len(), count, "{text:?}");
    }
}

#[test]
fn page_markers_stand_on_lines_of_their_own_outside_of_all_marks() {
    let text = "--- PDF Page 1 Label 1 ---\nAmanita rubra Muster, sp. nov.\n--- PDF Page 2 ---\r\nPileus red.\n\
                --- PDF Page 3 Label 3 ---";
    let annotation = annotate(text);
    assert_eq!(
        annotation,
        "--- PDF Page 1 Label 1 ---\n[@Amanita rubra Muster, sp. nov.#Nomenclature*]\n--- PDF Page 2 ---\r\n\
         [@Pileus red.#Description*]\n--- PDF Page 3 Label 3 ---"
    );
    let parsed = parse(&annotation);
    assert_eq!((parsed.blocks.len(), parsed.repairs.len()), (2, 0));
    // Within a block, as other programs write it: the marker is no part of the paragraph.
    let within = parse("[@--- PDF Page 1 ---\nAmanita rubra\n--- PDF Page 2 ---\nMuster#Nomenclature*]\n");
    let found: Vec<_> = within.blocks.iter().map(|block| (within.text_of(block), block.label)).collect();
    assert_eq!(found, [("Amanita rubra", Some("Nomenclature")), ("Muster", Some("Nomenclature"))]);
}

#[test]
fn recommendations_are_read_and_prices_are_not() {
    let parsed =
        parse("[$Amanita rubra#Nomenclature*]\n\n[@It costs [$5]. See [$ below.#Key*]\n[$12 are paid.\n");
    let found: Vec<_> = parsed.blocks.iter().map(|block| (parsed.text_of(block), block.label)).collect();
    assert_eq!(
        found,
        [
            ("Amanita rubra", Some("Nomenclature")),
            ("It costs [$5]. See [$ below.", Some("Key")),
            ("[$12 are paid.", None)
        ]
    );
}

/// What a line-based reader in Python makes of annotations: text-mode lines and `splitlines`, the marks looked for as
/// by a program that was written for them.
const READER: &str = r#"
import io, json, re, sys

def read(lines):
    labels = []
    for line in lines:
        value = line.strip(" \n")
        if value.startswith("[@"):
            value = value[2:]
        if "[@" in value:
            raise ValueError("label open not at start of line: %r" % line)
        match = re.search(r"(?P<line>.*)\#(?P<label>.*)\*\]$", value)
        if match:
            value, label = match.groups()
            labels.append(label)
        if re.search(r"\#.*\*\]", value):
            raise ValueError("label close not at end of line: %r" % line)
    return labels

annotations = json.load(sys.stdin)
def labels(lines):
    try:
        return read(lines)
    except ValueError as error:
        return [str(error)]

print(json.dumps([[labels(io.StringIO(a, newline=None).readlines()), labels(a.splitlines())] for a in annotations]))
"#;

#[test]
fn python_reads_the_same_labels_line_by_line() {
    let plain = "\u{feff}TITLE\n\nFirst paragraph,\nsecond line.\n\n\tThe third: 5 #3.\n\u{c}96 Acta\n\nThe last one.\n";
    let mut annotations: Vec<String> = ["\n", "\r\n", "\r", "\u{2028}", "\u{85}", "\u{b}"]
        .iter()
        .map(|end| annotate(&plain.replace('\n', end)))
        .collect();
    annotations.push(annotate(&plain.replace('\n', "\u{a0}\t \n\u{2003}")));
    annotations.push(annotate(&plain.replace("The last", "--- PDF Page 2 Label 2 ---\n[@The#Key*] [$ last")));
    let expected: Vec<Vec<String>> = annotations
        .iter()
        .map(|annotation| {
            parse(annotation).blocks.iter().filter_map(|block| Some(block.label?.to_owned())).collect()
        })
        .collect();
    let python =
        Command::new("python3").args(["-c", READER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut python) = python else {
        eprintln!("no python3 here: the reader in this file is the only witness");
        return;
    };
    let input = serde_json::to_vec(&annotations).expect("texts are JSON");
    python.stdin.take().expect("piped").write_all(&input).expect("python reads");
    let output = python.wait_with_output().expect("python ends");
    assert!(output.status.success(), "python's reader failed");
    let read: Vec<[Vec<String>; 2]> = serde_json::from_slice(&output.stdout).expect("JSON");
    for (n, ([text_mode, splitlines], expected)) in read.iter().zip(&expected).enumerate() {
        assert_eq!(splitlines, expected, "annotation {n}");
        // A file opened as text has no line ends but these.
        if n <= 2 || n >= 6 {
            assert_eq!(text_mode, expected, "annotation {n}");
        }
    }
}
