//! Events for machines: one JSON object a line.

use crate::files::escape_controls;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::Reporter;
use crate::event::{Event, Level};
use crate::verbosity::Verbosity;

/// Writes each event as one line of JSON: `timestamp` (RFC 3339, UTC), `level`, `event`, and the event's own fields.
pub struct JsonReporter {
    writer: Mutex<Box<dyn Write + Send>>,
}

impl std::fmt::Debug for JsonReporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JsonReporter").finish_non_exhaustive()
    }
}

impl JsonReporter {
    /// Writes to `writer`; what cannot be written is lost.
    #[must_use]
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self { writer: Mutex::new(Box::new(writer)) }
    }
}

impl Reporter for JsonReporter {
    fn report(&self, event: &Event, _: Verbosity) {
        let mut line = json_line(event.level(), event);
        line.push('\n');
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writer.write_all(line.as_bytes()).and_then(|()| writer.flush());
    }
}

#[derive(Serialize)]
struct Line<'a, T> {
    timestamp: String,
    level: Level,
    #[serde(flatten)]
    fields: &'a T,
}

/// One event as a line of JSON, without its end: `timestamp` of now, `level`, and the fields of `event`, which
/// serializes as an object with a key `event`. For a program's own events next to those of this crate.
#[must_use]
pub fn json_line(level: Level, event: &impl Serialize) -> String {
    let timestamp = DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Millis, true);
    let line = serde_json::to_string(&Line { timestamp: timestamp.clone(), level, fields: event });
    line.map(|line| escape_controls(&line)).unwrap_or_else(|error| {
        let fields = serde_json::json!({"event": "not_serializable", "message": error.to_string()});
        serde_json::json!({"timestamp": timestamp, "level": Level::Error, "fields": fields}).to_string()
    })
}
