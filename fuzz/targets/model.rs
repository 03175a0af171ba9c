//! Any bytes are a model or a clear error, also where somebody changed a model and put the right checksum under it.

use sha2::{Digest, Sha256};
use skol_classifier::document::yedda::is_label;
use skol_classifier::model::Model;
use std::sync::LazyLock;

/// Bytes of the checksum at the end of the file.
const CHECKSUM: usize = 32;

static WHOLE: LazyLock<Vec<u8>> =
    LazyLock::new(|| Model::load("logistic_words_suffixes").expect("a shipped model").to_bytes());

pub fn check(bytes: &[u8]) {
    let _ = Model::from_bytes(bytes, "fuzzed");
    // The input says what is changed: places and values.
    let mut crafted = WHOLE.clone();
    let body = crafted.len() - CHECKSUM;
    for change in bytes.chunks_exact(4) {
        let at = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize;
        // Every second change is where lengths, labels and parameters stand.
        let at = if at.is_multiple_of(2) { at / 2 % 4_096 } else { at / 2 % body };
        crafted[at] = change[3];
    }
    let digest = Sha256::digest(&crafted[..body]);
    crafted[body..].copy_from_slice(&digest);
    if let Ok(model) = Model::from_bytes(&crafted, "fuzzed") {
        for label in model.labels() {
            assert!(is_label(label), "{label:?}");
        }
    }
}
