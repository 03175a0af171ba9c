//! The true shape of a plan: how deep it is, and what it is made of.
//!
//! Walks logical and physical plans and nothing else: it plans nothing, runs nothing and prints nothing. Every walk
//! is iterative and visits a shared subplan once, so that plans of many thousand operators, and self-joins that
//! would unfold to billions, are measured in time proportional to what is in memory.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::DFSchemaRef;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, Statement};
#[cfg(feature = "checkpoint")]
use datafusion::logical_expr::{Volatility, WindowFunctionDefinition};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::work_table::WorkTableExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use serde::Serialize;

/// What a plan is made of. Counts are those of the plan's tree as `EXPLAIN` prints it: a subplan that is used
/// twice counts twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Lineage {
    /// Operators on the longest path from the top to what is materialized; a single scan has depth 1.
    pub depth: usize,
    /// Operators of the whole tree, subqueries included.
    pub operators: usize,
    /// Exchanges: where rows change partition. In a logical plan only those that were asked for.
    pub exchanges: usize,
    /// Unions.
    pub unions: usize,
    /// Leaves that bring rows: tables, files, checkpoints.
    pub scans: usize,
    /// Nodes of all expressions as written (logical plans only).
    pub expression_nodes: usize,
    /// Sum, along the longest such path, of each operator's deepest expression: in a logical plan what a merged
    /// expression can become.
    pub expression_depth: usize,
}

impl Lineage {
    /// The lineage of a logical plan, as it stands (not optimized).
    #[must_use]
    pub fn of_logical(plan: &LogicalPlan) -> Self {
        fold(plan, |node| logical_children(node), logical_node)
    }

    /// The lineage of a physical plan.
    #[must_use]
    pub fn of_physical(plan: &Arc<dyn ExecutionPlan>) -> Self {
        fold(
            plan.as_ref(),
            |node| node.children().into_iter().map(AsRef::as_ref).collect(),
            |node, below| {
                let mut lineage = Self::above(below);
                lineage.exchanges = lineage.exchanges.saturating_add(usize::from(is_exchange(node)));
                lineage.unions = lineage.unions.saturating_add(usize::from(is_union(node)));
                lineage.scans =
                    lineage.scans.saturating_add(usize::from(below.is_empty() && is_source(node)));
                lineage.expression_depth = lineage.expression_depth.saturating_add(deepest_expression(node));
                lineage
            },
        )
    }

    /// One operator on top of others.
    fn above(below: &[Self]) -> Self {
        let mut lineage = Self { operators: 1, ..Self::default() };
        for child in below {
            lineage.depth = lineage.depth.max(child.depth);
            lineage.expression_depth = lineage.expression_depth.max(child.expression_depth);
            lineage.add_counts(child);
        }
        lineage.depth += 1;
        lineage
    }

    fn add_counts(&mut self, other: &Self) {
        self.operators = self.operators.saturating_add(other.operators);
        self.exchanges = self.exchanges.saturating_add(other.exchanges);
        self.unions = self.unions.saturating_add(other.unions);
        self.scans = self.scans.saturating_add(other.scans);
        self.expression_nodes = self.expression_nodes.saturating_add(other.expression_nodes);
    }
}

/// The schema of a plan's rows. The engine's own method recurses through operators that have none of their own.
pub(super) fn schema(mut plan: &LogicalPlan) -> &DFSchemaRef {
    loop {
        plan = match plan {
            LogicalPlan::Filter(node) => &node.input,
            LogicalPlan::Sort(node) => &node.input,
            LogicalPlan::Limit(node) => &node.input,
            LogicalPlan::Repartition(node) => &node.input,
            LogicalPlan::Distinct(Distinct::All(input)) => input,
            LogicalPlan::Subquery(node) => &node.subquery,
            LogicalPlan::RecursiveQuery(node) => &node.static_term,
            other => return other.schema(),
        };
    }
}

/// The address of a node: shared subplans are recognized by it.
pub(super) fn address<N: ?Sized>(node: &N) -> usize {
    std::ptr::from_ref(node).cast::<()>() as usize
}

/// Calls `visit` for every distinct node below and at `root`, children first, without recursion.
pub(super) fn fold<'a, N: ?Sized, T: Clone>(
    root: &'a N,
    mut children: impl FnMut(&'a N) -> Vec<&'a N>,
    mut visit: impl FnMut(&'a N, &[T]) -> T,
) -> T {
    let mut done: HashMap<usize, T> = HashMap::new();
    let mut parents: Vec<(&'a N, Vec<&'a N>, Vec<T>)> = Vec::new();
    let mut current = (root, children(root), Vec::new());
    loop {
        let (node, below, results) = &mut current;
        if let Some(&child) = below.get(results.len()) {
            match done.get(&address(child)) {
                Some(result) => results.push(result.clone()),
                None => parents.push(std::mem::replace(&mut current, (child, children(child), Vec::new()))),
            }
            continue;
        }
        let result = visit(node, results);
        let finished = address(*node);
        match parents.pop() {
            Some(parent) => current = parent,
            None => return result,
        }
        current.2.push(result.clone());
        done.insert(finished, result);
    }
}

/// The inputs of a logical operator and the subqueries of its expressions.
fn logical_children(plan: &LogicalPlan) -> Vec<&LogicalPlan> {
    let mut children = plan.inputs();
    for expression in borrowed_expressions(plan) {
        walk_expression(expression, |node, _| {
            if let Some(subquery) = subquery_of(node) {
                children.push(subquery);
            }
        });
    }
    children
}

fn subquery_of(expression: &Expr) -> Option<&LogicalPlan> {
    match expression {
        Expr::Exists(exists) => Some(&exists.subquery.subquery),
        Expr::InSubquery(within) => Some(&within.subquery.subquery),
        Expr::SetComparison(comparison) => Some(&comparison.subquery.subquery),
        Expr::ScalarSubquery(subquery) => Some(&subquery.subquery),
        _ => None,
    }
}

fn logical_node(plan: &LogicalPlan, below: &[Lineage]) -> Lineage {
    let inputs = plan.inputs().len();
    let (inputs, subqueries) = below.split_at(inputs.min(below.len()));
    let mut lineage = Lineage::above(inputs);
    // `EXPLAIN` prints a line `Subquery:` above each subquery's plan, and so does this count.
    for subquery in subqueries {
        let wrapped = Lineage::above(std::slice::from_ref(subquery));
        lineage.depth = lineage.depth.max(wrapped.depth + 1);
        lineage.expression_depth = lineage.expression_depth.max(wrapped.expression_depth);
        lineage.add_counts(&wrapped);
    }
    let mut deepest = 0;
    let mut count = |expression: &Expr, lineage: &mut Lineage| {
        walk_expression(expression, |_, depth| {
            deepest = deepest.max(depth);
            lineage.expression_nodes = lineage.expression_nodes.saturating_add(1);
        });
    };
    for expression in borrowed_expressions(plan) {
        count(expression, &mut lineage);
    }
    if let LogicalPlan::Extension(extension) = plan {
        for expression in extension.node.expressions() {
            count(&expression, &mut lineage);
        }
    }
    lineage.expression_depth = lineage.expression_depth.saturating_add(deepest);
    match plan {
        LogicalPlan::Repartition(_) => lineage.exchanges = lineage.exchanges.saturating_add(1),
        LogicalPlan::Union(_) => lineage.unions = lineage.unions.saturating_add(1),
        LogicalPlan::TableScan(_) | LogicalPlan::Values(_) => lineage.scans = lineage.scans.saturating_add(1),
        LogicalPlan::Extension(_) if inputs.is_empty() => lineage.scans = lineage.scans.saturating_add(1),
        _ => {}
    }
    lineage
}

/// The expressions an operator holds, borrowed from it, so that their subqueries can be walked in place. An
/// extension node lends none: it makes copies, which are counted but cannot hold a subquery the engine would plan.
pub(super) fn borrowed_expressions(plan: &LogicalPlan) -> Vec<&Expr> {
    use datafusion::logical_expr::Partitioning;
    match plan {
        LogicalPlan::Projection(node) => node.expr.iter().collect(),
        LogicalPlan::Values(node) => node.values.iter().flatten().collect(),
        LogicalPlan::Filter(node) => vec![&node.predicate],
        LogicalPlan::Repartition(node) => match &node.partitioning_scheme {
            Partitioning::Hash(expressions, _) | Partitioning::DistributeBy(expressions) => {
                expressions.iter().collect()
            }
            Partitioning::Range(range) => range.ordering().iter().map(|sort| &sort.expr).collect(),
            Partitioning::RoundRobinBatch(_) => Vec::new(),
        },
        LogicalPlan::Window(node) => node.window_expr.iter().collect(),
        LogicalPlan::Aggregate(node) => node.group_expr.iter().chain(&node.aggr_expr).collect(),
        LogicalPlan::Join(node) => {
            node.on.iter().flat_map(|(left, right)| [left, right]).chain(&node.filter).collect()
        }
        LogicalPlan::Sort(node) => node.expr.iter().map(|sort| &sort.expr).collect(),
        LogicalPlan::TableScan(node) => node.filters.iter().collect(),
        LogicalPlan::Distinct(Distinct::On(node)) => {
            let sort = node.sort_expr.iter().flatten().map(|sort| &sort.expr);
            node.on_expr.iter().chain(&node.select_expr).chain(sort).collect()
        }
        LogicalPlan::Limit(node) => node.skip.iter().chain(&node.fetch).map(AsRef::as_ref).collect(),
        LogicalPlan::Statement(Statement::Execute(node)) => node.parameters.iter().collect(),
        _ => Vec::new(),
    }
}

/// Calls `visit` with every node of an expression and its depth (1 for the top), without recursion.
pub(super) fn walk_expression<'a>(expression: &'a Expr, mut visit: impl FnMut(&'a Expr, usize)) {
    let mut open = vec![(expression, 1)];
    while let Some((node, depth)) = open.pop() {
        visit(node, depth);
        // The closure never fails, and `apply_children` fails only where the closure does.
        let _ = node.apply_children(|child| {
            open.push((child, depth + 1));
            Ok(TreeNodeRecursion::Continue)
        });
    }
}

/// Nodes of all expressions that are computed: a column that is passed through counts nothing, whatever its name becomes,
/// and the literals of one list count once. A shared subplan counts once.
pub(crate) fn computed_nodes(plan: &LogicalPlan) -> usize {
    let mut nodes = 0usize;
    fold(plan, logical_children, |node, _: &[()]| {
        let mut add = |expression: &Expr| nodes = nodes.saturating_add(computed(expression));
        match node {
            LogicalPlan::Extension(extension) => extension.node.expressions().iter().for_each(&mut add),
            _ => borrowed_expressions(node).into_iter().for_each(&mut add),
        }
    });
    nodes
}

/// Nodes of one expression, as [`computed_nodes`] counts them.
fn computed(expression: &Expr) -> usize {
    let mut inner = expression;
    while let Expr::Alias(alias) = inner {
        inner = &alias.expr;
    }
    if matches!(inner, Expr::Column(_)) {
        return 0;
    }
    let (mut nodes, mut in_lists) = (0usize, 0usize);
    walk_expression(inner, |node, _| {
        nodes += 1;
        in_lists += surplus_literals(node);
    });
    nodes - in_lists
}

/// Literals of a list beyond the first: all of them together count once.
pub(crate) fn surplus_literals(node: &Expr) -> usize {
    match node {
        Expr::InList(list) => {
            let literals = list.list.iter().filter(|item| matches!(item, Expr::Literal(..))).count();
            literals.saturating_sub(1)
        }
        _ => 0,
    }
}

/// The first function in a plan whose value is not the same each time it is computed from the same rows: `random`,
/// `now`, and what declares itself volatile or stable.
#[cfg(feature = "checkpoint")]
pub(crate) fn changing_function(plan: &LogicalPlan) -> Option<String> {
    let mut found: Option<String> = None;
    let mut look = |expression: &Expr| {
        walk_expression(expression, |node, _| {
            let (name, volatility) = match node {
                Expr::ScalarFunction(call) => (call.func.name(), call.func.signature().volatility),
                Expr::AggregateFunction(call) => (call.func.name(), call.func.signature().volatility),
                Expr::WindowFunction(call) => match &call.fun {
                    WindowFunctionDefinition::AggregateUDF(function) => {
                        (function.name(), function.signature().volatility)
                    }
                    WindowFunctionDefinition::WindowUDF(function) => {
                        (function.name(), function.signature().volatility)
                    }
                },
                _ => return,
            };
            if volatility != Volatility::Immutable && found.is_none() {
                found = Some(name.to_owned());
            }
        });
    };
    fold(plan, logical_children, |node, _: &[()]| match node {
        LogicalPlan::Extension(extension) => extension.node.expressions().iter().for_each(&mut look),
        _ => borrowed_expressions(node).into_iter().for_each(&mut look),
    });
    found
}

/// Whether a plan sorts somewhere.
#[cfg(feature = "checkpoint")]
pub(crate) fn sorts(plan: &LogicalPlan) -> bool {
    fold(plan, LogicalPlan::inputs, |node, below: &[bool]| {
        matches!(node, LogicalPlan::Sort(_)) || below.contains(&true)
    })
}

/// Whether running a plan does something beyond giving rows: it writes, changes the catalog or the session.
pub(crate) fn has_effects(plan: &LogicalPlan) -> bool {
    fold(plan, LogicalPlan::inputs, |node, below: &[bool]| {
        let effect = matches!(
            node,
            LogicalPlan::Dml(_) | LogicalPlan::Copy(_) | LogicalPlan::Ddl(_) | LogicalPlan::Statement(_)
        );
        effect || below.contains(&true)
    })
}

/// Bytes in memory of all constants in a plan's expressions, a shared subplan counted once. No measure of what is sent:
/// it tells whether to take one.
pub(super) fn literal_bytes(plan: &LogicalPlan) -> usize {
    let mut bytes = 0usize;
    let mut add = |expression: &Expr| {
        walk_expression(expression, |node, _| {
            if let Expr::Literal(value, _) = node {
                bytes = bytes.saturating_add(value.size());
            }
        });
    };
    fold(plan, logical_children, |node, _: &[()]| {
        borrowed_expressions(node).into_iter().for_each(&mut add);
        if let LogicalPlan::Extension(extension) = node {
            extension.node.expressions().iter().for_each(&mut add);
        }
    });
    bytes
}

/// Depth of a physical operator's deepest expression.
fn deepest_expression(plan: &dyn ExecutionPlan) -> usize {
    let mut deepest = 0;
    // The closure never fails, and the walk fails only where the closure does.
    let _ = plan.apply_expressions(&mut |expression| {
        let depth = fold(
            expression.as_ref(),
            |node: &dyn PhysicalExpr| node.children().into_iter().map(AsRef::as_ref).collect(),
            |_, below: &[usize]| 1 + below.iter().max().copied().unwrap_or(0),
        );
        deepest = deepest.max(depth);
        Ok(TreeNodeRecursion::Continue)
    });
    deepest
}

/// Whether rows change partition at this operator: the engine's exchanges, and any operator that gives the rows of its
/// one input in another number of partitions.
#[must_use]
pub(super) fn is_exchange(plan: &dyn ExecutionPlan) -> bool {
    let partitions = |plan: &dyn ExecutionPlan| plan.properties().output_partitioning().partition_count();
    plan.downcast_ref::<RepartitionExec>().is_some()
        || plan.downcast_ref::<CoalescePartitionsExec>().is_some()
        || plan.downcast_ref::<SortPreservingMergeExec>().is_some()
        || matches!(plan.children()[..], [input] if partitions(input.as_ref()) != partitions(plan))
}

fn is_union(plan: &dyn ExecutionPlan) -> bool {
    plan.downcast_ref::<UnionExec>().is_some() || plan.downcast_ref::<InterleaveExec>().is_some()
}

fn is_source(plan: &dyn ExecutionPlan) -> bool {
    plan.downcast_ref::<EmptyExec>().is_none()
        && plan.downcast_ref::<PlaceholderRowExec>().is_none()
        && plan.downcast_ref::<WorkTableExec>().is_none()
}
