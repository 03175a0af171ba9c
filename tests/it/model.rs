//! Model files: found by name, whole or refused with the reason.

use skol_classifier::error::ErrorKind;
use skol_classifier::model::train::{Naming, Progress, fit};
use skol_classifier::model::{Model, Preset, catalog, gold};
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
        let fitted = model.fitted().unwrap();
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
    assert_eq!((model.weights(), model.intercept()), (SMALL.weights(), SMALL.intercept()));
    assert_eq!(model.sha256(), SMALL.sha256());
    assert_eq!(model.to_bytes(), std::fs::read(&path).unwrap());
    assert_eq!(model.sha256(), sha256(&std::fs::read(&path).unwrap()), "as sha256sum prints it");
    let others: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(others.len(), 1, "nothing is left beside it");
}

#[test]
fn an_unknown_model_is_a_usage_error_with_the_nearest_name() {
    let error = Model::load("logistic_word_suffixes").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let message = error.to_string();
    assert!(message.contains("did you mean logistic_words_suffixes?"), "{message}");
    let error = Model::load("somewhere/else.skol").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unusable);
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
        assert_eq!(error.kind(), ErrorKind::Unusable);
        let message = error.to_string();
        assert!(message.contains("bad.skol") && message.contains(reason), "{message}");
        assert!(message.contains("train the model again"), "no way out: {message}");
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
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
        prop_assert_eq!(error.kind(), ErrorKind::Unusable);
    }
}
