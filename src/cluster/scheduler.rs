//! The scheduler: Ballista's, with this library's codec and with times that fit short windows.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::{OnWorkAvailableFn, SchedulerConfig, TaskDistributionPolicy};
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tokio::net::TcpListener;

use super::codec::ClusterCodec;
use super::session::{EXECUTOR_TIMEOUT_SECONDS, FORGET_JOBS_SECONDS, HEARTBEAT_SECONDS, MESSAGE_BYTES};
use super::{ClusterError, Scheduling};
use crate::Connectors;
use crate::error::{BoxError, Result};

/// How a scheduler is started.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// Where it listens; port 0 for any.
    pub address: SocketAddr,
    /// Who gives out work; the same for scheduler and executors.
    pub scheduling: Scheduling,
    /// The sources and sinks that may be in a plan.
    pub connectors: Connectors,
}

/// A scheduler that listens.
#[derive(Debug)]
pub struct Scheduler {
    listener: TcpListener,
    address: SocketAddr,
    options: SchedulerOptions,
}

fn failed(source: impl Into<BoxError>) -> ClusterError {
    ClusterError::Start { program: "the scheduler", source: source.into() }
}

impl Scheduler {
    /// Takes the port.
    ///
    /// # Errors
    /// [`ClusterError::Start`] when it cannot be had.
    pub async fn bind(options: SchedulerOptions) -> Result<Self> {
        let listener = TcpListener::bind(options.address).await;
        let listener = listener.map_err(|error| failed(format!("{}: {error}", options.address)))?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, options })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it fails or is dropped.
    ///
    /// # Errors
    /// [`ClusterError::Start`].
    pub async fn serve(self) -> Result<()> {
        self.serve_and_tell(None).await
    }

    /// The same, and calls `on_work` when there is something to do for executors.
    pub(super) async fn serve_and_tell(self, on_work: Option<OnWorkAvailableFn>) -> Result<()> {
        let mut config = config(self.address, &self.options);
        config.on_work_available = on_work;
        config.validate().map_err(failed)?;
        let cluster = BallistaCluster::new_from_config(&config).await.map_err(failed)?;
        let scheduler =
            create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config)).await;
        let scheduler = scheduler.map_err(failed)?;
        Ok(start_grpc_service_with_listener(self.listener, scheduler).await.map_err(failed)?)
    }
}

fn config(address: SocketAddr, options: &SchedulerOptions) -> SchedulerConfig {
    SchedulerConfig {
        external_host: address.ip().to_string(),
        bind_host: address.ip().to_string(),
        bind_port: address.port(),
        scheduling_policy: options.scheduling.policy(),
        // A few documents are spread over all executors.
        task_distribution: TaskDistributionPolicy::RoundRobin,
        executor_timeout_seconds: EXECUTOR_TIMEOUT_SECONDS,
        expire_dead_executor_interval_seconds: HEARTBEAT_SECONDS,
        no_executors_grace_period_seconds: EXECUTOR_TIMEOUT_SECONDS,
        finished_job_data_clean_up_interval_seconds: FORGET_JOBS_SECONDS / 2,
        finished_job_state_clean_up_interval_seconds: FORGET_JOBS_SECONDS,
        grpc_server_max_decoding_message_size: MESSAGE_BYTES,
        grpc_server_max_encoding_message_size: MESSAGE_BYTES,
        grpc_client_max_message_size: MESSAGE_BYTES,
        override_physical_codec: Some(Arc::new(ClusterCodec::new(&options.connectors))),
        ..SchedulerConfig::default()
    }
}

/// What an operator should know about an address that others can reach.
pub(crate) fn open_address_warning(program: &str, address: IpAddr) -> Option<String> {
    (!address.is_loopback()).then(|| {
        format!(
            "{program} listens at {address}: whoever reaches that port can run plans there, without a password and \
             unencrypted; let nobody but the machines of the cluster through (firewall, private network, or a proxy with \
             TLS)"
        )
    })
}
