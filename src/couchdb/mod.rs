//! CouchDB over HTTP: connection parameters, the client, retries and the calls this program needs.
//!
//! No other module speaks HTTP. This one knows CouchDB's documented 3.x interface and nothing of
//! labels, models, DataFusion or the options of a program; [`source::couchdb`](crate::source::couchdb) and
//! [`sink::couchdb`](crate::sink::couchdb) stand on top of it.
//!
//! [`ConnectionParams`] is all that travels to a worker. The worker opens a connection from it; what the connections of
//! a run have in common (session, pool, counts, and how long a server has been away) is in [`Connections`].
//!
//! `couch_rs` gives the protocol's words for a failure; requests do not go through it: its `Client` cannot take a certificate file, a connect or read timeout, a
//! session cookie or a path in front of the databases, and it has no attachments and no `_bulk_get`.

mod answer;
mod api;
mod client;
mod connections;
mod delivery;
mod document;
mod error;
mod params;
mod preflight;
mod provenance;
mod raw;
mod retry;
mod secret;
mod session;
mod tls;
mod update;
mod write;

pub(crate) use api::{ChangesRow, Database, DatabaseInfo, Got, ListingRow};
pub(crate) use client::Client;
pub use connections::Connections;
pub(crate) use delivery::Bodies;
pub(crate) use document::{AttachmentStub, Contents, CouchDocument};
pub use error::{Error, ErrorKind, Step, Unusable};
pub use params::{ConnectionParams, Timeouts};
pub use preflight::{FIRST_CONTACT, Intent, ServerInfo, plain_http_warning, preflight};
pub(crate) use provenance::timestamp;
pub use provenance::{AnnotationProvenance, PROVENANCE_FIELD, Producer};
pub use retry::RetryPolicy;
pub use secret::Secret;
pub(crate) use update::{Change, Standing, Update, is_as_written, plan};
pub(crate) use write::{Prepared, WriteResult, write};
