//! The lines people read: headings, blocks and blank lines as in the guide.
//!
//! Knows shapes of lines, not what they say; every write goes to one stream under one lock, so that blocks of
//! parallel stages do not mix. A stream that cannot be written to is ignored: saying what was measured must never
//! stop the work.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// The rule above and below a heading.
pub(super) const RULE: &str = "======================================================================";

/// Where the lines go.
#[derive(Clone)]
pub(super) struct Output {
    state: Arc<Mutex<State>>,
}

struct State {
    writer: Box<dyn Write + Send>,
    last: Last,
}

#[derive(Clone, Copy, PartialEq)]
enum Last {
    Nothing,
    Heading,
    Line,
    Block,
}

impl Output {
    pub(super) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self { state: Arc::new(Mutex::new(State { writer, last: Last::Nothing })) }
    }

    fn write(&self, last: Last, text: impl FnOnce(Last) -> String) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let text = text(state.last);
        let _ = state.writer.write_all(text.as_bytes()).and_then(|()| state.writer.flush());
        state.last = last;
    }

    /// A heading between two rules, after a blank line unless it is the first.
    pub(super) fn heading(&self, title: &str) {
        self.write(Last::Heading, |last| {
            let gap = if last == Last::Nothing { "" } else { "\n" };
            format!("{gap}{RULE}\n{title}\n{RULE}\n")
        });
    }

    /// Lines that belong together, set apart by a blank line unless a heading is right above.
    pub(super) fn block(&self, lines: &str) {
        self.write(Last::Block, |last| {
            let gap = if matches!(last, Last::Nothing | Last::Heading) { "" } else { "\n" };
            format!("{gap}{lines}\n")
        });
    }

    /// A line that belongs to the block right above.
    pub(super) fn more(&self, line: &str) {
        self.write(Last::Block, |_| format!("{line}\n"));
    }

    /// A single line; lines of the same kind stand together.
    pub(super) fn line(&self, line: &str) {
        self.write(Last::Line, |last| {
            let gap = if last == Last::Block { "\n" } else { "" };
            format!("{gap}{line}\n")
        });
    }
}
