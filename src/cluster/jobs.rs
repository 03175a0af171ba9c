//! Jobs of one scheduler: submitted by its own client, watched, fetched, and cancelled when nobody wants them any more.
//!
//! Ballista's `execute_physical_plan` does all this too, but tells no job's name before the end and cancels none.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ballista_core::client::BallistaClient;
use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::get_job_status_result::FlightProxy;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    CancelJobParams, ExecuteQueryParams, GetJobMetricsParams, GetJobStatusParams, JobStageMetrics,
    KeyValuePair, PartitionLocation, execute_query_failure_result, execute_query_result, job_status,
};
use ballista_core::version::{BALLISTA_VERSION_HEADER, insert_version_header};
use datafusion::arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

use super::session::{MESSAGE_BYTES, client_settings};
use super::{ClusterError, failure};

/// The scheduler answers at once, or it is not there.
const CONNECT: Duration = Duration::from_millis(1500);
/// A request to the scheduler ends within this time.
const REQUEST: Duration = Duration::from_secs(20);
/// How soon after it was submitted a job is looked at, and how far apart later looks are.
const FIRST_LOOK: Duration = Duration::from_millis(4);
const LOOKS: Duration = Duration::from_millis(40);
/// A scheduler that does not know a job after this time was started anew, and has forgotten it.
const FORGOTTEN: Duration = Duration::from_secs(5);

/// A job that ended well.
pub(super) struct Done {
    pub(super) batches: Vec<RecordBatch>,
    /// What its operators and executors counted.
    pub(super) stages: Vec<JobStageMetrics>,
}

/// How a try to run a job ended, if not well.
#[derive(Debug)]
pub(super) enum Ending {
    /// Another try would end the same way.
    Final(ClusterError),
    /// Something was lost, or is away for the moment: try again.
    Lost(String),
}

/// The client of one scheduler.
pub(super) struct Jobs {
    scheduler: String,
    client: SchedulerGrpcClient<Channel>,
    session: String,
    settings: Vec<KeyValuePair>,
    /// Jobs whose end has not been seen.
    open: Mutex<BTreeSet<String>>,
    /// Connections to executors, by address.
    executors: Mutex<HashMap<(String, u16), BallistaClient>>,
}

impl Jobs {
    /// Connects to the scheduler at `scheduler`, like `http://host:20050`.
    ///
    /// # Errors
    /// [`ClusterError::Unreachable`] within two seconds.
    pub(super) async fn connect(scheduler: &str, session: String) -> Result<Self, ClusterError> {
        let unreachable = |source: tonic::transport::Error| ClusterError::Unreachable {
            scheduler: scheduler.to_owned(),
            source: source.into(),
        };
        let endpoint = Endpoint::from_shared(scheduler.to_owned())
            .map_err(|_| ClusterError::Address { address: scheduler.to_owned() })?
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            .tcp_nodelay(true);
        let channel = endpoint.connect().await.map_err(unreachable)?;
        let most = MESSAGE_BYTES as usize;
        let client =
            SchedulerGrpcClient::new(channel).max_encoding_message_size(most).max_decoding_message_size(most);
        Ok(Self {
            scheduler: scheduler.to_owned(),
            client,
            session,
            settings: client_settings(),
            open: Mutex::default(),
            executors: Mutex::default(),
        })
    }

    pub(super) fn scheduler(&self) -> &str {
        &self.scheduler
    }

    fn open(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the encoded plan and gives its rows, all of them. A job that has not ended within `limit` is cancelled and
    /// counts as lost: with an executor killed, Ballista 55.0.0 was seen to let one run for ever.
    pub(super) async fn run(&self, plan: Vec<u8>, limit: Duration) -> Result<Done, Ending> {
        let job = self.submit(plan).await?;
        // A run that is dropped in the middle leaves its job among the open ones, to be cancelled.
        let ended = tokio::time::timeout(limit, self.follow(&job)).await;
        self.open().remove(&job);
        if let Ok(ended) = ended {
            return ended;
        }
        let request = Request::new(CancelJobParams { job_id: job });
        // One that is gone needs no cancelling.
        let _ = self.client.clone().cancel_job(request).await;
        Err(Ending::Lost(format!("a job had not ended after {} s", limit.as_secs())))
    }

    async fn follow(&self, job: &str) -> Result<Done, Ending> {
        let (locations, proxy) = self.wait(job).await?;
        let mut batches = Vec::new();
        for location in locations {
            batches.extend(self.fetch(location, proxy.as_ref()).await.map_err(Ending::Lost)?);
        }
        let request = Request::new(GetJobMetricsParams { job_id: job.to_owned() });
        // Without them the outcomes are the same.
        let metrics = self.client.clone().get_job_metrics(request).await;
        let stages = metrics.map(|metrics| metrics.into_inner().stages).unwrap_or_default();
        Ok(Done { batches, stages })
    }

    pub(super) async fn submit(&self, plan: Vec<u8>) -> Result<String, Ending> {
        let mut request = Request::new(ExecuteQueryParams {
            query: Some(Query::PhysicalPlan(plan)),
            settings: self.settings.clone(),
            session_id: self.session.clone(),
            operation_id: self.session.clone(),
        });
        insert_version_header(request.metadata_mut());
        let answer =
            self.client.clone().execute_query(request).await.map_err(|status| self.status(&status))?;
        if !answer.metadata().contains_key(BALLISTA_VERSION_HEADER) {
            return Err(Ending::Final(self.refused("it is of a version of Ballista before 55".to_owned())));
        }
        match answer.into_inner().result {
            Some(execute_query_result::Result::Success(success)) => {
                self.open().insert(success.job_id.clone());
                Ok(success.job_id)
            }
            Some(execute_query_result::Result::Failure(failure)) => {
                use execute_query_failure_result::Failure;
                let reason = match failure.failure {
                    Some(
                        Failure::SessionNotFound(reason)
                        | Failure::PlanParsingFailure(reason)
                        | Failure::SqlParsingFailure(reason),
                    ) => reason,
                    None => "no reason given".to_owned(),
                };
                Err(Ending::Final(failure::read(&reason).unwrap_or_else(|| self.refused(reason))))
            }
            None => Err(Ending::Lost("the scheduler's answer is empty".to_owned())),
        }
    }

    fn refused(&self, reason: String) -> ClusterError {
        ClusterError::Refused { scheduler: self.scheduler.clone(), reason }
    }

    fn status(&self, status: &tonic::Status) -> Ending {
        match status.code() {
            Code::FailedPrecondition | Code::InvalidArgument | Code::Unimplemented | Code::OutOfRange => {
                Ending::Final(self.refused(status.message().to_owned()))
            }
            _ => Ending::Lost(format!("the scheduler at {}: {}", self.scheduler, status.message())),
        }
    }

    /// Waits until the job has ended, and gives the places of its rows.
    pub(super) async fn wait(
        &self,
        job: &str,
    ) -> Result<(Vec<PartitionLocation>, Option<FlightProxy>), Ending> {
        let begin = Instant::now();
        let mut pause = FIRST_LOOK;
        let mut known = false;
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(LOOKS);
            let request = Request::new(GetJobStatusParams { job_id: job.to_owned() });
            let answer = self.client.clone().get_job_status(request).await;
            let answer = answer.map_err(|status| self.status(&status))?.into_inner();
            match answer.status.and_then(|status| status.status) {
                None if known || begin.elapsed() > FORGOTTEN => {
                    return Err(Ending::Lost("the scheduler was started anew".to_owned()));
                }
                None => {}
                Some(job_status::Status::Queued(_) | job_status::Status::Running(_)) => known = true,
                Some(job_status::Status::Failed(failed)) => {
                    return Err(match failure::read(&failed.error) {
                        Some(error) => Ending::Final(error),
                        None => Ending::Lost(failed.error),
                    });
                }
                Some(job_status::Status::Successful(done)) => {
                    return Ok((done.partition_location, answer.flight_proxy));
                }
            }
        }
    }

    /// The rows at one place.
    async fn fetch(
        &self,
        location: PartitionLocation,
        proxy: Option<&FlightProxy>,
    ) -> Result<Vec<RecordBatch>, String> {
        let layout = location.layout();
        let (Some(executor), Some(partition)) = (location.executor_meta, location.partition_id) else {
            return Err("the scheduler does not say where the rows are".to_owned());
        };
        let port = u16::try_from(executor.port).map_err(|_| "an executor has no port".to_owned())?;
        let own = (executor.host.clone(), port);
        let (host, at) = self.place(own, proxy)?;
        let mut client = self.executor(host, at).await?;
        let (partition, file, host) = (partition.into(), location.file_id, &executor.host);
        let read = async {
            client
                .fetch_partition_proxied(&executor.id, &partition, file, layout, host, port, true)
                .await
                .map_err(|error| error.to_string())?
                .try_collect()
                .await
                .map_err(|error| error.to_string())
        };
        let read: Result<Vec<RecordBatch>, String> = read.await;
        read.inspect_err(|_| {
            // It may have gone, and another may come at its address.
            self.executors.lock().unwrap_or_else(PoisonError::into_inner).clear();
        })
    }

    /// Where the rows are asked for: at the executor, or at what stands before the executors.
    fn place(&self, executor: (String, u16), proxy: Option<&FlightProxy>) -> Result<(String, u16), String> {
        let of = |address: &str| {
            let url = url::Url::parse(address).ok()?;
            Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
        };
        let place = match proxy {
            Some(FlightProxy::External(address)) => of(&format!("http://{address}")),
            Some(FlightProxy::Local(true)) => of(&self.scheduler),
            Some(FlightProxy::Local(false)) | None => Some(executor),
        };
        place.ok_or_else(|| "the scheduler names no place to fetch rows from".to_owned())
    }

    async fn executor(&self, host: String, port: u16) -> Result<BallistaClient, String> {
        let key = (host, port);
        let known = self.executors.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(client) = known {
            return Ok(client);
        }
        let connecting =
            BallistaClient::try_new(&key.0, port, MESSAGE_BYTES as usize, false, None, 1, 100, 0, 0);
        let client = match tokio::time::timeout(REQUEST, connecting).await {
            Ok(connected) => connected.map_err(|error| error.to_string())?,
            Err(_) => return Err(format!("the executor at {}:{port} does not answer", key.0)),
        };
        self.executors.lock().unwrap_or_else(PoisonError::into_inner).insert(key, client.clone());
        Ok(client)
    }

    /// Cancels the jobs whose end was not seen.
    pub(super) async fn cancel(&self) {
        let open = std::mem::take(&mut *self.open());
        for job_id in open {
            // A scheduler that is gone has no job of ours.
            let _ = self.client.clone().cancel_job(Request::new(CancelJobParams { job_id })).await;
        }
    }
}

/// What [`Jobs::cancel`] does, for a thread that cannot wait for the runtime of the run: at most `most` long.
pub(super) fn cancel_within(jobs: &Arc<Jobs>, most: Duration) {
    let open = jobs.open().clone();
    if open.is_empty() {
        return;
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let scheduler = jobs.scheduler.clone();
    let cancelling = std::thread::Builder::new().name("cancel".to_owned()).spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async move {
            // A connection of its own: the other belongs to a runtime that may be busy.
            let Ok(own) = Jobs::connect(&scheduler, String::new()).await else { return };
            *own.open() = open;
            own.cancel().await;
        });
        let _ = sender.send(());
    });
    if cancelling.is_ok() {
        let _ = receiver.recv_timeout(most);
    }
}
