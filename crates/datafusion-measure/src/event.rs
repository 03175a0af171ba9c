//! What happens while plans are measured, as values. How to show it is up to a [`Reporter`](super::Reporter).

use serde::{Serialize, Serializer};

use super::execution::ExecutionMetrics;
use super::format::format_bytes;
use super::metrics::{DataFrameMetrics, Metrics, Travel};
use super::session::QueryMetrics;
use super::sizes::{ClosureSize, TaskSize};
use super::verbosity::Verbosity;
use super::warning::{Warning, expressions};

/// How serious an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Level {
    /// A detail for whoever looks for a cause.
    Debug,
    /// Something to know.
    Info,
    /// Something that should not stay so.
    Warn,
    /// Something that failed.
    Error,
}

/// Something that was measured, done or found.
///
/// Serialized, an event is a flat object whose key `event` has its name in snake case.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A scope was opened.
    ScopeStarted {
        /// Its name.
        name: String,
        /// What starts: `Starting`, or the caller's description.
        description: String,
    },
    /// A scope ended well. One that failed is a [`Warning::ScopeFailed`].
    ScopeCompleted {
        /// Its name.
        name: String,
        /// Seconds from its start.
        elapsed_s: f64,
        /// Rows, where the caller gave them.
        rows: Option<u64>,
        /// Partitions, where the caller gave them.
        partitions: Option<usize>,
    },
    /// A closure was measured.
    Closure {
        /// Name that the caller gave.
        name: String,
        /// Its size.
        #[serde(flatten)]
        size: ClosureSize,
    },
    /// A broadcast was measured.
    Broadcast {
        /// Name that the caller gave.
        name: String,
        /// Bytes of its serialized form.
        bytes: usize,
        /// How it gets to the workers.
        travel: Travel,
    },
    /// A plan's largest task was measured.
    Task {
        /// Name that the caller gave.
        name: String,
        /// Its size.
        #[serde(flatten)]
        size: TaskSize,
    },
    /// A DataFrame was analyzed.
    DataFrame {
        /// Name that the caller gave.
        name: String,
        /// What it is made of.
        #[serde(flatten)]
        metrics: Box<DataFrameMetrics>,
    },
    /// A checkpoint is about to be made.
    CheckpointStarted {
        /// Name that the caller gave.
        name: String,
        /// Operators on the longest path of the plan, as written.
        lineage_depth: usize,
        /// Why.
        #[serde(flatten)]
        reason: CheckpointReason,
    },
    /// A checkpoint was made.
    CheckpointCompleted {
        /// Name that the caller gave.
        name: String,
        /// Its Parquet files; none in memory.
        files: usize,
        /// Bytes in memory, or in the files.
        bytes: u64,
        /// Rows of each partition.
        partition_rows: Vec<u64>,
    },
    /// The metrics of an executed plan were read.
    Execution {
        /// Name that the caller gave.
        name: String,
        /// What each operator did.
        #[serde(flatten)]
        metrics: ExecutionMetrics,
    },
    /// A query of an attached session ended.
    Query {
        /// What it was, and what it did.
        #[serde(flatten)]
        query: Box<QueryMetrics>,
    },
    /// Something should not stay as it is.
    Warning {
        /// What.
        #[serde(flatten)]
        warning: Warning,
        /// The same as text.
        message: String,
    },
    /// This run's metrics were compared with those of the last run.
    Changes {
        /// How long ago the last run was, in seconds.
        since_s: u64,
        /// What changed notably, a line each.
        changes: Vec<String>,
    },
    /// Everything measured so far, at the end.
    Summary {
        /// All of it.
        #[serde(flatten)]
        metrics: Box<Metrics>,
        /// The same as text, in the guide's layout.
        #[serde(skip)]
        text: String,
    },
}

impl Event {
    /// The event's name: that of its variant in snake case.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ScopeStarted { .. } => "scope_started",
            Self::ScopeCompleted { .. } => "scope_completed",
            Self::Closure { .. } => "closure",
            Self::Broadcast { .. } => "broadcast",
            Self::Task { .. } => "task",
            Self::DataFrame { .. } => "data_frame",
            Self::CheckpointStarted { .. } => "checkpoint_started",
            Self::CheckpointCompleted { .. } => "checkpoint_completed",
            Self::Execution { .. } => "execution",
            Self::Query { .. } => "query",
            Self::Warning { .. } => "warning",
            Self::Changes { .. } => "changes",
            Self::Summary { .. } => "summary",
        }
    }

    /// How serious it is.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Warning { warning: Warning::ScopeFailed { .. }, .. } => Level::Error,
            Self::Warning { .. } => Level::Warn,
            Self::Query { query } if query.error.is_some() => Level::Error,
            Self::Execution { .. } => Level::Debug,
            _ => Level::Info,
        }
    }

    /// The least verbosity at which it is reported.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        match self {
            Self::Warning { .. } | Self::CheckpointStarted { .. } | Self::CheckpointCompleted { .. } => {
                Verbosity::Warnings
            }
            Self::Execution { .. } => Verbosity::Debug,
            _ => Verbosity::Info,
        }
    }
}

impl From<Warning> for Event {
    fn from(warning: Warning) -> Self {
        let message = warning.to_string();
        Self::Warning { warning, message }
    }
}

/// Why a checkpoint is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckpointReason {
    /// The lineage is deeper than the threshold, also as the optimizer leaves it.
    Lineage {
        /// Operators on the longest path that the optimizer leaves.
        optimized_depth: usize,
    },
    /// The optimizer takes longer than [`Limits::optimizing`](super::Limits::optimizing).
    Optimizer {
        /// Milliseconds that it took for this name, since its last checkpoint.
        elapsed_ms: u64,
    },
    /// The expressions have more nodes than [`Limits::expression_nodes`](super::Limits::expression_nodes).
    Expressions {
        /// How many.
        nodes: usize,
        /// Whether they grow to that only when predicates are pushed down.
        pushed_down: bool,
    },
    /// The task is too large to be sent.
    Task {
        /// Its bytes.
        bytes: usize,
    },
    /// The policy is to make one at every call.
    Policy,
}

impl CheckpointReason {
    /// The reason as the guide writes it, for a plan of this depth.
    pub(crate) fn describe(&self, depth: usize) -> String {
        match self {
            Self::Lineage { optimized_depth } if *optimized_depth == depth => {
                format!("due to deep lineage ({depth} stages)")
            }
            Self::Lineage { optimized_depth } => {
                format!("due to deep lineage ({depth} stages, {optimized_depth} after optimizing)")
            }
            Self::Optimizer { elapsed_ms } => {
                format!("due to a slow optimizer ({elapsed_ms} ms for {depth} stages)")
            }
            Self::Expressions { nodes, pushed_down } => {
                format!("due to large expressions ({})", expressions(*nodes, *pushed_down))
            }
            Self::Task { bytes } => format!("due to a large task ({})", format_bytes(*bytes)),
            Self::Policy => format!("as asked ({depth} stages)"),
        }
    }
}

/// Warnings as their texts: the form of a metrics file.
pub(crate) fn as_texts<S: Serializer>(warnings: &[Warning], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(warnings.iter().map(ToString::to_string))
}
