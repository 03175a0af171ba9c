//! One run of `predict_classifier`, from settings to exit code.

mod lock;
mod progress;
mod signals;
mod tally;

pub use lock::RunLock;
pub use progress::Progress;
pub use signals::Signals;
pub use tally::{DocumentCounts, Failure, Tally};
