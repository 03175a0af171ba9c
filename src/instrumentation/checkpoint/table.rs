//! A checkpoint as a table: the engine scans it like any other, and holds it while a plan refers to it.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;
use datafusion::datasource::MemTable;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::{ExecutionPlan, Partitioning};

use super::materialize::Data;

/// The rows of a checkpoint under the DataFrame's schema.
#[derive(Debug)]
pub(super) struct CheckpointTable {
    schema: SchemaRef,
    rows: Rows,
}

#[derive(Debug)]
enum Rows {
    Memory { table: MemTable, _reservation: MemoryReservation },
    Parquet { partitions: Vec<FileGroup>, count: usize },
}

impl CheckpointTable {
    pub(super) fn new(schema: SchemaRef, data: Data) -> Result<Self> {
        let rows = match data {
            Data::Memory { partitions, reservation, .. } => {
                let partitions = if partitions.is_empty() { vec![Vec::new()] } else { partitions };
                let table = MemTable::try_new(Arc::clone(&schema), partitions)?;
                Rows::Memory { table, _reservation: reservation }
            }
            Data::Parquet { files, parts, rows } => {
                let mut partitions = Vec::with_capacity(parts.len());
                for part in parts {
                    let path = part.path.canonicalize()?;
                    let path = path.to_str().ok_or_else(|| {
                        DataFusionError::Execution(format!(
                            "the checkpoint folder {} is not UTF-8; choose another",
                            path.display()
                        ))
                    })?;
                    // Each planned scan holds the files, so that they outlive the DataFrame if they must.
                    let file = PartitionedFile::new(path, part.bytes).with_extension(Arc::clone(&files));
                    partitions.push(FileGroup::new(vec![file]));
                }
                let count = rows.iter().map(|rows| usize::try_from(*rows).unwrap_or(usize::MAX)).sum();
                Rows::Parquet { partitions, count }
            }
        };
        Ok(Self { schema, rows })
    }
}

#[async_trait]
impl TableProvider for CheckpointTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match &self.rows {
            Rows::Memory { table, .. } => table.scan(state, projection, filters, limit).await,
            Rows::Parquet { partitions, count } => {
                let source = Arc::new(ParquetSource::new(Arc::clone(&self.schema)));
                let statistics = Statistics {
                    num_rows: Precision::Exact(*count),
                    ..Statistics::new_unknown(&self.schema)
                };
                let scan = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
                    .with_file_groups(partitions.clone())
                    // Declared, so that files are neither cut nor moved to another partition while they are read.
                    .with_output_partitioning(Some(Partitioning::UnknownPartitioning(partitions.len())))
                    .with_statistics(statistics)
                    .with_projection_indices(projection.cloned())?
                    .with_limit(limit)
                    .build();
                Ok(DataSourceExec::from_data_source(scan))
            }
        }
    }
}
