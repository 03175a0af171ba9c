//! Checkpoints: materialize a DataFrame and go on from the result, so that its lineage starts anew.
//!
//! In memory while it fits a share of the engine's memory pool, else as Parquet in the checkpoint folder. Schema,
//! partitions, order of rows within a partition (also as the engine knows of it) and values stay what they were. Decides nothing: when to make a
//! checkpoint is up to the caller.

mod footer;
mod materialize;
mod source;
mod store;
mod table;
mod when;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::{Column as LogicalColumn, DFSchema, DFSchemaRef, TableReference};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryLimit;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::prelude::DataFrame;

pub(super) use materialize::Place;
use materialize::{Request, materialize, unstorable};
pub(super) use source::FixedPartitions;
pub(super) use store::Store;
use table::{CheckpointTable, known_orderings};

use super::lineage::{self, Lineage, schema as schema_of};
use super::{Error, stack};

/// When checkpoints are made. At verbosity 0 none is made, whatever the policy: it switches everything off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CheckpointPolicy {
    /// Where a plan has become too deep or too large.
    Auto,
    /// Never.
    #[default]
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
    /// Share of the memory pool, 0 to 1, that all checkpoints together may take.
    pub memory_share: f64,
    /// What all checkpoints together may take in memory, in bytes, when the pool has no limit.
    pub unlimited_pool_bytes: usize,
}

impl Default for CheckpointOptions {
    fn default() -> Self {
        Self {
            policy: CheckpointPolicy::default(),
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
    if plan.boundedness().is_unbounded() {
        stack::release(plan);
        stack::drop_deep(frame, &lineage);
        let remedy = "make no checkpoint of it";
        return Err(Error::Unbounded { name: name.to_owned(), work: "a checkpoint", remedy }.into());
    }
    let context = Arc::new(frame.task_ctx());
    let qualified = Arc::clone(schema_of(frame.logical_plan()));
    let sorts = lineage::sorts(frame.logical_plan());
    let (state, logical) = frame.into_parts();
    stack::drop_deep(logical, &lineage);

    let naming = Naming::of(&qualified, || store.unique_name(name));
    let mut schema = naming.stored_schema(&qualified);
    let mut orderings = known_orderings(plan.as_ref(), &schema);
    let unstorable = unstorable(&schema).map(|index| naming.describe(&qualified, index));
    // Rows that the whole frame has in order keep it under whatever is put on the checkpoint: by the columns they are
    // ordered by, else by their number. The plan may not know an order that the frame asks for: a projection can have
    // left out the columns it was by.
    let ordered = sorts && plan.output_partitioning().partition_count() == 1;
    let order = plan.output_ordering().filter(|_| ordered);
    let by_columns = order.and_then(|order| {
        orderings.iter().position(|known| known.len() == order.len() && same_columns(known, order))
    });
    let numbered = ordered && by_columns.is_none();
    let sort = match by_columns {
        Some(known) => orderings.get(known).cloned(),
        None if !numbered => None,
        None => {
            schema = with_row_number(&schema);
            let index = schema.fields().len() - 1;
            let number = Column::new(ROW_NUMBER, index);
            let ascending = SortOptions { descending: false, nulls_first: false };
            LexOrdering::new([PhysicalSortExpr::new(Arc::new(number), ascending)])
        }
    };
    if numbered {
        orderings.extend(sort.clone());
    }
    let budget = if on_disk { 0 } else { memory_budget(&context, options, store) };
    let (data, plan) = {
        let (store, schema) = (Arc::clone(store), Arc::clone(&schema));
        let request = Request { name: name.to_owned(), schema, numbered, unstorable, budget };
        stack::run(plan, context, move |plan, context| async move {
            match materialize(&plan, context, request, store).await {
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
    match table.and_then(|table| naming.scan(Arc::new(table), &qualified, sort.as_ref())) {
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

/// Bytes that one more checkpoint may take in memory.
fn memory_budget(context: &TaskContext, options: &CheckpointOptions, store: &Store) -> usize {
    let all = match context.memory_pool().memory_limit() {
        MemoryLimit::Finite(limit) => (limit as f64 * options.memory_share.clamp(0.0, 1.0)) as usize,
        MemoryLimit::Infinite | MemoryLimit::Unknown => options.unlimited_pool_bytes,
    };
    all.saturating_sub(store.in_memory())
}

/// Whether an order by columns is the plan's own.
fn same_columns(known: &LexOrdering, order: &LexOrdering) -> bool {
    known.iter().zip(order).all(|(known, sort)| {
        let index = |sort: &PhysicalSortExpr| sort.expr.downcast_ref::<Column>().map(Column::index);
        known.options == sort.options && index(sort).is_some() && index(known) == index(sort)
    })
}

/// The column that numbers the rows of a frame whose order no columns give.
const ROW_NUMBER: &str = "__row_number";

fn with_row_number(schema: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(ROW_NUMBER, DataType::UInt64, false)));
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// Whether a plan is a checkpoint and nothing more.
pub(super) fn is_checkpoint(mut plan: &LogicalPlan) -> bool {
    loop {
        plan = match plan {
            LogicalPlan::Projection(node) => &node.input,
            LogicalPlan::Sort(node) => &node.input,
            LogicalPlan::TableScan(scan) => {
                return source_as_provider(&scan.source)
                    .is_ok_and(|table| table.downcast_ref::<CheckpointTable>().is_some());
            }
            _ => return false,
        };
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
            // A scan gives its name to all columns: to one that has none it would be a new one.
            let same = own.is_some() && qualifier.is_none_or(|known| Some(known) == own);
            if !same || field.name() == ROW_NUMBER || !names.insert(field.name()) {
                return Self::Projection(TableReference::bare(unique()));
            }
            qualifier = own;
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

    /// The checkpoint as a plan with the frame's own schema: qualifiers and functional dependencies too. `sort` is the
    /// order of all rows, where they have one.
    fn scan(
        &self,
        table: Arc<CheckpointTable>,
        schema: &DFSchemaRef,
        sort: Option<&LexOrdering>,
    ) -> Result<LogicalPlan> {
        let (Self::Scan(name) | Self::Projection(name)) = self;
        let stored = table.schema();
        let mut plan = LogicalPlanBuilder::scan(name.clone(), provider_as_source(table), None)?;
        let column =
            |index: usize| Expr::Column(LogicalColumn::new(Some(name.clone()), stored.field(index).name()));
        if let Some(sort) = sort {
            let by = |sort: &PhysicalSortExpr| {
                let index = sort.expr.downcast_ref::<Column>()?.index();
                Some(column(index).sort(!sort.options.descending, sort.options.nulls_first))
            };
            plan = plan.sort(sort.iter().filter_map(by))?;
        }
        let dependencies = !schema.functional_dependencies().is_empty();
        let as_stored = matches!(self, Self::Scan(_)) && stored.fields().len() == schema.fields().len();
        if as_stored && !dependencies {
            return plan.build();
        }
        let renamed = schema.iter().enumerate().map(|(index, (qualifier, field))| match self {
            Self::Scan(_) => column(index),
            Self::Projection(_) => column(index).alias_qualified(qualifier.cloned(), field.name()),
        });
        let input = Arc::new(plan.build()?);
        Projection::try_new_with_schema(renamed.collect(), input, Arc::clone(schema))
            .map(LogicalPlan::Projection)
    }
}
