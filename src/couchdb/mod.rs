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

pub(crate) use api::{ChangesRow, Database, DatabaseInfo, Got, Listing, ListingRow};
pub(crate) use client::Client;
pub use connections::Connections;
pub(crate) use delivery::{Bodies, BodyError};
pub(crate) use document::{AttachmentStub, Contents, CouchDocument};
pub use error::{Error, ErrorKind, Step, Unusable};
pub use params::{ConnectionParams, Login, Timeouts, WorkerCredentials};
pub(crate) use preflight::plain_http_warning;
pub use preflight::{FIRST_CONTACT, Intent, ServerInfo, preflight};
pub(crate) use provenance::{AnnotationProvenance, timestamp};
pub use provenance::{PROVENANCE_FIELD, Producer};
pub use retry::RetryPolicy;
pub use secret::Secret;
pub(crate) use update::{Change, Standing, Update, is_as_written, plan};
pub(crate) use write::{Prepared, WriteResult, write};

/// Reads `body` as each answer that a server may give, of this media type, and does with it what a run does, taking
/// attachments of at most `most` bytes; the length of the longest that it took: for fuzzing.
pub(crate) fn read_any(media_type: &str, body: &bytes::Bytes, most: u64) -> u64 {
    let mut longest = 0;
    let mut documents = Vec::new();
    for mut delivery in api::bulk_answer(&["a", "b"], media_type, body).into_iter().flatten().flatten() {
        let (bodies, _) = delivery.take(|_| true, most);
        longest = bodies
            .iter()
            .filter_map(|(_, body)| body.as_ref().ok())
            .map(Vec::len)
            .max()
            .unwrap_or(0)
            .max(longest);
        documents.push(delivery.document);
    }
    if let Ok(listing) = answer::parse::<Listing<CouchDocument>>(body) {
        documents.extend(listing.rows.into_iter().filter_map(|row| row.doc));
    }
    if let Ok(changes) = answer::parse::<api::Changes<CouchDocument>>(body) {
        documents.extend(changes.results.into_iter().filter_map(|row| row.doc));
    }
    let _ = answer::parse::<DatabaseInfo>(body);
    write::read_results(body);
    let producer = Producer { model: String::new(), model_sha256: String::new(), version: String::new() };
    for document in documents {
        let change =
            Change::new("t.txt.ann".into(), "text/plain".into(), "[@a#b*]".into(), &[], &producer, "");
        let _ = change.standing(&document);
        let update = plan(&document, &[change], vec![0]);
        let sent = update.document.to_json_with(&[("t.txt.ann", "text/plain", b"[@a#b*]")]);
        assert!(CouchDocument::from_json(&sent).is_ok(), "what would be sent is no JSON: {sent}");
    }
    longest as u64
}
