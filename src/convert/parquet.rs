//! Documents from Parquet files.

use bytes::Bytes;
use datafusion::arrow::array::{Array, AsArray, RecordBatch, StructArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float32Type, UInt64Type};
use indexmap::IndexMap;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::ConvertError;
use super::rows::Row;

/// The rows of a Parquet file, each with its number from 1.
pub(super) fn read(content: Vec<u8>) -> Result<Vec<(usize, Row)>, ConvertError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(content))?.build()?;
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch?;
        let column = |name: &'static str, form: &DataType| {
            let column = batch.column_by_name(name).ok_or(ConvertError::Column(name))?;
            // What the file encodes as a dictionary or a view is a string all the same.
            cast(column, form).map_err(|_| ConvertError::Column(name))
        };
        let strings = |name| column(name, &DataType::Utf8);
        let numbers = |name| column(name, &DataType::UInt64);
        let (doc_id, attachment_name) = (strings("doc_id")?, strings("attachment_name")?);
        let (label, text) = (strings("label")?, strings("text")?);
        let (start, end) = (numbers("start")?, numbers("end")?);
        let probabilities = probabilities(&batch)?;
        let start_byte = batch.column_by_name("start_byte").map(|_| numbers("start_byte")).transpose()?;
        for row in 0..batch.num_rows() {
            let string = |array: &dyn Array| array.as_string::<i32>().value(row).to_owned();
            let number = |array: &dyn Array| {
                usize::try_from(array.as_primitive::<UInt64Type>().value(row)).unwrap_or(usize::MAX)
            };
            rows.push((
                rows.len() + 1,
                Row {
                    doc_id: string(&doc_id),
                    attachment_name: string(&attachment_name),
                    start: number(&start),
                    end: number(&end),
                    start_byte: start_byte.as_ref().map(|column| number(column)),
                    label: string(&label),
                    probabilities: probabilities.get(row).cloned().unwrap_or_default(),
                    text: string(&text),
                },
            ));
        }
    }
    Ok(rows)
}

/// The probabilities of each row by label; nothing where the file has none.
fn probabilities(batch: &RecordBatch) -> Result<Vec<IndexMap<String, f32>>, ConvertError> {
    let Some(column) = batch.column_by_name("probabilities") else { return Ok(Vec::new()) };
    let labels: &StructArray = column.as_struct_opt().ok_or(ConvertError::Column("probabilities"))?;
    let mut rows = vec![IndexMap::new(); batch.num_rows()];
    for (label, values) in labels.column_names().into_iter().zip(labels.columns()) {
        let values = cast(values, &DataType::Float32).map_err(|_| ConvertError::Column("probabilities"))?;
        let values = values.as_primitive::<Float32Type>();
        for (row, value) in rows.iter_mut().zip(values.values()) {
            row.insert(label.to_owned(), *value);
        }
    }
    Ok(rows)
}
