//! The calls on one database, each as CouchDB documents it for 3.x.
//!
//! Limits that matter here (<https://docs.couchdb.org/en/stable/config/couchdb.html>):
//! `max_document_size` (8,000,000 bytes) bounds a document without its attachments (on other servers: the whole
//! body), `max_attachment_size` (1 GiB) an attachment, `[chttpd] max_http_request_size` (4 GiB) a
//! request. Requests made here stay below the smallest of them. `_bulk_docs` answers 201 (or 202 when fewer copies than wanted were written, with
//! `n` > 1) with one result per document; with `[chttpd] buffer_response = false`, the default, a
//! long answer is streamed and may break off in the middle, which shows as bad JSON.

use super::client::{Call, Client, is_unaddressable};
use super::delivery::{BodyError, Delivered, Delivery, from_parts};
use super::document::generation;
use super::{Contents, CouchDocument, Error, ErrorKind, answer};
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const JSON: &str = "application/json";

/// One database through one connection.
#[derive(Clone)]
pub struct Database {
    client: Client,
    /// Whether something before the server does not let bulk writes pass.
    no_bulk_writes: Arc<AtomicBool>,
}

/// What a server says about a database.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct DatabaseInfo {
    /// How many documents it holds.
    pub doc_count: u64,
    /// When it was made: another database of the same name has another.
    pub instance_start_time: String,
    /// Where its changes end now. Opaque: a string, or a number on other servers.
    pub update_seq: serde_json::Value,
    /// What it was made with.
    pub props: DatabaseProperties,
}

/// What a database was made with.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct DatabaseProperties {
    /// Whether its ids name a partition (`partition:id`).
    pub partitioned: bool,
}

/// A page of changes.
#[derive(Debug, Deserialize)]
pub struct Changes<T> {
    /// The changed documents, each once, as it is now.
    pub results: Vec<ChangesRow<T>>,
    /// Where this page ends.
    pub last_seq: serde_json::Value,
}

/// A document that has changed.
#[derive(Debug, Deserialize)]
pub struct ChangesRow<T> {
    /// Its id.
    pub id: String,
    /// Whether it is deleted.
    #[serde(default)]
    pub deleted: bool,
    /// The document (attachments as stubs).
    pub doc: Option<T>,
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
    /// The document's id. Rows of ids that do not exist have none.
    pub id: Option<String>,
    /// The document (attachments as stubs), unless it is deleted or missing.
    pub doc: Option<T>,
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

/// What became of one document of a bulk write.
#[derive(Debug, Deserialize)]
pub(super) struct BulkDocsResult {
    pub id: Option<String>,
    pub rev: Option<String>,
    pub error: Option<String>,
    pub reason: Option<String>,
}

#[derive(Serialize)]
struct IdOnly<'a> {
    id: &'a str,
}

/// A document with its attachments, or the server's reason why there is none.
pub(crate) type Got = Result<Delivery, String>;

impl Database {
    /// The database that `client` was opened for.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, no_bulk_writes: Arc::default() }
    }

    /// The connection.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    fn name(&self) -> &str {
        &self.client.params().database
    }

    pub(super) fn takes_bulk_writes(&self) -> bool {
        !self.no_bulk_writes.load(Ordering::Relaxed)
    }

    pub(super) fn without_bulk_writes(&self) {
        self.no_bulk_writes.store(true, Ordering::Relaxed);
    }

    /// What the server says about it. `GET /{db}`
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such database, 401 and 403 likewise by their kind.
    pub async fn info(&self) -> Result<DatabaseInfo, Error> {
        Ok(self.client.json(&self.client.call(Method::GET, &[self.name()])).await?.0)
    }

    /// Creates the database; whether it was not there before. `PUT /{db}`
    ///
    /// # Errors
    /// What the server refuses, for example a name that it does not allow.
    pub async fn create(&self) -> Result<bool, Error> {
        match self.client.send(&self.client.call(Method::PUT, &[self.name()]), |_, _| Ok(())).await {
            Ok(_) => Ok(true),
            // 412 file_exists: also what a creation says whose first answer was lost.
            Err(error) if error.status() == Some(412) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether this user may write: a bulk write of nothing, for which a member is asked as for any other.
    ///
    /// # Errors
    /// Why writing is refused.
    pub async fn check_writing(&self) -> Result<(), Error> {
        let path = [self.name(), "_bulk_docs"];
        let nothing = Some((Bytes::from_static(br#"{"docs":[]}"#), JSON));
        let call = Call { body: nothing, ..self.client.call(Method::POST, &path) };
        match self.client.send(&call, |_, _| Ok(())).await {
            Ok(_) => Ok(()),
            // Something before the server lets no bulk write pass; single ones may.
            Err(error) if error.is_unsupported() => Ok(()),
            // A server that does not take an empty list is one that would take a full one.
            Err(error) if error.status() == Some(400) => Ok(()),
            Err(error) => Err(error),
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
    ) -> Result<Listing<T>, Error> {
        let path = [self.name(), "_all_docs"];
        let mut call = self.client.call(Method::GET, &path);
        call.query = vec![("include_docs", "true".into()), ("limit", limit.to_string())];
        if let Some(start) = start {
            call.query.push(("startkey", serde_json::Value::from(start).to_string()));
        }
        Ok(self.client.json(&call).await?.0)
    }

    /// At most `limit` documents that changed after `since`, attachments as stubs.
    /// `GET /{db}/_changes?include_docs=true&since=...&limit=...`
    ///
    /// # Errors
    /// When there are none to be had, for example because `since` is of another database.
    pub async fn changes<T: DeserializeOwned>(
        &self,
        since: &serde_json::Value,
        limit: usize,
    ) -> Result<Changes<T>, Error> {
        let path = [self.name(), "_changes"];
        let mut call = self.client.call(Method::GET, &path);
        let since = since.as_str().map_or_else(|| since.to_string(), str::to_owned);
        call.query = vec![("include_docs", "true".into()), ("since", since), ("limit", limit.to_string())];
        Ok(self.client.json(&call).await?.0)
    }

    /// The rows of `ids`, in their order, with documents but without attachment bodies.
    /// `POST /{db}/_all_docs?include_docs=true` with `keys`
    ///
    /// # Errors
    /// When the listing cannot be had.
    pub async fn rows<T: DeserializeOwned>(&self, ids: &[&str]) -> Result<Vec<ListingRow<T>>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let path = [self.name(), "_all_docs"];
        let mut call = self.client.call(Method::POST, &path);
        call.query = vec![("include_docs", "true".into())];
        call.body = Some((body(&serde_json::json!({ "keys": ids })), JSON));
        let read = |_: &_, bytes: Bytes| {
            let listing: Listing<T> = answer::parse(&bytes)?;
            if listing.rows.len() == ids.len() {
                return Ok(listing.rows);
            }
            Err(Error::Answer(format!("the listing holds {} rows for {} ids", listing.rows.len(), ids.len())))
        };
        Ok(self.client.send(&call, read).await?.0)
    }

    /// The newest revisions of `ids` with their attachments, in the order asked for; an `Err` inside is the
    /// server's reason for one document. `POST /{db}/_bulk_get?attachments=true`
    ///
    /// # Errors
    /// [`ErrorKind::AnswerTooLarge`] when the answer would be longer than `limit` bytes; else when there is none.
    pub(crate) async fn bulk_get(&self, ids: &[&str], limit: usize) -> Result<Vec<Got>, Error> {
        let path = [self.name(), "_bulk_get"];
        let docs: Vec<_> = ids.iter().map(|id| IdOnly { id }).collect();
        let call = Call {
            query: vec![("attachments", "true".into())],
            body: Some((body(&serde_json::json!({ "docs": docs })), JSON)),
            limit,
            // CouchDB answers in parts when nothing else is acceptable (chttpd_db:bulk_get_is_multipart); other
            // servers answer with JSON.
            accept: "multipart/mixed",
            // The parts are compressed already.
            gzip: false,
            divisible: ids.len() > 1,
            ..self.client.call(Method::POST, &path)
        };
        let read = |headers: &reqwest::header::HeaderMap, bytes: Bytes| {
            let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            bulk_answer(ids, kind, &bytes)
        };
        Ok(self.client.send(&call, read).await?.0)
    }

    /// Writes a `{"docs": [...]}` body of `count` documents; the results, which name their documents and come in
    /// any order, and the number of attempts. `POST /{db}/_bulk_docs`
    ///
    /// # Errors
    /// When the request as a whole failed. It may have been carried out all the same.
    pub(super) async fn bulk_docs(
        &self,
        docs: Bytes,
        count: usize,
    ) -> Result<(Vec<BulkDocsResult>, u32), Error> {
        let path = [self.name(), "_bulk_docs"];
        let call =
            Call { body: Some((docs, JSON)), divisible: count > 1, ..self.client.call(Method::POST, &path) };
        let read = |_: &_, bytes: Bytes| {
            let results: Vec<BulkDocsResult> = answer::parse(&bytes)?;
            if results.len() == count {
                return Ok(results);
            }
            Err(Error::Answer(format!("{} results for {count} documents", results.len())))
        };
        self.client.send(&call, read).await
    }

    /// Writes one document; the number of attempts. `PUT /{db}/{docid}`
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when its revision is not the newest.
    pub(super) async fn put(&self, id: &str, json: Bytes) -> Result<u32, Error> {
        self.addressable(id)?;
        let path = [self.name(), id];
        let call = Call { body: Some((json, JSON)), ..self.client.call(Method::PUT, &path) };
        Ok(self.client.send(&call, |_, _| Ok(())).await?.1)
    }

    /// Writes one document whose `json` announces `contents`, which follow as parts in the same order; the number
    /// of attempts. `PUT /{db}/{docid}` with `multipart/related`
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when its revision is not the newest.
    pub(super) async fn put_in_parts(&self, id: &str, json: &str, contents: &Contents) -> Result<u32, Error> {
        self.addressable(id)?;
        let path = [self.name(), id];
        // No part is searched for it: CouchDB takes as many bytes of each as were announced.
        let boundary = format!("skol-{:032x}", rand::random::<u128>());
        let mut pieces = vec![Bytes::from(format!(
            "--{boundary}\r\nContent-Type: application/json\r\n\r\n{json}\r\n--{boundary}"
        ))];
        for (name, content_type, content) in contents {
            // CouchDB goes by the order, other servers by the name.
            let name = name.replace(['"', '\\', '\r', '\n'], "_");
            pieces.push(Bytes::from(format!(
                "\r\nContent-Disposition: attachment; filename=\"{name}\"\r\nContent-Type: {content_type}\r\n\
                 Content-Length: {}\r\n\r\n",
                content.len()
            )));
            pieces.push(content.clone());
            pieces.push(Bytes::from(format!("\r\n--{boundary}")));
        }
        pieces.push(Bytes::from_static(b"--"));
        let kind = format!("multipart/related; boundary=\"{boundary}\"");
        let call = Call { parts: Some((pieces, kind)), ..self.client.call(Method::PUT, &path) };
        Ok(self.client.send(&call, |_, _| Ok(())).await?.1)
    }

    /// The bytes of one attachment. `GET /{db}/{docid}/{attname}`
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::AnswerTooLarge`] above `limit` bytes; a body whose length is not
    /// `length`, where that is known, is read again.
    pub async fn attachment(
        &self,
        id: &str,
        name: &str,
        length: Option<u64>,
        limit: usize,
    ) -> Result<Bytes, Error> {
        if is_unaddressable(id) || is_unaddressable(name) {
            let mut got = self.bulk_get(&[id], limit).await?;
            let mut delivery = got.pop().unwrap_or(Err(LEFT_OUT.to_owned())).map_err(Error::Answer)?;
            let body = delivery.take(|attachment| attachment == name, limit as u64).0.pop();
            let body = body.ok_or_else(|| Error::Answer(format!("there is no attachment '{name}'")))?.1;
            return body.map(Bytes::from).map_err(|error| match error {
                BodyError::TooLarge { .. } => Error::AnswerTooLarge { limit },
                BodyError::Unreadable(reason) => Error::Answer(reason),
            });
        }
        let path = [self.name(), id, name];
        // As it is stored: a server that compressed it does not have to unpack it.
        let expected = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0).min(limit);
        let call =
            Call { limit, expected, accept: "*/*", gzip: true, ..self.client.call(Method::GET, &path) };
        let read = |_: &_, bytes: Bytes| match length {
            Some(length) if length != bytes.len() as u64 => {
                Err(Error::Answer(format!("{} of {length} bytes came", bytes.len())))
            }
            _ => Ok(bytes),
        };
        Ok(self.client.send(&call, read).await?.0)
    }

    /// A document that is neither listed nor replicated; `None` when there is none. `GET /{db}/_local/{name}`
    ///
    /// # Errors
    /// When the server cannot say.
    pub async fn local<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let path = [self.name(), "_local", name];
        match self.client.json(&self.client.call(Method::GET, &path)).await {
            Ok((document, _)) => Ok(Some(document)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes such a document over what is there. `PUT /{db}/_local/{name}`
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn put_local(&self, name: &str, document: &serde_json::Value) -> Result<(), Error> {
        let mut document = document.clone();
        // CouchDB asks for no revision here; other servers do.
        if let Some(serde_json::Value::String(rev)) =
            self.local::<serde_json::Value>(name).await?.as_mut().map(|there| there["_rev"].take())
        {
            document["_rev"] = rev.into();
        }
        let path = [self.name(), "_local", name];
        let call = Call { body: Some((body(&document), JSON)), ..self.client.call(Method::PUT, &path) };
        self.client.send(&call, |_, _| Ok(())).await.map(drop)
    }

    fn addressable(&self, id: &str) -> Result<(), Error> {
        if is_unaddressable(id) {
            return Err(Error::Answer(format!("no URL can hold the id '{id}'")));
        }
        Ok(())
    }
}

const LEFT_OUT: &str = "the server left it out of its answer";

/// What a bulk read of `ids` was answered with, in parts or as JSON.
pub(super) fn bulk_answer(ids: &[&str], content_type: &str, body: &Bytes) -> Result<Vec<Got>, Error> {
    if content_type.starts_with("multipart/") {
        return in_order(ids, from_parts(content_type, body)?);
    }
    let answer: BulkGetAnswer = answer::parse(body)?;
    let mut results: HashMap<String, _> =
        answer.results.into_iter().map(|result| (result.id.clone(), result.newest())).collect();
    let missing = || Err(LEFT_OUT.to_owned());
    Ok(ids.iter().map(|id| results.remove(*id).unwrap_or_else(missing)).collect())
}

fn body(value: &serde_json::Value) -> Bytes {
    value.to_string().into()
}

/// Without a `rev` in the request every leaf revision comes, in any order. The one that a plain read gives is not
/// deleted, has the longest history, and of those the highest revision in ASCII order
/// (<https://docs.couchdb.org/en/stable/replication/conflicts.html#working-with-conflicting-documents>).
fn rank(document: &CouchDocument) -> (bool, u64, String) {
    let rev = document.rev().unwrap_or_default();
    (!document.is_deleted(), generation(&rev), rev)
}

/// The winning revisions of `documents` in the order of `ids`.
fn in_order(ids: &[&str], documents: Vec<Delivered>) -> Result<Vec<Got>, Error> {
    let mut results: HashMap<String, Got> = HashMap::with_capacity(ids.len());
    for document in documents {
        match document {
            Delivered::Document(delivery) => {
                let id = delivery.document.id();
                let better = match results.get(&id) {
                    Some(Ok(there)) => rank(&there.document) < rank(&delivery.document),
                    _ => true,
                };
                if better {
                    results.insert(id, Ok(delivery));
                }
            }
            Delivered::Missing(Some(id), reason) => drop(results.entry(id).or_insert(Err(reason))),
            Delivered::Missing(None, reason) => return Err(Error::Answer(reason)),
        }
    }
    let missing = || Err(LEFT_OUT.to_owned());
    let result = |id: &&str| results.remove(*id).unwrap_or_else(missing).and_then(not_deleted);
    Ok(ids.iter().map(result).collect())
}

fn not_deleted(delivery: Delivery) -> Got {
    if delivery.document.is_deleted() { Err("deleted".to_owned()) } else { Ok(delivery) }
}

impl BulkGetResult {
    fn newest(self) -> Got {
        let mut reason = "no revision".to_owned();
        let mut best: Option<CouchDocument> = None;
        for doc in self.docs {
            match doc.ok {
                Some(ok) if best.as_ref().is_none_or(|best| rank(best) < rank(&ok)) => best = Some(ok),
                Some(_) => {}
                None => reason = doc.explanation(),
            }
        }
        best.map(Delivery::from_inline).ok_or(reason).and_then(not_deleted)
    }
}

impl BulkGetDoc {
    fn explanation(self) -> String {
        match (self.error, self.reason) {
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
            result.newest().map(|got| got.document.rev().unwrap_or_default())
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

    #[test]
    fn parts_come_in_the_order_asked_for() {
        let document =
            |json: &str| Delivered::Document(Delivery::from_inline(CouchDocument::from_json(json).unwrap()));
        let parts = vec![
            document(r#"{"_id":"b","_rev":"1-a"}"#),
            Delivered::Missing(Some("c".into()), "not_found, missing".into()),
            document(r#"{"_id":"a","_rev":"2-b"}"#),
            document(r#"{"_id":"a","_rev":"2-c"}"#),
            document(r#"{"_id":"a","_rev":"9-d","_deleted":true}"#),
        ];
        let got = in_order(&["a", "b", "c", "d"], parts).unwrap();
        let shown: Vec<_> = got.into_iter().map(|got| got.map(|got| got.document.rev().unwrap())).collect();
        let expected: [Result<_, &str>; 4] =
            [Ok("2-c"), Ok("1-a"), Err("not_found, missing"), Err("the server left it out of its answer")];
        assert_eq!(shown, expected.map(|r| r.map(str::to_owned).map_err(str::to_owned)));
    }
}
