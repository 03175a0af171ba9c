//! The 22 queries of TPC-H: checkpoints after every step change no result, and depth is what `EXPLAIN` shows.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::*;
use datafusion_measure::{CheckpointOptions, CheckpointPolicy, Instrumentation, Lineage, Verbosity, plan};

#[path = "../shared/tpch.rs"]
mod shared;

use shared::statements;

fn tables() -> SessionContext {
    shared::tables(super::support::context(2))
}

/// The frame of query `number`; what the query has to set up first is done.
async fn frame(context: &SessionContext, number: usize) -> DataFrame {
    let mut frame = None;
    for statement in statements(number) {
        if statement.starts_with("drop view") {
            break;
        }
        let made = context.sql(&statement).await.unwrap();
        if statement.starts_with("create view") {
            made.collect().await.unwrap();
        } else {
            frame = Some(made);
        }
    }
    frame.unwrap()
}

/// Rows as text, sorted: queries order by fewer columns than would tell every two rows apart.
fn sorted(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|c| ArrayFormatter::try_new(c.as_ref(), &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join("|"));
        }
    }
    rows.sort();
    rows
}

/// Depth and operators of a printed plan: two spaces of indentation a level, a line an operator.
fn counted(explained: &str) -> (usize, usize) {
    let lines = || explained.lines().filter(|line| !line.trim().is_empty());
    let depth = lines().map(|line| (line.len() - line.trim_start().len()) / 2 + 1).max().unwrap_or(0);
    (depth, lines().count())
}

/// The rows of `EXPLAIN VERBOSE`: kind of plan and its text.
async fn explain(frame: &DataFrame) -> Vec<(String, String)> {
    let batches = frame.clone().explain(true, false).unwrap().collect().await.unwrap();
    let options = FormatOptions::default();
    let mut plans = Vec::new();
    for batch in &batches {
        let column = |index: usize| ArrayFormatter::try_new(batch.column(index).as_ref(), &options).unwrap();
        let (kinds, texts) = (column(0), column(1));
        for row in 0..batch.num_rows() {
            plans.push((kinds.value(row).to_string(), texts.value(row).to_string()));
        }
    }
    plans
}

#[tokio::test]
async fn depth_equals_a_count_over_explains_tree() {
    let context = tables();
    let mut subqueries = 0;
    for number in 1..=22 {
        let frame = frame(&context, number).await;
        let plans = explain(&frame).await;
        let text = |kind: &str| {
            &plans.iter().find(|(known, _)| known == kind).unwrap_or_else(|| panic!("Q{number}: no {kind}")).1
        };
        let as_written = Lineage::of_logical(frame.logical_plan());
        assert_eq!(
            (as_written.depth, as_written.operators),
            counted(text("initial_logical_plan")),
            "Q{number} as written"
        );
        subqueries += text("initial_logical_plan").matches("Subquery:").count();
        let scans = text("initial_logical_plan").matches("TableScan: ").count();
        assert_eq!(as_written.scans, scans, "Q{number}: scans");

        let optimized = frame.clone().into_optimized_plan().unwrap();
        let lineage = Lineage::of_logical(&optimized);
        assert_eq!((lineage.depth, lineage.operators), counted(text("logical_plan")), "Q{number} optimized");

        let physical = plan(&frame).await.unwrap();
        let lineage = Lineage::of_physical(&physical);
        assert_eq!((lineage.depth, lineage.operators), counted(text("physical_plan")), "Q{number} physical");
        let exchanges = ["RepartitionExec", "CoalescePartitionsExec", "SortPreservingMergeExec"];
        let exchanges: usize = exchanges
            .iter()
            .map(|name| {
                text("physical_plan").matches(&format!(" {name}:")).count()
                    + text("physical_plan").matches(&format!(" {name}\n")).count()
                    + usize::from(text("physical_plan").starts_with(name))
            })
            .sum();
        assert_eq!(lineage.exchanges, exchanges, "Q{number}: exchanges\n{}", text("physical_plan"));
    }
    assert!(subqueries > 10, "the queries do have subqueries: {subqueries}");
}

/// Runs a plan step by step: each operator over checkpoints of its inputs.
fn stepwise<'a>(
    instr: &'a Instrumentation,
    context: &'a SessionContext,
    plan: &'a LogicalPlan,
    made: &'a mut usize,
) -> std::pin::Pin<Box<dyn Future<Output = LogicalPlan> + 'a>> {
    Box::pin(async move {
        let mut inputs = Vec::new();
        for input in plan.inputs() {
            let input = stepwise(instr, context, input, made).await;
            let frame = DataFrame::new(context.state(), input);
            let frame = instr.checkpoint_if_needed(frame, "step", 30).await.unwrap();
            *made += 1;
            inputs.push(frame.into_unoptimized_plan());
        }
        if inputs.is_empty() {
            plan.clone()
        } else {
            plan.with_new_exprs(plan.expressions(), inputs).unwrap()
        }
    })
}

async fn results_stay_the_same(bytes: usize) {
    let folder = tempfile::tempdir().unwrap();
    let instr = Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink()).with_checkpoint(
        CheckpointOptions {
            policy: CheckpointPolicy::Always,
            folder: folder.path().to_owned(),
            unlimited_pool_bytes: bytes,
            ..CheckpointOptions::default()
        },
    );
    let context = tables();
    let (mut checkpoints, mut with_rows) = (0, 0);
    for number in 1..=22 {
        let frame = frame(&context, number).await;
        let expected = sorted(&frame.clone().collect().await.unwrap());
        let optimized = frame.into_optimized_plan().unwrap();
        let last = stepwise(&instr, &context, &optimized, &mut checkpoints).await;
        let found = DataFrame::new(context.state(), last).collect().await.unwrap();
        assert_eq!(sorted(&found), expected, "Q{number}");
        with_rows += usize::from(!expected.is_empty());
    }
    assert!(checkpoints > 200, "{checkpoints} checkpoints");
    assert!(with_rows >= 20, "{with_rows} queries have rows");
}

/// Attached, at every verbosity: the same results, and each query with its rows.
#[tokio::test]
async fn results_are_the_same_in_an_attached_session() {
    let plain = tables();
    for verbosity in [Verbosity::Warnings, Verbosity::Debug] {
        let measure = Instrumentation::new(verbosity).with_output(std::io::sink());
        let attached = measure.attach(tables());
        for number in 1..=22 {
            let expected = frame(&plain, number).await.collect().await.unwrap();
            measure.begin();
            let found = frame(&attached, number).await.collect().await.unwrap();
            assert_eq!(sorted(&found), sorted(&expected), "Q{number}");
            let rows = found.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
            let query = measure.end().queries.pop().unwrap();
            assert_eq!((query.rows, query.error), (rows, None), "Q{number}");
            for context in [&plain, &attached] {
                context.sql("drop view if exists revenue0").await.unwrap().collect().await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn results_are_the_same_through_checkpoints_in_memory() {
    results_stay_the_same(1 << 30).await;
}

#[tokio::test]
async fn results_are_the_same_through_checkpoints_on_disk() {
    results_stay_the_same(0).await;
}
