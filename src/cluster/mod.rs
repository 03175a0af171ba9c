//! The same plan on many machines: Apache Ballista as a second [`Engine`](crate::pipeline::Engine).
//!
//! ```text
//! client: listing ─▶ windows of ids ─▶ scheduler ─▶ executors: load ─▶ ... ─▶ save
//!            ▲                                         │
//!            └───────────── outcomes ──────────────────┘
//! ```
//!
//! The plan is the one that runs in process, with a window of ids in the place of the exchange. Executors read their
//! own documents and write their own annotations; ids and outcomes are all that passes the client. The model travels as a
//! reference. [`Ballista`] is the client's half, [`Scheduler`] and [`Executor`] are the programs', and [`Standalone`] is
//! all of it in one process.
//!
//! What Ballista needs beyond the plan stands here and nowhere else: how operators are [encoded](ClusterCodec), how large
//! windows are, which settings sessions have, and how errors find their way back.

mod codec;
mod engine;
mod error;
mod execution;
mod executor;
mod failure;
mod guard;
mod jobs;
mod scheduler;
mod session;
mod standalone;
#[cfg(test)]
mod tests;
mod windows;
mod work;

pub use codec::ClusterCodec;
pub use engine::{Ballista, ClusterCounts, ClusterOptions};
pub use error::ClusterError;
pub use executor::{Executor, ExecutorOptions};
pub use guard::Requirements;
pub(crate) use scheduler::open_address_warning;
pub use scheduler::{Scheduler, SchedulerOptions};
pub(crate) use session::STACK_BYTES;
pub use standalone::Standalone;
pub use windows::WindowSize;
pub use work::{ExecutorWork, Work};

/// The version that client, scheduler and executors must share: plans hold operators of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Port of the scheduler. Below the ports that systems give to outgoing connections, so that none of them takes it.
pub const SCHEDULER_PORT: u16 = 20050;
/// Port at which an executor gives out rows.
pub const EXECUTOR_PORT: u16 = 20051;
/// Port at which an executor takes tasks.
pub const EXECUTOR_TASK_PORT: u16 = 20052;

/// Who gives out work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheduling {
    /// The scheduler sends tasks to executors.
    #[default]
    Push,
    /// Executors ask for tasks: only they open connections to the scheduler.
    Pull,
}

impl Scheduling {
    fn policy(self) -> ballista_core::config::TaskSchedulingPolicy {
        use ballista_core::config::TaskSchedulingPolicy;
        match self {
            Self::Push => TaskSchedulingPolicy::PushStaged,
            Self::Pull => TaskSchedulingPolicy::PullStaged,
        }
    }
}

/// The address of a scheduler, as it was given: `http://host:20050`; `df://` and `grpc://` mean the same, and a port that
/// is left out is [`SCHEDULER_PORT`].
///
/// # Errors
/// [`ClusterError::Address`].
pub fn scheduler_address(address: &str) -> Result<String, ClusterError> {
    let wrong = || ClusterError::Address { address: address.to_owned() };
    let rest = ["http://", "df://", "grpc://"]
        .into_iter()
        .find_map(|scheme| address.trim().strip_prefix(scheme))
        .ok_or_else(wrong)?;
    let url = url::Url::parse(&format!("http://{rest}")).map_err(|_| wrong())?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none();
    let host = url.host_str().filter(|host| plain && !host.is_empty()).ok_or_else(wrong)?;
    // The port that HTTP has by itself is no scheduler's.
    Ok(format!("http://{host}:{}", url.port().unwrap_or(SCHEDULER_PORT)))
}
