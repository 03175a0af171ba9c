//! The rows of each stage: a schema, and a view that answers by what a column means.
//!
//! A view checks a batch's schema once, by the columns' names, and takes any encoding of their values: strings of any
//! kind, plain or in a dictionary, whatever a file format or somebody's query made of them. Nothing else may read a
//! batch: an encoding, a column's position, a batch's end or a partition's number means nothing.
//!
//! Text is carried in view arrays whose views point into the document's own buffer, so that cutting a document into
//! paragraphs and labelling them copies no text. A document's rows are always together and in order; the last one
//! has a non-null `after`.
//!
//! The labels that a stage's rows speak of stand in the schema's metadata: see [`Labels`].

mod annotations;
mod column;
mod documents;
mod labels;
mod outcomes;
mod paragraphs;
mod predictions;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

pub(crate) use annotations::AnnotationRows;
pub use documents::DocumentRows;
pub(crate) use documents::SelectionRows;
pub use labels::Labels;
pub use outcomes::OutcomeRows;
pub(crate) use paragraphs::ParagraphRows;
pub use predictions::PredictionRows;

pub(super) use documents::DocumentColumns;
pub(super) use paragraphs::ends_of_documents;

/// The document as a page to look at; `null` where none was asked for.
const PAGE: &str = "page";
/// Files: path of the input; CouchDB: `_id`.
pub(crate) const DOC_ID: &str = "doc_id";
/// Path below the input folder, or the attachment's name.
pub(crate) const ATTACHMENT_NAME: &str = "attachment_name";
/// `null` while the document is on its way, else the outcome it has already come to.
const STATUS: &str = "status";
/// Why it failed.
const ERROR: &str = "error";
/// What the source wants to hand to the sink.
const METADATA: &str = "metadata";
/// The document's text.
const CONTENT: &str = "content";
/// Number of the paragraph in its document, from 0; `null` where a document has none.
const NUMBER: &str = "number";
/// Byte offset of the paragraph's text in its document.
const START: &str = "start";
/// White space before the paragraph.
const BEFORE: &str = "before";
/// The paragraph; in annotations the document's text, where the format wants a copy of it.
const TEXT: &str = "text";
/// White space after the last paragraph of a document; `null` in all other rows.
const AFTER: &str = "after";
/// The label.
const LABEL: &str = "label";
/// One probability per label, in the order of [`Labels`].
const PROBABILITIES: &str = "probabilities";
/// The annotation as it will be written.
const ANNOTATION: &str = "annotation";
/// Paragraphs per label, in the order of [`Labels`].
const LABEL_COUNTS: &str = "label_counts";
/// Number of paragraphs of a document.
const PARAGRAPHS: &str = "paragraphs";
/// Size of a document's text in bytes.
const BYTES: &str = "bytes";
/// How often saving was tried.
const ATTEMPTS: &str = "attempts";

fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8View, nullable)
}

fn with_document_columns(more: Vec<Field>) -> Schema {
    let mut fields = vec![
        text(DOC_ID, false),
        text(ATTACHMENT_NAME, false),
        text(STATUS, true),
        text(ERROR, true),
        text(METADATA, true),
    ];
    fields.extend(more);
    Schema::new(fields)
}

/// What the listing selected: no contents yet. Read by [`SelectionRows`].
#[must_use]
pub(crate) fn selection_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text(DOC_ID, false),
        text(ATTACHMENT_NAME, false),
        text(STATUS, true),
        text(ERROR, true),
    ]))
}

/// One row per document. Read by [`DocumentRows`].
#[must_use]
pub(crate) fn documents_schema() -> SchemaRef {
    Arc::new(with_document_columns(vec![text(CONTENT, true)]))
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

/// One row per paragraph; one row without a paragraph for a document that has none. Read by [`ParagraphRows`].
#[must_use]
pub(crate) fn paragraphs_schema() -> SchemaRef {
    Arc::new(with_document_columns(paragraph_fields()))
}

/// One row per paragraph, with its label and one probability per label. Read by [`PredictionRows`].
#[must_use]
pub(crate) fn predictions_schema(labels: &Labels) -> SchemaRef {
    let mut fields = paragraph_fields();
    let label = DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8));
    fields.push(Field::new(LABEL, label, true));
    fields.push(Field::new(PROBABILITIES, list_of(DataType::Float32, labels), true));
    Arc::new(labels.in_schema(with_document_columns(fields)))
}

/// One row per document, annotated. Read by [`AnnotationRows`].
#[must_use]
pub(crate) fn annotations_schema(labels: &Labels) -> SchemaRef {
    Arc::new(labels.in_schema(with_document_columns(vec![
        Field::new(ANNOTATION, DataType::BinaryView, true),
        Field::new(TEXT, DataType::BinaryView, true),
        Field::new(PAGE, DataType::BinaryView, true),
        Field::new(PARAGRAPHS, DataType::UInt32, false),
        Field::new(BYTES, DataType::UInt64, false),
        Field::new(LABEL_COUNTS, list_of(DataType::UInt32, labels), true),
    ])))
}

/// One row per document: what became of it. Read by [`OutcomeRows`].
#[must_use]
pub(crate) fn outcomes_schema(labels: &Labels) -> SchemaRef {
    Arc::new(labels.in_schema(Schema::new(vec![
        text(DOC_ID, false),
        text(ATTACHMENT_NAME, false),
        text(STATUS, false),
        text(ERROR, true),
        Field::new(ATTEMPTS, DataType::UInt32, false),
        Field::new(PARAGRAPHS, DataType::UInt32, false),
        Field::new(BYTES, DataType::UInt64, false),
        Field::new(LABEL_COUNTS, list_of(DataType::UInt32, labels), true),
    ])))
}

/// A list with one item per label.
fn list_of(item: DataType, labels: &Labels) -> DataType {
    DataType::FixedSizeList(Arc::new(Field::new("item", item, false)), labels.width())
}
