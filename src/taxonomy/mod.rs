//! Does a text speak of taxonomy? The filter that selects such texts, and the boolean field that keeps the answer with
//! the documents of a database.

mod filter;
mod flag;
mod update;

pub use filter::{DEFAULT_ABBREVIATIONS, TaxonomyFilter};
pub use flag::{CouchFlagParams, CouchFlagger, TAXONOMY_FIELD};
pub(crate) use update::update;
