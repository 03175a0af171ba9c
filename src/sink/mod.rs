//! Where annotations go.
//!
//! [`Saver`] is opened by the worker, once per partition, from parameters alone, and turns whole
//! annotations into outcomes.

pub mod couchdb;

use crate::document::{Annotation, Outcome};
use async_trait::async_trait;

/// Writes annotations. Opened once per partition by the worker, closed by drop.
#[async_trait]
pub trait Saver: Send {
    /// Saves `annotations`: one outcome each, in the same order. A failure is an outcome, not an error.
    async fn save(&mut self, annotations: Vec<Annotation>) -> Vec<Outcome>;
}
