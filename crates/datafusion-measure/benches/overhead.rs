//! What measuring costs: a thousand small queries, and one large run.
//!
//! ```text
//! cargo bench --bench overhead              # both tables, on standard output
//! cargo bench --bench overhead -- --write   # also docs/overhead.md
//! ```
//!
//! Sessions take turns query by query, so that what else the machine does is the same for all. Of small queries the
//! median is given, of the large one the least.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::catalog::MemTable;
use datafusion::error::Result;
use datafusion::physical_plan::collect;
use datafusion::prelude::*;
use datafusion_measure::{Instrumentation, Verbosity};
use tpchgen::generators::LineItemGenerator;
use tpchgen_arrow::{LineItemArrow, RecordBatchIterator};

const QUERIES: usize = 1000;
const RUNS: usize = 9;
const SCALE: f64 = 0.1;
const LARGE: &str = "select l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice * (1 - l_discount)), \
     avg(l_discount), count(*) from lineitem where l_shipdate <= date '1998-09-02' \
     group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus";

/// A way to run a query.
struct Way {
    name: &'static str,
    context: SessionContext,
    /// Plans the frame through this, instead of in an attached session.
    frames: Option<Instrumentation>,
}

impl Way {
    async fn time(&self, sql: &str) -> Result<Duration> {
        let start = Instant::now();
        let frame = self.context.sql(sql).await?;
        match &self.frames {
            Some(measure) => {
                let plan = measure.plan_dataframe(&frame, "query").await?;
                collect(Arc::clone(&plan), Arc::new(frame.task_ctx())).await?;
                measure.analyze_execution(&plan, "query");
            }
            None => drop(frame.collect().await?),
        }
        Ok(start.elapsed())
    }
}

fn ways() -> Result<Vec<Way>> {
    let quiet = |verbosity| Instrumentation::new(verbosity).with_output(std::io::sink());
    let attached = |name, verbosity| -> Result<Way> {
        Ok(Way { name, context: quiet(verbosity).attach(tables()?), frames: None })
    };
    Ok(vec![
        Way { name: "not measured", context: tables()?, frames: None },
        attached("attached, verbosity 0", Verbosity::Silent)?,
        attached("attached, verbosity 1", Verbosity::Warnings)?,
        attached("attached, verbosity 2", Verbosity::Info)?,
        attached("attached, verbosity 3", Verbosity::Debug)?,
        Way { name: "frame by frame, verbosity 2", context: tables()?, frames: Some(quiet(Verbosity::Info)) },
    ])
}

fn tables() -> Result<SessionContext> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let ids = Arc::new(Int64Array::from_iter_values(0..1000));
    let batch = RecordBatch::try_from_iter([("id", Arc::clone(&ids) as _), ("value", ids as _)])?;
    context.register_batch("small", batch)?;
    let lineitem = LineItemArrow::new(LineItemGenerator::new(SCALE, 1, 1));
    let schema = Arc::clone(lineitem.schema());
    let batches: Vec<_> = lineitem.collect();
    let table =
        MemTable::try_new(schema, batches.chunks(batches.len().div_ceil(2)).map(<[_]>::to_vec).collect())?;
    context.register_table("lineitem", Arc::new(table))?;
    Ok(context)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let ways = ways()?;
    let mut small = vec![Vec::new(); ways.len()];
    for query in 0..QUERIES + 50 {
        let sql =
            format!("select value % 7 as k, count(*) from small where id < {query} group by k order by k");
        // The order changes, so that nobody always comes after the same.
        for turn in 0..ways.len() {
            let way = (turn + query) % ways.len();
            let elapsed = ways[way].time(&sql).await?;
            if query >= 50 {
                small[way].push(elapsed);
            }
        }
    }
    let small: Vec<Duration> = small
        .into_iter()
        .map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2]
        })
        .collect();
    let mut large = vec![Duration::MAX; ways.len()];
    for run in 0..RUNS {
        for turn in 0..ways.len() {
            let way = (turn + run) % ways.len();
            large[way] = large[way].min(ways[way].time(LARGE).await?);
        }
    }
    let build = if cfg!(debug_assertions) { "debug build" } else { "release build" };
    let text = format!(
        "# What measuring costs\n\nMade by `cargo bench --bench overhead -- --write` ({} {}, {build}).\n\n\
         ## A thousand small queries\n\nA thousand rows, grouped and sorted; the median of {QUERIES} queries. \
         The limit is 5 % for an attached session at verbosity 2. Frame by frame each query is planned, measured and reported by three calls of its own.\n\n{}\n\
         ## One large run\n\nTPC-H's first query over {SCALE} of its scale in memory; the least of {RUNS} runs.\n\n{}",
        std::env::consts::OS,
        std::env::consts::ARCH,
        table(&ways, &small),
        table(&ways, &large)
    );
    print!("{text}");
    if std::env::args().any(|argument| argument == "--write") {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/overhead.md"), text)?;
    }
    Ok(())
}

fn table(ways: &[Way], times: &[Duration]) -> String {
    let mut text = String::from("| session | time (ms) | more than not measured |\n|---|---:|---:|\n");
    let plain = times[0].as_secs_f64();
    for (way, time) in ways.iter().zip(times) {
        let time = time.as_secs_f64();
        let _ = writeln!(
            text,
            "| {} | {:.3} | {:+.1} % |",
            way.name,
            time * 1000.0,
            (time / plain - 1.0) * 100.0
        );
    }
    text
}
