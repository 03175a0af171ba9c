//! Whatever a server answers is read or refused; what was read keeps its fields to the letter, and no attachment takes
//! more memory than it may. The first line of the input is the media type.

use skol_classifier::programs::read_answer;

/// The longest attachment that is taken, in bytes.
const LONGEST: u64 = 1 << 20;

pub fn check(bytes: &[u8]) {
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let kind = String::from_utf8_lossy(&bytes[..end]);
    let body = bytes.get(end + 1..).unwrap_or_default();
    let longest = read_answer(kind.trim(), body, LONGEST);
    assert!(longest <= LONGEST, "{longest} bytes");
}
