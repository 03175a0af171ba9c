//! brat standoff: annotations that lie next to the text, as `T1<tab>Label 0 12;13 20<tab>text`.
//!
//! Offsets count Unicode characters. A span over several lines is given either as one fragment a line, as brat itself
//! does, or as one contiguous span with the line ends in its text escaped, for readers that know no fragments.

use super::lines::separator;
use super::yedda::{Block, Parsed, Repair, RepairKind};
use super::{Span, is_blank};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::Write as _;

/// How a paragraph of several lines is given.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    Serialize,
    Deserialize,
    strum::VariantNames,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[non_exhaustive]
pub enum BratSpans {
    /// One fragment a line, as brat wants it.
    #[default]
    Fragments,
    /// One `start end`, for readers that know no fragments; brat itself takes only paragraphs of one line so.
    Contiguous,
}

/// Appends the annotation number `number` of `text`, which begins at character `start` of its document.
///
/// `label` must be one of [`type_names`].
pub fn write_annotation(
    out: &mut Vec<u8>,
    number: usize,
    label: &str,
    text: &str,
    start: u64,
    spans: BratSpans,
) {
    let (mut offsets, mut shown) = (String::new(), String::with_capacity(text.len()));
    match spans {
        BratSpans::Contiguous => {
            offsets = format!("{start} {}", start + text.chars().count() as u64);
            escape_separators(text, &mut shown);
        }
        BratSpans::Fragments => {
            let mut at = start;
            for line in split_lines(text) {
                let inner = line.trim_matches(is_blank);
                if !inner.is_empty() {
                    let before = line.len() - line.trim_start_matches(is_blank).len();
                    let from = at + line[..before].chars().count() as u64;
                    let parted = if shown.is_empty() { "" } else { ";" };
                    offsets.push_str(&format!("{parted}{from} {}", from + inner.chars().count() as u64));
                    shown.push_str(if shown.is_empty() { "" } else { " " });
                    shown.push_str(inner);
                }
                at += line.chars().count() as u64;
            }
        }
    }
    // Writing to a vector cannot fail.
    let _ = writeln!(out, "T{number}\t{label} {offsets}\t{shown}");
}

/// The lines of `text` with their ends, by every separator of `str.splitlines`, the form feed among them.
fn split_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let at = |at: usize| {
            separator(&rest.as_bytes()[at..])
                .map_or(usize::from(rest.as_bytes()[at] == 0x0C), |(_, length)| length)
        };
        let end = (0..rest.len()).find_map(|from| Some(from + Some(at(from)).filter(|length| *length > 0)?));
        let (line, more) = rest.split_at(end.unwrap_or(rest.len()));
        rest = more;
        (!line.is_empty()).then_some(line)
    })
}

fn escape_separators(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}'..='\u{1f}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            '\u{85}' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            other => out.push(other),
        }
    }
}

/// The names under which brat knows `labels`: letters, digits, `-` and `_`. Different labels keep different names.
#[must_use]
pub fn type_names(labels: &[String]) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let name = |label: &String| -> String {
        label.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
    };
    // A label that needs no change keeps its name, wherever it stands in the list.
    taken.extend(labels.iter().filter(|label| name(label) == **label).cloned());
    labels
        .iter()
        .map(|label| {
            let plain = name(label);
            if plain == *label {
                return plain;
            }
            let free = (1..).map(|n| if n == 1 { plain.clone() } else { format!("{plain}_{n}") });
            let name = free.into_iter().find(|name| !taken.contains(name)).unwrap_or(plain);
            taken.insert(name.clone());
            name
        })
        .collect()
}

/// What begins an `annotation.conf` that [`configuration`] wrote.
pub(crate) const CONFIGURATION_START: &str =
    "# The labels of these annotations, for brat; written by skol_classifier.\n";

/// The file `annotation.conf`, which tells brat the labels of a folder.
#[must_use]
pub(crate) fn configuration(labels: &[String]) -> String {
    let mut text = format!("{CONFIGURATION_START}[entities]\n");
    for name in type_names(labels) {
        text.push_str(&name);
        text.push('\n');
    }
    text.push_str("\n[relations]\n\n[events]\n\n[attributes]\n");
    text
}

/// True if `annotation` is standoff and not YEDDA: its first line is an annotation with offsets.
#[must_use]
pub(crate) fn is_standoff(annotation: &str) -> bool {
    annotation.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| {
        let (id, rest) = line.split_once('\t').unwrap_or_default();
        let numbered = id.len() > 1 && id[1..].bytes().all(|byte| byte.is_ascii_digit());
        id == "*" || numbered && (!id.starts_with('T') || text_bound(rest).is_some())
    })
}

/// Reads the annotations of `text`. Entities (`T1`) become blocks; relations, events, attributes and notes are passed
/// over. Text outside of all entities has no label.
#[must_use]
pub fn parse<'a>(text: &str, annotation: &'a str) -> Parsed<'a> {
    let mut starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    starts.push(text.len());
    let mut repairs = Vec::new();
    let mut entities: Vec<(Span, &'a str, usize)> = Vec::new();
    for (number, line) in annotation.lines().enumerate() {
        let line_number = number + 1;
        let Some((id, rest)) = line.split_once('\t').filter(|(id, _)| id.starts_with('T')) else { continue };
        let span = text_bound(rest).and_then(|(label, start, end)| {
            let span = Span::trimmed(text, *starts.get(start)?, *starts.get(end)?)?;
            Some((span, label, line_number))
        });
        match span {
            Some(entity) => entities.push(entity),
            None => {
                repairs.push(Repair { line: line_number, kind: RepairKind::Standoff { id: id.to_owned() } })
            }
        }
    }
    entities.sort_by_key(|(span, _, line)| (span.start, *line));
    let mut blocks: Vec<Block<'a>> = Vec::with_capacity(entities.len());
    let mut end = 0;
    let between = |from: usize, to: usize, line: usize| {
        Span::trimmed(text, from, to).map(|span| Block { span, label: None, line })
    };
    for (span, label, line) in entities {
        if span.start < end {
            repairs.push(Repair { line, kind: RepairKind::Overlap });
            continue;
        }
        blocks.extend(between(end, span.start, line));
        let label = super::labels::canonical(label).unwrap_or(label);
        blocks.push(Block { span, label: Some(label), line });
        end = span.end;
    }
    blocks.extend(between(end, text.len(), annotation.lines().count().max(1)));
    repairs.sort_by_key(|repair| repair.line);
    Parsed { text: text.to_owned(), blocks, repairs }
}

/// The label, first and last character of `Label 0 12;13 20<tab>text`.
fn text_bound(data: &str) -> Option<(&str, usize, usize)> {
    let data = data.split('\t').next()?;
    let (label, spans) = data.split_once(' ')?;
    let mut ends = spans.split(';').map(|span| {
        let (start, end) = span.trim().split_once(' ')?;
        Some((start.parse::<usize>().ok()?, end.trim().parse::<usize>().ok()?))
    });
    let (start, first_end) = ends.next()??;
    let end = ends.try_fold(first_end, |_, span| span.map(|(_, end)| end))?;
    (!label.is_empty() && start < end).then_some((label, start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str, spans: BratSpans) -> String {
        let mut out = Vec::new();
        write_annotation(&mut out, 1, "Key", text, 3, spans);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn every_separator_of_python_ends_a_fragment() {
        for end in [
            "\n", "\r\n", "\r", "\u{b}", "\u{c}", "\u{1c}", "\u{1d}", "\u{1e}", "\u{85}", "\u{2028}",
            "\u{2029}",
        ] {
            let text = format!("ab  c,{end}  dé.{end}{end}f");
            let length = end.chars().count();
            let (second, third) = (3 + 6 + length + 2, 3 + 6 + 2 + 3 + 3 * length);
            assert_eq!(
                written(&text, BratSpans::Fragments),
                format!("T1\tKey 3 9;{second} {};{third} {}\tab  c, dé. f\n", second + 3, third + 1),
                "{end:?}"
            );
            let contiguous = written(&text, BratSpans::Contiguous);
            assert!(
                contiguous.starts_with(&format!("T1\tKey 3 {}\tab  c,\\", 3 + text.chars().count())),
                "{contiguous}"
            );
            assert_eq!(
                contiguous
                    .trim_end()
                    .chars()
                    .filter(|c| separator(c.encode_utf8(&mut [0; 4]).as_bytes()).is_some())
                    .count(),
                0
            );
        }
    }

    #[test]
    fn labels_are_names_that_brat_reads_and_stay_apart() {
        let labels =
            ["Type collection", "Type_collection", "Key", "Größe", "Type/collection"].map(str::to_owned);
        assert_eq!(
            type_names(&labels),
            ["Type_collection_2", "Type_collection", "Key", "Gr__e", "Type_collection_3"]
        );
        let configuration = configuration(&labels[..3]);
        assert!(
            configuration.contains("[entities]\nType_collection_2\nType_collection\nKey\n\n[relations]\n")
        );
    }

    #[test]
    fn standoff_and_yedda_are_told_apart() {
        assert!(
            is_standoff("T1\tKey 0 3\tabc\n") && is_standoff("\nT12\tKey 0 3;4 5\tabc d\n#1\tNotes T1\tx\n")
        );
        assert!(is_standoff("*\tEquiv T1 T2\n") && is_standoff("R1\tX Arg1:T1 Arg2:T2\n"));
        assert!(!is_standoff("[@abc#Key*]\n") && !is_standoff("") && !is_standoff("T1\tKey is a word\n"));
    }

    #[test]
    fn what_cannot_be_read_is_named_and_nothing_is_lost() {
        let text = "Ämanita rubra\nMuster\n\nPileus red.\nTail";
        let parsed = parse(
            text,
            "T1\tnomenclature 0 13;14 20\tx\nT2\tDescription 22 33\tPileus red.\nT3\tKey 900 901\tx\nT4\tKey 5 8\tx\n#1\tNote T1\ty\n",
        );
        let found: Vec<_> = parsed.blocks.iter().map(|block| (parsed.text_of(block), block.label)).collect();
        assert_eq!(
            found,
            [
                ("Ämanita rubra\nMuster", Some("Nomenclature")),
                ("Pileus red.", Some("Description")),
                ("Tail", None)
            ]
        );
        let repairs: Vec<String> = parsed.repairs.iter().map(ToString::to_string).collect();
        assert_eq!(repairs.len(), 2);
        assert!(repairs[0].starts_with("line 3: ") && repairs[0].contains("T3"), "{repairs:?}");
        assert!(repairs[1].starts_with("line 4: "), "{repairs:?}");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(texts in prop::collection::vec("[a-zé🍄,.\\-\n\r\u{b}\u{2028}\u{c} ]{1,30}", 0..6), contiguous in any::<bool>()) {
            let spans = if contiguous { BratSpans::Contiguous } else { BratSpans::Fragments };
            let (mut document, mut out, mut expected) = (String::from("-\n"), Vec::new(), Vec::new());
            for (number, text) in texts.iter().enumerate() {
                let text = text.trim_matches(is_blank);
                if !text.is_empty() {
                    write_annotation(&mut out, number + 1, "Key", text, document.chars().count() as u64, spans);
                    expected.push(text.to_owned());
                    document.push_str(text);
                    document.push_str("\n\n");
                }
            }
            let annotation = String::from_utf8(out).expect("UTF-8");
            let parsed = parse(&document, &annotation);
            let labelled = parsed.blocks.iter().filter(|block| block.label == Some("Key"));
            let found: Vec<String> = labelled.map(|block| parsed.text_of(block).to_owned()).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(&parsed.repairs, &[]);
        }

        #[test]
        fn any_annotation_is_read(text in any::<String>(), annotation in "(T[0-9]\t[A-Z]{0,2} [0-9]{0,2} [0-9]{0,2};?[0-9 ]{0,4}\t?.{0,3}\n){0,5}") {
            let parsed = parse(&text, &annotation);
            let mut end = 0;
            for block in &parsed.blocks {
                prop_assert!(block.span.start >= end && block.span.end > block.span.start);
                prop_assert!(parsed.text[end..block.span.start].chars().all(is_blank));
                end = block.span.end;
            }
            prop_assert!(parsed.text[end..].chars().all(is_blank));
        }
    }
}
