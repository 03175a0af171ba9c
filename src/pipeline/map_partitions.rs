//! `MapPartitions`: one function over each partition, as a node of a DataFusion plan.
//!
//! A [`PartitionFunction`] is to DataFusion what the closure of `mapPartitions` was to Spark: it is named,
//! it says what it captures, and only its [encoded form](PartitionFunction::encode) travels to a worker.
//! There it is [opened](PartitionFunction::open) once per partition, and the [`PartitionProcessor`] that this
//! gives sees the partition's batches in order. Connections and caches belong to the processor, never
//! to the function.
//!
//! ```text
//!  logical   MapPartitions(function) ── MapPartitionsPlanner ──▶ MapPartitionsExec   physical
//!                                                                     │ codec
//!                                                                     ▼
//!                                                     name + encode()  ("the closure")
//! ```
//!
//! This file knows nothing of documents or labels.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, DFSchemaRef, Result, internal_err, plan_err};
use datafusion::dataframe::DataFrame;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};
use datafusion::prelude::SessionContext;

use super::deal_out::DealOutExec;
use super::map_partitions_exec::MapPartitionsExec;

/// A function over one partition: what a plan carries.
pub trait PartitionFunction: fmt::Debug + Send + Sync + 'static {
    /// The name under which the closure is measured and the codec finds its decoder.
    fn name(&self) -> &'static str;

    /// Schema of the batches that come out.
    fn schema(&self) -> SchemaRef;

    /// Everything that travels to a worker, encoded. Parameters only: no client, pool, model or row.
    fn encode(&self) -> Result<Vec<u8>>;

    /// A few words for `EXPLAIN`. Must not hold a secret.
    fn describe(&self) -> String;

    /// Whether the input may be read ahead by a task of its own, so that waiting for it and working on what
    /// came before overlap. Worth it where the processor waits for a network.
    fn read_ahead(&self) -> bool {
        false
    }

    /// Whether the output may be made ahead by a task of its own, so that waiting for what comes next and working
    /// on what has come overlap. Worth it where the processor waits for a network.
    fn run_ahead(&self) -> bool {
        false
    }

    /// Whether the input is [dealt out](super::DealOutExec) over all partitions of the session first. True for the
    /// one function that turns ids into documents; from there on partitions stay what they are.
    fn deals_out(&self) -> bool {
        false
    }

    /// Starts the work on one partition, in the worker.
    fn open(&self, context: &TaskContext) -> Result<Box<dyn PartitionProcessor>>;
}

/// The work on one partition.
///
/// The operator calls [`next`](Self::next) until it gives `None`, then [`push`](Self::push)es the input's next
/// batch or says that there is none with [`end`](Self::end), and so on: a processor may turn one batch into
/// many without holding them all.
#[async_trait]
pub trait PartitionProcessor: Send {
    /// Takes the partition's next batch.
    fn push(&mut self, batch: RecordBatch) -> Result<()>;

    /// The next batch of output, or `None` when more input is needed.
    async fn next(&mut self) -> Result<Option<RecordBatch>>;

    /// The partition's input has ended; [`next`](Self::next) gives what is left.
    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A processor that turns each batch into one batch, by a function.
pub struct EachBatch<F> {
    function: F,
    input: Option<RecordBatch>,
}

impl<F> EachBatch<F>
where
    F: FnMut(RecordBatch) -> Result<RecordBatch> + Send,
{
    /// A processor that applies `function` to each batch.
    pub fn new(function: F) -> Self {
        Self { function, input: None }
    }
}

#[async_trait]
impl<F> PartitionProcessor for EachBatch<F>
where
    F: FnMut(RecordBatch) -> Result<RecordBatch> + Send,
{
    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.input = Some(batch);
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.input.take().map(&mut self.function).transpose()
    }
}

/// The logical node. Two are equal when name, encoded function and input are.
#[derive(Debug, Clone)]
pub struct MapPartitions {
    input: LogicalPlan,
    function: Arc<dyn PartitionFunction>,
    schema: DFSchemaRef,
    encoded: Arc<[u8]>,
}

impl MapPartitions {
    /// `function` over each partition of `input`.
    ///
    /// # Errors
    /// When the function cannot be encoded, or its schema names a column twice.
    pub fn try_new(input: LogicalPlan, function: Arc<dyn PartitionFunction>) -> Result<Self> {
        let schema = Arc::new(DFSchema::try_from(function.schema())?);
        let encoded = function.encode()?.into();
        Ok(Self { input, function, schema, encoded })
    }

    /// The function.
    #[must_use]
    pub fn function(&self) -> &Arc<dyn PartitionFunction> {
        &self.function
    }

    fn key(&self) -> (&str, &[u8]) {
        (self.function.name(), &self.encoded)
    }
}

impl PartialEq for MapPartitions {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key() && self.input == other.input
    }
}

impl Eq for MapPartitions {}

impl Hash for MapPartitions {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for MapPartitions {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.key().cmp(&other.key()) {
            Ordering::Equal => self.input.partial_cmp(&other.input),
            unequal => Some(unequal),
        }
    }
}

impl UserDefinedLogicalNodeCore for MapPartitions {
    fn name(&self) -> &str {
        "MapPartitions"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MapPartitions: {}({})", self.function.name(), self.function.describe())
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Ok([input]) = <[LogicalPlan; 1]>::try_from(inputs) else {
            return plan_err!("MapPartitions({}) takes exactly one input", self.function.name());
        };
        Ok(Self { input, ..self.clone() })
    }

    /// The function may look at every column of its input.
    fn necessary_children_exprs(&self, _output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![(0..self.input.schema().fields().len()).collect()])
    }
}

/// Plans [`MapPartitions`] as [`MapPartitionsExec`]. To be given to a
/// [`DefaultPhysicalPlanner`](datafusion::physical_planner::DefaultPhysicalPlanner).
#[derive(Debug, Clone, Copy, Default)]
pub struct MapPartitionsPlanner;

#[async_trait]
impl ExtensionPlanner for MapPartitionsPlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        _planning: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<MapPartitions>() else {
            return Ok(None);
        };
        let [input] = physical_inputs else {
            return internal_err!("MapPartitions was planned with {} inputs", physical_inputs.len());
        };
        let mut input = Arc::clone(input);
        if node.function.deals_out() {
            input = Arc::new(DealOutExec::new(input, session.config().target_partitions()));
        }
        Ok(Some(Arc::new(MapPartitionsExec::new(input, Arc::clone(&node.function)))))
    }
}

/// `function` over each partition of `input`, as a DataFrame of the same session.
///
/// # Errors
/// As [`MapPartitions::try_new`].
pub fn map_partitions(
    context: &SessionContext,
    input: DataFrame,
    function: Arc<dyn PartitionFunction>,
) -> Result<DataFrame> {
    let node = MapPartitions::try_new(input.into_unoptimized_plan(), function)?;
    Ok(DataFrame::new(context.state(), LogicalPlan::Extension(Extension { node: Arc::new(node) })))
}
