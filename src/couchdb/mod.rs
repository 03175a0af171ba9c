//! CouchDB over HTTP: connection parameters, the client, retries and the calls this program needs.
//!
//! No other room speaks HTTP. This one knows CouchDB's documented 3.x interface and nothing of
//! labels, models or DataFusion; [`source::couchdb`](crate::source::couchdb) and
//! [`sink::couchdb`](crate::sink::couchdb) stand on top of it.
//!
//! [`ConnectionParams`] is all that travels to a worker. The worker opens one [`Client`] per
//! partition, uses it for every request of that partition, and closes it by drop.
//!
//! `couch_rs` gives the protocol's words (document ids, results of a write, the server's answer). Its own
//! `Client` cannot take a certificate file, a connect or read timeout, a session cookie or a path
//! in front of the databases, and it has no attachments and no `_bulk_get`; so every request goes
//! out on one `reqwest` client that can.

mod api;
mod auth;
mod client;
mod document;
mod fault;
mod params;
mod preflight;
mod provenance;
mod retry;
mod tls;
mod update;
mod write;

pub use api::{Database, Listing, ListingRow, RowValue};
pub use client::Client;
pub(crate) use document::Bodies;
pub use document::{AttachmentStub, CouchDocument};
pub use fault::{Fault, FaultKind};
pub use params::{ConnectionParams, Secret, Timeouts};
pub(crate) use preflight::unusable;
pub use preflight::{IfMissing, ServerInfo, plain_http_warning, preflight};
pub(crate) use provenance::timestamp;
pub use provenance::{AnnotationProvenance, PROVENANCE_FIELD, Producer};
pub use retry::RetryPolicy;
pub use update::{Change, Update, plan};
pub(crate) use write::{Prepared, WriteResult, Written, write};
