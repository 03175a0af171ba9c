//! The session's rules under their own names, with what they take: the first of the analyzer's also marks that a plan has
//! come, and at verbosity 3 each rule's time is taken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{AnalyzerRule, ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::physical_optimizer::{PhysicalOptimizerContext, PhysicalOptimizerRule};
use datafusion::physical_plan::ExecutionPlan;
use indexmap::IndexMap;
use serde::Serialize;

use crate::Lineage;

/// What one rule of the session took for a query.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RuleMetrics {
    /// The rule's name.
    pub name: String,
    /// Seconds, all its calls together.
    pub elapsed_s: f64,
    /// How often it was called: rules of logical plans are called per operator and pass.
    pub calls: u64,
}

/// When the optimizer began with a plan, how deep that was, and what rules took, by thread: a query is optimized and
/// handed to the planner on one thread, without anything in between.
#[derive(Debug, Default)]
pub(super) struct Marks(Mutex<HashMap<ThreadId, Mark>>);

#[derive(Debug, Default)]
struct Mark {
    began: Option<(Instant, usize)>,
    rules: IndexMap<String, (Duration, u64)>,
}

impl Marks {
    fn locked(&self) -> MutexGuard<'_, HashMap<ThreadId, Mark>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, depth: usize) {
        let mark = Mark { began: Some((Instant::now(), depth)), ..Mark::default() };
        self.locked().insert(std::thread::current().id(), mark);
    }

    /// How long ago the optimizer began, and how deep the plan was.
    pub(super) fn take(&self) -> Option<(Duration, usize)> {
        let mut marks = self.locked();
        let (start, depth) = marks.get_mut(&std::thread::current().id())?.began.take()?;
        Some((start.elapsed(), depth))
    }

    /// What rules took on this thread since the optimizer began.
    pub(super) fn take_rules(&self) -> Vec<RuleMetrics> {
        let Some(mark) = self.locked().remove(&std::thread::current().id()) else { return Vec::new() };
        let rule = |(name, (elapsed, calls)): (String, (Duration, u64))| RuleMetrics {
            name,
            elapsed_s: elapsed.as_secs_f64(),
            calls,
        };
        mark.rules.into_iter().map(rule).collect()
    }

    fn timed<T>(&self, rule: &str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        let elapsed = start.elapsed();
        let mut marks = self.locked();
        let rules = &mut marks.entry(std::thread::current().id()).or_default().rules;
        match rules.get_mut(rule) {
            Some(known) => *known = (known.0 + elapsed, known.1 + 1),
            None => drop(rules.insert(rule.to_owned(), (elapsed, 1))),
        }
        done
    }
}

/// The session's first analyzer rule, under its own name; it also marks that a plan has come.
#[derive(Debug)]
pub(super) struct MarkedRule {
    pub(super) rule: Arc<dyn AnalyzerRule + Send + Sync>,
    pub(super) marks: Arc<Marks>,
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

/// A rule of the session whose time is taken.
#[derive(Debug)]
pub(super) struct TimedRule<R: ?Sized> {
    pub(super) rule: Arc<R>,
    pub(super) marks: Arc<Marks>,
}

impl AnalyzerRule for TimedRule<dyn AnalyzerRule + Send + Sync> {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        self.marks.timed(self.rule.name(), || self.rule.analyze(plan, config))
    }

    fn name(&self) -> &str {
        self.rule.name()
    }
}

impl OptimizerRule for TimedRule<dyn OptimizerRule + Send + Sync> {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.rule.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        self.marks.timed(self.rule.name(), || self.rule.rewrite(plan, config))
    }
}

impl PhysicalOptimizerRule for TimedRule<dyn PhysicalOptimizerRule + Send + Sync> {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.marks.timed(self.rule.name(), || self.rule.optimize(plan, config))
    }

    fn optimize_with_context(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: &dyn PhysicalOptimizerContext,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.marks.timed(self.rule.name(), || self.rule.optimize_with_context(plan, context))
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}
