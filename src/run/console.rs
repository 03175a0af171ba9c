//! Standard error: lines for people, coloured where that is wanted, or one JSON object a line for machines.
//!
//! Control characters that come from outside (names of files, ids, labels) are escaped here, once.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use super::message::Message;
use crate::instrumentation::{JsonReporter, Level, Reporter, TextReporter, json_line};
use crate::settings::{LogFormat, Terminal};

/// The word for [`LogFormat::Json`] on the command line and in the environment.
const JSON: &str = "json";

/// Writes messages to standard error.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    json: bool,
    colour: bool,
}

impl Console {
    /// A console as the settings want it.
    #[must_use]
    pub fn new(terminal: &Terminal) -> Self {
        let json = terminal.log_format == LogFormat::Json;
        Self { json, colour: !json && terminal.color.on(io::stderr().is_terminal()) }
    }

    /// A console for errors that end a program before its settings are known: JSON where the arguments or the
    /// environment ask for it. Configuration files are not read.
    #[must_use]
    pub fn requested(
        arguments: impl IntoIterator<Item = OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let json = super::last_value("--log-format", arguments).map(|value| value == JSON);
        let from_environment =
            || ["LOG_FORMAT", "SKOL_LOG_FORMAT"].into_iter().filter_map(&variable).any(|value| value == JSON);
        Self { json: json.unwrap_or_else(from_environment), colour: false }
    }

    /// The message as it is written, without its end.
    #[must_use]
    pub fn format(self, message: &Message<'_>) -> String {
        if self.json {
            return json_line(message.level(), message);
        }
        let text = message.to_string();
        let text = escaped(&text, message.is_one_line());
        match colour(message.level()).filter(|_| self.colour) {
            Some(start) => {
                let (head, rest) = text.split_once(": ").unwrap_or((&text, ""));
                let colon = if rest.is_empty() { "" } else { ": " };
                format!("{start}{head}\x1b[0m{colon}{rest}")
            }
            None => text.into_owned(),
        }
    }

    /// Writes a message. Where standard error is gone there is nobody to report that to.
    pub fn write(self, message: &Message<'_>) {
        let _ = writeln!(io::stderr().lock(), "{}", self.format(message));
    }

    /// The instrumentation's events in the same form.
    #[must_use]
    pub fn reporter(self) -> Box<dyn Reporter> {
        if self.json {
            Box::new(JsonReporter::new(io::stderr()))
        } else {
            Box::new(TextReporter::new(io::stderr()))
        }
    }
}

/// The SGR sequence that starts a level's colour.
fn colour(level: Level) -> Option<&'static str> {
    match level {
        Level::Warn => Some("\x1b[33m"),
        Level::Error => Some("\x1b[31m"),
        _ => None,
    }
}

/// The text with its control characters escaped (`\u{1b}`); line ends only where the text has one line.
fn escaped(text: &str, one_line: bool) -> Cow<'_, str> {
    let harmless = |c: char| !c.is_control() || (c == '\n' && !one_line);
    if text.chars().all(harmless) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if harmless(c) {
            safe.push(c);
        } else {
            safe.extend(c.escape_default());
        }
    }
    safe.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed<'a>(attachment_name: &'a str, error: &'a str) -> Message<'a> {
        Message::DocumentFailed { doc_id: "a", attachment_name, error }
    }

    #[test]
    fn lines_are_plain_coloured_or_json() {
        let console = |json, colour| Console { json, colour };
        let message = failed("a", "b: \"hm\"");
        assert_eq!(console(false, false).format(&message), "failed: a: b: \"hm\"");
        assert_eq!(console(false, true).format(&message), "\x1b[31mfailed\x1b[0m: a: b: \"hm\"");
        let progress = Message::Progress { ended: 4, failed: 1, elapsed_s: 2.0 };
        assert_eq!(
            console(false, true).format(&progress),
            "4 documents done after 2 s (2.0 per second), 1 failed"
        );
        let mut line: serde_json::Value =
            serde_json::from_str(&console(true, false).format(&message)).unwrap();
        let timestamp = line.as_object_mut().unwrap().remove("timestamp").unwrap();
        let timestamp = timestamp.as_str().unwrap();
        assert!(timestamp.len() == 24 && timestamp.ends_with('Z') && timestamp.contains('T'), "{timestamp}");
        assert_eq!(
            line,
            serde_json::json!({
                "level": "error", "event": "document_failed", "doc_id": "a", "attachment_name": "a",
                "error": "b: \"hm\""
            })
        );
    }

    #[test]
    fn control_characters_from_outside_cannot_steer_a_terminal() {
        for colour in [false, true] {
            let line = Console { json: false, colour }
                .format(&failed("\x1b[2Ja\r\nerror: forged\u{9b}31m", "no\tsuch"));
            assert!(line.ends_with(r": \u{1b}[2Ja\r\nerror: forged\u{9b}31m: no\tsuch"), "{line}");
        }
        let line = Console { json: true, colour: false }.format(&failed("\x1b[2J\n", "b"));
        assert!(!line.contains(|c: char| c.is_control()), "{line}");
        let error = Message::Error { message: "two\nlines\x07", exit_code: 2 };
        assert_eq!(Console { json: false, colour: false }.format(&error), "error: two\nlines\\u{7}");
    }

    #[test]
    fn json_is_known_before_the_settings_are() {
        let asked = |arguments: &[&str], variable: Option<(&str, &str)>| {
            let arguments = arguments.iter().map(OsString::from);
            Console::requested(arguments, |name| {
                variable.filter(|(known, _)| *known == name).map(|(_, value)| value.into())
            })
            .json
        };
        assert!(asked(&["p", "--log-format", "json"], None));
        assert!(asked(&["p", "x", "--log-format=json", "--nosuch"], None));
        assert!(!asked(&["p", "--log-format=json", "--log-format", "text"], Some(("LOG_FORMAT", "json"))));
        assert!(!asked(&["p", "--", "--log-format=json"], None));
        assert!(
            asked(&["p"], Some(("LOG_FORMAT", "json"))) && asked(&["p"], Some(("SKOL_LOG_FORMAT", "json")))
        );
        assert!(!asked(&["p"], Some(("LOG_FORMAT", "text"))) && !asked(&[], None));
    }
}
