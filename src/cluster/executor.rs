//! An executor: Ballista's, with this library's operators, models and connections.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ballista_core::ids::new_instance_id;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tonic::transport::Endpoint;

use super::codec::ClusterCodec;
use super::execution::MarkingEngine;
use super::guard::ExecutorName;
use super::session::{HEARTBEAT_SECONDS, MESSAGE_BYTES, executor_config};
use super::{ClusterError, EXECUTOR_PORT, EXECUTOR_TASK_PORT, Scheduling};
use crate::Connectors;
use crate::error::{BoxError, Result};
use crate::pipeline::ModelStore;
use crate::worker::WorkerContext;

/// Seconds after which rows that nobody fetched are removed, and between two looks for such.
const ROWS_SECONDS: u64 = 3600;
const CLEAN_SECONDS: u64 = 600;
/// Between two tries to reach the scheduler.
const PAUSE: Duration = Duration::from_millis(250);

/// How an executor is started.
#[derive(Debug, Clone)]
pub struct ExecutorOptions {
    /// The scheduler, like `http://host:20050`.
    pub scheduler: String,
    /// How long the scheduler is waited for.
    pub wait: Duration,
    /// The address where it listens.
    pub bind: IpAddr,
    /// The name under which scheduler, client and other executors reach it; default: the address where it listens.
    pub advertise: Option<String>,
    /// The port where it gives out rows.
    pub port: u16,
    /// The port where it takes tasks, with [`Scheduling::Push`].
    pub task_port: u16,
    /// Who gives out work; the same for scheduler and executors.
    pub scheduling: Scheduling,
    /// Tasks at the same time.
    pub cores: usize,
    /// Memory for the engine, in bytes.
    pub memory: Option<u64>,
    /// Folder for rows on their way; default: a temporary one.
    pub work_folder: Option<PathBuf>,
    /// Folders where models are looked for by the names of their files.
    pub model_folders: Vec<PathBuf>,
    /// What its workers share.
    pub context: WorkerContext,
    /// The sources and sinks that may be in a plan.
    pub connectors: Connectors,
}

impl ExecutorOptions {
    /// An executor of one core on this machine, for the scheduler at `scheduler`.
    #[must_use]
    pub fn new(scheduler: &str) -> Self {
        Self {
            scheduler: scheduler.to_owned(),
            wait: Duration::from_secs(60),
            bind: IpAddr::from([127, 0, 0, 1]),
            advertise: None,
            port: EXECUTOR_PORT,
            task_port: EXECUTOR_TASK_PORT,
            scheduling: Scheduling::default(),
            cores: 1,
            memory: None,
            work_folder: None,
            model_folders: Vec::new(),
            context: WorkerContext::default(),
            connectors: Connectors::default(),
        }
    }

    /// The name under which others reach it.
    pub(super) fn host(&self) -> String {
        self.advertise.clone().unwrap_or_else(|| self.bind.to_string())
    }
}

/// An executor that has reached its scheduler.
#[derive(Debug)]
pub struct Executor {
    config: ExecutorProcessConfigHolder,
    /// Removed with the executor.
    _work: Option<tempfile::TempDir>,
}

/// The configuration has no debug form of its own.
struct ExecutorProcessConfigHolder(ExecutorProcessConfig);

impl std::fmt::Debug for ExecutorProcessConfigHolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecutorProcessConfig")
            .field("executor_id", &self.0.executor_id)
            .finish_non_exhaustive()
    }
}

fn failed(source: impl Into<BoxError>) -> ClusterError {
    ClusterError::Start { program: "the executor", source: source.into() }
}

impl Executor {
    /// Waits for the scheduler, and looks whether the ports are free.
    ///
    /// # Errors
    /// [`ClusterError::Unreachable`] and [`ClusterError::Start`].
    pub async fn prepare(options: ExecutorOptions) -> Result<Self> {
        let scheduler = super::scheduler_address(&options.scheduler)?;
        wait_for(&scheduler, options.wait).await?;
        let mut ports = vec![options.port];
        ports.extend((options.scheduling == Scheduling::Push).then_some(options.task_port));
        for port in ports {
            let free = TcpListener::bind((options.bind, port)).await;
            free.map_err(|error| failed(format!("{}:{port}: {error}", options.bind)))?;
        }
        let mut work = None;
        let work_folder = match &options.work_folder {
            Some(folder) => {
                std::fs::create_dir_all(folder)
                    .map_err(|error| failed(format!("'{}': {error}", folder.display())))?;
                folder.clone()
            }
            None => {
                let folder =
                    tempfile::Builder::new().prefix("skol_classifier-executor-").tempdir().map_err(failed)?;
                let path = folder.path().to_path_buf();
                work = Some(folder);
                path
            }
        };
        let url = url::Url::parse(&scheduler).map_err(failed)?;
        let name = ExecutorName(format!("{}:{}", options.host(), options.port));
        let codec = Arc::new(ClusterCodec::new(&options.connectors));
        let models = Arc::new(ModelStore::with_folders(options.model_folders.clone()));
        let config = ExecutorProcessConfig {
            executor_id: new_instance_id(),
            bind_host: options.bind.to_string(),
            external_host: Some(options.host()),
            port: options.port,
            grpc_port: options.task_port,
            scheduler_host: url.host_str().unwrap_or_default().to_owned(),
            scheduler_port: url.port_or_known_default().unwrap_or_default(),
            vcores: options.cores.max(1),
            task_scheduling_policy: options.scheduling.policy(),
            work_dir: Some(work_folder.to_string_lossy().into_owned()),
            job_data_ttl_seconds: ROWS_SECONDS,
            job_data_clean_up_interval_seconds: CLEAN_SECONDS,
            grpc_max_decoding_message_size: MESSAGE_BYTES,
            grpc_max_encoding_message_size: MESSAGE_BYTES,
            executor_heartbeat_interval_seconds: HEARTBEAT_SECONDS,
            memory_pool_size: options.memory,
            override_execution_engine: Some(Arc::new(MarkingEngine::new(&name, Arc::clone(&codec)))),
            override_config_producer: Some(executor_config(codec.clone(), models, options.context, name)),
            override_physical_codec: Some(codec),
            ..ExecutorProcessConfig::default()
        };
        Ok(Self { config: ExecutorProcessConfigHolder(config), _work: work })
    }

    /// Works until a signal ends the process; what is in hand is finished first.
    ///
    /// # Errors
    /// [`ClusterError::Start`].
    pub async fn run(self) -> Result<()> {
        Ok(start_executor_process(Arc::new(self.config.0)).await.map_err(failed)?)
    }
}

/// Waits until the scheduler answers: machines start in any order.
async fn wait_for(scheduler: &str, most: Duration) -> Result<(), ClusterError> {
    let endpoint = Endpoint::from_shared(scheduler.to_owned())
        .map_err(|_| ClusterError::Address { address: scheduler.to_owned() })?
        .connect_timeout(Duration::from_secs(1));
    let begin = Instant::now();
    loop {
        match endpoint.connect().await {
            Ok(_) => return Ok(()),
            Err(source) if begin.elapsed() >= most => {
                return Err(ClusterError::Unreachable {
                    scheduler: scheduler.to_owned(),
                    source: source.into(),
                });
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}
