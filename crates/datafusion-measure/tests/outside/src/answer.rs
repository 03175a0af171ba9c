//! What came of a statement, so that two of them can be compared.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::{DataFusionError, Result};
use datafusion::prelude::DataFrame;

/// The answer to one statement: columns and rows, or the error.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// `columns` with qualifier, type and nullability; `rows` as text, sorted where no order was asked for.
    Rows { columns: Vec<String>, rows: Vec<String> },
    /// The error's own words.
    Failed(String),
}

impl Answer {
    /// What `frame` gives. `ordered`: the order of its rows was asked for.
    pub async fn of(frame: Result<DataFrame>, ordered: bool) -> Self {
        match Self::rows(frame, ordered).await {
            Ok(answer) => answer,
            Err(error) => Self::Failed(words(&error)),
        }
    }

    async fn rows(frame: Result<DataFrame>, ordered: bool) -> Result<Self> {
        let frame = frame?;
        let columns = frame.schema().iter().map(|(qualifier, field)| {
            let qualifier = qualifier.map(|qualifier| format!("{qualifier}.")).unwrap_or_default();
            format!("{qualifier}{}: {}, null: {}", field.name(), field.data_type(), field.is_nullable())
        });
        let columns = columns.collect();
        let mut rows = texts(&frame.collect().await?)?;
        if !ordered {
            rows.sort_unstable();
        }
        Ok(Self::Rows { columns, rows })
    }

    /// How this differs from what was `expected`, if it does.
    pub fn difference(&self, expected: &Self) -> Option<String> {
        if self == expected {
            return None;
        }
        let (Self::Rows { columns, rows }, Self::Rows { columns: old_columns, rows: old_rows }) = (self, expected)
        else {
            return Some(format!("{self:?} instead of {expected:?}"));
        };
        if columns != old_columns {
            return Some(format!("columns {columns:?} instead of {old_columns:?}"));
        }
        let at = rows.iter().zip(old_rows).position(|(row, old)| row != old).unwrap_or(rows.len().min(old_rows.len()));
        Some(format!(
            "{} rows instead of {}; row {at} is {:?} instead of {:?}",
            rows.len(),
            old_rows.len(),
            rows.get(at),
            old_rows.get(at)
        ))
    }

    pub fn is_error(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

fn texts(batches: &[RecordBatch]) -> Result<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let values: Vec<_> = columns.iter().map(|column| column.value(row).to_string()).collect();
            rows.push(values.join("|"));
        }
    }
    Ok(rows)
}

/// Where an error was wrapped on its way says nothing about what went wrong.
fn words(error: &DataFusionError) -> String {
    error.find_root().strip_backtrace()
}
