//! How large the plan's predicates become when the optimizer pushes them down.
//!
//! A filter moves below the projections under it, and each column in it is replaced by the expression that makes
//! it. Where a column uses its predecessor twice, step by step, that doubles with every step: a plan five operators
//! deep can hold megabytes of expressions. This module foresees it from the plan as written, before the optimizer
//! spends seconds on it; it walks logical plans only and changes nothing.

use std::collections::HashMap;

use datafusion::logical_expr::{Expr, LogicalPlan};

use super::lineage::{address, fold, schema, surplus_literals, walk_expression};

/// Expression nodes of all filter predicates of `plan` once every column in them is written out down to what
/// filters can reach. Saturates instead of overflowing. Zero for a plan without filters.
#[must_use]
pub(super) fn pushed_down_nodes(plan: &LogicalPlan) -> usize {
    let mut sizes = ColumnSizes::default();
    fold(plan, LogicalPlan::inputs, |node, below: &[usize]| {
        let inputs: usize = below.iter().fold(0, |sum, &nodes| sum.saturating_add(nodes));
        match node {
            LogicalPlan::Filter(filter) => {
                inputs.saturating_add(sizes.of_expression(&filter.predicate, &filter.input))
            }
            _ => inputs,
        }
    })
}

/// Sizes of columns written out, remembered per operator and column.
#[derive(Default)]
struct ColumnSizes {
    known: HashMap<(usize, usize), usize>,
}

/// A column whose size is being found: where it is made, what it is the sum of.
struct Open<'a> {
    key: (usize, usize),
    own: usize,
    needs: Vec<(&'a LogicalPlan, usize)>,
    /// How many of those are known.
    known: usize,
}

impl ColumnSizes {
    /// Nodes of `expression` over the output of `input`, its columns written out.
    fn of_expression<'a>(&mut self, expression: &'a Expr, input: &'a LogicalPlan) -> usize {
        let (own, needs) = parts(expression, input);
        let mut open = vec![Open { key: (usize::MAX, usize::MAX), own, needs, known: 0 }];
        let mut total = 0;
        while let Some(top) = open.last_mut() {
            match top.needs.get(top.known).copied() {
                Some((plan, column)) if self.known.contains_key(&(address(plan), column)) => top.known += 1,
                Some((plan, column)) => {
                    let (own, needs) = origin(plan, column);
                    open.push(Open { key: (address(plan), column), own, needs, known: 0 });
                }
                None => {
                    let sum = top.needs.iter().fold(top.own, |sum, (plan, column)| {
                        sum.saturating_add(self.known.get(&(address(*plan), *column)).copied().unwrap_or(1))
                    });
                    self.known.insert(top.key, sum);
                    total = sum;
                    open.pop();
                }
            }
        }
        self.known.remove(&(usize::MAX, usize::MAX));
        total
    }
}

/// Where column `column` of `plan` comes from: nodes of its own, and the columns of inputs it needs.
fn origin(plan: &LogicalPlan, column: usize) -> (usize, Vec<(&LogicalPlan, usize)>) {
    match plan {
        LogicalPlan::Projection(node) => match node.expr.get(column) {
            Some(expression) => parts(expression, &node.input),
            None => (1, Vec::new()),
        },
        LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Window(_) => match plan.inputs().first() {
            Some(input) if column < schema(input).fields().len() => (0, vec![(input, column)]),
            _ => (1, Vec::new()),
        },
        LogicalPlan::Join(node) => {
            let left = schema(&node.left).fields().len();
            let (side, index) =
                if column < left { (&node.left, column) } else { (&node.right, column - left) };
            if index < schema(side).fields().len() { (0, vec![(side, index)]) } else { (1, Vec::new()) }
        }
        LogicalPlan::Union(node) => match node.inputs.first() {
            Some(input) => (0, vec![(input, column)]),
            None => (1, Vec::new()),
        },
        // Aggregates, limits and leaves: filters do not pass, or nothing is made below.
        _ => (1, Vec::new()),
    }
}

/// The nodes of an expression that are not columns, and the columns, each as often as it occurs.
fn parts<'a>(expression: &'a Expr, input: &'a LogicalPlan) -> (usize, Vec<(&'a LogicalPlan, usize)>) {
    let (mut own, mut surplus) = (0usize, 0usize);
    let mut needs = Vec::new();
    walk_expression(expression, |node, _| match node {
        Expr::Column(column) => match schema(input).maybe_index_of_column(column) {
            Some(index) => needs.push((input, index)),
            None => own += 1,
        },
        Expr::Alias(_) => {}
        _ => {
            own += 1;
            surplus += surplus_literals(node);
        }
    });
    (own - surplus, needs)
}
