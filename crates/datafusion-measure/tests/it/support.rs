//! What the tests of the instrumentation share: a captured output, frames, an operator of our own with its codec.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::MemTable;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties};
use datafusion::prelude::*;
use datafusion_measure::{CheckpointOptions, CheckpointPolicy, Instrumentation, Verbosity};
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};

/// Output that can be read back.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Instrumentation whose lines can be read, with its checkpoints in a folder of the test.
pub fn instrumentation(level: u8, folder: &std::path::Path) -> (Instrumentation, Lines) {
    let lines = Lines::default();
    let instr = Instrumentation::new(Verbosity::try_from(level).unwrap())
        .with_output(lines.clone())
        .with_checkpoint(CheckpointOptions {
            policy: CheckpointPolicy::Auto,
            folder: folder.to_owned(),
            ..CheckpointOptions::default()
        });
    (instr, lines)
}

/// A context whose plans do not depend on the machine.
pub fn context(partitions: usize) -> SessionContext {
    SessionContext::new_with_config(SessionConfig::new().with_target_partitions(partitions))
}

/// Rows 0, 1, 2, … in a column `n`, over as many partitions as asked.
pub fn numbers(context: &SessionContext, rows: usize, partitions: usize) -> DataFrame {
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
    let parts = (0..partitions).map(|partition| {
        let values = (0..rows as i64).filter(|n| *n as usize % partitions == partition);
        vec![
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int64Array::from_iter_values(values))])
                .unwrap(),
        ]
    });
    let table = MemTable::try_new(Arc::clone(&schema), parts.collect()).unwrap();
    context.read_table(Arc::new(table)).unwrap()
}

/// A frame with `steps` columns, each made from the one before, which it uses twice, so that the optimizer keeps the
/// steps apart: depth `steps + 1`, as written and after optimizing.
pub fn steps(frame: DataFrame, steps: usize) -> DataFrame {
    let mut last = "n".to_owned();
    (0..steps).fold(frame, |frame, step| {
        let name = format!("s{step}");
        let next = (col(&last) % lit(1000i64) + col(&last) % lit(7i64)).alias(&name);
        last = name;
        frame.select(vec![col("n"), next]).unwrap()
    })
}

/// A frame with `steps` filters on top of a scan: depth `steps + 1`.
pub fn filters(frame: DataFrame, steps: usize) -> DataFrame {
    (0..steps).fold(frame, |frame, step| frame.filter(col("n").gt_eq(lit(-(step as i64)))).unwrap())
}

/// A frame with `steps` columns, each made from the one before.
pub fn columns(frame: DataFrame, steps: usize) -> DataFrame {
    let first = frame.schema().fields()[0].name().clone();
    (0..steps).fold(frame, |frame, step| {
        let before = if step == 0 { first.clone() } else { format!("c{}", step - 1) };
        let name = format!("c{step}");
        frame.select(vec![col(first.as_str()), (col(before) + lit(1)).alias(name)]).unwrap()
    })
}

/// All values of a frame's partitions, in order.
pub async fn rows(frame: DataFrame) -> Vec<Vec<String>> {
    let partitions = frame.collect_partitioned().await.unwrap();
    partitions
        .iter()
        .map(|batches| {
            datafusion::arrow::util::pretty::pretty_format_batches(batches)
                .unwrap()
                .to_string()
                .lines()
                .map(str::to_owned)
                .collect()
        })
        .collect()
}

/// An operator of ours, which saves rows over a connection. What it captured is what its codec writes.
#[derive(Debug, Clone)]
pub struct SavePartition {
    pub input: Arc<dyn ExecutionPlan>,
    pub captured: serde_json::Value,
    pub touched: Arc<AtomicUsize>,
}

impl SavePartition {
    pub fn over(input: Arc<dyn ExecutionPlan>, captured: serde_json::Value) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self { input, captured, touched: Arc::default() })
    }
}

impl DisplayAs for SavePartition {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SavePartition")
    }
}

impl ExecutionPlan for SavePartition {
    fn name(&self) -> &str {
        "SavePartition"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.touched.fetch_add(1, Ordering::Relaxed);
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut inputs: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self { input: inputs.remove(0), ..Self::clone(&self) }))
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}

/// Writes what a [`SavePartition`] captured, and counts how often it is asked to.
#[derive(Debug, Default)]
pub struct SaveCodec {
    pub calls: AtomicUsize,
}

impl PhysicalExtensionCodec for SaveCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &TaskContext,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let captured =
            serde_json::from_slice(buf).map_err(|error| DataFusionError::External(error.into()))?;
        Ok(SavePartition::over(Arc::clone(&inputs[0]), captured))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let Some(save) = node.downcast_ref::<SavePartition>() else {
            return Err(DataFusionError::NotImplemented(format!("encoding {}", node.name())));
        };
        serde_json::to_writer(buf, &save.captured).map_err(|error| DataFusionError::External(error.into()))
    }
}
