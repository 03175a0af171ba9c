//! Parquet: one row per paragraph, in the columns of the JSON lines.

use super::{LabelledDocument, LabelledParagraph};
use datafusion::arrow::array::{
    Array, Float32Array, RecordBatch, StringArray, StructArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

pub(super) fn render(document: &LabelledDocument<'_>) -> parquet::errors::Result<Vec<u8>> {
    let rows = &document.paragraphs;
    let offsets: Vec<[u64; 2]> = document.with_offsets().map(|(_, offsets)| offsets).collect();
    let same = |value: &str| -> Arc<dyn Array> {
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows.len())))
    };
    let strings = |of: &dyn Fn(&LabelledParagraph<'_>) -> String| -> Arc<dyn Array> {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let numbers = |values: Vec<u64>| -> Arc<dyn Array> { Arc::new(UInt64Array::from(values)) };
    let floats = |of: &dyn Fn(&LabelledParagraph<'_>) -> f32| -> Arc<dyn Array> {
        Arc::new(Float32Array::from_iter_values(rows.iter().map(of)))
    };
    let probabilities: Vec<(Arc<Field>, Arc<dyn Array>)> = document
        .labels
        .iter()
        .enumerate()
        .map(|(index, label)| {
            let column = floats(&|row| row.probabilities.get(index).copied().unwrap_or_default());
            (Arc::new(Field::new(label, DataType::Float32, false)), column)
        })
        .collect();
    let columns: Vec<(&str, Arc<dyn Array>)> = vec![
        ("doc_id", same(&document.reference.doc_id)),
        ("attachment_name", same(&document.reference.attachment_name)),
        ("number", Arc::new(UInt32Array::from_iter_values(0..rows.len() as u32))),
        ("start", numbers(offsets.iter().map(|[start, _]| *start).collect())),
        ("end", numbers(offsets.iter().map(|[_, end]| *end).collect())),
        ("start_byte", numbers(rows.iter().map(|row| row.start).collect())),
        ("end_byte", numbers(rows.iter().map(|row| row.start + row.text.len() as u64).collect())),
        ("label", strings(&|row| document.label(row).to_owned())),
        ("probability", floats(&|row| row.probability())),
        ("probabilities", Arc::new(StructArray::from(probabilities))),
        ("text", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.text)))),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), false)).collect();
    let schema = Arc::new(Schema::new(fields));
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
    writer.write(&batch)?;
    writer.into_inner()
}
