//! Parquet: one row per paragraph.

use super::LabelledDocument;
use datafusion::arrow::array::{
    Array, Float32Array, RecordBatch, StringArray, StructArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

pub(super) fn render(document: &LabelledDocument<'_>) -> parquet::errors::Result<Vec<u8>> {
    let paragraphs = &document.paragraphs;
    let text = |value: &str| -> Arc<dyn Array> {
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, paragraphs.len())))
    };
    let probabilities: Vec<(Arc<Field>, Arc<dyn Array>)> = document
        .labels
        .iter()
        .enumerate()
        .map(|(index, label)| {
            let values =
                paragraphs.iter().map(|row| row.probabilities.get(index).copied().unwrap_or_default());
            let column: Arc<dyn Array> = Arc::new(Float32Array::from_iter_values(values));
            (Arc::new(Field::new(label, DataType::Float32, false)), column)
        })
        .collect();
    let columns: Vec<(&str, Arc<dyn Array>)> = vec![
        ("doc_id", text(&document.reference.doc_id)),
        ("attachment_name", text(&document.reference.attachment_name)),
        ("number", Arc::new(UInt32Array::from_iter_values(0..paragraphs.len() as u32))),
        ("start", Arc::new(UInt64Array::from_iter_values(paragraphs.iter().map(|row| row.start)))),
        (
            "end",
            Arc::new(UInt64Array::from_iter_values(
                paragraphs.iter().map(|row| row.start + row.text.len() as u64),
            )),
        ),
        ("text", Arc::new(StringArray::from_iter_values(paragraphs.iter().map(|row| row.text)))),
        ("label", Arc::new(StringArray::from_iter_values(paragraphs.iter().map(|row| document.label(row))))),
        ("probabilities", Arc::new(StructArray::from(probabilities))),
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
