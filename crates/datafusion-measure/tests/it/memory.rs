//! Sessions with a memory limit: the pool that is watched decides as the pool does alone.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{FairSpillPool, GreedyMemoryPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::*;
use datafusion_measure::{Instrumentation, Verbosity};

use super::support::Lines;

const MIB: usize = 1 << 20;
/// Of the sort: about half of what it sorts.
const LIMIT: usize = 6 * MIB;

/// A session with one partition and its own pool, which keeps a megabyte back for merging.
fn limited(pool: Arc<dyn MemoryPool>) -> SessionContext {
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc().unwrap();
    let config = SessionConfig::new()
        .with_target_partitions(1)
        .with_batch_size(1024)
        .with_sort_spill_reservation_bytes(MIB);
    SessionContext::new_with_config_rt(config, runtime)
}

fn pools(bytes: usize) -> [Arc<dyn MemoryPool>; 3] {
    let largest = NonZeroUsize::new(3).unwrap();
    [
        Arc::new(FairSpillPool::new(bytes)),
        Arc::new(GreedyMemoryPool::new(bytes)),
        Arc::new(TrackConsumersPool::new(GreedyMemoryPool::new(bytes), largest)),
    ]
}

async fn answer(context: &SessionContext, sql: &str) -> Result<RecordBatch, DataFusionError> {
    let frame = context.sql(sql).await?;
    let schema = Arc::clone(frame.schema().inner());
    Ok(concat_batches(&schema, &frame.collect().await?)?)
}

/// Bytes that stay reserved: tasks of a query that failed may end a moment after it.
async fn left(context: &SessionContext) -> usize {
    for _ in 0..100 {
        if context.runtime_env().memory_pool.reserved() == 0 {
            return 0;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    context.runtime_env().memory_pool.reserved()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sort_that_spills_is_the_same_and_its_spills_and_peak_are_recorded() {
    let sql = "select value, value * 7919 % 500000 as m, repeat('x', 20) as t \
               from generate_series(1, 150000) order by m, value";
    for (plain, attached) in pools(LIMIT).into_iter().zip(pools(LIMIT)) {
        let lines = Lines::default();
        let measure = Instrumentation::new(Verbosity::Info).with_output(lines.clone());
        let attached = measure.attach(limited(attached));
        let name = plain.name().to_owned();
        let expected = answer(&limited(plain), sql).await.unwrap();
        assert!(answer(&attached, sql).await.unwrap() == expected, "{name}");
        let metrics = measure.metrics();
        let [query] = &metrics.queries[..] else { panic!("{:?}", metrics.queries) };
        let spills: u64 = query.execution.stages.iter().map(|stage| stage.spills).sum();
        let spilled: u64 = query.execution.stages.iter().map(|stage| stage.spilled_bytes).sum();
        assert!(spills > 0 && spilled > 0, "{name}: {:?}", query.execution.stages);
        let peak = query.memory_peak_bytes.unwrap();
        assert!((MIB..=LIMIT).contains(&peak), "{name}: {peak}");
        assert!(
            query.memory_consumers[0].consumer.starts_with("ExternalSorter"),
            "{:?}",
            query.memory_consumers
        );
        assert!(lines.text().contains(&format!("spilled {spills} times")), "{}", lines.text());
        assert_eq!(left(&attached).await, 0, "{name}: all is given back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_does_not_fit_fails_as_it_does_in_a_session_that_is_not_attached() {
    // The build side of a hash join cannot spill.
    let sql = "select count(*) as c from generate_series(1, 300000) a join generate_series(1, 300000) b \
               on a.value = b.value + 1";
    for (plain, attached) in pools(MIB / 2).into_iter().zip(pools(MIB / 2)) {
        let name = plain.name().to_owned();
        let measure = Instrumentation::new(Verbosity::Info).with_output(std::io::sink());
        let attached = measure.attach(limited(attached));
        for context in [&limited(plain), &attached] {
            let error = answer(context, sql).await.unwrap_err();
            let DataFusionError::ResourcesExhausted(text) = error.find_root() else {
                panic!("{name}: {error}")
            };
            assert!(text.contains("HashJoinInput"), "{name}: {text}");
        }
        let metrics = measure.metrics();
        let [query] = &metrics.queries[..] else { panic!("{:?}", metrics.queries) };
        assert!(
            query.error.as_deref().is_some_and(|error| error.contains("HashJoinInput")),
            "{:?}",
            query.error
        );
        assert!(
            query.memory_peak_bytes.is_none_or(|peak| peak <= MIB / 2),
            "{name}: {:?}",
            query.memory_peak_bytes
        );
        assert_eq!(left(&attached).await, 0, "{name}: all is given back");
    }
}
