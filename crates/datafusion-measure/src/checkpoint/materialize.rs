//! Runs a plan once and keeps every partition's rows, in memory or as Parquet.
//!
//! Partitions run side by side, as exchanges need it. Rows gather in memory until the budget or the pool says no;
//! from then on every partition streams into a file of its own, what it has gathered first.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{RecordBatchOptions, new_null_array};
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::utils::memory::RecordBatchMemoryCounter;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tokio::task::JoinSet;

use super::store::{Files, Store};
use crate::Error;

/// Bytes a file's writer may hold before it writes a row group.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// Where a checkpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Memory,
    /// As so many Parquet files.
    Disk(usize),
}

/// The rows of a checkpoint, partition by partition.
#[derive(Debug)]
pub(super) enum Data {
    Memory { partitions: Vec<Vec<RecordBatch>>, rows: Vec<u64>, reservation: MemoryReservation },
    Parquet { files: Arc<Files>, parts: Vec<Part>, rows: Vec<u64> },
}

/// One partition's file.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

impl Data {
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Memory { .. } => Place::Memory,
            Self::Parquet { parts, .. } => Place::Disk(parts.len()),
        }
    }

    pub(super) fn partition_rows(&self) -> &[u64] {
        match self {
            Self::Memory { rows, .. } | Self::Parquet { rows, .. } => rows,
        }
    }

    /// Bytes in memory, or in the files.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Memory { reservation, .. } => reservation.size() as u64,
            Self::Parquet { parts, .. } => parts.iter().map(|part| part.bytes).sum(),
        }
    }
}

/// What partitions share while they run.
struct Shared {
    schema: SchemaRef,
    unstorable: Option<String>,
    budget: usize,
    reservation: MemoryReservation,
    spilled: AtomicBool,
    store: Arc<Store>,
    name: String,
    files: Mutex<Option<Arc<Files>>>,
}

impl Shared {
    /// Whether `bytes` more may be kept in memory.
    fn reserve(&self, bytes: usize) -> bool {
        if self.spilled.load(Ordering::Relaxed) {
            return false;
        }
        let fits = self.reservation.size().saturating_add(bytes) <= self.budget
            && self.reservation.try_grow(bytes).is_ok();
        if !fits {
            self.spilled.store(true, Ordering::Relaxed);
        }
        fits
    }

    /// The checkpoint's folder, made when first asked for.
    fn files(&self) -> Result<Arc<Files>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(column) = &self.unstorable {
            let (name, column) = (self.name.clone(), column.clone());
            return Err(Error::CheckpointType { name, column }.into());
        }
        match files.as_ref() {
            Some(files) => Ok(Arc::clone(files)),
            None => Ok(Arc::clone(files.insert(self.store.files(&self.name)?))),
        }
    }

    /// The batch under the DataFrame's own schema: the engine's batches can differ in metadata and nullability.
    fn conform(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), batch.columns().to_vec(), &options)
            .map_err(|error| {
                DataFusionError::Execution(format!(
                    "checkpoint of '{}': rows do not fit the schema: {error}",
                    self.name
                ))
            })
    }
}

/// What one partition has kept.
enum Kept {
    Memory(Vec<RecordBatch>),
    File(Part),
}

/// Whether a type is or holds a union, at which the Parquet writer panics.
fn has_union(data_type: &DataType) -> bool {
    match data_type {
        DataType::Union(..) => true,
        DataType::Struct(fields) => fields.iter().any(|field| has_union(field.data_type())),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _)
        | DataType::RunEndEncoded(_, item) => has_union(item.data_type()),
        DataType::Dictionary(_, value) => has_union(value),
        _ => false,
    }
}

/// The index in `schema` of the first column that Parquet cannot hold.
pub(super) fn unstorable(schema: &Schema) -> Option<usize> {
    let written = |field: &FieldRef| {
        let nullable = Schema::new(vec![field.as_ref().clone().with_nullable(true)]);
        let row = new_null_array(field.data_type(), 1);
        let batch = RecordBatch::try_new(Arc::new(nullable), vec![row])?;
        let mut writer = ArrowWriter::try_new(std::io::sink(), batch.schema(), None)?;
        writer.write(&batch)?;
        writer.close().map_err(DataFusionError::from)
    };
    schema.fields().iter().position(|field| has_union(field.data_type()) || written(field).is_err())
}

/// Runs `plan` and keeps its rows under `schema`: in memory within `budget` bytes, else in the store's folder. Rows
/// with an `unstorable` column, described for people, stay in memory as far as the pool allows.
pub(super) async fn materialize(
    plan: &Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    name: &str,
    schema: SchemaRef,
    unstorable: Option<String>,
    store: Arc<Store>,
    budget: usize,
) -> Result<Data> {
    // Rows without columns weigh nothing, and a file of them would forget how many there are.
    let budget = if schema.fields().is_empty() || unstorable.is_some() { usize::MAX } else { budget };
    let shared = Arc::new(Shared {
        schema,
        unstorable,
        budget,
        reservation: MemoryConsumer::new(format!("checkpoint of {name}")).register(context.memory_pool()),
        spilled: AtomicBool::new(budget == 0),
        store,
        name: name.to_owned(),
        files: Mutex::new(None),
    });
    let mut tasks: JoinSet<Result<(usize, (u64, Kept))>> = JoinSet::new();
    for partition in 0..plan.output_partitioning().partition_count() {
        let stream = plan.execute(partition, Arc::clone(&context))?;
        let shared = Arc::clone(&shared);
        tasks.spawn(async move { Ok((partition, keep(stream, partition, &shared).await?)) });
    }
    let mut partitions = Vec::new();
    while let Some(finished) = tasks.join_next().await {
        partitions.push(finished.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??);
    }
    partitions.sort_unstable_by_key(|(partition, _)| *partition);
    let rows = partitions.iter().map(|(_, (rows, _))| *rows).collect();

    if !shared.spilled.load(Ordering::Relaxed) {
        let partitions = partitions.into_iter().map(|(_, (_, kept))| match kept {
            Kept::Memory(batches) => batches,
            Kept::File(_) => Vec::new(),
        });
        let partitions = partitions.collect();
        return Ok(Data::Memory {
            partitions,
            rows,
            reservation: shared.reservation.split(shared.reservation.size()),
        });
    }
    let files = shared.files()?;
    let mut parts = Vec::with_capacity(partitions.len());
    for (partition, (_, kept)) in partitions {
        parts.push(match kept {
            Kept::File(part) => part,
            Kept::Memory(batches) => write_all(&shared, partition, batches)?.finish()?,
        });
    }
    Ok(Data::Parquet { files, parts, rows })
}

/// Keeps one partition's rows, and counts them.
async fn keep(
    mut stream: SendableRecordBatchStream,
    partition: usize,
    shared: &Shared,
) -> Result<(u64, Kept)> {
    let mut counter = RecordBatchMemoryCounter::new();
    let mut counted = 0;
    let mut rows = 0;
    let mut gathered = Vec::new();
    let mut writer: Option<PartWriter> = None;
    while let Some(batch) = stream.next().await {
        let batch = shared.conform(&batch?)?;
        if batch.num_rows() == 0 {
            continue;
        }
        rows += batch.num_rows() as u64;
        if let Some(writer) = &mut writer {
            writer.write(&batch)?;
            continue;
        }
        counter.count_batch(&batch);
        let grown = counter.memory_usage() - counted;
        counted = counter.memory_usage();
        gathered.push(batch);
        if !shared.reserve(grown) {
            writer = Some(write_all(shared, partition, std::mem::take(&mut gathered))?);
        }
    }
    Ok((
        rows,
        match writer {
            Some(writer) => Kept::File(writer.finish()?),
            None => Kept::Memory(gathered),
        },
    ))
}

/// Writes gathered batches to the partition's file and leaves it open.
fn write_all(shared: &Shared, partition: usize, batches: Vec<RecordBatch>) -> Result<PartWriter> {
    let path = shared.files()?.path().join(format!("part-{partition:05}.parquet"));
    let mut writer = PartWriter::create(path, &shared.schema)?;
    for batch in batches {
        writer.write(&batch)?;
    }
    Ok(writer)
}

/// One partition's open file.
struct PartWriter {
    path: PathBuf,
    writer: ArrowWriter<BufWriter<File>>,
}

impl PartWriter {
    fn create(path: PathBuf, schema: &SchemaRef) -> Result<Self> {
        let file = File::create(&path).map_err(|error| {
            DataFusionError::Execution(format!("cannot create {}: {error}", path.display()))
        })?;
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let writer = ArrowWriter::try_new(BufWriter::new(file), Arc::clone(schema), Some(properties))?;
        Ok(Self { path, writer })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch)?;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES {
            self.writer.flush()?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Part> {
        self.writer.into_inner()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        let bytes = std::fs::metadata(&self.path)?.len();
        Ok(Part { path: self.path, bytes })
    }
}
