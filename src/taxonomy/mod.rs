//! Does a text speak of taxonomy? The filter that selects such texts, and the boolean field that keeps the answer with
//! the documents of a database.

mod filter;
mod flag;
mod update;

pub(crate) use filter::DEFAULT_ABBREVIATIONS;
pub use filter::TaxonomyFilter;
pub use flag::{CouchFlagParams, CouchFlagger};
pub(crate) use update::update;
