//! The calls on one database, each as CouchDB documents it for 3.x.
//!
//! Limits that matter here (<https://docs.couchdb.org/en/stable/config/couchdb.html>):
//! `max_document_size` (8,000,000 bytes) bounds a document without its attachments (on other servers: the whole
//! body), `max_attachment_size` (1 GiB) an attachment, `[chttpd] max_http_request_size` (4 GiB) a
//! request. Requests made here stay below the smallest of them. `_bulk_docs` answers 201 (or 202 when fewer copies than wanted were written, with
//! `n` > 1) with one result per document; with `[chttpd] buffer_response = false`, the default, a
//! long answer is streamed and may break off in the middle, which shows as bad JSON.

use super::client::{Call, Client, parse};
use super::{CouchDocument, Fault, FaultKind};
use bytes::Bytes;
use couch_rs::error::CouchError;
use couch_rs::types::document::{DocumentCreatedDetails, DocumentCreatedResult};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

const JSON: &str = "application/json";

/// One database through one connection.
#[derive(Clone)]
pub struct Database {
    client: Client,
}

/// A page of a listing, in the server's order.
#[derive(Debug, Deserialize)]
pub struct Listing<T> {
    /// Its rows.
    pub rows: Vec<ListingRow<T>>,
}

/// One row of a listing.
#[derive(Debug, Deserialize)]
pub struct ListingRow<T> {
    /// The document's id. Rows of ids that do not exist have only [`key`](Self::key).
    pub id: Option<String>,
    /// What was asked for or sorted by: the id as well.
    pub key: Option<String>,
    /// Its revision. Missing ids have none.
    pub value: Option<RowValue>,
    /// The document (attachments as stubs), unless it is deleted or missing.
    pub doc: Option<T>,
}

/// The revision of a row.
#[derive(Debug, Deserialize)]
pub struct RowValue {
    /// Revision.
    pub rev: String,
    /// Whether it is a deletion.
    #[serde(default)]
    pub deleted: bool,
}

#[derive(Deserialize)]
struct BulkGetAnswer {
    results: Vec<BulkGetResult>,
}

#[derive(Deserialize)]
struct BulkGetResult {
    id: String,
    docs: Vec<BulkGetDoc>,
}

#[derive(Deserialize)]
struct BulkGetDoc {
    ok: Option<CouchDocument>,
    error: Option<serde_json::Value>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct BulkDocsResult {
    id: Option<String>,
    rev: Option<String>,
    error: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Written {
    rev: String,
}

#[derive(Serialize)]
struct IdOnly<'a> {
    id: &'a str,
}

impl Database {
    /// The database that `client` was opened for.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The connection.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    fn name(&self) -> &str {
        &self.client.params().database
    }

    /// `HEAD`-like check: `GET /{db}`.
    ///
    /// # Errors
    /// [`FaultKind::NotFound`] when there is no such database, 401 and 403 likewise by their kind.
    pub async fn info(&self) -> Result<serde_json::Value, Fault> {
        Ok(self.client.json(&self.client.call(Method::GET, &[self.name()])).await?.0)
    }

    /// Creates the database; whether it was not there before. `PUT /{db}`
    ///
    /// # Errors
    /// What the server refuses, for example a name that it does not allow.
    pub async fn create(&self) -> Result<bool, Fault> {
        match self.client.send(&self.client.call(Method::PUT, &[self.name()]), |_, _| Ok(())).await {
            Ok(_) => Ok(true),
            // 412 file_exists: also what a creation says whose first answer was lost.
            Err(fault) if fault.status == Some(412) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// At most `limit` rows from id `start` on (itself included), with documents but without attachment
    /// bodies. `GET /{db}/_all_docs?include_docs=true&startkey=...&limit=...`
    ///
    /// # Errors
    /// When the listing cannot be had.
    pub async fn page<T: DeserializeOwned>(
        &self,
        start: Option<&str>,
        limit: usize,
    ) -> Result<Listing<T>, Fault> {
        let path = [self.name(), "_all_docs"];
        let mut call = self.client.call(Method::GET, &path);
        call.query = vec![("include_docs", "true".into()), ("limit", limit.to_string())];
        if let Some(start) = start {
            call.query.push(("startkey", serde_json::Value::from(start).to_string()));
        }
        Ok(self.client.json(&call).await?.0)
    }

    /// The rows of `ids`, in their order, with documents but without attachment bodies.
    /// `POST /{db}/_all_docs?include_docs=true` with `keys`
    ///
    /// # Errors
    /// When the listing cannot be had.
    pub async fn rows<T: DeserializeOwned>(&self, ids: &[&str]) -> Result<Vec<ListingRow<T>>, Fault> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let path = [self.name(), "_all_docs"];
        let mut call = self.client.call(Method::POST, &path);
        call.query = vec![("include_docs", "true".into())];
        call.body = Some((body(&serde_json::json!({ "keys": ids }))?, JSON));
        let read = |_, bytes: Bytes| {
            let listing: Listing<T> = parse(&bytes)?;
            if listing.rows.len() == ids.len() {
                return Ok(listing.rows);
            }
            let counts = format!("{} rows for {} ids", listing.rows.len(), ids.len());
            Err(Fault::new(FaultKind::Server, format!("the listing holds {counts}")))
        };
        Ok(self.client.send(&call, read).await?.0)
    }

    /// The newest revisions of `ids`, attachments inline, in the order asked for; an `Err` inside is the
    /// server's reason for one document. `POST /{db}/_bulk_get?attachments=true`
    ///
    /// # Errors
    /// [`FaultKind::TooLarge`] when the answer would be longer than `limit` bytes; else when there is none.
    pub async fn bulk_get(
        &self,
        ids: &[&str],
        limit: usize,
    ) -> Result<Vec<Result<CouchDocument, String>>, Fault> {
        let path = [self.name(), "_bulk_get"];
        let docs: Vec<_> = ids.iter().map(|id| IdOnly { id }).collect();
        let call = Call {
            query: vec![("attachments", "true".into())],
            body: Some((body(&serde_json::json!({ "docs": docs }))?, JSON)),
            limit,
            // Text in base64: CouchDB sends it as it is, and where something else would compress it, that
            // took longer than it saved (a third of the server's time on one machine).
            gzip: false,
            divisible: ids.len() > 1,
            ..self.client.call(Method::POST, &path)
        };
        let read = |_, bytes: Bytes| {
            let answer: BulkGetAnswer = parse(&bytes)?;
            let mut results: HashMap<String, _> =
                answer.results.into_iter().map(|result| (result.id.clone(), result.newest())).collect();
            let missing = || Err("the server left it out of its answer".to_owned());
            Ok(ids.iter().map(|id| results.remove(*id).unwrap_or_else(missing)).collect())
        };
        Ok(self.client.send(&call, read).await?.0)
    }

    /// Writes a `{"docs": [...]}` body of `count` documents; the results, which name their documents and come in
    /// any order, and the number of attempts. `POST /{db}/_bulk_docs`
    ///
    /// # Errors
    /// When the request as a whole failed. It may have been carried out all the same.
    pub async fn bulk_docs(
        &self,
        docs: Bytes,
        count: usize,
    ) -> Result<(Vec<DocumentCreatedResult>, u32), Fault> {
        let path = [self.name(), "_bulk_docs"];
        let call =
            Call { body: Some((docs, JSON)), divisible: count > 1, ..self.client.call(Method::POST, &path) };
        let read = |_, bytes: Bytes| {
            let results: Vec<BulkDocsResult> = parse(&bytes)?;
            if results.len() == count {
                return Ok(results.into_iter().map(BulkDocsResult::into_result).collect());
            }
            Err(Fault::new(FaultKind::Server, format!("{} results for {count} documents", results.len())))
        };
        self.client.send(&call, read).await
    }

    /// The bytes of one attachment. `GET /{db}/{docid}/{attname}`
    ///
    /// # Errors
    /// [`FaultKind::NotFound`]; [`FaultKind::TooLarge`] above `limit` bytes; a body whose length is not
    /// `length`, where that is known, is read again.
    pub async fn attachment(
        &self,
        id: &str,
        name: &str,
        length: Option<u64>,
        limit: usize,
    ) -> Result<Bytes, Fault> {
        let path = [self.name(), id, name];
        let call = Call { limit, accept: "*/*", ..self.client.call(Method::GET, &path) };
        let read = |_, bytes: Bytes| match length {
            Some(length) if length != bytes.len() as u64 => {
                Err(Fault::new(FaultKind::Server, format!("{} of {length} bytes came", bytes.len())))
            }
            _ => Ok(bytes),
        };
        Ok(self.client.send(&call, read).await?.0)
    }

    /// Writes one attachment onto revision `rev`; the new revision and the number of attempts.
    /// `PUT /{db}/{docid}/{attname}?rev=...`
    ///
    /// # Errors
    /// [`FaultKind::Conflict`] when `rev` is not the newest revision, also when it is not any more because
    /// an earlier attempt was carried out without an answer.
    pub async fn put_attachment(
        &self,
        id: &str,
        name: &str,
        rev: &str,
        content_type: &str,
        content: Bytes,
    ) -> Result<(String, u32), Fault> {
        let path = [self.name(), id, name];
        let call = Call {
            query: vec![("rev", rev.to_owned())],
            body: Some((content, content_type)),
            ..self.client.call(Method::PUT, &path)
        };
        let (written, attempts): (Written, _) = self.client.json(&call).await?;
        Ok((written.rev, attempts))
    }
}

fn body(value: &serde_json::Value) -> Result<Bytes, Fault> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|error| Fault::new(FaultKind::Refused, error.to_string()))
}

impl BulkGetResult {
    /// Without a `rev` in the request there is one entry for each leaf revision, in any order. The one that
    /// a plain read gives is not deleted, has the longest history, and of those the highest
    /// revision in ASCII order
    /// (<https://docs.couchdb.org/en/stable/replication/conflicts.html#working-with-conflicting-documents>).
    fn newest(self) -> Result<CouchDocument, String> {
        let rank = |doc: &BulkGetDoc| match &doc.ok {
            None => (false, false, 0, String::new()),
            Some(ok) => (true, !ok.is_deleted(), ok.generation(), ok.rev().unwrap_or_default().to_owned()),
        };
        let Some(doc) = self.docs.into_iter().max_by_key(rank) else { return Err("no revision".to_owned()) };
        match doc.ok {
            Some(document) if document.is_deleted() => Err("deleted".to_owned()),
            Some(document) => Ok(document),
            None => Err(match (doc.error, doc.reason) {
                // CouchDB: {"error": {"id", "rev", "error", "reason"}}; pouchdb-server: {"error", "reason"}
                (Some(serde_json::Value::Object(error)), _) => ["error", "reason"]
                    .iter()
                    .filter_map(|key| error.get(*key)?.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
                (Some(error), reason) => {
                    format!("{}, {}", error.as_str().unwrap_or_default(), reason.unwrap_or_default())
                }
                (None, reason) => reason.unwrap_or_else(|| "neither a document nor an error".to_owned()),
            }),
        }
    }
}

impl BulkDocsResult {
    fn into_result(self) -> DocumentCreatedResult {
        match (self.error, self.id, self.rev) {
            (None, Some(id), Some(rev)) => Ok(DocumentCreatedDetails { id, rev }),
            (error, id, _) => {
                let error = error.unwrap_or_else(|| "neither a revision nor an error".to_owned());
                let status = match error.as_str() {
                    "conflict" => StatusCode::CONFLICT,
                    "forbidden" => StatusCode::FORBIDDEN,
                    "unauthorized" => StatusCode::UNAUTHORIZED,
                    "missing_stub" => StatusCode::PRECONDITION_FAILED,
                    "internal_server_error" | "timeout" | "unknown_error" => {
                        StatusCode::INTERNAL_SERVER_ERROR
                    }
                    _ => StatusCode::BAD_REQUEST,
                };
                let message = [Some(error), self.reason].into_iter().flatten().collect::<Vec<_>>().join(", ");
                Err(CouchError::new_with_id(id, message, status))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_conflicting_revisions_the_winning_one_is_taken() {
        let winner = |docs: &str| {
            let result: BulkGetResult =
                serde_json::from_str(&format!(r#"{{"id":"a","docs":[{docs}]}}"#)).unwrap();
            result.newest().map(|document| document.rev().unwrap_or_default().to_owned())
        };
        let leaf = |rev: &str| format!(r#"{{"ok":{{"_id":"a","_rev":"{rev}"}}}}"#);
        let deleted = r#"{"ok":{"_id":"a","_rev":"12-f","_deleted":true}}"#;
        let missing = r#"{"error":{"id":"a","rev":"undefined","error":"not_found","reason":"missing"}}"#;
        assert_eq!(winner(&[leaf("1-2320"), leaf("1-967a")].join(",")).unwrap(), "1-967a");
        assert_eq!(winner(&[leaf("10-a"), leaf("9-b"), deleted.to_owned()].join(",")).unwrap(), "10-a");
        assert_eq!(winner(&[missing.to_owned(), leaf("1-a")].join(",")).unwrap(), "1-a");
        assert_eq!(winner(deleted).unwrap_err(), "deleted");
        assert_eq!(winner(missing).unwrap_err(), "not_found, missing");
        assert!(winner("").is_err());
    }
}
