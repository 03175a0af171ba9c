//! A checkpoint as a table: the engine scans it like any other, and holds it while a plan refers to it. It declares
//! the order that its rows are known to have, so that nothing is sorted again.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::stats::Precision;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, Partitioning};

use super::materialize::{Data, Part};
use super::source::FixedPartitions;
use super::store::InMemory;

/// The rows of a checkpoint under the DataFrame's schema.
#[derive(Debug)]
pub(super) struct CheckpointTable {
    schema: SchemaRef,
    rows: Rows,
    orderings: Vec<LexOrdering>,
}

#[derive(Debug)]
enum Rows {
    Memory { partitions: Vec<Vec<RecordBatch>>, _reservation: MemoryReservation, _counted: InMemory },
    Parquet { partitions: Vec<FileGroup>, parts: Arc<[Part]>, count: usize },
}

impl CheckpointTable {
    /// `data` under `schema`, each partition in each of `orderings`: see [`known_orderings`].
    pub(super) fn new(schema: SchemaRef, data: Data, orderings: Vec<LexOrdering>) -> Result<Self> {
        let rows = match data {
            Data::Memory { partitions, reservation, counted, .. } => {
                let partitions = if partitions.is_empty() { vec![Vec::new()] } else { partitions };
                Rows::Memory { partitions, _reservation: reservation, _counted: counted }
            }
            Data::Parquet { files, parts, rows } => {
                let mut partitions = Vec::with_capacity(parts.len());
                for part in &parts {
                    let path = part.path.canonicalize()?;
                    let path = path.to_str().ok_or_else(|| {
                        DataFusionError::Execution(format!(
                            "the checkpoint folder {} is not UTF-8; choose another",
                            path.display()
                        ))
                    })?;
                    // Each planned scan holds the files, so that they outlive the DataFrame if they must.
                    let file = PartitionedFile::new(path, part.footer.file_bytes())
                        .with_extension(Arc::clone(&files));
                    partitions.push(FileGroup::new(vec![file]));
                }
                let count = rows.iter().map(|rows| usize::try_from(*rows).unwrap_or(usize::MAX)).sum();
                Rows::Parquet { partitions, parts: parts.into(), count }
            }
        };
        Ok(Self { schema, rows, orderings })
    }
}

/// The orders in which each partition of `plan` is known to be, by columns of `schema`, which has the plan's
/// columns at their positions. An order by an expression counts as far as columns go before it.
pub(super) fn known_orderings(plan: &dyn ExecutionPlan, schema: &SchemaRef) -> Vec<LexOrdering> {
    let column = |sort: &PhysicalSortExpr| {
        let index = sort.expr.downcast_ref::<Column>()?.index();
        let name = schema.fields().get(index)?.name();
        Some(PhysicalSortExpr::new(Arc::new(Column::new(name, index)), sort.options))
    };
    let orderings = plan.equivalence_properties().oeq_class();
    orderings.iter().filter_map(|ordering| LexOrdering::new(ordering.iter().map_while(column))).collect()
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
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match &self.rows {
            Rows::Memory { partitions, .. } => {
                let source =
                    MemorySourceConfig::try_new(partitions, Arc::clone(&self.schema), projection.cloned())?
                        .with_show_sizes(state.config_options().explain.show_sizes)
                        .try_with_sort_information(self.orderings.clone())?;
                Ok(DataSourceExec::from_data_source(FixedPartitions::new(source)))
            }
            Rows::Parquet { partitions, parts, count } => {
                let parts = Arc::clone(parts);
                SpawnedTask::spawn_blocking(move || parts.iter().try_for_each(Part::check))
                    .join_unwind()
                    .await
                    .map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??;
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
                    .with_output_ordering(self.orderings.clone())
                    .with_projection_indices(projection.cloned())?
                    .with_limit(limit)
                    .build();
                Ok(DataSourceExec::from_data_source(scan))
            }
        }
    }
}
