//! Any PDF becomes text or an error, in bounded time, and never ends the process.

use skol_classifier::document::{DecodeError, TextEncoding};

pub fn check(bytes: &[u8]) {
    let whole = [b"%PDF-1.7\n", bytes].concat();
    match TextEncoding::default().decode(whole) {
        Ok(text) => {
            assert!(text.ends_with('\u{c}'), "the last page has no end");
            assert!(text.chars().all(|letter| !letter.is_control() || matches!(letter, '\n' | '\u{c}')));
        }
        Err(DecodeError::Pdf(_)) => {}
        Err(other) => panic!("{other}"),
    }
}
