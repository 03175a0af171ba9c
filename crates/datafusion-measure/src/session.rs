//! Sessions: every query that runs in an attached session is recorded, without a call for each.
//!
//! The session's query planner and the first of its analyzer rules are wrapped: the one gives the plan as the engine runs
//! it, the other the plan as it was written and the time at which the optimizer began. A planned query gets a root that
//! passes everything on to the real one, its name, its type and its serialized form too, and knows when the last
//! partition has ended: then the engine's own metrics are read. No operator, rule or plan is changed.

mod root;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::prelude::SessionContext;
use serde::Serialize;

use super::event::Event;
use super::execution::ExecutionMetrics;
use super::verbosity::Verbosity;
use super::{Instrumentation, Lineage};
use root::MeasuredRoot;

/// How much of a plan's topmost operator is kept to name a query.
const ROOT_CHARS: usize = 120;

/// A query that ran in an attached session.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct QueryMetrics {
    /// Its number, counted from 1 in the order of planning.
    pub number: u64,
    /// The topmost operator of its optimized plan.
    pub plan: String,
    /// Operators on the longest path of its plan as written, where the session optimized it.
    pub lineage_depth: Option<usize>,
    /// Operators on the longest path that the optimizer left.
    pub lineage_depth_optimized: usize,
    /// Seconds that the analyzer and the optimizer of logical plans took.
    pub optimizing_s: Option<f64>,
    /// Seconds that physical planning took, physical optimizer rules too.
    pub planning_s: f64,
    /// Partitions of the result.
    pub partitions: usize,
    /// Bytes of the largest stage serialized for one partition: at verbosity 3, where it can be serialized.
    pub task_bytes: Option<usize>,
    /// Seconds from the start of the first partition to the end of the last.
    pub elapsed_s: f64,
    /// Rows of the result.
    pub rows: u64,
    /// The error that ended it, if one did.
    pub error: Option<String>,
    /// What each operator did.
    #[serde(flatten)]
    pub execution: ExecutionMetrics,
}

/// What ran between [`Instrumentation::begin`] and [`Instrumentation::end`].
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Measured {
    /// Seconds from begin to end.
    pub elapsed_s: f64,
    /// The queries that ended in between, in attached sessions.
    pub queries: Vec<QueryMetrics>,
}

impl Instrumentation {
    /// A session in which every query is measured and recorded, without a call for each: see
    /// [`Metrics::queries`](super::Metrics::queries).
    ///
    /// Catalogs, functions, configuration and memory pool are those of `context`, and so are plans and results. At
    /// verbosity 0 the session is `context` itself. Reported at verbosity 2, one line a query; at 3 with its operators.
    ///
    /// ```
    /// # use datafusion::prelude::*;
    /// # use datafusion_measure::{Instrumentation, Verbosity};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> datafusion::error::Result<()> {
    /// let measure = Instrumentation::new(Verbosity::Info);
    /// let ctx = measure.attach(SessionContext::new());
    /// ctx.read_empty()?.collect().await?;
    /// assert_eq!(measure.metrics().queries.len(), 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn attach(&self, context: SessionContext) -> SessionContext {
        if self.is_silent() {
            return context;
        }
        let state = context.state();
        let marks = Arc::new(Marks::default());
        let planner: Arc<dyn QueryPlanner + Send + Sync> = Arc::new(MeasuredPlanner {
            planner: Arc::clone(state.query_planner()),
            instrumentation: self.clone(),
            marks: Arc::clone(&marks),
        });
        let id = state.session_id().to_owned();
        let mut builder =
            SessionStateBuilder::new_from_existing(state).with_session_id(id).with_query_planner(planner);
        if let Some(first) = builder.analyzer().as_mut().and_then(|analyzer| analyzer.rules.first_mut()) {
            *first = Arc::new(MarkedRule { rule: Arc::clone(first), marks });
        }
        SessionContext::new_with_state(builder.build())
    }

    /// Begins a piece of work; [`end`](Self::end) gives the queries that ended in between.
    pub fn begin(&self) {
        self.begin_measured();
    }

    /// Ends the piece of work that [`begin`](Self::begin) began; without one, everything since the start.
    #[must_use]
    pub fn end(&self) -> Measured {
        let (elapsed_s, queries) = self.end_measured();
        Measured { elapsed_s, queries }
    }

    fn query_ended(&self, query: QueryMetrics) {
        if self.reports(Verbosity::Info) {
            self.emit(Event::Query { query: Box::new(query.clone()) });
        }
        self.record(|metrics, limit| {
            if metrics.queries.len() >= limit {
                let excess = (metrics.queries.len() + 1 - limit + limit / 8).min(metrics.queries.len());
                metrics.queries.drain(..excess);
            }
            metrics.queries.push(query);
        });
    }
}

/// When the optimizer began with a plan, and how deep that was, by thread: a query is optimized and handed to the planner
/// on one thread, without anything in between.
#[derive(Debug, Default)]
struct Marks(Mutex<HashMap<ThreadId, (Instant, usize)>>);

impl Marks {
    fn set(&self, depth: usize) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        marks.insert(std::thread::current().id(), (Instant::now(), depth));
    }

    fn take(&self) -> Option<(Duration, usize)> {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, depth) = marks.remove(&std::thread::current().id())?;
        Some((start.elapsed(), depth))
    }
}

/// The session's first analyzer rule, under its own name; it also marks that a plan has come.
#[derive(Debug)]
struct MarkedRule {
    rule: Arc<dyn AnalyzerRule + Send + Sync>,
    marks: Arc<Marks>,
}

impl AnalyzerRule for MarkedRule {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        self.marks.set(Lineage::of_logical(&plan).depth);
        self.rule.analyze(plan, config)
    }

    fn name(&self) -> &str {
        self.rule.name()
    }
}

/// The session's own planner, whose plans are measured.
struct MeasuredPlanner {
    planner: Arc<dyn QueryPlanner + Send + Sync>,
    instrumentation: Instrumentation,
    marks: Arc<Marks>,
}

impl fmt::Debug for MeasuredPlanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.planner.fmt(f)
    }
}

#[async_trait]
impl QueryPlanner for MeasuredPlanner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mark = self.marks.take();
        let start = Instant::now();
        let physical = self.planner.create_physical_plan(plan, session).await?;
        let query = QueryMetrics {
            number: self.instrumentation.next_query(),
            plan: plan.display().to_string().chars().take(ROOT_CHARS).collect(),
            lineage_depth: mark.map(|(_, depth)| depth),
            lineage_depth_optimized: Lineage::of_logical(plan).depth,
            optimizing_s: mark.map(|(elapsed, _)| elapsed.as_secs_f64()),
            planning_s: start.elapsed().as_secs_f64(),
            partitions: physical.output_partitioning().partition_count(),
            ..QueryMetrics::default()
        };
        Ok(Arc::new(MeasuredRoot::new(physical, query, self.instrumentation.clone())))
    }
}
