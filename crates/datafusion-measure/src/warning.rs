//! Everything there can be a warning about.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::format::{format_bytes, format_duration};
use super::sizes::{ClosureSize, TaskSize};

/// A warning: what was found, as values. Its text (`Display`) names the thing, the value and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "warning", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Warning {
    /// A closure is larger than its limit.
    LargeClosure {
        /// Name that the caller gave.
        name: String,
        /// Its size.
        size: ClosureSize,
        /// The limit, in bytes.
        limit_bytes: usize,
    },
    /// A broadcast that travels inline is larger than its limit.
    LargeBroadcast {
        /// Name that the caller gave.
        name: String,
        /// Bytes of its serialized form.
        bytes: usize,
        /// The limit, in bytes.
        limit_bytes: usize,
    },
    /// A task is larger than its limit.
    LargeTask {
        /// Name that the caller gave.
        name: String,
        /// Its size.
        size: TaskSize,
        /// The limit, in bytes.
        limit_bytes: usize,
    },
    /// A lineage is deeper than its limit.
    DeepLineage {
        /// Name that the caller gave.
        name: String,
        /// Operators on the longest path.
        depth: usize,
        /// The limit.
        limit: usize,
    },
    /// Expressions have grown, or will grow, beyond their limit.
    LargeExpressions {
        /// Name that the caller gave.
        name: String,
        /// Expression nodes.
        nodes: usize,
        /// Whether they grow to that only when predicates are pushed down.
        pushed_down: bool,
    },
    /// Something could not be measured.
    NotMeasured {
        /// What it was: `closure`, `task`, `broadcast`, `DataFrame`.
        what: &'static str,
        /// Name that the caller gave.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A checkpoint could not be made, or must not be; the work goes on without it.
    NoCheckpoint {
        /// Name that the caller gave.
        name: String,
        /// The folder, where it is to blame.
        folder: Option<PathBuf>,
        /// Why not.
        reason: String,
    },
    /// A scope failed.
    ScopeFailed {
        /// Name of the scope.
        name: String,
        /// Time from its start, serialized in seconds.
        #[serde(rename = "elapsed_s", serialize_with = "seconds")]
        elapsed: Duration,
        /// The error, where the caller gave it.
        error: Option<String>,
    },
}

fn seconds<S: Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(elapsed.as_secs_f64())
}

impl Warning {
    /// What the warning is about: the name that the caller gave.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::LargeClosure { name, .. }
            | Self::LargeBroadcast { name, .. }
            | Self::LargeTask { name, .. }
            | Self::DeepLineage { name, .. }
            | Self::LargeExpressions { name, .. }
            | Self::NotMeasured { name, .. }
            | Self::NoCheckpoint { name, .. }
            | Self::ScopeFailed { name, .. } => name,
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LargeClosure { name, size, limit_bytes } => write!(
                f,
                "Closure '{name}': {} (limit {}){}: keep only parameters in the operator, and let each worker open or \
                 load the rest",
                format_bytes(size.bytes),
                format_bytes(*limit_bytes),
                owner(size),
            ),
            Self::LargeBroadcast { name, bytes, limit_bytes } => {
                let (bytes, limit) = (format_bytes(*bytes), format_bytes(*limit_bytes));
                write!(
                    f,
                    "Broadcast '{name}': {bytes} (limit {limit}): it travels inline, with every task: ship a reference, \
                     and let each worker load it"
                )
            }
            Self::LargeTask { name, size, limit_bytes } => {
                write!(
                    f,
                    "Task '{name}': stage {} contains a task of very large size ({}",
                    size.stage,
                    format_bytes(size.bytes)
                )?;
                if let Some(operator) = &size.largest_operator {
                    let (bytes, field) = (format_bytes(operator.bytes), largest_field(operator));
                    write!(f, ", of which {bytes} are {}{field}", operator.operator)?;
                }
                write!(
                    f,
                    "); the maximum recommended task size is {}: checkpoint to Parquet, or pass references instead of data",
                    format_bytes(*limit_bytes)
                )
            }
            Self::DeepLineage { name, depth, limit } => write!(
                f,
                "DataFrame '{name}': lineage depth {depth} stages (limit {limit}): checkpoint or cache intermediate results"
            ),
            Self::LargeExpressions { name, nodes, pushed_down } => write!(
                f,
                "DataFrame '{name}': {}: checkpoint intermediate results before its predicates are pushed down",
                expressions(*nodes, *pushed_down)
            ),
            Self::NotMeasured { what, name, reason } => {
                write!(f, "{what} '{name}' cannot be measured: {reason}")
            }
            Self::NoCheckpoint { name, folder: Some(folder), reason } => write!(
                f,
                "no checkpoint of '{name}' in {}: {reason}; the work goes on without it: choose another checkpoint folder",
                folder.display()
            ),
            Self::NoCheckpoint { name, folder: None, reason } => {
                write!(f, "no checkpoint of '{name}': {reason}; the work goes on without it")
            }
            Self::ScopeFailed { name, elapsed, error } => {
                write!(f, "{name}: Failed after {}", format_duration(*elapsed))?;
                error.as_ref().map_or(Ok(()), |error| write!(f, ": {error}"))
            }
        }
    }
}

/// How many expression nodes there are, or will be.
pub(crate) fn expressions(nodes: usize, pushed_down: bool) -> String {
    if pushed_down {
        format!("expressions grow to {nodes} nodes where predicates are pushed down")
    } else {
        format!("expressions have {nodes} nodes")
    }
}

fn largest_field(size: &ClosureSize) -> String {
    match &size.largest_field {
        Some((field, bytes)) => {
            format!(", field {field} of {} alone has {}", size.operator, format_bytes(*bytes))
        }
        None => String::new(),
    }
}

/// Whose closure it is, where no field can be named.
fn owner(size: &ClosureSize) -> String {
    match &size.largest_field {
        Some(_) => largest_field(size),
        None => format!(", all of it {}'s own", size.operator),
    }
}
