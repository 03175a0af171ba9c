//! Training: annotated files in, a model and its card out.

mod fit;

pub use fit::{Naming, fit};
use std::sync::Arc;

/// What training tells while it works.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// A part of the work begins.
    Stage(&'a str),
    /// The solver has done an iteration.
    Iteration {
        /// Which one, from 1.
        iteration: u64,
        /// The most that it may do.
        of: u64,
        /// The loss after it.
        loss: f64,
    },
}

/// Who is told how the work goes.
pub type Progress = Arc<dyn Fn(&Event<'_>) + Send + Sync>;
