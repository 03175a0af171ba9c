//! Closures, broadcasts and tasks: measures, reports and records their sizes.

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::ExecutionPlan;

use super::Instrumentation;
use super::event::Event;
use super::metrics::Travel;
use super::sizes::{self, Broadcast, ClosureSize, TaskSize};
use super::verbosity::Verbosity;
use super::warning::Warning;

/// How much of an error's text is kept in a warning.
const REASON_CHARS: usize = 300;

impl Instrumentation {
    /// Measures what the extension codec writes for `operator`, its inputs left out: what a worker is sent for it.
    ///
    /// Reports it at verbosity 2; warns above 1000 KiB, naming the field that is large, and where the codec cannot
    /// encode the operator. `None` then, and at verbosity 0, where nothing is done.
    pub fn measure_closure_size(&self, operator: &Arc<dyn ExecutionPlan>, name: &str) -> Option<ClosureSize> {
        if self.is_silent() {
            return None;
        }
        let size = sizes::closure(
            operator,
            &self.settings.codec,
            self.settings.distributed,
            &self.settings.field_names,
        );
        let size = self.measured("closure", name, size)?;
        self.record(|metrics, limit| metrics.closures.set(name, size.bytes, limit));
        if self.reports(Verbosity::Info) {
            self.emit(Event::Closure { name: name.to_owned(), size: size.clone() });
        }
        let limit_bytes = self.settings.limits.closure_bytes;
        if size.bytes > limit_bytes {
            self.warn(Warning::LargeClosure { name: name.to_owned(), size: size.clone(), limit_bytes });
        }
        Some(size)
    }

    /// Measures a value that every worker needs: bytes of its serialized form.
    ///
    /// Reports it at verbosity 2, with how it travels; warns above 4 MiB where it travels inline, and where it cannot be
    /// serialized. `None` then, and at verbosity 0, where nothing is serialized.
    pub fn measure_broadcast_size<B: Broadcast + ?Sized>(&self, value: &B, name: &str) -> Option<usize> {
        if self.is_silent() {
            return None;
        }
        let bytes = value.serialized_len().map_err(DataFusionError::IoError);
        let bytes = self.measured("broadcast", name, bytes)?;
        let travel = value.travel();
        self.record(|metrics, limit| {
            metrics.broadcasts.set(name, bytes, limit);
            metrics.broadcast_travel.set(name, travel, limit);
        });
        self.emit(Event::Broadcast { name: name.to_owned(), bytes, travel });
        let limit_bytes = self.settings.limits.broadcast_bytes;
        // By reference it is what the warning advises.
        if bytes > limit_bytes && travel == Travel::Inline {
            self.warn(Warning::LargeBroadcast { name: name.to_owned(), bytes, limit_bytes });
        }
        Some(bytes)
    }

    /// Measures the largest task of a physical plan: each stage serialized for one partition, as a scheduler sends it.
    ///
    /// Reports it at verbosity 2; warns above 1000 KiB, naming the operator that is large, and where an operator has
    /// no serialized form. `None` then, and at verbosity 0, where nothing is done.
    pub fn measure_task_size(&self, plan: &Arc<dyn ExecutionPlan>, name: &str) -> Option<TaskSize> {
        if self.is_silent() {
            return None;
        }
        let size = self.measured("task", name, self.task_size(plan))?;
        self.record(|metrics, limit| metrics.tasks.set(name, size.bytes, limit));
        if self.reports(Verbosity::Info) {
            self.emit(Event::Task { name: name.to_owned(), size: size.clone() });
        }
        self.warn_of_task(name, &size);
        Some(size)
    }

    pub(crate) fn task_size(&self, plan: &Arc<dyn ExecutionPlan>) -> Result<TaskSize> {
        let settings = &self.settings;
        let explain_above = settings.limits.task_bytes;
        sizes::task(plan, &settings.codec, settings.distributed, &settings.field_names, explain_above)
    }

    /// Whether a task is too large for its limit.
    pub(crate) fn is_large(&self, size: &TaskSize) -> bool {
        size.bytes > self.settings.limits.task_bytes
    }

    pub(crate) fn warn_of_task(&self, name: &str, size: &TaskSize) {
        let limit_bytes = self.settings.limits.task_bytes;
        if self.is_large(size) {
            self.warn(Warning::LargeTask { name: name.to_owned(), size: size.clone(), limit_bytes });
        }
    }

    /// What was measured, or a warning that it was not.
    pub(crate) fn measured<T>(&self, what: &'static str, name: &str, found: Result<T>) -> Option<T> {
        match found {
            Ok(found) => Some(found),
            Err(error) => {
                self.warn(Warning::NotMeasured { what, name: name.to_owned(), reason: reason(&error) });
                None
            }
        }
    }
}

/// An error as a reason in a warning: its first line, and not the plan that some errors print.
pub(crate) fn reason(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(REASON_CHARS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}
