//! YEDDA in and out: a document as blocks `[@text#Label*]`.
//!
//! [`parse`] reads annotations as people and programs wrote them, says what it had to repair, and loses no
//! text; [`strip`] gives the document's text back; [`write_document`] writes a document, [`write_block`] and
//! [`write_text`] parts of one. `[$text#Label*]`, YEDDA's recommendation, is read as a block.
//!
//! # Lines
//!
//! Many programs read an annotation line by line: a mark is looked for at the beginning and at the end of a line only.
//! So each `[@` that [`write_document`] writes is the first thing on its line, and each `#Label*]` the last; blanks that
//! open a paragraph's first line (a form feed, a tab, the byte order mark) stand behind the `[@`, and those at the end of
//! its last line (a carriage return before the line feed) before the `#`. Page markers are lines of their own outside of
//! all blocks.
//!
//! # How text that looks like a marker is carried
//!
//! Text goes into a block verbatim, with one exception. An opener-like `[`, k backslashes, `@` or `$` gets one more
//! backslash (k + 1), and a closer-like `*`, k backslashes, `]` likewise; reading takes one away again. So
//! `[@` becomes `[\@`, `*]` becomes `*\]`, and `*\]` becomes `*\\]`. A `#` needs nothing: the label is what
//! stands between the *last* `#` and the `*]`. Hence, for every text x, however cut into blocks,
//! `strip(write(x)) == x` byte for byte.
//!
//! # What is repaired
//!
//! Everything in [`RepairKind`]. What our own writer writes needs no repair, so the guesses that repairs are
//! can never touch it.
//!
//! This module knows markers and labels only: it reads no file, so a [`Repair`] carries the line and the
//! caller adds the file. Reading takes time linear in the input, whatever it holds.

mod escape;
mod reader;
mod repair;
mod writer;

#[cfg(test)]
mod tests;

pub use reader::{Block, Parsed, parse, strip};
pub use repair::{Repair, RepairKind};
pub use writer::{is_label, write_block, write_document, write_text};
