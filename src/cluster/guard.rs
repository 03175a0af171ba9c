//! `guard_partition`: what an executor makes sure of before it works on a window.
//!
//! It stands above the ids of a window and hands them on unchanged. An executor that lacks the model, or that sees
//! another output folder than the client, fails its task there: before a document is read.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use serde::{Deserialize, Serialize};

use super::ClusterError;
use crate::pipeline::{ModelReference, ModelStore, PartitionFunction, PartitionProcessor, PipelineError};
use crate::sink::SharedFolders;
use crate::worker::WorkerContext;

/// Name of the function.
pub(super) const GUARD_PARTITION: &str = "guard_partition";

/// How an executor is called in messages; an extension of its sessions.
#[derive(Debug, Clone)]
pub(super) struct ExecutorName(pub(super) String);

/// What executors must have before they work for a client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirements {
    /// The run of a client: an executor looks once for each.
    pub run: String,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelReference>,
    /// Files that the client put below the output folders for this run, each in a folder of the program's own there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<PathBuf>,
    /// Files and folders that must be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathBuf>,
}

/// Runs that this process has looked for.
#[derive(Debug, Default)]
struct Checked(Mutex<HashSet<String>>);

/// Checks [`Requirements`] and hands ids on.
#[derive(Debug, Clone)]
pub(super) struct GuardPartition {
    requirements: Requirements,
    /// How long the first batch is held back, so that a few small tasks come to several executors.
    hold: Duration,
}

#[derive(Serialize, Deserialize)]
struct Encoded {
    requirements: Requirements,
    hold_ms: u64,
}

impl GuardPartition {
    pub(super) fn new(requirements: Requirements, hold: Duration) -> Self {
        Self { requirements, hold }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Arc<dyn PartitionFunction>> {
        let Encoded { requirements, hold_ms } = serde_json::from_slice(bytes)
            .map_err(|source| PipelineError::Decode { function: GUARD_PARTITION, source: source.into() })?;
        Ok(Arc::new(Self::new(requirements, Duration::from_millis(hold_ms))))
    }

    /// Looks for everything that is required, once for each run.
    fn check(&self, context: &TaskContext) -> crate::Result<()> {
        let Requirements { run, model, marks, paths } = &self.requirements;
        let config = context.session_config();
        let shared = config.get_extension::<WorkerContext>();
        let checked = shared.as_ref().map(|shared| shared.shared(Checked::default));
        if checked.as_ref().is_some_and(|checked| checked.lock().contains(run)) {
            return Ok(());
        }
        let executor = config.get_extension::<ExecutorName>().map(|name| name.0.clone()).unwrap_or_default();
        if let Some(path) = paths.iter().find(|path| !path.exists()) {
            return Err(ClusterError::NotShared { executor, path: path.clone() }.into());
        }
        for mark in marks {
            let folder = mark.ancestors().nth(2).unwrap_or(mark);
            // What this run writes is newer than the mark, by the clock of whoever has the folder.
            let Ok(began) = mark.metadata().and_then(|mark| mark.modified()) else {
                return Err(ClusterError::NotShared { executor, path: folder.to_owned() }.into());
            };
            if let Some(shared) = &shared {
                shared.shared(SharedFolders::default).began(folder, began);
            }
        }
        if let Some(model) = model {
            let store = config.get_extension::<ModelStore>().ok_or(PipelineError::NoModelStore)?;
            store.get(model).map_err(|error| ClusterError::Model { executor, source: error.into() })?;
        }
        if let Some(checked) = checked {
            checked.lock().insert(run.clone());
        }
        Ok(())
    }
}

/// How many runs are remembered; a run that is forgotten is looked for again.
const MOST_RUNS: usize = 1000;

impl Checked {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if runs.len() > MOST_RUNS {
            runs.clear();
        }
        runs
    }
}

impl PartitionFunction for GuardPartition {
    fn name(&self) -> &'static str {
        GUARD_PARTITION
    }

    fn schema(&self, input: &Schema) -> Result<SchemaRef> {
        Ok(Arc::new(input.clone()))
    }

    fn encode(&self) -> Result<Vec<u8>> {
        let hold_ms = u64::try_from(self.hold.as_millis()).unwrap_or(u64::MAX);
        let encoded = Encoded { requirements: self.requirements.clone(), hold_ms };
        let bytes = serde_json::to_vec(&encoded)
            .map_err(|source| PipelineError::Encode { function: GUARD_PARTITION, source: source.into() })?;
        Ok(bytes)
    }

    fn describe(&self) -> String {
        format!("run={}", self.requirements.run)
    }

    fn open(&self, _input: &Schema, context: &TaskContext) -> Result<Box<dyn PartitionProcessor>> {
        self.check(context).map_err(datafusion::error::DataFusionError::from)?;
        Ok(Box::new(Guard { hold: self.hold, batch: None }))
    }
}

struct Guard {
    hold: Duration,
    batch: Option<RecordBatch>,
}

#[async_trait]
impl PartitionProcessor for Guard {
    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.batch = Some(batch);
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if self.batch.is_some() && !self.hold.is_zero() {
            tokio::time::sleep(std::mem::take(&mut self.hold)).await;
        }
        Ok(self.batch.take())
    }
}
