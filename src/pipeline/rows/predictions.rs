//! Rows of the stage `predictions`.

use std::ops::Range;

use datafusion::arrow::array::{
    Array, AsArray, FixedSizeListArray, Float32Array, RecordBatch, StringViewArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float32Type};

use super::super::PipelineError;
use super::column::{list_at, lists, strings};
use super::{DocumentColumns, LABEL, Labels, PROBABILITIES, ParagraphRows, list_of};
use crate::document::{DocumentRef, Paragraph, Status};

/// One row per paragraph, with its label and one probability per label.
#[derive(Debug)]
pub struct PredictionRows {
    paragraphs: ParagraphRows,
    labels: Labels,
    /// Per row the number of its label; 0 where there is no paragraph.
    numbers: Vec<usize>,
    lists: FixedSizeListArray,
    probabilities: Float32Array,
}

impl PredictionRows {
    /// The rows of `batch`, whose schema names the labels.
    ///
    /// # Errors
    /// As [`DocumentRows::try_new`](super::DocumentRows::try_new), and when a label is none of the schema's.
    pub fn try_new(batch: &RecordBatch) -> Result<Self, PipelineError> {
        Self::with_labels(batch, &Labels::of(batch.schema_ref())?)
    }

    /// The rows of a batch that may have lost its schema's metadata on its way.
    pub(in super::super) fn with_labels(batch: &RecordBatch, labels: &Labels) -> Result<Self, PipelineError> {
        let paragraphs = ParagraphRows::try_new(batch)?;
        let numbers = numbers(batch, labels, &paragraphs)?;
        let lists = lists(batch, PROBABILITIES, &list_of(DataType::Float32, labels))?;
        let probabilities = lists.values().as_primitive::<Float32Type>().clone();
        Ok(Self { paragraphs, labels: labels.clone(), numbers, lists, probabilities })
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.paragraphs.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels that [`label`](Self::label) counts in.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Which document a row belongs to.
    #[must_use]
    pub fn reference(&self, row: usize) -> DocumentRef {
        self.paragraphs.reference(row)
    }

    /// What the document has already come to; `None` while it is on its way.
    #[must_use]
    pub fn status(&self, row: usize) -> Option<Status> {
        self.paragraphs.status(row)
    }

    /// The paragraph; `None` in the one row of a document without any.
    #[must_use]
    pub fn paragraph(&self, row: usize) -> Option<Paragraph<'_>> {
        self.paragraphs.paragraph(row)
    }

    /// Byte offset of the paragraph's text in its document.
    #[must_use]
    pub fn start(&self, row: usize) -> u64 {
        self.paragraphs.start(row)
    }

    /// White space after a document's last paragraph, in its last row.
    #[must_use]
    pub fn after(&self, row: usize) -> Option<&str> {
        self.paragraphs.after(row)
    }

    /// Number of the paragraph's label in [`labels`](Self::labels); `None` where there is no paragraph.
    #[must_use]
    pub fn label(&self, row: usize) -> Option<usize> {
        self.paragraph(row).map(|_| self.numbers[row])
    }

    /// One probability per label.
    #[must_use]
    pub fn probabilities(&self, row: usize) -> &[f32] {
        list_at(&self.lists, self.probabilities.values(), row)
    }

    /// The row ranges of the documents, which must be whole.
    ///
    /// # Errors
    /// When a document's rows are not together and in order.
    pub fn documents(&self) -> Result<Vec<Range<usize>>, PipelineError> {
        self.paragraphs.documents()
    }

    pub(in super::super) fn document_columns(&self) -> &DocumentColumns {
        self.paragraphs.document_columns()
    }
}

/// A label is what the column's value says: how a dictionary numbers its values is up to whoever wrote it last,
/// Parquet for one.
fn numbers(
    batch: &RecordBatch,
    labels: &Labels,
    paragraphs: &ParagraphRows,
) -> Result<Vec<usize>, PipelineError> {
    let number = |value: Option<&str>| value.and_then(|label| labels.number(label));
    let of = |values: &StringViewArray| values.iter().map(number).collect::<Vec<_>>();
    let dictionary = batch.column_by_name(LABEL).and_then(|column| column.as_any_dictionary_opt());
    // The values of a dictionary are looked up once.
    let found: Vec<Option<usize>> =
        match dictionary {
            Some(dictionary) if dictionary.values().is_empty() => vec![None; batch.num_rows()],
            Some(dictionary) => {
                let values = dictionary.values();
                let texts = cast(values, &DataType::Utf8View).map_err(|source| {
                    PipelineError::ColumnType { column: LABEL, found: values.data_type().clone(), source }
                })?;
                let numbers = of(texts.as_string_view());
                let keys = dictionary.normalized_keys();
                let key = |(row, key): (usize, usize)| numbers[key].filter(|_| dictionary.is_valid(row));
                keys.into_iter().enumerate().map(key).collect()
            }
            None => of(&strings(batch, LABEL)?),
        };
    let known = |(row, number): (usize, Option<usize>)| match number {
        Some(number) => Ok(number),
        None if paragraphs.paragraph(row).is_none() => Ok(0),
        None => Err(PipelineError::UnknownLabel {
            document: paragraphs.reference(row).attachment_name,
            labels: labels.as_slice().to_vec(),
        }),
    };
    found.into_iter().enumerate().map(known).collect()
}
