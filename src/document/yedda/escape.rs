//! How marker-like text is carried (see the [module's](super) page).

use memchr::memchr2;

/// A part of a text that looks like a marker: `[`, some backslashes, then `@` or `$`; or `*`, some, then `]`.
pub(super) struct MarkerLike {
    /// Byte offset of the `[` or `*`.
    pub start: usize,
    /// One past the `@`, `$` or `]`.
    pub end: usize,
    /// What it would be without the backslashes.
    pub kind: MarkerKind,
    /// How many backslashes stand between the two.
    pub backslashes: usize,
}

/// What a marker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MarkerKind {
    /// `[@` opens a block.
    Opener,
    /// `[$` opens a block that YEDDA recommends and nobody has confirmed.
    Recommendation,
    /// `*]` closes a block, after `#` and a label.
    Closer,
}

/// The first marker-like place of `text` at or after `from`.
///
/// Looks at each byte a bounded number of times over all calls, when each goes on at the `end` of the last.
pub(super) fn find_marker_like(text: &[u8], mut from: usize) -> Option<MarkerLike> {
    while let Some(offset) = text.get(from..).and_then(|rest| memchr2(b'[', b'*', rest)) {
        let start = from + offset;
        let backslashes = text[start + 1..].iter().take_while(|byte| **byte == b'\\').count();
        let end = start + 1 + backslashes;
        let kind = match (text[start], text.get(end)) {
            (b'[', Some(b'@')) => Some(MarkerKind::Opener),
            (b'[', Some(b'$')) => Some(MarkerKind::Recommendation),
            (b'*', Some(b']')) => Some(MarkerKind::Closer),
            _ => None,
        };
        if let Some(kind) = kind {
            return Some(MarkerLike { start, end: end + 1, kind, backslashes });
        }
        from = end;
    }
    None
}

/// Appends `text`, escaped, to `out`.
pub(super) fn escape_into(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut done = 0;
    while let Some(place) = find_marker_like(bytes, done) {
        out.extend_from_slice(&bytes[done..=place.start]);
        out.push(b'\\');
        out.extend_from_slice(&bytes[place.start + 1..place.end]);
        done = place.end;
    }
    out.extend_from_slice(&bytes[done..]);
}
