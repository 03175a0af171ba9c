//! From which size, depth or time on something deserves a warning, advice or a checkpoint.

use std::time::Duration;

/// From which value on something is worth a warning or a piece of advice.
///
/// [`Limits::default`] has the values of the guide: 1000 KiB for closures and tasks, 4 MiB for broadcasts, a
/// warning above 50 stages, a checkpoint above 30. To change one, change it there:
///
/// ```
/// # use datafusion_measure::Limits;
/// let mut limits = Limits::default();
/// limits.task_bytes = 100 * 1024;
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Largest closure, in bytes, that goes without a warning.
    pub closure_bytes: usize,
    /// Largest task, in bytes, that goes without a warning.
    pub task_bytes: usize,
    /// Largest broadcast, in bytes, that goes without a warning.
    pub broadcast_bytes: usize,
    /// Deepest lineage, in operators, that goes without a warning.
    pub lineage_warning: usize,
    /// Deepest lineage, in operators, that is not marked in the summary, and advised about.
    pub lineage_checkpoint: usize,
    /// Most expression nodes, as written or after predicates were pushed down, that go without a checkpoint. What is
    /// passed through counts nothing, the literals of one list together count once.
    pub expression_nodes: usize,
    /// Time that the optimizer may take for one name, all calls since its last checkpoint together: above, a checkpoint
    /// is made for that reason.
    pub optimizing: Duration,
    /// Fewer rows than this in an average partition, with more than one partition, is advised against.
    pub rows_per_partition: usize,
    /// Unless an average partition of an executed plan computed for so long: then its few rows are much work.
    pub compute_per_partition: Duration,
    /// From so many rows on, a single partition is advised against.
    pub single_partition_rows: usize,
    /// A largest partition this many times the average is called skewed.
    pub skew: f64,
    /// Most names of each kind (closures, DataFrames, executions, ...) and most warnings that are kept; of more, the
    /// oldest go.
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            closure_bytes: 1000 * 1024,
            task_bytes: 1000 * 1024,
            broadcast_bytes: 4 * 1024 * 1024,
            lineage_warning: 50,
            lineage_checkpoint: 30,
            expression_nodes: 10_000,
            optimizing: Duration::from_millis(250),
            rows_per_partition: 100,
            compute_per_partition: Duration::from_millis(1),
            single_partition_rows: 10_000,
            skew: 4.0,
            entries: 1000,
        }
    }
}
