//! Instrumentation on a plan of your own: a plain DataFusion query over Parquet files.
//!
//! ```text
//! cargo run --example instrument_your_plan            # verbosity 2
//! cargo run --example instrument_your_plan -- 3       # any verbosity, 0 to 3
//! ```

use std::path::Path;
use std::sync::Arc;

use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::{count, max};
use datafusion::physical_plan::collect;
use datafusion::prelude::*;
use datafusion_measure::{
    CheckpointOptions, CheckpointPolicy, FlightRecorder, Instrumentation, Verbosity, plan,
};

#[tokio::main]
async fn main() -> Result<()> {
    let level = std::env::args().nth(1).unwrap_or_else(|| "2".to_owned());
    let verbosity: Verbosity = level.parse()?;
    let folder = tempfile::tempdir()?;
    write_readings(folder.path()).await?;

    // The three lines: make one, look at a DataFrame, break its lineage where it has grown too deep.
    let checkpoints = CheckpointOptions { policy: CheckpointPolicy::Auto, ..CheckpointOptions::default() };
    let instr = Instrumentation::new(verbosity).with_checkpoint(checkpoints);
    let frame = query(folder.path()).await?;
    instr.analyze_dataframe(&frame, "readings", false).await?;
    let frame = instr.checkpoint_if_needed(frame, "readings", 30).await?;

    // Everything else is optional. A scope reports when a stage starts and ends, also when it fails.
    let mut scope = instr.scope("by_station");
    let by_station = frame.aggregate(
        vec![(col("id") % lit(10i64)).alias("station")],
        vec![count(col("id")).alias("readings"), max(col("value")).alias("highest")],
    )?;
    instr.analyze_dataframe(&by_station, "by_station", true).await?;
    let physical = plan(&by_station).await?;
    instr.measure_task_size(&physical, "by_station");
    let batches = collect(Arc::clone(&physical), Arc::new(by_station.task_ctx())).await?;
    scope.set_rows(batches.iter().map(|batch| batch.num_rows() as u64).sum());
    scope.complete();

    // What the engine's own metrics show of the run: spilling and skew at 2, every operator at 3.
    instr.analyze_execution(&physical, "by_station");

    // The summary for people, a file for machines, and what changed since the last run.
    instr.report();
    instr.metrics().write(&folder.path().join("metrics.prom"), "readings_")?;
    let recorder = FlightRecorder::new(CheckpointOptions::default().folder.join("instrument_your_plan"), 10);
    let instr = instr.with_flight_recorder(recorder);
    instr.record_flight(&instr.metrics())?;
    Ok(())
}

/// Four Parquet files of readings.
async fn write_readings(folder: &Path) -> Result<()> {
    let context = SessionContext::new();
    let ids = (0..40_000i64).collect::<Vec<_>>();
    let batch = datafusion::arrow::record_batch::RecordBatch::try_from_iter([(
        "id",
        Arc::new(datafusion::arrow::array::Int64Array::from(ids)) as _,
    )])?;
    let readings =
        context.read_batch(batch)?.with_column("value", (col("id") * lit(7919i64)) % lit(1000i64))?;
    for part in 0..4i64 {
        let path = folder.join(format!("part-{part}.parquet"));
        let part = readings.clone().filter((col("id") % lit(4i64)).eq(lit(part)))?;
        part.write_parquet(&path.to_string_lossy(), Default::default(), None).await?;
    }
    Ok(())
}

/// A query that has grown step by step: forty corrections, one on top of the other.
async fn query(folder: &Path) -> Result<DataFrame> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(4));
    let mut frame =
        context.read_parquet(folder.to_string_lossy().as_ref(), ParquetReadOptions::default()).await?;
    for step in 0..40i64 {
        frame = frame.with_column("value", col("value") % lit(1000 + step) + col("value") % lit(7 + step))?;
    }
    Ok(frame)
}
