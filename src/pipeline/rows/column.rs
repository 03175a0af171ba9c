//! Columns by name, whatever their encoding.

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, FixedSizeListArray, PrimitiveArray, RecordBatch,
    StringViewArray,
};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType};

use super::super::PipelineError;

/// The column `name` of `batch` as `data_type`. Where it has that type already, nothing is copied.
fn column(batch: &RecordBatch, name: &'static str, data_type: &DataType) -> Result<ArrayRef, PipelineError> {
    let column = batch.column_by_name(name).ok_or_else(|| PipelineError::MissingColumn {
        column: name,
        columns: batch.schema_ref().fields().iter().map(|field| field.name().clone()).collect(),
    })?;
    if column.data_type() == data_type {
        return Ok(ArrayRef::clone(column));
    }
    // A value that the type cannot hold is an error, and not null.
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, data_type, &strict).map_err(|source| PipelineError::ColumnType {
        column: name,
        found: column.data_type().clone(),
        source,
    })
}

/// The strings of column `name`.
pub(super) fn strings(batch: &RecordBatch, name: &'static str) -> Result<StringViewArray, PipelineError> {
    Ok(column(batch, name, &DataType::Utf8View)?.as_string_view().clone())
}

/// The bytes of column `name`.
pub(super) fn binaries(batch: &RecordBatch, name: &'static str) -> Result<BinaryViewArray, PipelineError> {
    Ok(column(batch, name, &DataType::BinaryView)?.as_binary_view().clone())
}

/// The numbers of column `name`.
pub(super) fn numbers<T: ArrowPrimitiveType>(
    batch: &RecordBatch,
    name: &'static str,
) -> Result<PrimitiveArray<T>, PipelineError> {
    Ok(column(batch, name, &T::DATA_TYPE)?.as_primitive::<T>().clone())
}

/// The lists of column `name`, each with one number per label.
pub(super) fn lists(
    batch: &RecordBatch,
    name: &'static str,
    data_type: &DataType,
) -> Result<FixedSizeListArray, PipelineError> {
    Ok(column(batch, name, data_type)?.as_fixed_size_list().clone())
}

/// The numbers of row `row` of `lists`, which are `values`.
pub(super) fn list_at<'a, T>(lists: &FixedSizeListArray, values: &'a [T], row: usize) -> &'a [T] {
    let width = usize::try_from(lists.value_length()).unwrap_or_default();
    let start = usize::try_from(lists.value_offset(row)).unwrap_or_default();
    values.get(start..start + width).unwrap_or_default()
}

/// A value of a nullable column.
pub(super) fn value(array: &StringViewArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}
