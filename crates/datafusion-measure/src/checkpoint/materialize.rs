//! Runs a plan once and keeps every partition's rows, in memory or as Parquet.
//!
//! Partitions run side by side, as exchanges need it. Rows gather in memory until the budget or the pool says no;
//! from then on every partition streams into a file of its own, what it has gathered first.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{RecordBatchOptions, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
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
use tokio::sync::RwLock;
use tokio::task::JoinSet;

use super::footer::Footer;
use super::store::{Files, InMemory, Store};
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
    Memory {
        partitions: Vec<Vec<RecordBatch>>,
        rows: Vec<u64>,
        reservation: MemoryReservation,
        counted: InMemory,
    },
    Parquet {
        files: Arc<Files>,
        parts: Vec<Part>,
        rows: Vec<u64>,
    },
}

/// One partition's file.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) footer: Footer,
}

impl Part {
    /// An error where the file is not what was written to it: somebody or a bad disk changed it.
    pub(super) fn check(&self) -> Result<()> {
        let changed = |source| Error::CheckpointChanged { path: self.path.clone(), source };
        Ok(self.footer.check(&self.path).map_err(changed)?)
    }
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
            Self::Parquet { parts, .. } => parts.iter().map(|part| part.footer.file_bytes()).sum(),
        }
    }
}

/// What partitions share while they run.
struct Shared {
    schema: SchemaRef,
    /// Whether the last column of the schema numbers the rows.
    numbered: bool,
    counter: Mutex<RecordBatchMemoryCounter>,
    unstorable: Option<String>,
    budget: usize,
    reservation: MemoryReservation,
    spilled: AtomicBool,
    store: Arc<Store>,
    name: String,
    files: Mutex<Option<Arc<Files>>>,
    /// Held for reading by who writes to a file: a blocking thread goes on when the task that waits for it is aborted.
    writing: Arc<RwLock<()>>,
}

impl Shared {
    /// Runs work on a file where it does not keep other tasks from running.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let writing = Arc::clone(&self.writing).read_owned().await;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(writing);
            done
        })
        .await
        .map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?
    }

    /// Bytes that a batch takes beyond those kept already: partitions can share buffers.
    fn grown(&self, batch: &RecordBatch) -> usize {
        self.counter.lock().unwrap_or_else(PoisonError::into_inner).count_batch(batch)
    }

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

    /// The batch under the stored schema: the engine's batches can differ in metadata and nullability. `first` is the
    /// number of its first row.
    fn conform(&self, batch: &RecordBatch, first: u64) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let mut columns = batch.columns().to_vec();
        if self.numbered {
            let numbers = first..first + batch.num_rows() as u64;
            columns.push(Arc::new(UInt64Array::from_iter_values(numbers)));
        }
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map_err(|error| {
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

/// Whether Parquet gives back what was written to it, type and values. A list of what is known to: of anything else the
/// writer or the reader may panic (dictionaries of fixed-size binary, truth values or nulls), refuse, or change it.
fn storable(data_type: &DataType) -> bool {
    use DataType as T;
    match data_type {
        T::Boolean
        | T::Int8
        | T::Int16
        | T::Int32
        | T::Int64
        | T::UInt8
        | T::UInt16
        | T::UInt32
        | T::UInt64
        | T::Float16
        | T::Float32
        | T::Float64
        | T::Date32
        | T::Time32(_)
        | T::Time64(_)
        | T::Timestamp(..)
        | T::Utf8
        | T::LargeUtf8
        | T::Utf8View
        | T::Binary
        | T::LargeBinary
        | T::BinaryView
        | T::Decimal128(..)
        | T::Decimal256(..) => true,
        T::FixedSizeBinary(width) => *width > 0,
        T::List(item) | T::LargeList(item) => storable(item.data_type()),
        T::Struct(fields) => !fields.is_empty() && fields.iter().all(|field| storable(field.data_type())),
        T::Dictionary(key, value) => {
            key.is_dictionary_key_type()
                && matches!(**value, T::Utf8 | T::LargeUtf8 | T::Binary | T::LargeBinary)
        }
        _ => false,
    }
}

/// The index in `schema` of the first column that Parquet cannot hold.
pub(super) fn unstorable(schema: &Schema) -> Option<usize> {
    schema.fields().iter().position(|field| !storable(field.data_type()))
}

/// What is to be kept, and how.
pub(super) struct Request {
    /// Name of the DataFrame, for messages.
    pub(super) name: String,
    /// The schema under which rows are stored.
    pub(super) schema: SchemaRef,
    /// Whether the last column of the schema is to number the rows.
    pub(super) numbered: bool,
    /// A column that Parquet cannot hold, described for people: rows with it stay in memory as far as the pool allows.
    pub(super) unstorable: Option<String>,
    /// Bytes that may be kept in memory; what does not fit goes to the store's folder.
    pub(super) budget: usize,
}

/// Runs `plan` and keeps its rows.
pub(super) async fn materialize(
    plan: &Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    request: Request,
    store: Arc<Store>,
) -> Result<Data> {
    let Request { name, schema, numbered, unstorable, budget } = request;
    // Rows without columns weigh nothing, and a file of them would forget how many there are.
    let budget = if schema.fields().is_empty() || unstorable.is_some() { usize::MAX } else { budget };
    let shared = Arc::new(Shared {
        schema,
        numbered,
        counter: Mutex::default(),
        unstorable,
        budget,
        reservation: MemoryConsumer::new(format!("checkpoint of {name}")).register(context.memory_pool()),
        spilled: AtomicBool::new(budget == 0),
        store,
        name,
        files: Mutex::new(None),
        writing: Arc::default(),
    });
    let mut tasks: JoinSet<Result<(usize, (u64, Kept))>> = JoinSet::new();
    for partition in 0..plan.output_partitioning().partition_count() {
        let stream = plan.execute(partition, Arc::clone(&context))?;
        let shared = Arc::clone(&shared);
        tasks.spawn(async move { Ok((partition, keep(stream, partition, &shared).await?)) });
    }
    let mut partitions = Vec::new();
    while let Some(finished) = tasks.join_next().await {
        match finished.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error))).flatten() {
            Ok(kept) => partitions.push(kept),
            Err(error) => {
                // No file may be left behind, so whoever writes to one has to be done.
                tasks.shutdown().await;
                drop(shared.writing.write().await);
                return Err(error);
            }
        }
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
            counted: shared.store.count_memory(shared.reservation.size()),
            reservation: shared.reservation.split(shared.reservation.size()),
        });
    }
    let files = shared.files()?;
    let mut parts = Vec::with_capacity(partitions.len());
    for (partition, (_, kept)) in partitions {
        parts.push(match kept {
            Kept::File(part) => part,
            Kept::Memory(batches) => {
                let writing = Arc::clone(&shared);
                shared.blocking(move || write_all(&writing, partition, &batches)?.finish()).await?
            }
        });
    }
    Ok(Data::Parquet { files, parts, rows })
}

/// Keeps one partition's rows, and counts them.
async fn keep(
    mut stream: SendableRecordBatchStream,
    partition: usize,
    shared: &Arc<Shared>,
) -> Result<(u64, Kept)> {
    let mut rows = 0;
    let mut gathered = Vec::new();
    let mut writer: Option<PartWriter> = None;
    while let Some(batch) = stream.next().await {
        let batch = shared.conform(&batch?, rows)?;
        if batch.num_rows() == 0 {
            continue;
        }
        rows += batch.num_rows() as u64;
        if let Some(open) = writer.take() {
            writer = Some(shared.blocking(move || open.write_all(&[batch])).await?);
            continue;
        }
        let grown = shared.grown(&batch);
        gathered.push(batch);
        if !shared.reserve(grown) {
            let (writing, batches) = (Arc::clone(shared), std::mem::take(&mut gathered));
            writer = Some(shared.blocking(move || write_all(&writing, partition, &batches)).await?);
        }
    }
    Ok((
        rows,
        match writer {
            Some(writer) => Kept::File(shared.blocking(move || writer.finish()).await?),
            None => Kept::Memory(gathered),
        },
    ))
}

/// Writes gathered batches to the partition's file and leaves it open.
fn write_all(shared: &Shared, partition: usize, batches: &[RecordBatch]) -> Result<PartWriter> {
    let path = shared.files()?.path().join(format!("part-{partition:05}.parquet"));
    PartWriter::create(&shared.name, path, &shared.schema)?.write_all(batches)
}

/// One partition's open file.
struct PartWriter {
    name: String,
    path: PathBuf,
    writer: ArrowWriter<BufWriter<File>>,
}

impl PartWriter {
    fn create(name: &str, path: PathBuf, schema: &SchemaRef) -> Result<Self> {
        let file = File::create(&path).map_err(|error| failed(name, &path, error))?;
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let writer = ArrowWriter::try_new(BufWriter::new(file), Arc::clone(schema), Some(properties))
            .map_err(|error| failed(name, &path, error))?;
        Ok(Self { name: name.to_owned(), path, writer })
    }

    fn write_all(mut self, batches: &[RecordBatch]) -> Result<Self> {
        for batch in batches {
            self.writer.write(batch).map_err(|error| failed(&self.name, &self.path, error))?;
            if self.writer.in_progress_size() > ROW_GROUP_BYTES {
                self.writer.flush().map_err(|error| failed(&self.name, &self.path, error))?;
            }
        }
        Ok(self)
    }

    fn finish(self) -> Result<Part> {
        let Self { name, path, writer } = self;
        let file = writer.into_inner().map_err(|error| failed(&name, &path, error))?;
        drop(file.into_inner().map_err(|error| failed(&name, &path, error.into_error()))?);
        let footer = Footer::of(&path).map_err(|error| failed(&name, &path, error))?;
        Ok(Part { path, footer })
    }
}

fn failed(
    name: &str,
    path: &std::path::Path,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> DataFusionError {
    Error::CheckpointFile { name: name.to_owned(), path: path.to_owned(), source: error.into() }.into()
}
