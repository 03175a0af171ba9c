//! From paragraphs to numbers: tokens, vocabularies, TF-IDF, layout and context.
//!
//! [`FeatureParams`] says which groups of features there are (a preset in `config/models.toml` holds
//! one), [`Features::fit`] learns vocabularies and document frequencies from paragraphs, and
//! [`Features::transform`] turns a document into [sparse records](linfa_sparse_logistic::SparseRecords), one row
//! per paragraph, one column per feature. The same columns are what a model has weights for; the scorer of the `model` module
//! computes the same sums without ever building a row.
//!
//! This module knows text and counts. It may not touch labels, models, files or DataFusion.

mod codec;
mod error;
mod extract;
mod fitted;
mod layout;
mod lexer;
mod lexicon;
mod outline;
mod params;
mod parts;
mod tokens;
mod vocabulary;

pub(crate) use extract::{Extraction, Found};
pub(crate) use fitted::NEIGHBOUR_VALUE;
pub(crate) use parts::offsets;
pub(crate) use tokens::{for_each_word, suffix};

pub use error::FeatureError;
pub use fitted::Features;
pub use params::{FeatureParams, LayoutParams, OutlineParams, SuffixParams, TermParams, ValidFeatureParams};
