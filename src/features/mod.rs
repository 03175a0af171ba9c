//! From paragraphs to numbers: tokens, vocabularies, TF-IDF, layout and context.
//!
//! [`FeatureParams`] says which groups of features there are (a preset in `config/models.toml` holds
//! one), [`Features::fit`] learns vocabularies and document frequencies from paragraphs, and
//! [`Features::transform`] turns a document into sparse [`Rows`], one row per paragraph, one column
//! per feature. The same columns are what a model has weights for; the scorer of the `model` room
//! computes the same sums without ever building a row.
//!
//! This room knows text and counts. It may not touch labels, models, files or DataFusion.

mod codec;
mod extract;
mod fitted;
mod layout;
mod lexer;
mod lexicon;
mod outline;
mod params;

mod tokens;
mod vocabulary;

pub(crate) use extract::{Extraction, Found};
pub(crate) use fitted::{NEIGHBOUR_VALUE, offsets};
pub(crate) use tokens::{ending, for_each_word};

pub use codec::DecodeError;
pub use fitted::Features;
pub use linfa_sparse_logistic::Rows;
pub use params::{
    EndingParams, FeatureParams, LayoutParams, OutlineParams, ParamError, TermParams, ValidFeatureParams,
};
