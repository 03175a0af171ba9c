//! Strict mode: a layer in the proxy that answers as CouchDB 3.5 does where pouchdb-server differs, and plays servers
//! that can hardly be set up here. Sources are those of CouchDB 3.5.0.

use super::proxy::{Answer, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::Write as _;
use std::sync::Mutex;

/// What the server is like.
#[derive(Debug, Clone, Default)]
pub struct Traits {
    /// `[chttpd_auth_lockout] threshold` is reached: src/couch/src/couch_auth_lockout.erl; the default is five wrong
    /// passwords within five minutes.
    pub lockout: bool,
    /// `n` > 1 and too few copies were written: 202 instead of 201
    /// (<https://docs.couchdb.org/en/stable/cluster/sharding.html#quorum>).
    pub a_node_is_down: bool,
    /// The database was made with `partitioned=true`
    /// (<https://docs.couchdb.org/en/stable/partitioned-dbs/index.html>, src/couch/src/couch_partition.erl).
    pub partitioned: bool,
    /// A `validate_doc_update` function that lets nobody write
    /// (<https://docs.couchdb.org/en/stable/ddocs/ddocs.html#validate-document-update-functions>).
    pub validates_nothing: bool,
    /// The user is no member and may read only by way of a proxy: 403 for every write, with CouchDB's words
    /// (src/couch/src/couch_db.erl, `check_is_member`).
    pub read_only: bool,
    /// The user is a member, not an administrator: src/chttpd/src/chttpd.erl, `verify_is_server_admin`.
    pub no_admin: bool,
    /// A reverse proxy that answers everything with a redirection to https.
    pub redirects: bool,
    /// A reverse proxy that does not let `POST _bulk_get` pass.
    pub no_bulk_get: bool,
    /// A reverse proxy that does not let `POST _bulk_docs` pass.
    pub no_bulk_docs: bool,
    /// A reverse proxy that takes no body longer than this (`client_max_body_size` of nginx).
    pub longest_body: Option<usize>,
    /// A server from before `_changes` could be used by this user, or a proxy that hides it.
    pub no_changes: bool,
}

/// The layer, with what it remembers.
#[derive(Debug, Default)]
pub struct Strict {
    pub traits: Traits,
    wrong_passwords: Mutex<u32>,
    logins: Mutex<u32>,
}

/// `max_document_size` of CouchDB, which counts a document without its attachments
/// (<https://docs.couchdb.org/en/stable/config/couchdb.html#couchdb/max_document_size>).
const MAX_DOCUMENT_SIZE: usize = 8_000_000;

/// `threshold` of the lockout.
const WRONG_PASSWORDS: u32 = 5;

impl Strict {
    pub fn new(traits: Traits) -> Self {
        Self { traits, ..Self::default() }
    }

    /// How often a session was asked for.
    pub fn logins(&self) -> u32 {
        *self.logins.lock().unwrap()
    }

    /// What the server says without doing anything; else the request may have become another.
    pub async fn request(&self, request: &mut Request, server: &str) -> Option<Answer> {
        let traits = &self.traits;
        let api = request.api().to_owned();
        if traits.redirects {
            let location = ("Location".to_owned(), format!("https://couch.example.org{}", request.path()));
            return Some(Answer { headers: vec![location], ..Answer::page(301, "Moved Permanently") });
        }
        if api == "_session" && request.method() == "POST" {
            *self.logins.lock().unwrap() += 1;
        }
        if traits.lockout && *self.wrong_passwords.lock().unwrap() >= WRONG_PASSWORDS && api == "_session" {
            let reason = "Account is temporarily locked due to multiple authentication failures";
            return Some(Answer::error(403, "forbidden", reason));
        }
        if traits.longest_body.is_some_and(|longest| request.body.len() > longest) {
            return Some(Answer::page(413, "Request Entity Too Large"));
        }
        let writes = api == "_bulk_docs" || (request.method() == "PUT" && request.segments() > 1);
        if traits.read_only && writes {
            return Some(Answer::error(403, "forbidden", "You are not allowed to access this db."));
        }
        if traits.no_admin && request.method() == "PUT" && request.segments() == 1 {
            return Some(Answer::error(401, "unauthorized", "You are not a server admin."));
        }
        if (traits.no_bulk_get && api == "_bulk_get") || (traits.no_bulk_docs && api == "_bulk_docs") {
            return Some(Answer::page(403, "Forbidden"));
        }
        if traits.no_changes && api == "_changes" {
            return Some(Answer::page(403, "Forbidden"));
        }
        if request.method() == "PUT" && request.segments() == 2 {
            // A document by itself, or the first part of one that comes with its attachments.
            let place = first_part(&request.body).unwrap_or(0..request.body.len());
            if let Ok(document) = serde_json::from_slice::<Value>(&request.body[place.clone()]) {
                request.body.splice(place, digests(document).to_string().into_bytes());
            }
        }
        if api == "_bulk_docs" { self.bulk_docs(request, server).await } else { None }
    }

    async fn bulk_docs(&self, request: &mut Request, server: &str) -> Option<Answer> {
        let body: Value = serde_json::from_slice(&request.body).ok()?;
        let documents = body["docs"].as_array()?.clone();
        for document in &documents {
            let mut bare = document.clone();
            bare.as_object_mut()?.remove("_attachments");
            if bare.to_string().len() > MAX_DOCUMENT_SIZE {
                // src/couch/src/couch_doc.erl, from_json_obj_validate: the request as a whole fails.
                return Some(Answer::error(413, "document_too_large", document["_id"].as_str()?));
            }
            // src/couch/src/couch_partition.erl: the request as a whole fails.
            if self.traits.partitioned && !document["_id"].as_str()?.contains(':') {
                return Some(Answer::error(400, "illegal_docid", "Doc id must be of form partition:id"));
            }
        }
        if self.traits.validates_nothing {
            let refuse = |document: &Value| json!({ "id": document["_id"], "error": "forbidden", "reason": "this replica is read-only" });
            return Some(Answer::json(201, &documents.iter().map(refuse).collect()));
        }
        // src/couch/src/couch_db.erl, prep_and_validate_update: a revision that is a deletion is no leaf to write on;
        // pouchdb-server takes it.
        let ids: Vec<&Value> = documents.iter().map(|document| &document["_id"]).collect();
        let listing = request.ask(server, "_all_docs?include_docs=true", &json!({ "keys": ids })).await;
        if let Some(reason) = documents.iter().find_map(|document| wrong_stub(document, &listing)) {
            return Some(Answer::error(412, "missing_stub", &reason));
        }
        let is_deleted = |document: &Value| {
            listing["rows"].as_array().is_some_and(|rows| {
                rows.iter().any(|row| {
                    row["id"] == document["_id"]
                        && row["value"]["deleted"] == true
                        && row["value"]["rev"] == document["_rev"]
                })
            })
        };
        let (refused, rest): (Vec<_>, Vec<_>) = documents.into_iter().partition(is_deleted);
        if !refused.is_empty() {
            let mut results: Vec<Value> = refused
                .iter()
                .map(|document| {
                    json!({ "id": document["_id"], "error": "conflict", "reason": "Document update conflict." })
                })
                .collect();
            if !rest.is_empty() {
                let written =
                    request.ask(server, "_bulk_docs", &json!({ "docs": digests(json!(rest)) })).await;
                results.extend(written.as_array().cloned().unwrap_or_default());
            }
            return Some(Answer::json(201, &results.into()));
        }
        request.body = digests(body).to_string().into_bytes();
        None
    }

    /// What the server's answer becomes.
    pub fn answer(&self, request: &Request, mut answer: Answer) -> Answer {
        let api = request.api();
        if api == "_session" && answer.status == 401 {
            *self.wrong_passwords.lock().unwrap() += 1;
        }
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else { return answer };
        if request.segments() == 1 && request.method() == "GET" && self.traits.partitioned {
            let mut info = body;
            info["props"] = json!({ "partitioned": true });
            return Answer::json(200, &info);
        }
        if self.traits.a_node_is_down && answer.status == 201 {
            answer.status = 202;
        }
        match api {
            // src/chttpd/src/chttpd_db.erl, bulk_get_is_multipart.
            "_bulk_get" if !request.accepts("application/json") => in_parts(&digests(body)),
            "_all_docs" | "_changes" | "_bulk_get" => Answer::json(answer.status, &digests(body)),
            _ => answer,
        }
    }
}

/// Why `document`, which is based on a revision in `listing`, may not be written: a stub of it names another revision than
/// the one that the attachment came with. CouchDB then fails the request as a whole (src/couch/src/couch_att.erl,
/// `merge_stubs`); pouchdb-server takes whatever stands there.
fn wrong_stub(document: &Value, listing: &Value) -> Option<String> {
    let rows = listing["rows"].as_array()?;
    let stored = &rows.iter().find(|row| row["id"] == document["_id"])?["doc"];
    if stored["_rev"] != document["_rev"] {
        return None;
    }
    let (name, _) = document["_attachments"].as_object()?.iter().find(|(name, entry)| {
        let revpos = &stored["_attachments"][name.as_str()]["revpos"];
        entry["stub"] == true
            && (revpos.is_null() || (entry["revpos"].is_u64() && entry["revpos"] != *revpos))
    })?;
    Some(format!("Invalid attachment stub in {} for {name}", document["_id"].as_str()?))
}

/// The digest of an attachment of a compressible type is that of its compressed form
/// (<https://docs.couchdb.org/en/stable/config/misc.html#attachments/compressible_types>). Here it is the
/// plain one read backwards, so that pouchdb-server, which finds attachments by it, can have its own back.
fn digests(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            let is_text =
                fields.get("content_type").and_then(Value::as_str).is_some_and(|t| t.starts_with("text/"));
            if let (true, Some(Value::String(digest))) = (is_text, fields.get_mut("digest")) {
                let code = digest.trim_start_matches("md5-").trim_end_matches('=');
                *digest = format!("md5-{}==", code.chars().rev().collect::<String>());
            }
            for field in fields.values_mut() {
                *field = digests(field.take());
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| *value = digests(value.take())),
        _ => {}
    }
    value
}

/// Where the document stands in the body of a `multipart/related` request
/// (<https://docs.couchdb.org/en/stable/api/document/common.html#creating-multiple-attachments>).
fn first_part(body: &[u8]) -> Option<std::ops::Range<usize>> {
    let find = |from: usize, what: &[u8]| {
        body[from..].windows(what.len()).position(|window| window == what).map(|at| from + at)
    };
    let start = body.starts_with(b"--").then(|| find(0, b"\r\n\r\n"))?? + 4;
    Some(start..find(start, b"\r\n--")?)
}

/// A bulk answer in parts, texts compressed (src/chttpd/src/chttpd_db.erl, bulk_get_ret_multipart; the layout is one that
/// CouchDB 3.5.0 sent).
fn in_parts(answer: &Value) -> Answer {
    let mut body = Vec::new();
    for result in answer["results"].as_array().into_iter().flatten() {
        for doc in result["docs"].as_array().into_iter().flatten() {
            body.extend_from_slice(b"\r\n----outer\r\n");
            let Some(document) = doc.get("ok") else {
                let error = json!({ "id": result["id"], "rev": "undefined", "error": "not_found", "reason": "missing" });
                body.extend_from_slice(b"Content-Type: application/json; error=\"true\"\r\n\r\n");
                body.extend_from_slice(error.to_string().as_bytes());
                continue;
            };
            part(&mut body, document.clone());
        }
    }
    body.extend_from_slice(b"\r\n----outer--");
    let kind = ("Content-Type".to_owned(), "multipart/mixed; boundary=\"--outer\"".to_owned());
    Answer { status: 200, headers: vec![kind], body }
}

fn part(body: &mut Vec<u8>, mut document: Value) {
    let mut follow = Vec::new();
    for (name, entry) in document["_attachments"].as_object_mut().into_iter().flatten() {
        let Some(data) = entry.as_object_mut().and_then(|entry| entry.remove("data")) else { continue };
        let plain = STANDARD.decode(data.as_str().unwrap()).unwrap();
        entry["follows"] = true.into();
        entry["length"] = plain.len().into();
        let is_text = entry["content_type"].as_str().is_some_and(|kind| kind.starts_with("text/"));
        let stored = if is_text {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&plain).unwrap();
            let packed = encoder.finish().unwrap();
            entry["encoding"] = "gzip".into();
            entry["encoded_length"] = packed.len().into();
            packed
        } else {
            plain
        };
        follow.push((name.clone(), is_text, stored));
    }
    if follow.is_empty() {
        body.extend_from_slice(b"Content-Type: application/json\r\n\r\n");
        body.extend_from_slice(document.to_string().as_bytes());
        return;
    }
    body.extend_from_slice(b"Content-Type: multipart/related; boundary=--inner\r\n\r\n----inner\r\n");
    body.extend_from_slice(b"Content-Type: application/json\r\n\r\n");
    body.extend_from_slice(document.to_string().as_bytes());
    for (name, is_text, stored) in follow {
        let encoding = if is_text { "Content-Encoding: gzip\r\n" } else { "" };
        let head = format!(
            "\r\n----inner\r\nContent-Disposition: attachment; filename=\"{name}\"\r\nContent-Length: {}\r\n{encoding}\r\n",
            stored.len()
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&stored);
    }
    body.extend_from_slice(b"\r\n----inner--");
}
