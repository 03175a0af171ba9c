//! Any `env_config` and any config file is read or refused, never more.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skol_classifier::programs::read_settings;

fuzz_target!(|text: &str| {
    read_settings(text, text);
});
