//! The DataFusion session in which the pipeline's plans are made and run.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionStateBuilder, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner};
use datafusion::prelude::{SessionConfig, SessionContext};

use super::map_partitions::MapPartitionsPlanner;
use super::model_store::ModelStore;
use crate::worker::WorkerContext;

/// A rule of the engine's physical optimizer.
pub type OptimizerRule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// What a session is made with.
#[derive(Debug, Clone)]
pub struct SessionOptions {
    /// Number of partitions; each is worked on by one task.
    pub partitions: usize,
    /// Memory pool of the engine, in bytes.
    pub memory_limit: Option<usize>,
    /// Rules of the physical optimizer that come after the engine's own.
    pub optimizer_rules: Vec<OptimizerRule>,
}

/// A session that plans [`map_partitions`](super::map_partitions()), carries the models of the process and gives
/// its workers `context`.
///
/// # Errors
/// When the engine's runtime cannot be built.
pub fn session(
    options: &SessionOptions,
    models: Arc<ModelStore>,
    context: WorkerContext,
) -> Result<SessionContext> {
    let config = SessionConfig::new()
        .with_target_partitions(options.partitions.max(1))
        .with_information_schema(false)
        // Partitions are made once, where ids are spread over them; nothing is repartitioned behind our back.
        .with_round_robin_repartition(false)
        .with_coalesce_batches(false)
        .with_extension(models)
        .with_extension(Arc::new(context));
    let mut runtime = RuntimeEnvBuilder::new();
    if let Some(limit) = options.memory_limit {
        runtime = runtime.with_memory_limit(limit, 1.0);
    }
    let builder = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime.build_arc()?)
        .with_default_features()
        .with_query_planner(Arc::new(MapPartitionsQueryPlanner));
    let rules = options.optimizer_rules.iter().map(Arc::clone);
    let builder = rules.fold(builder, SessionStateBuilder::with_physical_optimizer_rule);
    Ok(SessionContext::new_with_state(builder.build()))
}

/// What the workers of a session share.
pub(super) fn worker_context(context: &TaskContext) -> WorkerContext {
    context
        .session_config()
        .get_extension::<WorkerContext>()
        .map(|shared| (*shared).clone())
        .unwrap_or_default()
}

/// DataFusion's own planner, taught the node of [`map_partitions`](super::map_partitions()).
#[derive(Debug)]
struct MapPartitionsQueryPlanner;

#[async_trait]
impl QueryPlanner for MapPartitionsQueryPlanner {
    async fn create_physical_plan(
        &self,
        logical_plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(MapPartitionsPlanner)])
            .create_physical_plan(logical_plan, session)
            .await
    }
}
