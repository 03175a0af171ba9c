//! Queries while they run.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use datafusion::physical_plan::execute_stream;
use datafusion_measure::{Instrumentation, Verbosity};
use futures::StreamExt;

use super::support::{Lines, context, filters, numbers};

#[tokio::test]
async fn a_running_query_shows_rows_operators_and_partitions_until_it_ends() {
    let measure = Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink());
    let ctx = measure.attach(context(2));
    let frame = measure.named(filters(numbers(&ctx, 100, 2), 1), "a hundred numbers");
    let plan = frame.clone().create_physical_plan().await.unwrap();
    assert!(measure.running().is_empty(), "it is planned, not run");
    let terminal = Lines::default();
    let line = measure.watch_on(terminal.clone()).unwrap();
    let seen: Arc<Mutex<Vec<(usize, u64)>>> = Arc::default();
    let shown = Arc::clone(&seen);
    let watcher = measure
        .watch(Duration::from_millis(5), move |running| {
            let rows = running.iter().map(|query| query.rows).sum();
            shown.lock().unwrap().push((running.len(), rows));
        })
        .unwrap();
    let mut stream = plan.execute(1, Arc::new(frame.task_ctx())).unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().num_rows(), 50);
    let running = measure.running();
    let [query] = &running[..] else { panic!("{running:?}") };
    assert_eq!((query.number, query.name.as_str(), query.rows), (1, "a hundred numbers", 50));
    assert_eq!((query.partitions, query.partitions_ended), (2, 0));
    assert_eq!(query.execution.operators.first().unwrap().rows, Some(50));
    assert!(
        query.to_string().starts_with("Query 1: ")
            && query.to_string().contains("50 rows, 0 of 2 partitions")
    );
    assert!(stream.next().await.is_none());
    assert_eq!(measure.running()[0].partitions_ended, 1);
    while !seen.lock().unwrap().contains(&(1, 50)) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    while !terminal.text().contains("Query 1: ") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let rest = plan.execute(0, Arc::new(frame.task_ctx())).unwrap();
    assert_eq!(rest.map(|batch| batch.unwrap().num_rows()).collect::<Vec<_>>().await, [50]);
    drop(stream);
    assert!(measure.running().is_empty(), "it has ended");
    drop((watcher, line));
    assert_eq!(seen.lock().unwrap().last(), Some(&(0, 0)), "the last call shows that nothing runs");
    assert!(terminal.text().ends_with("\r\u{1b}[2K"), "the line is taken away");
    assert_eq!(measure.metrics().queries[0].rows, 100);
}

#[tokio::test]
async fn nothing_is_shown_where_nothing_runs_or_is_measured() {
    let terminal = Lines::default();
    let measure = Instrumentation::new(Verbosity::Silent).with_output(std::io::sink());
    let ctx = measure.attach(context(1));
    let watcher = measure.watch_on(terminal.clone()).unwrap();
    let frame = numbers(&ctx, 10, 1);
    let plan = frame.clone().create_physical_plan().await.unwrap();
    let stream = execute_stream(plan, Arc::new(frame.task_ctx())).unwrap();
    assert!(measure.running().is_empty());
    drop((stream, watcher));
    assert_eq!(terminal.text(), "");
}
