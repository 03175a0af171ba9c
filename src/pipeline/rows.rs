//! The rows of each stage: schemas, and the columns' names.
//!
//! Text is carried in view arrays whose views point into the document's own buffer, so that cutting a
//! document into paragraphs and labelling them copies no text. A document's rows are always together
//! and in order; the last one has a non-null `after`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch, StringViewArray, UInt32Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type, UInt64Type};
use datafusion::common::{Result, exec_datafusion_err, internal_datafusion_err};

/// Files: path of the input; CouchDB: `_id`.
pub const DOC_ID: &str = "doc_id";
/// Path below the input folder, or the attachment's name.
pub const ATTACHMENT_NAME: &str = "attachment_name";
/// `null` while the document is on its way, else the outcome it has already come to.
pub const STATUS: &str = "status";
/// Why it failed.
pub const ERROR: &str = "error";
/// What the source wants to hand to the sink.
pub const METADATA: &str = "metadata";
/// The document's text.
pub const CONTENT: &str = "content";
/// Number of the paragraph in its document, from 0; `null` where a document has none.
pub const NUMBER: &str = "number";
/// Byte offset of the paragraph's text in its document.
pub const START: &str = "start";
/// White space before the paragraph.
pub const BEFORE: &str = "before";
/// The paragraph.
pub const TEXT: &str = "text";
/// White space after the last paragraph of a document; `null` in all other rows.
pub const AFTER: &str = "after";
/// The label.
pub const LABEL: &str = "label";
/// One probability per label, in the model's label order.
pub const PROBABILITIES: &str = "probabilities";
/// The annotation as it will be written.
pub const ANNOTATION: &str = "annotation";
/// Paragraphs per label, in the model's label order.
pub const LABEL_COUNTS: &str = "label_counts";
/// Number of paragraphs of a document.
pub const PARAGRAPHS: &str = "paragraphs";
/// Size of a document's text in bytes.
pub const BYTES: &str = "bytes";
/// How often saving was tried.
pub const ATTEMPTS: &str = "attempts";

/// Number of leading columns that say which document a row belongs to and how it fares.
pub(super) const DOCUMENT_COLUMNS: usize = 5;

fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8View, nullable)
}

fn with_document_columns(more: Vec<Field>) -> SchemaRef {
    let mut fields = vec![
        text(DOC_ID, false),
        text(ATTACHMENT_NAME, false),
        text(STATUS, true),
        text(ERROR, true),
        text(METADATA, true),
    ];
    fields.extend(more);
    Arc::new(Schema::new(fields))
}

/// What the listing selected: no contents yet.
#[must_use]
pub fn selection_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text(DOC_ID, false),
        text(ATTACHMENT_NAME, false),
        text(STATUS, true),
        text(ERROR, true),
    ]))
}

/// One row per document.
#[must_use]
pub fn documents_schema() -> SchemaRef {
    with_document_columns(vec![text(CONTENT, true)])
}

fn paragraph_fields() -> Vec<Field> {
    vec![
        Field::new(NUMBER, DataType::UInt32, true),
        Field::new(START, DataType::UInt64, true),
        text(BEFORE, true),
        text(TEXT, true),
        text(AFTER, true),
    ]
}

/// One row per paragraph; one row without a paragraph for a document that has none.
#[must_use]
pub fn paragraphs_schema() -> SchemaRef {
    with_document_columns(paragraph_fields())
}

/// One row per paragraph, with its label and `labels` probabilities.
#[must_use]
pub fn predictions_schema(labels: usize) -> SchemaRef {
    let mut fields = paragraph_fields();
    fields.push(Field::new(
        LABEL,
        DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8)),
        true,
    ));
    fields.push(Field::new(PROBABILITIES, list_of(DataType::Float32, labels), true));
    with_document_columns(fields)
}

/// One row per document, annotated.
#[must_use]
pub fn annotations_schema(labels: usize) -> SchemaRef {
    with_document_columns(vec![
        Field::new(ANNOTATION, DataType::BinaryView, true),
        Field::new(TEXT, DataType::BinaryView, true),
        Field::new(PARAGRAPHS, DataType::UInt32, false),
        Field::new(BYTES, DataType::UInt64, false),
        Field::new(LABEL_COUNTS, list_of(DataType::UInt32, labels), true),
    ])
}

/// One row per document: what became of it.
#[must_use]
pub fn outcomes_schema(labels: usize) -> SchemaRef {
    Arc::new(Schema::new(vec![
        text(DOC_ID, false),
        text(ATTACHMENT_NAME, false),
        text(STATUS, false),
        text(ERROR, true),
        Field::new(ATTEMPTS, DataType::UInt32, false),
        Field::new(PARAGRAPHS, DataType::UInt32, false),
        Field::new(BYTES, DataType::UInt64, false),
        Field::new(LABEL_COUNTS, list_of(DataType::UInt32, labels), true),
    ]))
}

pub(super) fn list_of(item: DataType, length: usize) -> DataType {
    let length = i32::try_from(length).unwrap_or(i32::MAX);
    DataType::FixedSizeList(Arc::new(Field::new("item", item, false)), length)
}

fn missing(batch: &RecordBatch, name: &str) -> datafusion::error::DataFusionError {
    let columns: Vec<_> = batch.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    internal_datafusion_err!("a batch lacks the column '{name}' of its stage (it has {columns:?})")
}

/// The string column `name`.
pub(crate) fn strings<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringViewArray> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_string_view_opt())
        .ok_or_else(|| missing(batch, name))
}

/// The `UInt32` column `name`.
pub(crate) fn u32s<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a UInt32Array> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_primitive_opt::<UInt32Type>())
        .ok_or_else(|| missing(batch, name))
}

/// The `UInt64` column `name`.
pub(crate) fn u64s<'a>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a datafusion::arrow::array::UInt64Array> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_primitive_opt::<UInt64Type>())
        .ok_or_else(|| missing(batch, name))
}

/// The binary column `name`.
pub(super) fn binaries<'a>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a datafusion::arrow::array::BinaryViewArray> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_binary_view_opt())
        .ok_or_else(|| missing(batch, name))
}

/// A value of a nullable column.
pub(super) fn value(array: &StringViewArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

/// Per row of the column `label` the number of its label in `labels`, 0 where it has none. A label is what the
/// column's value says: how a dictionary numbers its values is up to whoever wrote it last, Parquet for one.
pub(super) fn label_numbers(batch: &RecordBatch, labels: &[String]) -> Result<Vec<usize>> {
    let column = batch.column_by_name(LABEL).ok_or_else(|| missing(batch, LABEL))?;
    let numbers = |values: &dyn Array| -> Result<Vec<Option<usize>>> {
        let values = cast(values, &DataType::Utf8View)?;
        let number =
            |value: Option<&str>| value.and_then(|value| labels.iter().position(|label| label == value));
        Ok(values.as_string_view().iter().map(number).collect())
    };
    let unknown = |row: usize| {
        exec_datafusion_err!("row {row} has a label that is none of the model's, which are {labels:?}")
    };
    let valid = |row: usize, number: Option<usize>| match number {
        Some(number) => Ok(number),
        None if column.is_null(row) => Ok(0),
        None => Err(unknown(row)),
    };
    let Some(dictionary) = column.as_any_dictionary_opt() else {
        return numbers(column)?.into_iter().enumerate().map(|(row, number)| valid(row, number)).collect();
    };
    let numbers = numbers(dictionary.values())?;
    let keys = dictionary.normalized_keys();
    let number = |(row, key): (usize, usize)| valid(row, numbers.get(key).copied().flatten());
    keys.into_iter().enumerate().map(number).collect()
}
