//! Blocks out.

use super::escape::escape_into;

/// The longest label, in bytes, that reader and writer know.
pub(super) const LONGEST_LABEL: usize = 64;

/// True if `label` can stand in a block's closer: one to 64 bytes, a letter first, then letters, digits, `-`,
/// `_`, `/`, `.` and single spaces between them.
#[must_use]
pub fn is_label(label: &str) -> bool {
    label.len() <= LONGEST_LABEL
        && label.starts_with(char::is_alphabetic)
        && !label.ends_with(' ')
        && !label.contains("  ")
        && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '.' | ' '))
}

/// Appends one block, `[@text#label*]`, to `out`; `text` may hold anything.
///
/// `label` must satisfy [`is_label`] (the labels of a model do), else the block would not be read back.
/// White space between blocks goes between the calls, as it is or by [`write_text`].
pub fn write_block(out: &mut Vec<u8>, text: &str, label: &str) {
    out.extend_from_slice(b"[@");
    escape_into(text, out);
    out.push(b'#');
    out.extend_from_slice(label.as_bytes());
    out.extend_from_slice(b"*]");
}

/// Appends text that stands in no block to `out`; it may hold anything.
///
/// One stretch between two blocks is one call: cut in two, a `[` at the end of the first and an `@` at the
/// start of the second would become an opener.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    escape_into(text, out);
}
