//! Ways to show events: the guide's text, JSON lines, or one of your own.

mod json;
mod text;

pub use json::{JsonReporter, json_line};
pub(crate) use text::RULE;
pub use text::TextReporter;

use super::event::Event;
use super::verbosity::Verbosity;

/// Gets every event that the verbosity asks for, as it happens.
///
/// Events come from whatever thread measures; one call may run while another does. A reporter that cannot write must
/// not fail: what was measured never stops the work.
pub trait Reporter: Send + Sync {
    /// Shows an event. `verbosity` is the one asked for, never less than [`Event::verbosity`]; a reporter may show
    /// more of an event where it is higher.
    fn report(&self, event: &Event, verbosity: Verbosity);
}

/// Several reporters, one after the other.
impl Reporter for Vec<std::sync::Arc<dyn Reporter>> {
    fn report(&self, event: &Event, verbosity: Verbosity) {
        self.iter().for_each(|reporter| reporter.report(event, verbosity));
    }
}
