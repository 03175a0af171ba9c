//! How a run speaks on standard error: plain lines for people, coloured where that is wanted, or JSON lines for
//! machines.

use std::io::{self, IsTerminal, Write};

use crate::settings::{LogFormat, Terminal};

/// How serious a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something to know.
    Info,
    /// Something that should not stay so.
    Warn,
    /// Something that failed.
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The SGR sequence that starts its colour.
    fn colour(self) -> Option<&'static str> {
        match self {
            Self::Info => None,
            Self::Warn => Some("\x1b[33m"),
            Self::Error => Some("\x1b[31m"),
        }
    }
}

/// Writes lines to standard error.
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

    /// The line as it is written, without its end.
    #[must_use]
    pub fn format(self, level: Level, line: &str) -> String {
        if self.json {
            return serde_json::json!({ "level": level.name(), "message": line }).to_string();
        }
        match level.colour().filter(|_| self.colour) {
            Some(start) => {
                let (head, rest) = line.split_once(": ").unwrap_or((line, ""));
                let colon = if rest.is_empty() { "" } else { ": " };
                format!("{start}{head}\x1b[0m{colon}{rest}")
            }
            None => line.to_string(),
        }
    }

    /// Writes a line. Nobody can be told that standard error is gone.
    pub fn write(self, level: Level, line: &str) {
        let _ = writeln!(io::stderr().lock(), "{}", self.format(level, line));
    }

    /// A writer for a report of several lines: each becomes a line of its own.
    #[must_use]
    pub fn lines(self) -> Lines {
        Lines { console: self, open: Vec::new() }
    }
}

/// Lines of a report, in the console's form.
#[derive(Debug)]
pub struct Lines {
    console: Console,
    open: Vec<u8>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.console.json {
            return io::stderr().write(bytes);
        }
        self.open.extend_from_slice(bytes);
        while let Some(end) = memchr::memchr(b'\n', &self.open) {
            let line: Vec<u8> = self.open.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            // Rules and blank lines are for the eye.
            if !line.trim_matches('=').is_empty() {
                let level = if line.contains('⚠') { Level::Warn } else { Level::Info };
                self.console.write(level, line);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_plain_coloured_or_json() {
        let console = |json, colour| Console { json, colour };
        assert_eq!(console(false, false).format(Level::Error, "failed: a: b"), "failed: a: b");
        assert_eq!(console(false, true).format(Level::Error, "failed: a: b"), "\x1b[31mfailed\x1b[0m: a: b");
        assert_eq!(console(false, true).format(Level::Info, "done: a"), "done: a");
        let line: serde_json::Value =
            serde_json::from_str(&console(true, false).format(Level::Warn, "say \"hm\"")).unwrap();
        assert_eq!(line, serde_json::json!({ "level": "warn", "message": "say \"hm\"" }));
    }
}
