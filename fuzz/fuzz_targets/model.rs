//! Any bytes are a model or a clear error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skol_classifier::model::Model;

fuzz_target!(|bytes: &[u8]| {
    let _ = Model::from_bytes(bytes, "fuzzed");
});
