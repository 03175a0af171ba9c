//! Every form gives back what was put into it.

use std::collections::BTreeSet;
use std::fs;

use super::*;
use crate::document::{Correction, Corrections, DocumentCorrections, text_digest};

const TEXT: &str = "\u{feff}Ämanita rubra\nNovak [@ x #y*] z\n\nPileus \0 red,\r\n convex.\n\u{c}\nunlabelled\n\nHolotype: 1.\n";

/// A document with a paragraph for each part, the label of the first letter.
fn document() -> AnnotatedText {
    let parts = [
        ("Ämanita rubra\nNovak [@ x #y*] z", Some("Nomenclature")),
        ("Pileus \0 red,\r\n convex.", Some("Description")),
        ("unlabelled", None),
        ("Holotype: 1.", Some("Misc-exposition")),
    ];
    let paragraphs = parts
        .map(|(part, label)| {
            let start = TEXT.find(part).unwrap();
            LabelledSpan {
                span: Span { start, end: start + part.len() },
                label: label.map(str::to_owned),
                probabilities: Vec::new(),
            }
        })
        .to_vec();
    AnnotatedText {
        name: "vol/a.txt".to_owned(),
        doc_id: "an id".to_owned(),
        text: TEXT.to_owned(),
        labels: Vec::new(),
        paragraphs,
    }
}

fn labelled(document: &AnnotatedText) -> Vec<(&str, Option<&str>)> {
    let paragraphs = document.paragraphs.iter();
    paragraphs.map(|paragraph| (paragraph.span.of(&document.text), paragraph.label.as_deref())).collect()
}

fn written(to: Target) -> (tempfile::TempDir, Read) {
    let folder = tempfile::tempdir().unwrap();
    write(&document(), to, folder.path(), &BTreeSet::new()).unwrap();
    let read = read(&[folder.path().to_owned()]);
    assert!(read.failures.is_empty(), "{:?}", read.failures);
    (folder, read)
}

#[test]
fn text_and_labels_come_back_from_whole_forms() {
    for to in [Target::Yedda, Target::Brat, Target::Html] {
        let (_folder, read) = written(to);
        let [found] = read.documents.as_slice() else { panic!("{to:?}: {:?}", read.documents) };
        assert_eq!(found.text, TEXT, "{to:?}");
        assert_eq!(found.name, "vol/a.txt", "{to:?}");
        assert_eq!(labelled(found), labelled(&document()), "{to:?}");
    }
}

#[test]
fn a_text_without_paragraphs_is_read_from_brat() {
    let folder = tempfile::tempdir().unwrap();
    let blank = AnnotatedText { text: " \n".to_owned(), paragraphs: Vec::new(), ..document() };
    write(&blank, Target::Brat, folder.path(), &BTreeSet::new()).unwrap();
    let read = read(&[folder.path().to_owned()]);
    assert!(read.failures.is_empty() && read.findings.is_empty(), "{:?} {:?}", read.failures, read.findings);
    let [found] = read.documents.as_slice() else { panic!("{:?}", read.documents) };
    assert_eq!((found.name.as_str(), found.text.as_str()), ("vol/a.txt", " \n"));
}

#[test]
fn odd_lines_of_brat_are_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "Amanita rubra\n\nPileus red.\n").unwrap();
    let annotation =
        "T1\tNomenclature 0 13\tAmanita rubra\nT2\tDescription 15 99\tPileus red.\nT3\tKey 4 9\tita r\n";
    fs::write(folder.path().join("a.ann"), annotation).unwrap();
    let read = read(&[folder.path().join("a.ann")]);
    let lines: Vec<usize> = read.findings.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [2, 3], "outside of the text, and an overlap: {:?}", read.findings);
    assert_eq!(read.documents[0].text, "Amanita rubra\n\nPileus red.\n");
}

#[test]
fn labelled_paragraphs_come_back_from_rows() {
    for to in [Target::Jsonl, Target::Parquet] {
        let (_folder, read) = written(to);
        let [found] = read.documents.as_slice() else { panic!("{to:?}: {:?}", read.documents) };
        let document = document();
        let wanted: Vec<_> = labelled(&document).into_iter().filter(|(_, label)| label.is_some()).collect();
        assert_eq!(labelled(found), wanted, "{to:?}");
        assert_eq!(found.doc_id, "an id", "{to:?}");
        assert_eq!(found.labels, ["Nomenclature", "Description", "Misc-exposition"], "{to:?}");
        assert_eq!(found.paragraphs[1].probabilities, [0.0, 1.0, 0.0], "{to:?}");
    }
}

#[test]
fn text_is_the_document_to_the_letter_and_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let files = write(&document(), Target::Text, folder.path(), &BTreeSet::new()).unwrap();
    assert_eq!(files, [folder.path().join("vol/a.txt")]);
    assert_eq!(fs::read_to_string(&files[0]).unwrap(), TEXT);
    let written = fs::metadata(&files[0]).unwrap().modified().unwrap();
    write(&document(), Target::Text, folder.path(), &BTreeSet::new()).unwrap();
    assert_eq!(fs::metadata(&files[0]).unwrap().modified().unwrap(), written);
    let outside = AnnotatedText { name: "../a.txt".to_owned(), ..document() };
    assert!(matches!(
        write(&outside, Target::Text, folder.path(), &BTreeSet::new()),
        Err(ConvertError::Outside(_))
    ));
}

#[test]
fn corrections_find_their_document_by_its_text() {
    let (folder, _) = written(Target::Yedda);
    let points = |part: &str| {
        let at = TEXT.find(part).unwrap();
        let start = TEXT[..at].chars().count();
        (start, start + part.chars().count())
    };
    let correction = |part: &str, label: &str| {
        let (start, end) = points(part);
        Correction { start, end, label: label.to_owned(), was: None }
    };
    let corrections = |sha256: String| Corrections {
        format: crate::document::CORRECTIONS_FORMAT.to_owned(),
        documents: vec![DocumentCorrections {
            doc_id: String::new(),
            name: "another name".to_owned(),
            sha256,
            length: TEXT.chars().count(),
            paragraphs: vec![correction("Novak [@ x #y*] z", "Author"), correction("unlabelled", "Key")],
        }],
    };
    let file = folder.path().join("x.corrections.json");
    fs::write(&file, serde_json::to_vec(&corrections(text_digest(TEXT))).unwrap()).unwrap();
    let found = read(&[folder.path().to_owned()]);
    assert!(found.failures.is_empty(), "{:?}", found.failures);
    let found = labelled(&found.documents[0]);
    assert_eq!(found[..2], [("Ämanita rubra", Some("Nomenclature")), ("Novak [@ x #y*] z", Some("Author"))]);
    assert_eq!(found[3], ("unlabelled", Some("Key")));

    fs::write(&file, serde_json::to_vec(&corrections(text_digest("x"))).unwrap()).unwrap();
    let failures = read(&[folder.path().to_owned()]).failures;
    assert!(matches!(&failures[..], [(path, ConvertError::NoDocument(_))] if *path == file), "{failures:?}");
}

#[test]
fn what_is_odd_is_named_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let yedda =
        file("a.txt.ann", "[@Amanita#Nomenclature*]\n\n[@Pileus red.\n\n[@x#Speling*]\n[@y#page_header*]\n");
    let row = r#"{"doc_id":"d","attachment_name":"n","start":0,"end":3,"label":"Key","text":"abc"}"#;
    let overlap = row.replace(r#""start":0,"end":3"#, r#""start":2,"end":5"#);
    let jsonl = file("b.jsonl", &format!("{row}\n{overlap}\n"));
    let found = read(&[folder.path().to_owned()]);
    let named: Vec<(&std::path::Path, usize)> =
        found.findings.iter().map(|finding| (finding.path.as_path(), finding.line)).collect();
    assert_eq!(named, [(&*yedda, 3), (&*yedda, 5), (&*yedda, 6), (&*jsonl, 2)], "{:?}", found.findings);
    assert!(found.findings[0].to_string().starts_with(&format!("{}:3: ", yedda.display())));
    assert!(found.findings[3].what.contains("overlaps"));
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_goes_on() {
    let (folder, _) = written(Target::Yedda);
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
    write("b.jsonl", b"{");
    write("c.parquet", b"PAR1");
    write("d.txt.ann", b"\xff\xfe");
    write("e.corrections.json", b"[]");
    write("f.html", b"<p>not ours</p>");
    write("readme.md", b"passed over");
    let found = read(&[folder.path().to_owned(), folder.path().join("missing")]);
    assert_eq!(found.documents.len(), 1);
    assert_eq!(found.failures.len(), 5, "{:?}", found.failures);
    assert!(
        read(&[folder.path().join("readme.md")])
            .failures
            .iter()
            .any(|(_, e)| matches!(e, ConvertError::Form))
    );
}

#[test]
fn an_annotation_counts_before_the_page_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    for to in [Target::Html, Target::Yedda, Target::Jsonl] {
        write(&document(), to, folder.path(), &BTreeSet::new()).unwrap();
    }
    // A person edits the annotation by hand; the page does not know.
    let annotation = folder.path().join("vol/a.txt.ann");
    let edited = fs::read_to_string(&annotation).unwrap().replace("#Description*]", "#Key*]");
    fs::write(&annotation, &edited).unwrap();
    let read = read(&[folder.path().to_owned()]);
    assert!(read.failures.is_empty(), "{:?}", read.failures);
    assert_eq!((read.documents.len(), read.repeated), (1, 2));
    assert!(
        labelled(&read.documents[0]).iter().any(|(_, label)| *label == Some("Key")),
        "{:?}",
        read.documents
    );
    write(&read.documents[0], Target::Yedda, folder.path(), &read.files).unwrap();
    assert_eq!(fs::read_to_string(&annotation).unwrap(), edited);
}

#[test]
fn what_was_not_read_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let kept = |name: &str, to: Target| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "somebody's work").unwrap();
        let outcome = write(&document(), to, folder.path(), &BTreeSet::new());
        assert!(matches!(&outcome, Err(ConvertError::Exists(there)) if *there == path), "{outcome:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "somebody's work");
        fs::remove_file(path).unwrap();
    };
    kept("vol/a.txt", Target::Text);
    kept("vol/a.txt.ann", Target::Yedda);
    kept("vol/a.txt", Target::Brat);
    assert!(!folder.path().join("vol/a.ann").exists(), "nothing of a document that is kept is written");
    kept("vol/a.txt.jsonl", Target::Jsonl);
    kept("vol/a.txt.html", Target::Html);
    // What was read may be replaced by what it became.
    write(&document(), Target::Yedda, folder.path(), &BTreeSet::new()).unwrap();
    let mut read = read(&[folder.path().to_owned()]);
    read.documents[0].paragraphs[0].label = Some("Key".to_owned());
    write(&read.documents[0], Target::Yedda, folder.path(), &read.files).unwrap();
    // The text of a PDF does not take the place of the PDF.
    let pdf = AnnotatedText { name: "a.PDF".to_owned(), ..document() };
    let files = write(&pdf, Target::Text, folder.path(), &BTreeSet::new()).unwrap();
    assert_eq!(files, [folder.path().join("a.PDF.txt")]);
}

#[test]
fn two_documents_of_one_name_are_not_taken_for_one() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(one.path().join("a.txt.ann"), "[@One.#Key*]\n").unwrap();
    fs::write(two.path().join("a.txt.ann"), "[@Two.#Key*]\n").unwrap();
    let read = read(&[one.path().to_owned(), two.path().to_owned()]);
    assert_eq!(read.documents.len(), 1);
    let [(path, error)] = read.failures.as_slice() else { panic!("{:?}", read.failures) };
    assert_eq!(path, &two.path().join("a.txt.ann"));
    assert!(matches!(error, ConvertError::SameName { name, .. } if name == "a.txt"), "{error}");
}
