//! Checkpoints: materialize a DataFrame and go on from the result, so that its lineage starts anew.
//!
//! In memory while it fits a share of the engine's memory pool, else as Parquet in the checkpoint folder. Schema,
//! partitions, order of rows within a partition (also as the engine knows of it) and values stay what they were. Decides nothing: when to make a
//! checkpoint is up to the caller.

mod materialize;
mod store;
mod table;
mod when;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::DataFrame;

pub(super) use materialize::Place;
use materialize::{materialize, unstorable};
pub(super) use store::Store;
use table::{CheckpointTable, known_orderings};

use super::lineage::{Lineage, schema as schema_of};
use super::{Error, stack};

/// When checkpoints are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CheckpointPolicy {
    /// At verbosity 1 and above, where a plan has become too deep or too large.
    #[default]
    Auto,
    /// Never.
    Never,
    /// Wherever [`checkpoint_if_needed`](super::Instrumentation::checkpoint_if_needed) is called.
    Always,
}

impl FromStr for CheckpointPolicy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "auto" => Ok(Self::Auto),
            "never" => Ok(Self::Never),
            "always" => Ok(Self::Always),
            other => Err(Error::CheckpointPolicy(other.to_owned())),
        }
    }
}

/// When checkpoints are made, and where they are kept.
#[derive(Debug, Clone)]
pub struct CheckpointOptions {
    /// When they are made.
    pub policy: CheckpointPolicy,
    /// Folder for checkpoints that do not fit in memory; created when first needed. Each process has a folder of its
    /// own in it, which goes when the process ends; those of processes that were killed go at the next start.
    pub folder: PathBuf,
    /// Share of the memory pool, 0 to 1, that one checkpoint may take.
    pub memory_share: f64,
    /// What one checkpoint may take in memory, in bytes, when the pool has no limit.
    pub unlimited_pool_bytes: usize,
}

impl Default for CheckpointOptions {
    fn default() -> Self {
        Self {
            policy: CheckpointPolicy::Auto,
            folder: std::env::temp_dir().join("datafusion-checkpoints"),
            memory_share: 0.25,
            unlimited_pool_bytes: 512 << 20,
        }
    }
}

/// A checkpoint that was made.
pub(super) struct Checkpoint {
    pub(super) frame: DataFrame,
    /// What was run; to be [released](stack::release).
    pub(super) plan: Arc<dyn ExecutionPlan>,
    /// How long it took to be made.
    pub(super) planning: Duration,
    pub(super) place: Place,
    pub(super) partition_rows: Vec<u64>,
    pub(super) bytes: u64,
}

/// Materializes `frame` and returns a DataFrame over the result.
pub(super) async fn make(
    frame: DataFrame,
    name: &str,
    store: &Arc<Store>,
    options: &CheckpointOptions,
    on_disk: bool,
) -> Result<Checkpoint> {
    let lineage = Lineage::of_logical(frame.logical_plan());
    let start = Instant::now();
    let plan = match stack::plan(&frame).await {
        Ok(plan) => plan,
        Err(error) => {
            stack::drop_deep(frame, &lineage);
            return Err(error);
        }
    };
    let planning = start.elapsed();
    let context = Arc::new(frame.task_ctx());
    let qualified = Arc::clone(schema_of(frame.logical_plan()));
    let (state, logical) = frame.into_parts();
    stack::drop_deep(logical, &lineage);

    let naming = Naming::of(&qualified, || store.unique_name(name));
    let schema = naming.stored_schema(&qualified);
    let orderings = known_orderings(plan.as_ref(), &schema);
    let unstorable = unstorable(&schema).map(|index| naming.describe(&qualified, index));
    let budget = if on_disk { 0 } else { memory_budget(&context, options) };
    let (data, plan) = {
        let (store, name, schema) = (Arc::clone(store), name.to_owned(), Arc::clone(&schema));
        stack::run(plan, context, move |plan, context| async move {
            match materialize(&plan, context, &name, schema, unstorable, store, budget).await {
                Ok(data) => Ok((data, plan)),
                Err(error) => {
                    stack::release(plan);
                    Err(error)
                }
            }
        })
        .await?
    };
    let (place, partition_rows, bytes) = (data.place(), data.partition_rows().to_vec(), data.bytes());
    let table = CheckpointTable::new(schema, data, orderings);
    match table.and_then(|table| naming.scan(Arc::new(table), &qualified)) {
        Ok(scan) => Ok(Checkpoint {
            frame: DataFrame::new(state, scan),
            plan,
            planning,
            place,
            partition_rows,
            bytes,
        }),
        Err(error) => {
            stack::release(plan);
            Err(error)
        }
    }
}

fn memory_budget(context: &datafusion::execution::TaskContext, options: &CheckpointOptions) -> usize {
    use datafusion::execution::memory_pool::MemoryLimit;
    match context.memory_pool().memory_limit() {
        MemoryLimit::Finite(limit) => (limit as f64 * options.memory_share.clamp(0.0, 1.0)) as usize,
        MemoryLimit::Infinite | MemoryLimit::Unknown => options.unlimited_pool_bytes,
    }
}

/// How columns of the checkpoint are called, so that expressions over the old frame resolve over the new one.
enum Naming {
    /// One scan under this name holds them all: columns had one qualifier, or none.
    Scan(TableReference),
    /// Columns of several tables: stored under numbered names, and given their own by a projection on the scan.
    Projection(TableReference),
}

impl Naming {
    fn of(schema: &DFSchema, unique: impl FnOnce() -> String) -> Self {
        let mut names = std::collections::HashSet::new();
        let mut qualifier: Option<&TableReference> = None;
        for (own, field) in schema.iter() {
            let differs = matches!((qualifier, own), (Some(known), Some(own)) if known != own);
            if differs || !names.insert(field.name()) {
                return Self::Projection(TableReference::bare(unique()));
            }
            qualifier = qualifier.or(own);
        }
        Self::Scan(qualifier.cloned().unwrap_or_else(|| TableReference::bare(unique())))
    }

    fn stored_schema(&self, schema: &DFSchema) -> SchemaRef {
        match self {
            Self::Scan(_) => Arc::clone(schema.inner()),
            Self::Projection(_) => {
                let numbered = |(index, field): (usize, &Arc<Field>)| {
                    field.as_ref().clone().with_name(format!("column_{index}"))
                };
                let fields: Vec<Field> = schema.fields().iter().enumerate().map(numbered).collect();
                Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
            }
        }
    }

    /// A column by the name that the caller knows, and its type.
    fn describe(&self, schema: &DFSchema, index: usize) -> String {
        let (qualifier, field) = schema.qualified_field(index);
        match (self, qualifier) {
            (Self::Projection(_), Some(table)) => {
                format!("'{table}.{}' of type {}", field.name(), field.data_type())
            }
            _ => format!("'{}' of type {}", field.name(), field.data_type()),
        }
    }

    fn scan(&self, table: Arc<CheckpointTable>, schema: &DFSchema) -> Result<LogicalPlan> {
        let (Self::Scan(name) | Self::Projection(name)) = self;
        let stored = datafusion::catalog::TableProvider::schema(table.as_ref());
        let scan = LogicalPlanBuilder::scan(name.clone(), provider_as_source(table), None)?;
        match self {
            Self::Scan(_) => scan.build(),
            Self::Projection(_) => {
                let renamed = schema.iter().zip(stored.fields()).map(|((qualifier, field), stored)| {
                    Expr::Column(Column::new(Some(name.clone()), stored.name()))
                        .alias_qualified(qualifier.cloned(), field.name())
                });
                scan.project(renamed)?.build()
            }
        }
    }
}
