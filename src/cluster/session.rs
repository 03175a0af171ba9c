//! What sessions of client, scheduler and executors are configured with.

use std::sync::Arc;

use ballista_core::ConfigProducer;
use ballista_core::config::{BALLISTA_JOB_NAME, BALLISTA_SCHEDULER_MAX_PARTITIONS_PER_TASK};
use ballista_core::extension::{SessionConfigExt, SessionConfigHelperExt};
use ballista_core::serde::protobuf::KeyValuePair;
use datafusion::prelude::SessionConfig;
use datafusion_proto::physical_plan::PhysicalExtensionCodec;

use super::guard::ExecutorName;
use crate::pipeline::ModelStore;
use crate::worker::WorkerContext;

/// Stack of the threads that make, encode and decode plans. Plans are trees, and each level takes some stack.
pub(crate) const STACK_BYTES: usize = 32 << 20;

/// After so many seconds without a heartbeat an executor counts as lost, and its tasks run elsewhere.
pub(super) const EXECUTOR_TIMEOUT_SECONDS: u64 = 15;
/// Seconds between two heartbeats.
pub(super) const HEARTBEAT_SECONDS: u64 = 3;
/// Seconds after which the scheduler forgets a finished job. Its graph and locations stay in memory until then.
pub(super) const FORGET_JOBS_SECONDS: u64 = 60;

/// The most bytes of one message between client, scheduler and executors.
pub(super) const MESSAGE_BYTES: u32 = 16 << 20;

/// How jobs are called in the scheduler's log.
const JOB_NAME: &str = "skol_classifier";

/// The settings of a session of the client's.
pub(super) fn client_config() -> SessionConfig {
    SessionConfig::new_with_ballista()
        // A partition is what is lost with an executor, and run again.
        .set_usize(BALLISTA_SCHEDULER_MAX_PARTITIONS_PER_TASK, 1)
        .set_str(BALLISTA_JOB_NAME, JOB_NAME)
}

/// The same as they travel.
pub(super) fn client_settings() -> Vec<KeyValuePair> {
    client_config().to_key_value_pairs()
}

/// What executors make their sessions of: the models and connections of the process come along.
pub(super) fn executor_config(
    codec: Arc<dyn PhysicalExtensionCodec>,
    models: Arc<ModelStore>,
    context: WorkerContext,
    name: ExecutorName,
) -> ConfigProducer {
    let (context, name) = (Arc::new(context), Arc::new(name));
    Arc::new(move || {
        SessionConfig::new_with_ballista()
            .with_ballista_physical_extension_codec(Arc::clone(&codec))
            .with_extension(Arc::clone(&models))
            .with_extension(Arc::clone(&context))
            .with_extension(Arc::clone(&name))
    })
}
