//! Any `env_config` and any config file is read or refused, never more.

use skol_classifier::programs::read_settings;

pub fn check(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    read_settings(text, text);
}
