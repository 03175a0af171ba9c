//! Any `env_config` is read or refused, never more.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skol_classifier::settings::parse_env_config;

fuzz_target!(|text: &str| {
    let _ = parse_env_config(text);
});
