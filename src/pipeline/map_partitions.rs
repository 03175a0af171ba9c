//! `MapPartitions`: one function over each partition, as a node of a DataFusion plan.
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
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, DFSchemaRef, Result, internal_err, plan_err};
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};
use datafusion::prelude::SessionContext;

use super::function::PartitionFunction;
use super::map_partitions_exec::MapPartitionsExec;
use super::on_demand::OnDemandRepartitionExec;

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
    /// When the function cannot be encoded or cannot work on such rows, or its schema names a column twice.
    pub fn try_new(input: LogicalPlan, function: Arc<dyn PartitionFunction>) -> Result<Self> {
        let schema = Arc::new(DFSchema::try_from(function.schema(input.schema().as_arrow())?)?);
        let encoded = function.encode()?.into();
        Ok(Self { input, function, schema, encoded })
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
        if node.function.repartitions_input() {
            input = Arc::new(OnDemandRepartitionExec::new(input, session.config().target_partitions()));
        }
        Ok(Some(Arc::new(MapPartitionsExec::try_new(input, Arc::clone(&node.function))?)))
    }
}

/// `function` over each partition of `input`, as a DataFrame of the same session.
///
/// # Errors
/// When the function cannot be encoded or cannot work on such rows, or its schema names a column twice.
pub fn map_partitions(
    context: &SessionContext,
    input: DataFrame,
    function: Arc<dyn PartitionFunction>,
) -> Result<DataFrame> {
    let node = MapPartitions::try_new(input.into_unoptimized_plan(), function)?;
    Ok(DataFrame::new(context.state(), LogicalPlan::Extension(Extension { node: Arc::new(node) })))
}
