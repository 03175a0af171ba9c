//! The engine: the same plan in windows, each a job of the scheduler.
//!
//! ```text
//! listing ─▶ windows of ids ─▶ job: guard ─▶ load ─▶ ... ─▶ save ─▶ gather ─▶ outcomes of the window
//! ```
//!
//! A few windows are in flight at a time. The rows of a window are handed on when all of them are here, so that a window
//! that is done again gives each of its documents one outcome.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::array::{Array, AsArray, BooleanArray};
use datafusion::arrow::compute::{cast, filter_record_batch};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, SendableRecordBatchStream};
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use prost::Message;

use super::codec::ClusterCodec;
use super::guard::{GuardPartition, Requirements};
use super::jobs::{self, Done, Ending, Jobs};
use super::windows::{Window, WindowSize, Windows};
use super::work::{self, Work};
use super::{ClusterError, session};
use crate::Connectors;
use crate::error::{Error, Result};
use crate::pipeline::rows::{ATTACHMENT_NAME, DOC_ID, selection_schema};
use crate::pipeline::{Engine, MapPartitionsExec, OnDemandRepartitionExec, stages};

/// Windows in flight at a time: the next are planned and their ids sent while one is worked on.
const IN_FLIGHT: usize = 3;
/// The most bytes of a plan that is sent; the other ends take twice that.
const PLAN_BYTES: usize = session::MESSAGE_BYTES as usize / 2;
/// How often a window is tried.
const TRIES: u32 = 6;
/// How long the first try of a window may take; each later one may take twice as long, for very long documents.
const LIMIT: Duration = Duration::from_secs(120);
/// Pause before the second try of a window; each later one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);
/// Tasks of the first job, which looks at the executors, and how long each is held so that they come to many.
const LOOKS: usize = 8;
const HOLD: Duration = Duration::from_millis(30);

/// How an engine works with its cluster.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// How large windows are.
    pub window: WindowSize,
    /// How long the first job may wait for an executor.
    pub wait: Duration,
    /// What executors must have.
    pub requirements: Requirements,
    /// The sources and sinks that may be in a plan.
    pub connectors: Connectors,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            window: WindowSize::default(),
            wait: Duration::from_secs(30),
            requirements: Requirements::default(),
            connectors: Connectors::default(),
        }
    }
}

/// What was sent and what was done again.
#[derive(Debug, Default)]
struct Counters {
    windows: AtomicU64,
    bytes: AtomicU64,
    retries: AtomicU64,
    repeated: AtomicU64,
}

/// What an engine has sent, and what had to be done again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterCounts {
    /// Windows that were done.
    pub windows: u64,
    /// Bytes of the plans that were sent.
    pub bytes: u64,
    /// Windows that were submitted again.
    pub retries: u64,
    /// Outcomes that came twice and were dropped.
    pub repeated: u64,
}

/// Runs plans on a Ballista scheduler and its executors.
pub struct Ballista {
    jobs: Arc<Jobs>,
    codec: ClusterCodec,
    options: ClusterOptions,
    requirements: Mutex<Requirements>,
    counters: Counters,
    work: Mutex<Work>,
}

impl fmt::Debug for Ballista {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ballista").field("scheduler", &self.jobs.scheduler()).finish_non_exhaustive()
    }
}

impl Ballista {
    /// Connects to the scheduler at `scheduler`, like `http://host:20050`.
    ///
    /// # Errors
    /// [`ClusterError::Address`] and [`ClusterError::Unreachable`], within two seconds.
    pub async fn connect(scheduler: &str, options: ClusterOptions) -> Result<Self> {
        let session = format!("{:032x}", rand::random::<u128>());
        Ok(Self {
            jobs: Arc::new(Jobs::connect(scheduler, session).await?),
            codec: ClusterCodec::new(&options.connectors),
            requirements: Mutex::new(options.requirements.clone()),
            options,
            counters: Counters::default(),
            work: Mutex::default(),
        })
    }

    /// Sets what executors must have, from the next window on.
    pub fn require(&self, requirements: Requirements) {
        *self.requirements.lock().unwrap_or_else(PoisonError::into_inner) = requirements;
    }

    /// Makes sure, before any work, that there are executors and that they have what is
    /// [required](ClusterOptions::requirements).
    ///
    /// # Errors
    /// [`ClusterError::NoExecutor`] after [the time](ClusterOptions::wait) that is waited, or what an executor lacks.
    pub async fn check(&self) -> Result<()> {
        let plan = gather(self.look_plan()?);
        let running = self.run_job(LOOKS, &plan);
        match tokio::time::timeout(self.options.wait, running).await {
            Ok(ended) => ended.map(drop),
            Err(_) => {
                self.jobs.cancel().await;
                let (scheduler, seconds) = (self.jobs.scheduler().to_owned(), self.options.wait.as_secs());
                Err(ClusterError::NoExecutor { scheduler, seconds }.into())
            }
        }
    }

    /// What looks at the executors.
    pub(super) fn look_plan(&self) -> Result<Arc<dyn ExecutionPlan>> {
        let ids = MemorySourceConfig::try_new_exec(&look_batches()?, selection_schema(), None)?;
        Ok(self.guarded(ids, HOLD)?)
    }

    /// What was sent so far.
    #[must_use]
    pub fn counts(&self) -> ClusterCounts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ClusterCounts {
            windows: get(&self.counters.windows),
            bytes: get(&self.counters.bytes),
            retries: get(&self.counters.retries),
            repeated: get(&self.counters.repeated),
        }
    }

    /// What executors did so far.
    #[must_use]
    pub fn work(&self) -> Work {
        self.work.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Cancels what is still in flight, from any thread, and takes at most `most` for it.
    pub fn cancel_within(&self, most: Duration) {
        jobs::cancel_within(&self.jobs, most);
    }

    /// The plan of a window, as it is submitted.
    ///
    /// # Errors
    /// When the ids are not of one schema.
    pub(super) fn plan(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        window: &Window,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = stages::with_selection(Arc::clone(plan), &window.partitions)?;
        let guarded = plan.transform_up(|node| {
            if node.children().is_empty() {
                Ok(Transformed::yes(self.guarded(node, Duration::ZERO)?))
            } else {
                Ok(Transformed::no(node))
            }
        });
        Ok(gather(guarded?.data))
    }

    fn guarded(
        &self,
        ids: Arc<dyn ExecutionPlan>,
        hold: Duration,
    ) -> datafusion::common::Result<Arc<dyn ExecutionPlan>> {
        let requirements = self.requirements.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let guard = GuardPartition::new(requirements, hold);
        Ok(Arc::new(MapPartitionsExec::try_new(ids, Arc::new(guard))?))
    }

    /// Runs one plan until it has ended well, within the tries of a window.
    async fn run_job(&self, rows: usize, plan: &Arc<dyn ExecutionPlan>) -> Result<Done> {
        let encoded =
            PhysicalPlanNode::try_from_physical_plan(Arc::clone(plan), &self.codec)?.encode_to_vec();
        let bytes = encoded.len();
        if bytes > PLAN_BYTES {
            return Err(ClusterError::TooLarge { rows, bytes, most: PLAN_BYTES }.into());
        }
        let mut tries = 1;
        loop {
            self.counters.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
            match self.jobs.run(encoded.clone(), LIMIT * 2_u32.pow(tries - 1)).await {
                Ok(done) => return Ok(done),
                Err(Ending::Final(error)) => return Err(error.into()),
                Err(Ending::Lost(reason)) if tries >= TRIES => {
                    return Err(ClusterError::GaveUp { tries, reason }.into());
                }
                Err(Ending::Lost(_)) => {
                    self.counters.retries.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE * 2_u32.pow(tries - 1)).await;
                    tries += 1;
                }
            }
        }
    }

    async fn run_window(&self, plan: &Arc<dyn ExecutionPlan>, window: Window) -> Result<Vec<RecordBatch>> {
        let submitted = self.plan(plan, &window)?;
        let Done { batches, stages } = self.run_job(window.rows, &submitted).await?;
        work::add(&mut self.work.lock().unwrap_or_else(PoisonError::into_inner), &stages);
        work::add_to_plan(plan, &stages);
        self.counters.windows.fetch_add(1, Ordering::Relaxed);
        let mut seen = HashSet::new();
        let mut once = Vec::with_capacity(batches.len());
        for batch in batches {
            let kept = without_repeated(&batch, &mut seen)?;
            self.counters.repeated.fetch_add((batch.num_rows() - kept.num_rows()) as u64, Ordering::Relaxed);
            once.push(kept);
        }
        Ok(once)
    }
}

/// One row for each task that looks at an executor; the rows name no document and go nowhere.
fn look_batches() -> Result<Vec<Vec<RecordBatch>>> {
    use datafusion::arrow::array::{StringViewArray, new_null_array};
    let look = |number: usize| {
        let name = || Arc::new(StringViewArray::from_iter_values([number.to_string()])) as Arc<dyn Array>;
        let none = || new_null_array(&DataType::Utf8View, 1);
        RecordBatch::try_new(selection_schema(), vec![name(), name(), none(), none()])
    };
    let batches = (0..LOOKS).map(|number| look(number).map(|batch| vec![batch])).collect::<Result<_, _>>();
    Ok(batches.map_err(DataFusionError::from)?)
}

/// `plan` with all its rows in one partition of one small last stage.
///
/// Without it the partitions stay where they were made until the client fetches them: what a lost executor holds is gone,
/// and one that comes back under its old address gives its rows twice. Ballista runs again what a stage cannot read, but
/// nothing for a client.
pub(super) fn gather(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    Arc::new(CoalescePartitionsExec::new(plan))
}

/// The rows of `batch` whose document and attachment are not among `seen`, where they are noted.
fn without_repeated(batch: &RecordBatch, seen: &mut HashSet<(String, String)>) -> Result<RecordBatch> {
    let column = |name: &str| -> Result<Arc<dyn Array>, DataFusionError> {
        let index = batch.schema_ref().index_of(name)?;
        Ok(cast(batch.column(index), &DataType::Utf8View)?)
    };
    let (documents, attachments) = (column(DOC_ID)?, column(ATTACHMENT_NAME)?);
    let (documents, attachments) = (documents.as_string_view(), attachments.as_string_view());
    let new: BooleanArray = (0..batch.num_rows())
        .map(|row| Some(seen.insert((documents.value(row).to_owned(), attachments.value(row).to_owned()))))
        .collect();
    Ok(filter_record_batch(batch, &new).map_err(DataFusionError::from)?)
}

/// The ids below the exchange of `plan`, as the listing gives them.
fn selection(plan: &Arc<dyn ExecutionPlan>, context: &Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
    let mut node = plan;
    while node.downcast_ref::<OnDemandRepartitionExec>().is_none() {
        let [child] = node.children()[..] else { return Err(ClusterError::NoSelection.into()) };
        node = child;
    }
    let [listing] = node.children()[..] else { return Err(ClusterError::NoSelection.into()) };
    let partitions = listing.output_partitioning().partition_count();
    let streams = (0..partitions)
        .map(|partition| listing.execute(partition, Arc::clone(context)))
        .collect::<Result<Vec<_>, _>>()?;
    let all = futures::stream::iter(streams).flatten();
    Ok(Box::pin(RecordBatchStreamAdapter::new(listing.schema(), all)))
}

/// What happens next while windows are in flight.
enum Next {
    Listed(Option<Window>),
    Done(Vec<RecordBatch>),
}

#[async_trait]
impl Engine for Ballista {
    async fn run(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
        on_batch: &mut (dyn FnMut(RecordBatch) -> Result<()> + Send),
    ) -> Result<()> {
        let done = self.run_windows(&plan, &context, on_batch).await;
        if done.is_err() {
            self.jobs.cancel().await;
        }
        done
    }
}

impl Ballista {
    async fn run_windows(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        context: &Arc<TaskContext>,
        on_batch: &mut (dyn FnMut(RecordBatch) -> Result<()> + Send),
    ) -> Result<()> {
        let mut windows = Windows::new(selection(plan, context)?, self.options.window);
        let mut in_flight = FuturesUnordered::new();
        let mut ended = false;
        while !ended || !in_flight.is_empty() {
            let listing = !ended && in_flight.len() < IN_FLIGHT;
            match next(&mut windows, listing, &mut in_flight).await? {
                Next::Listed(Some(window)) => in_flight.push(self.run_window(plan, window)),
                Next::Listed(None) => ended = true,
                Next::Done(batches) => batches.into_iter().try_for_each(&mut *on_batch)?,
            }
        }
        Ok(())
    }
}

/// The next window that is listed, where one is wanted, or the next that is done.
async fn next<F>(windows: &mut Windows, listing: bool, in_flight: &mut FuturesUnordered<F>) -> Result<Next>
where
    F: Future<Output = Result<Vec<RecordBatch>>> + Send,
{
    tokio::select! {
        Some(done) = in_flight.next(), if !in_flight.is_empty() => Ok(Next::Done(done?)),
        window = windows.next(), if listing => Ok(Next::Listed(window.map_err(Error::from)?)),
    }
}
