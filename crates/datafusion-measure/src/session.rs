//! Sessions: every query that runs in an attached session is recorded, without a call for each.
//!
//! The session's query planner and the first of its analyzer rules are wrapped: the one gives the plan as the engine runs
//! it, the other the plan as it was written and the time at which the optimizer began. A planned query gets a root that
//! passes everything on to the real one, its name, its type and its serialized form too, and knows when the last
//! partition has ended: then the engine's own metrics are read. No operator, rule or plan is changed.

mod pool;
mod query;
mod root;
mod rules;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::prelude::{DataFrame, SessionContext};
use serde::Serialize;

use super::event::Event;
use super::verbosity::Verbosity;
use super::{Instrumentation, Lineage};
pub use pool::MemoryPeak;
use pool::WatchedPool;
pub use query::QueryMetrics;
use query::QueryText;
pub(crate) use root::Run;
use root::{MeasuredRoot, Watching};
pub use rules::RuleMetrics;
use rules::{MarkedRule, Marks, TimedRule};

/// How much of a plan's topmost operator is kept to name a query.
const ROOT_CHARS: usize = 120;
/// How much of a query's text is kept.
const TEXT_CHARS: usize = 2000;

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
    /// Catalogs, functions and configuration are those of `context`, and so are plans and results. The memory pool is
    /// wrapped, to know its peak: `context`'s own decides. At verbosity 0 the session is `context` itself. Reported at
    /// verbosity 2, one line a query; at 3 with its stages, its operators with all their metrics, and its rules.
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
        let mut runtime = state.runtime_env().as_ref().clone();
        let pool = Arc::new(WatchedPool::new(Arc::clone(&runtime.memory_pool)));
        runtime.memory_pool = Arc::clone(&pool) as _;
        let planner: Arc<dyn QueryPlanner + Send + Sync> = Arc::new(MeasuredPlanner {
            planner: Arc::clone(state.query_planner()),
            watching: Watching { instrumentation: self.clone(), pool },
            marks: Arc::clone(&marks),
        });
        let id = state.session_id().to_owned();
        let mut builder = SessionStateBuilder::new_from_existing(state)
            .with_session_id(id)
            .with_runtime_env(Arc::new(runtime))
            .with_query_planner(planner);
        if self.reports(Verbosity::Debug) {
            time_rules(&mut builder, &marks);
        }
        if let Some(first) = builder.analyzer().as_mut().and_then(|analyzer| analyzer.rules.first_mut()) {
            *first = Arc::new(MarkedRule { rule: Arc::clone(first), marks });
        }
        SessionContext::new_with_state(builder.build())
    }

    /// The frame, whose query is recorded with this text: the SQL that it was made from, or what it is for.
    ///
    /// Where none is given, a query is known by the topmost operator of its plan. Nothing else of the frame changes.
    ///
    /// ```
    /// # use datafusion::prelude::*;
    /// # use datafusion_measure::{Instrumentation, Verbosity};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> datafusion::error::Result<()> {
    /// let measure = Instrumentation::new(Verbosity::Info);
    /// let ctx = measure.attach(SessionContext::new());
    /// measure.named(ctx.read_empty()?, "nothing at all").collect().await?;
    /// assert_eq!(measure.metrics().queries[0].name(), "nothing at all");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn named(&self, frame: DataFrame, text: &str) -> DataFrame {
        if self.is_silent() {
            return frame;
        }
        let (mut state, plan) = frame.into_parts();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(TEXT_CHARS).collect();
        state.config_mut().set_extension(Arc::new(QueryText(text)));
        DataFrame::new(state, plan)
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

/// The session's own planner, whose plans are measured.
struct MeasuredPlanner {
    planner: Arc<dyn QueryPlanner + Send + Sync>,
    watching: Watching,
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
        let mut rules = self.marks.take_rules();
        let start = Instant::now();
        let physical = self.planner.create_physical_plan(plan, session).await?;
        rules.extend(self.marks.take_rules());
        let query = QueryMetrics {
            number: self.watching.instrumentation.next_query(),
            text: session.config().get_extension::<QueryText>().map(|text| text.0.clone()),
            plan: plan.display().to_string().chars().take(ROOT_CHARS).collect(),
            lineage_depth: mark.map(|(_, depth)| depth),
            lineage_depth_optimized: Lineage::of_logical(plan).depth,
            optimizing_s: mark.map(|(elapsed, _)| elapsed.as_secs_f64()),
            planning_s: start.elapsed().as_secs_f64(),
            rules,
            partitions: physical.output_partitioning().partition_count(),
            ..QueryMetrics::default()
        };
        Ok(Arc::new(MeasuredRoot::new(physical, query, self.watching.clone())))
    }
}

/// Takes the time of every rule of the session.
fn time_rules(builder: &mut SessionStateBuilder, marks: &Arc<Marks>) {
    for rule in builder.analyzer().iter_mut().flat_map(|analyzer| &mut analyzer.rules) {
        *rule = Arc::new(TimedRule { rule: Arc::clone(rule), marks: Arc::clone(marks) });
    }
    for rule in builder.optimizer().iter_mut().flat_map(|optimizer| &mut optimizer.rules) {
        *rule = Arc::new(TimedRule { rule: Arc::clone(rule), marks: Arc::clone(marks) });
    }
    for rule in builder.physical_optimizers().iter_mut().flat_map(|optimizer| &mut optimizer.rules) {
        *rule = Arc::new(TimedRule { rule: Arc::clone(rule), marks: Arc::clone(marks) });
    }
}
