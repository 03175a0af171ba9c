//! Plans of thousands of operators: measured, planned, run and dropped, or refused, but never the end of the process.

use datafusion::arrow::array::AsArray;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::*;
use datafusion_measure::{Limits, Lineage};

use super::support::{columns, context, filters, instrumentation, numbers};

/// Limits by which the optimizer is always too slow for what is deep.
fn impatient() -> Limits {
    let mut limits = Limits::default();
    limits.optimizing = std::time::Duration::ZERO;
    limits
}

/// A chain of limits made by hand: building it takes no stack.
fn limits(frame: DataFrame, steps: usize) -> DataFrame {
    let (state, mut plan) = frame.into_parts();
    for _ in 0..steps {
        plan = LogicalPlanBuilder::from(plan).limit(0, Some(1000)).unwrap().build().unwrap();
    }
    DataFrame::new(state, plan)
}

/// Sorts with a limit on each: a physical plan as deep as the logical one.
fn sorted_limits(frame: DataFrame, steps: usize) -> DataFrame {
    (0..steps).fold(frame, |frame, step| {
        frame.sort(vec![col("n").sort(step % 2 == 0, false)]).unwrap().limit(0, Some(1000 - step)).unwrap()
    })
}

#[tokio::test]
async fn fifty_thousand_operators_are_measured_and_dropped() {
    let frame = limits(numbers(&context(2), 10, 2), 50_000);
    let lineage = Lineage::of_logical(frame.logical_plan());
    assert_eq!((lineage.depth, lineage.operators, lineage.scans), (50_001, 50_001, 1));
    datafusion_measure::release_frame(frame);
}

#[tokio::test]
async fn shared_subplans_are_measured_in_time_and_counted_as_often_as_they_stand() {
    let mut frame = numbers(&context(2), 10, 2);
    for _ in 0..40 {
        frame = frame.clone().union(frame).unwrap();
    }
    let lineage = Lineage::of_logical(frame.logical_plan());
    assert_eq!(lineage.scans, 1 << 40);
    assert!(lineage.unions >= 40, "{lineage:?}");
}

#[tokio::test]
async fn a_thousand_steps_are_planned_run_and_checkpointed_on_a_small_stack() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, lines) = instrumentation(1, folder.path());
    let instr = instr.with_limits(impatient());
    let frame = filters(numbers(&context(2), 10, 2), 1000);
    let plan = datafusion_measure::plan(&frame).await.unwrap();
    datafusion_measure::release(plan);
    let frame = instr.checkpoint_if_needed(frame, "deep", 30).await.unwrap();
    assert_eq!(frame.count().await.unwrap(), 10);
    assert!(
        lines.text().contains("  Checkpointing 'deep' due to a slow optimizer (")
            && lines.text().contains(" ms for 1001 stages)\n"),
        "{}",
        lines.text()
    );
}

#[tokio::test]
async fn dependent_columns_are_planned_where_the_engine_alone_overflows() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(1, folder.path());
    let instr = instr.with_limits(impatient());
    let frame = columns(numbers(&context(2), 10, 2), 120);
    let after = instr.checkpoint_if_needed(frame, "chain", 30).await.unwrap();
    let last = after.clone().sort(vec![col("c119").sort(true, false)]).unwrap().limit(0, Some(1)).unwrap();
    let text =
        datafusion::arrow::util::pretty::pretty_format_batches(&last.collect().await.unwrap()).unwrap();
    assert!(text.to_string().contains("| 0 | 120  |"), "{text}");
}

#[tokio::test]
async fn deeper_than_the_largest_stack_is_refused_with_an_error() {
    let frame = limits(numbers(&context(2), 10, 2), 200_000);
    let error = datafusion_measure::plan(&frame).await.unwrap_err().to_string();
    assert!(error.contains("too deep to be planned: 200001 operators"), "{error}");
    assert!(error.contains("checkpoint_if_needed"), "{error}");
    datafusion_measure::release_frame(frame);
}

/// The frame that a refused checkpoint was asked for is gone with it, without the end of the process.
#[tokio::test]
async fn a_refused_checkpoint_is_an_error_and_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(1, folder.path());
    let frame = limits(numbers(&context(2), 10, 2), 200_000);
    let error = instr.checkpoint_if_needed(frame, "too_deep", 30).await.unwrap_err().to_string();
    assert!(error.contains("too deep to be planned"), "{error}");
    let frame = limits(numbers(&context(2), 10, 2), 200_000);
    assert!(instr.analyze_dataframe(&frame, "too_deep", true).await.is_err());
    datafusion_measure::release_frame(frame);
}

/// Steps that the optimizer merges into one expression: shallow to look at, deep to plan, serialize, run and drop.
#[tokio::test]
async fn deep_expressions_are_planned_measured_run_and_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(2, folder.path());
    let steps = 200;
    // The engine's builder recurses through what it has built.
    let frame = datafusion_measure::on_stack(1 << 30, || {
        let (state, mut logical) = numbers(&context(2), 10, 2).into_parts();
        let mut last = "n".to_owned();
        for step in 0..steps {
            let name = format!("c{step}");
            let next = (col(&last) + lit(1i64)).alias(&name);
            logical = LogicalPlanBuilder::from(logical).project(vec![next]).unwrap().build().unwrap();
            last = name;
        }
        DataFrame::new(state, logical)
    })
    .unwrap();
    instr.analyze_dataframe(&frame, "merged", false).await.unwrap();
    let plan = datafusion_measure::plan(&frame).await.unwrap();
    let lineage = Lineage::of_physical(&plan);
    assert!(lineage.depth < 5 && lineage.expression_depth > steps, "{lineage:?}");
    assert!(instr.measure_task_size(&plan, "merged").unwrap().bytes > 4 * steps);
    let context = std::sync::Arc::new(frame.task_ctx());
    let sum = datafusion_measure::run(plan, context, |plan, context| async move {
        let batches = datafusion::physical_plan::collect(std::sync::Arc::clone(&plan), context).await?;
        datafusion_measure::release(plan);
        let column = |batch: &datafusion::arrow::array::RecordBatch| {
            datafusion::arrow::compute::sum(
                batch.column(0).as_primitive::<datafusion::arrow::datatypes::Int64Type>(),
            )
        };
        Ok(batches.iter().filter_map(column).sum::<i64>())
    });
    assert_eq!(sum.await.unwrap(), 45 + 10 * steps as i64);
    datafusion_measure::release_frame(frame);
}

/// A plan's own node count, to check the walk against: the engine's recursive visitor.
fn count(plan: &LogicalPlan) -> usize {
    1 + plan.inputs().into_iter().map(count).sum::<usize>()
}

#[tokio::test]
async fn walk_agrees_with_the_engines_own() {
    let frame = columns(filters(numbers(&context(2), 10, 2), 20), 20);
    assert_eq!(Lineage::of_logical(frame.logical_plan()).operators, count(frame.logical_plan()));
}

/// A deep run that is given up half-way ends without a panic, and leaves no checkpoint.
#[tokio::test]
async fn a_deep_run_can_be_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let (instr, _) = instrumentation(1, folder.path());
    let frame = sorted_limits(numbers(&context(2), 10, 2), 40);
    let plan = datafusion_measure::plan(&frame).await.unwrap();
    assert!(Lineage::of_physical(&plan).depth > 40);
    let waiting = datafusion_measure::run(plan, std::sync::Arc::new(frame.task_ctx()), |_, _| async {
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        Ok(())
    });
    let outcome = tokio::time::timeout(std::time::Duration::from_millis(50), waiting).await;
    assert!(outcome.is_err(), "it was given up");
    drop(instr);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
