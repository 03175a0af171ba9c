//! PDFs as people have them: made by a browser, by groff, by a program that recognises text, locked, without any text. They
//! are in `tests/data/pdf`; `scripts/make_sample_pdfs.py` made them of texts whose words and labels are known.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use skol_classifier::document::{DecodeError, PdfError, TextEncoding, yedda};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn read(name: &str) -> Result<String, DecodeError> {
    TextEncoding::default().decode(fs::read(data("pdf").join(name)).unwrap())
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The words of gold texts.
fn gold(names: &[&str]) -> Vec<String> {
    let text = |name: &&str| yedda::strip(&fs::read_to_string(data("genre").join(name)).unwrap());
    words(&names.iter().map(text).collect::<Vec<_>>().join("\n"))
}

const SPECIES: [&str; 2] = ["development/new_species.ann", "judging/new_species.ann"];

#[test]
fn words_come_in_reading_order_from_one_column_and_from_two() {
    // A line may end after a dash, where the text has no blank.
    let letters = |text: &str| text.split_whitespace().collect::<String>();
    let gold = letters(&gold(&SPECIES).join(" "));
    assert_eq!(letters(&read("one_column.pdf").unwrap()), gold);
    assert_eq!(letters(&read("two_columns.pdf").unwrap()), format!("NOTESONFUNGIOFTHETARNVALLEY{gold}"));
}

#[test]
fn fonts_that_are_not_in_the_file_are_known_and_hyphens_stay() {
    let text = read("groff.pdf").unwrap();
    let joined = text.replace("-\n", "").replace('’', "'");
    let gold = gold(&["development/monograph.ann"]).join(" ").replace("- ", "");
    assert_eq!(words(&joined).join(" ").replace('-', ""), gold.replace('-', ""));
    assert_eq!(read("restricted.pdf").unwrap(), text, "whoever may open it may read it");
}

#[test]
fn recognised_text_below_a_picture_is_read() {
    let found = words(&read("recognised.pdf").unwrap());
    let gold = gold(&SPECIES);
    let same = gold.iter().filter(|word| found.contains(word)).count();
    assert!(same * 100 > gold.len() * 85, "{same} of {} words", gold.len());
}

#[test]
fn paragraphs_and_pages_are_told_apart() {
    let text = read("two_columns.pdf").unwrap();
    assert!(text.ends_with('\u{c}') && text.matches('\u{c}').count() > 1);
    for paragraph in ["\nInes Marwood\n\n", "\n\nKey words: Corticiaceae, driftwood,\ntaxonomy\n\n"] {
        assert!(text.contains(paragraph), "{paragraph:?} is not in\n{text}");
    }
}

#[test]
fn what_cannot_be_read_says_why_and_what_to_do() {
    for (name, wanted, remedy) in [
        ("pictures.pdf", PdfError::NoText { pages: 1 }, "ocrmypdf"),
        ("password.pdf", PdfError::Password, "qpdf --decrypt"),
    ] {
        let error = read(name).expect_err(name);
        assert!(error.to_string().contains(remedy), "{error}");
        assert_eq!(error, DecodeError::Pdf(wanted));
    }
    let whole = fs::read(data("pdf/one_column.pdf")).unwrap();
    for cut in [6, 100, 2_000] {
        let error = TextEncoding::default().decode(whole[..cut].to_vec()).expect_err("cut off");
        assert_eq!(error, DecodeError::Pdf(PdfError::Damaged), "{cut}");
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_predict_classifier"));
    command.current_dir(folder).env_clear().env("HOME", folder).env("TMPDIR", folder);
    command.args(arguments).output().unwrap()
}

/// The label of each paragraph, by its letters.
fn labels(annotation: &str) -> BTreeMap<String, String> {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let blocks = annotation.split("[@").skip(1).filter_map(|rest| rest.split_once("*]")?.0.rsplit_once('#'));
    blocks.map(|(text, label)| (letters(text), label.to_owned())).collect()
}

#[test]
fn a_folder_of_pdfs_is_labelled_and_one_that_fails_harms_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let papers = folder.path().join("papers");
    fs::create_dir(&papers).unwrap();
    for name in ["one_column.pdf", "two_columns.pdf", "pictures.pdf", "password.pdf"] {
        fs::copy(data("pdf").join(name), papers.join(name)).unwrap();
    }
    fs::copy(data("pdf/groff.pdf"), papers.join("SHOUTED.PDF")).unwrap();
    fs::write(papers.join("cut.pdf"), b"%PDF-1.7\n1 0 obj\n").unwrap();
    // Its text was taken out before.
    fs::copy(data("pdf/groff.pdf"), papers.join("both.pdf")).unwrap();
    fs::write(papers.join("both.txt"), "Peziza minuta Hale, sp. nov.\n").unwrap();
    let done = run(folder.path(), &["papers", "-o", "out"]);
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(1), "{told}");
    for part in ["'papers/pictures.pdf' is a PDF without a text layer", "needs a password", "cut off"] {
        assert!(told.contains(part), "'{part}' is missing:\n{told}");
    }
    let annotation = |name: &str| fs::read_to_string(folder.path().join("out").join(name)).unwrap();
    assert!(annotation("SHOUTED.PDF.ann").contains("#Description*]"));
    assert!(annotation("both.txt.ann").contains("#Nomenclature*]"));
    assert!(!folder.path().join("out/both.pdf.ann").exists());

    // A page says the same however it is set.
    let (one, two) = (labels(&annotation("one_column.pdf.ann")), labels(&annotation("two_columns.pdf.ann")));
    let shared: Vec<_> = one.iter().filter(|(text, _)| two.contains_key(*text)).collect();
    let same = shared.iter().filter(|(text, label)| two[*text] == **label).count();
    assert!(
        shared.len() * 10 >= one.len() * 7 && same * 10 >= shared.len() * 9,
        "{same}, {}, {}",
        shared.len(),
        one.len()
    );

    // The second night is as quiet as with texts, but for what failed.
    let again = run(folder.path(), &["papers", "-o", "out", "--verbosity", "2"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("1 PDF beside a text"));
}

#[test]
fn a_pdf_is_labelled_by_name_in_each_format_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(data("pdf/groff.pdf"), folder.path().join("a.pdf")).unwrap();
    let text = read("groff.pdf").unwrap();
    for format in ["yedda", "brat", "jsonl", "html"] {
        let done = run(folder.path(), &["a.pdf", "-o", format, "--output-format", format]);
        assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    }
    let file = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(yedda::strip(&file("yedda/a.pdf.ann")), text);
    assert_eq!(file("brat/a.pdf.txt"), text, "brat has the text that its offsets count in");
    assert!(file("html/a.pdf.html").contains("STELLOPEZIA"));
    let explained = run(folder.path(), &["--explain", "a.pdf:3"]);
    assert!(String::from_utf8_lossy(&explained.stdout).contains("STELLOPEZIA"));
}
