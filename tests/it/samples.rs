//! The shipped sample documents are what the README beside them says, byte for byte, and the gold
//! annotations are those documents with markers.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use skol_classifier::document::yedda;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    found.sort();
    found
}

#[test]
fn gold_annotations_without_markers_are_the_sample_documents() {
    let gold = files_below(&root().join("tests/data/gold"), "ann");
    assert_eq!(gold.len(), 4);
    let samples = files_below(&root().join("examples/documents"), "txt");
    for path in gold {
        let annotated = fs::read_to_string(&path).unwrap();
        let parsed = yedda::parse(&annotated);
        assert!(parsed.repairs.is_empty(), "{}: {:?}", path.display(), parsed.repairs);
        let labels: BTreeSet<_> = parsed.blocks.iter().filter_map(|block| block.label).collect();
        assert_eq!(labels, ["Description", "Misc-exposition", "Nomenclature"].into(), "{}", path.display());
        let sample = samples.iter().find(|s| s.file_name() == path.file_stem()).unwrap();
        assert_eq!(yedda::strip(&annotated), fs::read_to_string(sample).unwrap(), "{}", path.display());
    }
}

#[test]
fn readme_names_every_sample_document() {
    let folder = root().join("examples/documents");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let samples = files_below(&folder, "txt");
    assert_eq!(samples.len(), 13);
    for path in samples {
        let name = path.strip_prefix(&folder).unwrap().to_str().unwrap();
        assert!(
            readme.contains(&format!("| `{name}` |")),
            "examples/documents/README.md does not name {name}"
        );
    }
}

#[test]
fn odd_bytes_of_the_samples_survive_checkouts() {
    let read = |name: &str| fs::read_to_string(root().join("examples/documents").join(name)).unwrap();
    let crlf = read("plants/drovers_road_list.txt");
    assert_eq!(crlf.matches("\r\n").count(), crlf.matches('\n').count());
    assert!(read("plants/sedge_survey.txt").starts_with("\u{feff}Survey"));
    assert!(read("plants/sedge_survey.txt").contains('\t'));
    let marks = read("odd/markup_in_text.txt");
    assert!(marks.contains("[@") && marks.contains("*]") && marks.contains(r"\[@") && marks.contains(r"*\]"));
    let volume = read("volumes/acta_hallowmerensia_7.txt");
    assert!(volume.len() > 150_000 && volume.matches('\u{c}').count() > 100 && volume.contains('\u{fffd}'));
}
