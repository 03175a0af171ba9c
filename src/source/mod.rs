//! Where documents come from: a listing that selects, and a loader that fetches.
//!
//! [`Source`] runs where the plan is made and decides *which* documents, from listings alone.
//! [`Loader`] runs in the worker of one partition and fetches *their contents*. Only
//! [`LoadParams`] travels between the two.

use crate::document::{Document, DocumentRef};
use async_trait::async_trait;
use futures::stream::BoxStream;

/// Selects documents from a listing, page by page, in constant memory.
pub trait Source: std::fmt::Debug + Send + Sync {
    /// Pages of selected documents. An error ends the run: the source is unusable.
    fn select(&self) -> BoxStream<'static, crate::Result<Vec<DocumentRef>>>;
}

/// Fetches the contents of documents. Opened once per partition by the worker, closed by drop.
#[async_trait]
pub trait Loader: Send {
    /// Loads `references`; the results are in the same order, one each. `Err` is the reason why this
    /// one document fails (thing, value, way out); the others go on. `Ok(None)` means the document
    /// turned out not to be selected after all.
    async fn load(&mut self, references: &[DocumentRef]) -> Vec<Result<Option<Document>, String>>;
}
