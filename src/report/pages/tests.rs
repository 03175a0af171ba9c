//! What pages promise: the text exactly, and nothing in it that runs.

use proptest::prelude::*;

use super::index::index_page;
use super::*;
use crate::document::{Span, text_digest};

/// A document cut at `cuts`, with labels in turn.
fn cut<'a>(
    text: &'a str,
    cuts: &[usize],
    labels: &'a [String],
    probabilities: &'a [f32],
) -> LabelledText<'a> {
    let mut bounds: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    bounds.retain(|bound| text.is_char_boundary(*bound));
    bounds.extend([0, text.len()]);
    bounds.sort_unstable();
    bounds.dedup();
    let spans = bounds.windows(2).filter_map(|pair| Span::trimmed(text, pair[0], pair[1]));
    let (mut paragraphs, mut end) = (Vec::new(), 0);
    for (number, span) in spans.enumerate() {
        let label = (number % 4 < labels.len()).then_some(number % 4);
        paragraphs.push(PageParagraph {
            before: &text[end..span.start],
            text: span.of(text),
            label,
            probabilities,
        });
        end = span.end;
    }
    LabelledText { name: text, doc_id: "an id", labels, paragraphs, after: &text[end..] }
}

fn labels() -> Vec<String> {
    ["Nomenclature", "Description", "Misc-exposition"].map(str::to_owned).to_vec()
}

proptest! {
    #[test]
    fn a_page_gives_its_document_back(
        text in "(?s)([ab ]|[\u{0}-\u{9f}]|<span>|</p>|</script>|&amp;|&#39;|\"|\r\n|\n\n|.){0,40}",
        cuts in proptest::collection::vec(0_usize..60, 0..4),
    ) {
        let labels = labels();
        let document = cut(&text, &cuts, &labels, &[0.5, 0.3, 0.2]);
        let page = document_page(&document);
        let back = PageDocument::read(&page).unwrap();
        prop_assert_eq!(&back.text, &text);
        prop_assert_eq!(&back.summary.name, &text);
        let wanted: Vec<(&str, Option<&str>)> = document
            .paragraphs
            .iter()
            .map(|paragraph| (paragraph.text, paragraph.label.map(|label| labels[label].as_str())))
            .collect();
        let found: Vec<(&str, Option<&str>)> =
            back.paragraphs.iter().map(|(span, label)| (span.of(&text), label.as_deref())).collect();
        prop_assert_eq!(found, wanted);
        prop_assert_eq!(&back.summary.sha256, &text_digest(&text));
    }

    #[test]
    fn nothing_in_a_text_becomes_markup(text in "(?s)(<script>|</script>|<!--|-->|]]>|<img src=x onerror=y>|'\"|.){0,12}") {
        let labels = labels();
        let document = cut(&text, &[], &labels, &[]);
        let page = document_page(&document);
        let summary = Summary::of(&document);
        let index = index_page(&[(text.clone(), summary)]);
        for page in [page, index] {
            // Ours: three or one of data, one that runs.
            prop_assert!(page.matches("<script").count() <= 4);
            prop_assert_eq!(page.matches("<script").count(), page.matches("</script").count());
            prop_assert!(!page.contains("<img") && !page.contains("<!--"));
            prop_assert!(page.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
        }
    }
}

#[test]
fn doubtful_paragraphs_are_counted_and_named_worst_first() {
    let labels = labels();
    let text = "Amanita rubra\n\nPileus red\n\nHolotype";
    let mut document = cut(text, &[14, 26], &labels, &[]);
    document.paragraphs[0].probabilities = &[0.7, 0.2, 0.1];
    document.paragraphs[1].probabilities = &[0.1, 0.9, 0.0];
    document.paragraphs[2].probabilities = &[0.3, 0.3, 0.4];
    let summary = Summary::of(&document);
    assert_eq!((summary.paragraphs, summary.doubtful), (3, 2));
    let named: Vec<(usize, usize)> =
        summary.most_doubtful.iter().map(|doubtful| (doubtful.paragraph, doubtful.line)).collect();
    assert_eq!(named, [(3, 5), (1, 1)]);
    assert_eq!(summary.names, ["Amanita rubra"]);
    let page = document_page(&document);
    assert_eq!(page.matches(" %?").count(), 2, "marks of low probability");
}

#[test]
fn a_page_that_was_changed_is_refused() {
    let labels = labels();
    let page = document_page(&cut("Amanita rubra\n\nPileus red", &[14], &labels, &[]));
    assert!(matches!(PageDocument::read("<html>"), Err(PageReadError::OtherPage)));
    let changed = page.replace("Pileus red", "Pileus blue");
    assert!(matches!(PageDocument::read(&changed), Err(PageReadError::Changed { .. })));
    let cut_short = &page[..page.find("</main>").unwrap()];
    assert!(PageDocument::read(cut_short).is_err());
}

#[test]
fn an_index_lists_the_pages_of_a_folder_and_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let labels = labels();
    assert!(write_index(folder.path()).unwrap().is_none(), "no page, no index");
    for name in ["b.txt", "sub/a b#.txt"] {
        let mut document = cut("Amanita rubra\n\nPileus red", &[14], &labels, &[0.5, 0.3, 0.2]);
        document.name = name;
        let path = folder.path().join(format!("{name}.html"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, document_page(&document)).unwrap();
    }
    std::fs::write(folder.path().join("other.html"), "<p>another page</p>").unwrap();
    let (path, summaries) = write_index(folder.path()).unwrap().unwrap();
    let index = std::fs::read_to_string(&path).unwrap();
    assert_eq!(summaries.len(), 2);
    assert!(index.contains("href=\"./b.txt.html\"") && index.contains("href=\"./sub/a%20b%23.txt.html#p1\""));
    assert!(!index.contains("other.html"));
    let written = std::fs::metadata(&path).unwrap().modified().unwrap();
    write_index(folder.path()).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), written);
}
