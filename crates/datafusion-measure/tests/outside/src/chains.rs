//! Chains of three hundred steps, as loops write them.

use std::sync::Arc;

use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::error::Result;
use datafusion::prelude::*;

use crate::group::{Case, Group};

const STEPS: i64 = 300;

fn session(_: &std::path::Path) -> Result<SessionContext> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let numbers = Arc::new(Int64Array::from_iter_values((0..500).map(|n| n * 7919 % 1000)));
    context.register_batch("t", RecordBatch::try_from_iter([("n", numbers as _)])?)?;
    Ok(context)
}

fn table(context: &SessionContext) -> Result<DataFrame> {
    futures::executor::block_on(context.table("t"))
}

fn filters(context: &SessionContext) -> Result<DataFrame> {
    (0..STEPS).try_fold(table(context)?, |frame, step| frame.filter(col("n").gt_eq(lit(step - 100))))
}

fn filters_then_five_smallest(context: &SessionContext) -> Result<DataFrame> {
    filters(context)?.sort(vec![col("n").sort(true, false)])?.limit(0, Some(5))
}

fn columns(context: &SessionContext) -> Result<DataFrame> {
    (0..STEPS / 3).try_fold(table(context)?, |frame, step| {
        let before = if step == 0 { "n".to_owned() } else { format!("c{}", step - 1) };
        frame.select(vec![col("n"), (col(before) + lit(step)).alias(format!("c{step}"))])
    })
}

fn unions(context: &SessionContext) -> Result<DataFrame> {
    let table = table(context)?;
    (0..STEPS).try_fold(table.clone(), |frame, _| frame.union(table.clone()))
}

fn limits(context: &SessionContext) -> Result<DataFrame> {
    let sorted = table(context)?.sort(vec![col("n").sort(false, false)])?;
    (0..STEPS).try_fold(sorted, |frame, step| frame.limit(0, Some((STEPS - step) as usize)))
}

fn aggregates(context: &SessionContext) -> Result<DataFrame> {
    (0..STEPS / 10).try_fold(table(context)?, |frame, step| {
        let name = format!("s{step}");
        let n = frame.schema().fields().last().map(|field| field.name().clone()).unwrap_or_default();
        frame.aggregate(vec![(col(&n) % lit(400 - step)).alias("k")], vec![datafusion::functions_aggregate::expr_fn::sum(col(&n)).alias(name)])
    })
}

pub fn group() -> Group {
    let cases = vec![
        Case::frame("300 filters", false, filters),
        Case::frame("300 filters, the five smallest", true, filters_then_five_smallest),
        Case::frame("100 columns, each of the one before", false, columns),
        Case::frame("300 unions", false, unions),
        Case::frame("300 limits of a sorted table", true, limits),
        Case::frame("30 aggregates", false, aggregates),
    ];
    Group { name: "chains", session, cases }
}
