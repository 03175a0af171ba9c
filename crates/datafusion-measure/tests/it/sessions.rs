//! Attached sessions: every query is recorded, and none is changed.

use std::sync::Arc;

use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlanProperties, displayable, execute_stream};
use datafusion::prelude::*;
use datafusion_measure::{Instrumentation, Verbosity};
use datafusion_proto::physical_plan::{AsExecutionPlan, DefaultPhysicalExtensionCodec};
use datafusion_proto::protobuf::PhysicalPlanNode;
use futures::StreamExt;

use super::support::{Lines, context, filters, numbers, steps};

/// Statements of many kinds; each begins anew with a table `t` of 1,000 rows.
const STATEMENTS: &[&str] = &[
    "select * from t order by n desc limit 7",
    "select n % 10 as k, count(*) as c, sum(n) as s from t group by k order by k",
    "select a.n from t a join t b on a.n = b.n + 1 order by a.n limit 20",
    "select n, row_number() over (order by n desc) as r from t order by r limit 5",
    "with recursive r as (select 1 as n union all select n + 1 from r where n < 20) select n from r order by n",
    "select n from t union all select n from t order by n limit 9",
    "select (select max(n) from t) as m from t where n in (select n + 1 from t where n > 990) order by m",
    "create table u as select n from t where n < 10",
    "insert into u select n from t where n >= 990",
    "select count(*) as c from u",
    "create view v as select n + 1 as n from u",
    "select sum(n) as s from v",
    "explain select n from t where n > 5",
    "explain verbose select n from t where n > 5 and n < 900",
    "values (1, 'a'), (2, 'b')",
    "select 1 / (n - 5) as q from t order by n",
    "drop view v",
];

fn with_table(context: SessionContext) -> SessionContext {
    context.register_table("t", numbers(&context, 1000, 3).into_view()).unwrap();
    context
}

async fn answer(context: &SessionContext, sql: &str) -> Result<String, String> {
    let batches = context.sql(sql).await.map_err(|error| error.to_string())?.collect().await;
    let batches = batches.map_err(|error| error.strip_backtrace())?;
    Ok(datafusion::arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_are_those_of_a_session_that_is_not_attached() {
    let plain = with_table(context(3));
    let mut expected = Vec::new();
    for sql in STATEMENTS {
        expected.push(answer(&plain, sql).await);
    }
    assert_eq!(
        expected.iter().filter(|answer| answer.is_err()).count(),
        1,
        "a division by zero: {expected:?}"
    );
    for verbosity in [Verbosity::Silent, Verbosity::Warnings, Verbosity::Info, Verbosity::Debug] {
        let measure = Instrumentation::new(verbosity).with_output(std::io::sink());
        let attached = measure.attach(with_table(context(3)));
        for (sql, expected) in STATEMENTS.iter().zip(&expected) {
            assert_eq!(answer(&attached, sql).await, *expected, "{verbosity}: {sql}");
        }
        let queries = measure.metrics().queries;
        assert_eq!(queries.is_empty(), verbosity == Verbosity::Silent);
        assert_eq!(
            queries.iter().filter(|query| query.error.is_some()).count(),
            usize::from(verbosity > Verbosity::Silent)
        );
    }
}

#[tokio::test]
async fn plans_are_those_of_a_session_that_is_not_attached() {
    let measure = Instrumentation::new(Verbosity::Debug).with_output(std::io::sink());
    let (plain, attached) = (with_table(context(3)), measure.attach(with_table(context(3))));
    let sql = "select n % 10 as k, count(*) as c from t group by k order by k";
    let planned = |context: SessionContext| async move {
        context.sql(sql).await.unwrap().create_physical_plan().await.unwrap()
    };
    let (expected, found) = (planned(plain).await, planned(attached.clone()).await);
    let shown = |plan: &Arc<dyn datafusion::physical_plan::ExecutionPlan>| {
        displayable(plan.as_ref()).indent(true).to_string()
    };
    assert_eq!(shown(&found), shown(&expected));
    assert_eq!((found.name(), found.children().len()), (expected.name(), expected.children().len()));
    assert!(found.downcast_ref::<SortPreservingMergeExec>().is_some(), "its type is the real root's");
    let bytes = |plan| PhysicalPlanNode::try_from_physical_plan(plan, &DefaultPhysicalExtensionCodec {});
    assert!(bytes(found).is_ok() == bytes(expected).is_ok(), "it can be sent as far as the real one can");
    assert_eq!(attached.session_id(), measure.attach(attached.clone()).session_id());
    assert!(measure.metrics().queries.is_empty(), "what was not run is no query");
}

#[tokio::test]
async fn a_query_is_recorded_with_depths_times_rows_and_operators() {
    let lines = Lines::default();
    let measure = Instrumentation::new(Verbosity::Info).with_output(lines.clone());
    let ctx = measure.attach(context(3));
    let frame = filters(numbers(&ctx, 1000, 3), 40);
    assert_eq!(frame.collect().await.unwrap().iter().map(|batch| batch.num_rows()).sum::<usize>(), 1000);
    let metrics = measure.metrics();
    let [query] = &metrics.queries[..] else { panic!("{:?}", metrics.queries) };
    assert_eq!((query.number, query.rows, query.partitions, &query.error), (1, 1000, 3, &None));
    assert_eq!(query.lineage_depth, Some(41));
    assert!(query.lineage_depth_optimized < 4, "{query:?}");
    assert!(query.optimizing_s.unwrap() > 0.0 && query.planning_s > 0.0 && query.elapsed_s > 0.0);
    assert_eq!(query.execution.partition_rows.iter().sum::<u64>(), 1000);
    assert!(query.execution.operators.len() >= 2);
    let text = lines.text();
    assert!(text.starts_with("  Query 1: 1000 rows in ") && text.contains(" (41 stages, "), "{text}");
    let json = metrics.to_json();
    assert_eq!(json["queries"][0]["rows"], 1000);
    assert!(json["queries"][0]["operators"].is_array());
}

#[tokio::test]
async fn begin_and_end_bracket_a_piece_of_work_and_reset_forgets() {
    let measure = Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink());
    let ctx = measure.attach(context(2));
    numbers(&ctx, 10, 2).collect().await.unwrap();
    measure.begin();
    numbers(&ctx, 20, 2).collect().await.unwrap();
    steps(numbers(&ctx, 30, 2), 3).collect().await.unwrap();
    let measured = measure.end();
    assert_eq!(measured.queries.iter().map(|query| query.rows).collect::<Vec<_>>(), [20, 30]);
    assert!(measured.elapsed_s > 0.0);
    assert_eq!(measure.metrics().queries.len(), 3);
    measure.reset();
    assert!(measure.metrics().queries.is_empty());
}

/// Queries that are given up, run again or partition by partition are what they were.
#[tokio::test]
async fn every_run_is_a_query_of_its_own_also_one_that_is_given_up() {
    let measure = Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink());
    let ctx = measure.attach(context(2));
    let frame = numbers(&ctx, 100, 4);
    let plan = frame.create_physical_plan().await.unwrap();
    let task = Arc::new(frame.task_ctx());
    for partition in 0..plan.output_partitioning().partition_count() {
        let rows: usize = plan
            .execute(partition, Arc::clone(&task))
            .unwrap()
            .map(|batch| batch.unwrap().num_rows())
            .collect::<Vec<_>>()
            .await
            .iter()
            .sum();
        assert_eq!(rows, 25);
    }
    let rows = |measure: &Instrumentation| {
        measure.metrics().queries.iter().map(|query| query.rows).collect::<Vec<_>>()
    };
    assert_eq!(rows(&measure), [100], "one run, though its partitions ran one after the other");
    let mut stream = execute_stream(plan, Arc::clone(&task)).unwrap();
    assert!(stream.next().await.is_some());
    drop(stream);
    drop(frame);
    for _ in 0..100 {
        if rows(&measure).len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(rows(&measure).len(), 2, "a query that is given up has ended");
}

/// What is kept of a session that goes on does not grow for ever.
#[tokio::test]
async fn queries_that_are_kept_are_bounded() {
    let measure = Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink());
    let mut limits = datafusion_measure::Limits::default();
    limits.entries = 20;
    let measure = measure.with_limits(limits);
    let ctx = measure.attach(context(1));
    for _ in 0..60 {
        numbers(&ctx, 1, 1).collect().await.unwrap();
        assert!(measure.metrics().queries.len() <= 20);
    }
    assert_eq!(measure.metrics().queries.last().unwrap().number, 60);
}
