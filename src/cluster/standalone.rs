//! Scheduler and executor in this process: the whole way over the wire, on one machine.

use std::net::SocketAddr;
use std::sync::Arc;

use arrow_flight::flight_service_server::FlightServiceServer;
use ballista_core::ids::new_instance_id;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{ExecutorOperatingSystemSpecification, ExecutorRegistration};
use ballista_core::serde::scheduler::ExecutorSpecification;
use ballista_core::serde::{BallistaCodec, BallistaLogicalExtensionCodec};
use ballista_core::utils::{GrpcServerConfig, create_grpc_server};
use ballista_core::{BALLISTA_PROTOCOL_VERSION, RuntimeProducer};
use ballista_executor::execution_loop::poll_loop;
use ballista_executor::executor::Executor;
use ballista_executor::flight_service::BallistaFlightService;
use ballista_executor::health::ExecutorHealth;
use ballista_executor::metrics::LoggingMetricsCollector;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tonic::transport::Endpoint;
use tonic::transport::server::TcpIncoming;

use super::codec::ClusterCodec;
use super::execution::MarkingEngine;
use super::guard::ExecutorName;
use super::scheduler::{Scheduler, SchedulerOptions};
use super::session::{MESSAGE_BYTES, executor_config};
use super::{ClusterError, Scheduling};
use crate::Connectors;
use crate::error::{BoxError, Result};
use crate::pipeline::ModelStore;
use crate::worker::WorkerContext;

/// A scheduler and an executor in this process, on ports of the loopback interface that the system chose. They end when
/// this is dropped.
#[derive(Debug)]
pub struct Standalone {
    address: SocketAddr,
    _services: JoinSet<()>,
    _work: tempfile::TempDir,
}

fn failed(source: impl Into<BoxError>) -> ClusterError {
    ClusterError::Start { program: "the cluster in this process", source: source.into() }
}

impl Standalone {
    /// Starts both; the executor runs `cores` tasks at the same time, and its workers share `context`.
    ///
    /// # Errors
    /// [`ClusterError::Start`].
    pub async fn start(
        cores: usize,
        memory: Option<usize>,
        context: WorkerContext,
        connectors: &Connectors,
    ) -> Result<Self> {
        let options = SchedulerOptions {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            scheduling: Scheduling::Pull,
            connectors: connectors.clone(),
        };
        let scheduler = Scheduler::bind(options).await?;
        let address = scheduler.address();
        let mut services = JoinSet::new();
        let work = Arc::new(Notify::new());
        let wake = Arc::clone(&work);
        services.spawn(async move {
            // What becomes of it the client sees.
            let _ = scheduler.serve_and_tell(Some(Arc::new(move |_| wake.notify_one()))).await;
        });
        let folder =
            tempfile::Builder::new().prefix("skol_classifier-standalone-").tempdir().map_err(failed)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let executor = executor(port, &folder, cores, memory, context, connectors)?;
        let flight = FlightServiceServer::new(BallistaFlightService::new(executor.work_dir.clone()))
            .max_decoding_message_size(MESSAGE_BYTES as usize)
            .max_encoding_message_size(MESSAGE_BYTES as usize);
        services.spawn(async move {
            let server = create_grpc_server(&GrpcServerConfig::default()).add_service(flight);
            let _ = server.serve_with_incoming(TcpIncoming::from(listener)).await;
        });
        let channel = Endpoint::from_shared(format!("http://{address}")).map_err(failed)?.connect_lazy();
        let client = SchedulerGrpcClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES as usize)
            .max_encoding_message_size(MESSAGE_BYTES as usize);
        let codec: BallistaCodec<LogicalPlanNode, PhysicalPlanNode> = BallistaCodec::new(
            Arc::new(BallistaLogicalExtensionCodec::default()),
            Arc::new(ClusterCodec::new(connectors)),
        );
        services.spawn(async move {
            let _ = poll_loop(client, executor, codec, Some(work), None, ExecutorHealth::new()).await;
        });
        Ok(Self { address, _services: services, _work: folder })
    }

    /// The address of the scheduler.
    #[must_use]
    pub fn scheduler(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn executor(
    port: u16,
    folder: &tempfile::TempDir,
    cores: usize,
    memory: Option<usize>,
    context: WorkerContext,
    connectors: &Connectors,
) -> Result<Arc<Executor>> {
    let cores = cores.max(1);
    let vcores = u32::try_from(cores).unwrap_or(u32::MAX);
    let registration = ExecutorRegistration {
        id: new_instance_id(),
        host: Some("127.0.0.1".to_owned()),
        port: port.into(),
        // With pull scheduling nobody connects to it.
        grpc_port: 0,
        specification: Some(ExecutorSpecification::default().with_vcores(vcores).into()),
        os_info: Some(ExecutorOperatingSystemSpecification::default()),
        ballista_protocol_version: BALLISTA_PROTOCOL_VERSION,
    };
    let mut runtime = RuntimeEnvBuilder::new().with_temp_file_path(folder.path());
    if let Some(memory) = memory {
        runtime = runtime.with_memory_limit(memory, 1.0);
    }
    let runtime = runtime.build_arc()?;
    let producer: RuntimeProducer = Arc::new(move |_| Ok(Arc::clone(&runtime)));
    let name = ExecutorName("in this process".to_owned());
    let codec = Arc::new(ClusterCodec::new(connectors));
    let engine = MarkingEngine::new(&name, Arc::clone(&codec));
    let config = executor_config(codec, Arc::new(ModelStore::new()), context, name);
    Ok(Arc::new(Executor::new(
        registration,
        &folder.path().to_string_lossy(),
        producer,
        config,
        Arc::default(),
        Arc::new(LoggingMetricsCollector::default()),
        cores,
        Arc::new(engine),
    )))
}
