//! Model files: found by name, whole or refused with the reason.

use skol_classifier::model::train::{Naming, Progress, fit};
use skol_classifier::model::{Model, ModelError, Preset, catalog, gold};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

/// A small model, trained on the invented articles.
static SMALL: LazyLock<Model> = LazyLock::new(|| {
    let documents = gold::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gold")).unwrap();
    let documents: Vec<_> = documents.iter().collect();
    let mut preset = Preset::built_in("logistic_words_suffixes").unwrap();
    preset.max_iterations = 20;
    let naming = Naming { name: "small", preset_name: "own", date: "2001-02-03", seed: 5 };
    let silent: Progress = Arc::new(|_| ());
    fit(&documents, &preset, &naming, 1.0, &silent).unwrap()
});

#[test]
fn every_model_in_the_program_can_be_used() {
    let names = catalog::names();
    assert!(names.contains(&catalog::default_name()), "{names:?}");
    for (info, size) in catalog::list().unwrap() {
        assert!(names.contains(&info.name.as_str()), "file and model {} go by different names", info.name);
        assert!(size < 8 << 20, "{} has {size} bytes", info.name);
        let model = Model::load(&info.name).unwrap();
        assert_eq!(model.sha256().len(), 64);
        let fitted = model.to_linfa_logistic().unwrap();
        assert_eq!(fitted.params().dim(), (model.features().n_features(), model.labels().len()));
        let card = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("models/{}.md", info.name));
        let card = std::fs::read_to_string(card).unwrap();
        assert!(card.contains(model.sha256()), "the card of {} is of another file", info.name);
    }
}

#[test]
fn a_model_comes_back_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/small.skol");
    SMALL.save(&path).unwrap();
    let model = Model::load(path.to_str().unwrap()).unwrap();
    assert_eq!(model.info(), SMALL.info());
    assert_eq!(model.labels(), ["Nomenclature", "Description", "Misc-exposition"]);
    assert_eq!(model.linear(), SMALL.linear());
    assert_eq!(model.sha256(), SMALL.sha256());
    assert_eq!(model.to_bytes(), std::fs::read(&path).unwrap());
    assert_eq!(model.sha256(), sha256(&std::fs::read(&path).unwrap()), "as sha256sum prints it");
    let others: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(others.len(), 1, "no other file is left in the folder");
}

#[test]
fn an_unknown_model_is_a_usage_error_with_the_nearest_name() {
    let error = Model::load("logistic_word_suffixes").unwrap_err();
    assert!(error.is_usage());
    let message = error.to_string();
    assert!(message.contains("did you mean logistic_words_suffixes?"), "{message}");
    let error = Model::load("somewhere/else.skol").unwrap_err();
    assert!(matches!(error, ModelError::NoSuchFile { .. }) && !error.is_usage());
    assert!(error.to_string().contains("somewhere/else.skol"), "{error}");
}

#[test]
fn a_file_that_is_not_a_whole_model_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.skol");
    let whole = SMALL.to_bytes();
    let mut newer = whole.clone();
    newer[8] = 200;
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    let cases: [(&[u8], &str); 5] = [
        (&whole[..whole.len() - 1], "cut off"),
        (b"", "not a model file"),
        (b"%PDF-1.7 is something else", "not a model file"),
        (&newer, "newer program"),
        (&damaged, "checksum"),
    ];
    for (bytes, reason) in cases {
        std::fs::write(&path, bytes).unwrap();
        let error = Model::load(path.to_str().unwrap()).unwrap_err();
        assert!(matches!(error, ModelError::Unusable { .. }));
        let message = error.to_string();
        assert!(message.contains("bad.skol") && message.contains(reason), "{message}");
        assert!(message.contains("train the model again"), "no remedy: {message}");
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of `SMALL` with `change` applied to its sections, and a right checksum.
fn crafted(change: impl Fn(&str, &mut Vec<u8>)) -> Vec<u8> {
    let whole = SMALL.to_bytes();
    let number = |at: usize| u64::from_le_bytes(whole[at..at + 8].try_into().unwrap()) as usize;
    let count = u32::from_le_bytes(whole[12..16].try_into().unwrap()) as usize;
    let mut at = 24 + 16 * count;
    let (mut table, mut sections) = (Vec::new(), Vec::new());
    for entry in 0..count {
        let entry = 24 + 16 * entry;
        let length = number(entry + 8);
        let mut section = whole[at..at + length].to_vec();
        at += length;
        change(std::str::from_utf8(&whole[entry..entry + 4]).unwrap(), &mut section);
        table.extend_from_slice(&whole[entry..entry + 8]);
        table.extend_from_slice(&(section.len() as u64).to_le_bytes());
        sections.extend(section);
    }
    let mut file = whole[..16].to_vec();
    file.extend_from_slice(&((24 + table.len() + sections.len() + 32) as u64).to_le_bytes());
    file.extend(table);
    file.extend(sections);
    let digest =
        sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), &file));
    file.extend_from_slice(&digest);
    file
}

#[test]
fn a_crafted_file_is_an_error_that_names_it_and_what_is_wrong() {
    assert!(Model::from_bytes(&crafted(|_, _| ()), "untouched").is_ok(), "the crafting itself does no harm");
    let in_info = |from: &'static str, to: &'static str| {
        crafted(move |name, bytes| {
            if name == "INFO" {
                let text = String::from_utf8(std::mem::take(bytes)).unwrap();
                assert!(text.contains(from), "{text}");
                *bytes = text.replace(from, to).into_bytes();
            }
        })
    };
    let last_number = |section: &'static str, value: Vec<u8>| {
        crafted(move |name, bytes| {
            if name == section {
                let at = bytes.len() - value.len();
                bytes[at..].copy_from_slice(&value);
            }
        })
    };
    let nan_frequency = crafted(|name, bytes| {
        if name == "FEAT" {
            // The frequencies stand right behind the words: the parameters, the ends, the text.
            let size = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
            let words = 4 + size(0);
            let text = words + 4 + 4 * size(words);
            let idf = text + 4 + size(text);
            bytes[idf..idf + 8].copy_from_slice(&f64::NAN.to_le_bytes());
        }
    });
    let cases = [
        (in_info(r#"["Description","#, r##"["Description*] #x","##), "cannot stand in an annotation"),
        (in_info(r#"["Description","#, r#"["Des\u001b[31m","#), "cannot stand in an annotation"),
        (in_info(r#"["Description","#, r#"["","#), "cannot stand in an annotation"),
        (in_info(r#"["Description","#, r#"["Nomenclature","#), "\"Nomenclature\" occurs twice"),
        (in_info("\"temperature\":1.0", "\"temperature\":-1.0"), "temperature"),
        (last_number("WGHT", f32::NAN.to_le_bytes().to_vec()), "NaN"),
        (last_number("BIAS", f64::INFINITY.to_le_bytes().to_vec()), "inf"),
        (nan_frequency, "document frequency"),
    ];
    for (bytes, reason) in cases {
        let error = Model::from_bytes(&bytes, "crafted.skol").map(|model| model.labels().to_vec());
        let message = error.expect_err(reason).to_string();
        assert!(message.contains("crafted.skol") && message.contains(reason), "{message} has no {reason}");
        assert!(!message.contains('\u{1b}'), "{message:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// However a file is cut or changed: an error, never a panic, never a model.
    #[test]
    fn damage_never_goes_unnoticed(at in any::<prop::sample::Index>(), bit in 0_u8..8, cut in any::<bool>()) {
        let mut bytes = SMALL.to_bytes();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << bit;
        }
        let error = Model::from_bytes(&bytes, "damaged").expect_err("it was damaged");
        let unusable = matches!(error, ModelError::Unusable { .. });
        prop_assert!(unusable);
    }
}
