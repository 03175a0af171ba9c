//! Documents from CouchDB: a listing that selects attachments, and a loader that fetches them in bulk.
//!
//! [`CouchSource`] decides from listings alone, which carry every document's fields and the stubs of its
//! attachments but no bodies. It pages by key, so that page one million costs what page one does.
//! [`CouchLoader`] runs in the worker of one partition and is opened there from [`CouchLoadParams`].

mod fetch;
mod select;

pub use fetch::{CouchLoadParams, CouchLoader};
pub use select::{CouchSelection, CouchSource, annotation_suffix_of};

pub(crate) use fetch::Fetcher;
pub(crate) use select::AttachmentPattern;
