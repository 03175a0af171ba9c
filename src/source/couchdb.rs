//! Documents from CouchDB: a listing that selects attachments, and a loader that fetches them in bulk.
//!
//! [`CouchSource`] decides from listings alone, which carry every document's fields and the stubs of its
//! attachments but no bodies. It pages by key, so that page one million costs what page one does.
//! [`CouchLoader`] runs in the worker of one partition and is opened there from [`CouchLoadParams`].

mod fetch;
mod listed;
mod load;
mod pattern;
mod select;
mod since;

pub use load::{CouchLoadParams, CouchLoader};
pub use select::{CouchSelection, CouchSource};
pub use since::Checkpoint;

pub(crate) use fetch::Fetcher;
pub(crate) use listed::read_listing;
pub(crate) use pattern::{AttachmentPattern, KEPT_COPY};
