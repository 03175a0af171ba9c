//! Sources that come as streams, with an end and without one.

use std::sync::Arc;

use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::*;
use futures::stream;

use crate::group::{Case, Group};

/// Batches of a hundred numbers, `batches` of them, or for ever.
#[derive(Debug)]
struct Batches {
    schema: Arc<Schema>,
    batches: Option<i64>,
}

impl PartitionStream for Batches {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        let batch = move |number: i64| {
            let numbers = Int64Array::from_iter_values(number * 100..(number + 1) * 100);
            Ok(RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(numbers)])?)
        };
        let numbers = stream::iter(0..self.batches.unwrap_or(i64::MAX / 100));
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            futures::StreamExt::map(numbers, batch),
        ))
    }
}

fn session(_: &std::path::Path) -> Result<SessionContext> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
    let table = |batches: Option<i64>| {
        let partition = Arc::new(Batches { schema: Arc::clone(&schema), batches });
        StreamingTable::try_new(Arc::clone(&schema), vec![partition])
    };
    context.register_table("some", Arc::new(table(Some(50))?))?;
    context.register_table("endless", Arc::new(table(None)?.with_infinite_table(true)))?;
    Ok(context)
}

pub fn group() -> Group {
    let cases = vec![
        Case::sql("select count(*) as c, sum(n) as s from some"),
        Case::sql("select n from some where n % 999 = 0 order by n"),
        Case::sql("select a.n from some a join some b on a.n = b.n * 2 order by a.n limit 11"),
        Case::sql("select n from endless limit 250").not_kept(),
        Case::sql("select n * 2 as d from endless where n % 1000 = 7 limit 5").not_kept(),
        Case::sql("select count(*) from endless").not_kept().failing(),
    ];
    Group { name: "streams", session, cases }
}
