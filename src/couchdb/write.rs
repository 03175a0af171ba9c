//! Many documents in few requests, so that one that the server cannot take fails alone.

use super::api::BulkDocsResult;
use super::{Contents, CouchDocument, Database, Error, ErrorKind};
use bytes::Bytes;
use std::collections::HashMap;

/// The longest body of a bulk write, in bytes: below `max_document_size` (8,000,000), which some servers and
/// proxies hold against the whole body.
const BODY_BYTES: usize = 7_500_000;

/// A document longer than this, in bytes, is sent alone in parts: neither base64 nor a second copy of it is made, and
/// `max_document_size` counts its fields alone.
const ALONE_BYTES: usize = 4_500_000;

/// A document as it is sent.
pub(crate) struct Prepared {
    id: String,
    body: Body,
}

enum Body {
    Json(Bytes),
    /// JSON that announces contents, and these.
    Parts(String, Contents),
}

impl Prepared {
    /// `document` with `contents` instead of attachments of those names.
    pub(crate) fn new(document: &CouchDocument, contents: Contents) -> Self {
        let id = document.id();
        let borrowed: Vec<(&str, &str, &[u8])> =
            contents.iter().map(|(name, kind, bytes)| (name.as_str(), kind.as_str(), &bytes[..])).collect();
        let length: usize = contents.iter().map(|(.., bytes)| bytes.len()).sum();
        let body = if contents.is_empty() {
            Body::Json(document.to_json().into())
        } else if length <= ALONE_BYTES || super::client::is_unaddressable(&id) {
            Body::Json(document.to_json_with(&borrowed).into())
        } else {
            Body::Parts(document.to_json_announcing(&borrowed), contents)
        };
        Self { id, body }
    }

    fn bulk_length(&self) -> Option<usize> {
        match &self.body {
            Body::Json(json) => Some(json.len()),
            Body::Parts(..) => None,
        }
    }
}

/// What became of one document.
pub(crate) struct Written {
    pub result: WriteResult,
    /// How often it was sent.
    pub attempts: u32,
}

/// What became of one document.
#[derive(Debug)]
pub(crate) enum WriteResult {
    /// It is written.
    Saved,
    /// It has changed since it was read (perhaps by an attempt of our own whose answer was lost).
    Conflict,
    /// The server could not write it just now.
    Busy(String),
    /// The server refuses it for a reason of its own: who writes, or what is written.
    Forbidden(String),
    /// It cannot be written.
    Failed(String),
}

/// Writes `documents`, in requests as large as the server takes; one result each, in order.
///
/// # Errors
/// When the server is gone, or nothing can be written by this user.
pub(crate) async fn write(database: &Database, documents: &[Prepared]) -> Result<Vec<Written>, Error> {
    let mut results: Vec<Written> = Vec::with_capacity(documents.len());
    let mut sent_before = vec![0; documents.len()];
    // Ranges still to do, the next one last: the results come in order.
    let mut ranges = ranges(documents);
    while let Some((start, end)) = ranges.pop() {
        let chunk = &documents[start..end];
        let error = match send(database, chunk).await {
            Ok((mut by_id, attempts)) => {
                let missing = || WriteResult::Busy("the server left it out of its answer".to_owned());
                results.extend(chunk.iter().enumerate().map(|(place, document)| Written {
                    result: by_id.remove(&document.id).unwrap_or_else(missing),
                    attempts: attempts + sent_before[start + place],
                }));
                continue;
            }
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::Gone
            | ErrorKind::Unauthorized
            | ErrorKind::AccountLocked
            | ErrorKind::NotFound
            | ErrorKind::Redirected => return Err(error),
            _ => {}
        }
        for sent in &mut sent_before[start..end] {
            *sent += 1;
        }
        if chunk.len() > 1 && error.kind() != ErrorKind::Forbidden {
            let middle = start + chunk.len() / 2;
            ranges.extend([(middle, end), (start, middle)]);
            continue;
        }
        results.extend(
            (start..end).map(|place| Written { result: result_of(&error), attempts: sent_before[place] }),
        );
    }
    Ok(results)
}

type Results = (HashMap<String, WriteResult>, u32);

async fn send(database: &Database, chunk: &[Prepared]) -> Result<Results, Error> {
    if let [Prepared { id, body: Body::Parts(json, contents) }] = chunk {
        let attempts = database.put_in_parts(id, json, contents).await?;
        return Ok((HashMap::from([(id.clone(), WriteResult::Saved)]), attempts));
    }
    if !database.takes_bulk_writes() {
        return one_by_one(database, chunk).await;
    }
    match database.bulk_docs(body(chunk), chunk.len()).await {
        // CouchDB answers in order; other servers put what they refuse first.
        Ok((answers, attempts)) => {
            let results = answers.into_iter().filter_map(one_of);
            Ok((results.collect(), attempts))
        }
        Err(error) if error.is_unsupported() => {
            database.without_bulk_writes();
            one_by_one(database, chunk).await
        }
        Err(error) => Err(error),
    }
}

/// What became of which document; `None` when the server does not say which.
fn one_of(answer: BulkDocsResult) -> Option<(String, WriteResult)> {
    let Some(error) = answer.error else {
        let saved = answer.rev.is_some().then_some(WriteResult::Saved);
        let unclear = || WriteResult::Busy("neither a revision nor an error".to_owned());
        return Some((answer.id?, saved.unwrap_or_else(unclear)));
    };
    let words: Vec<_> = [Some(error.clone()), answer.reason].into_iter().flatten().collect();
    let reason = words.join(", ");
    let result = match error.as_str() {
        "conflict" | "missing_stub" => WriteResult::Conflict,
        "internal_server_error" | "timeout" | "unknown_error" => WriteResult::Busy(reason),
        "forbidden" | "unauthorized" => WriteResult::Forbidden(reason),
        _ => WriteResult::Failed(reason),
    };
    Some((answer.id?, result))
}

/// Reads `body` as the answer to a bulk write: for fuzzing.
pub(super) fn read_results(body: &[u8]) {
    if let Ok(results) = super::answer::parse::<Vec<BulkDocsResult>>(body) {
        let _: HashMap<String, WriteResult> = results.into_iter().filter_map(one_of).collect();
    }
}

async fn one_by_one(database: &Database, chunk: &[Prepared]) -> Result<Results, Error> {
    let (mut results, mut most) = (HashMap::new(), 1);
    for document in chunk {
        let Body::Json(json) = &document.body else { continue };
        let result = match database.put(&document.id, json.clone()).await {
            Ok(attempts) => {
                most = most.max(attempts);
                WriteResult::Saved
            }
            Err(error) if error.kind() == ErrorKind::Gone => return Err(error),
            Err(error) => result_of(&error),
        };
        results.insert(document.id.clone(), result);
    }
    Ok((results, most))
}

fn result_of(error: &Error) -> WriteResult {
    match error.kind() {
        ErrorKind::Conflict => WriteResult::Conflict,
        ErrorKind::Forbidden | ErrorKind::Unauthorized => WriteResult::Forbidden(error.full()),
        ErrorKind::RequestTooLarge => WriteResult::Failed(format!(
            "{}; the server or a proxy before it takes no document of this size: raise its limit (CouchDB: \
             max_document_size and max_attachment_size; nginx: client_max_body_size)",
            error.full()
        )),
        _ => WriteResult::Failed(error.full()),
    }
}

/// Cuts `documents` into runs whose bodies are short enough; the first run last.
fn ranges(documents: &[Prepared]) -> Vec<(usize, usize)> {
    let (mut ranges, mut start, mut length) = (Vec::new(), 0, 0);
    for (place, document) in documents.iter().enumerate() {
        // What goes in parts goes alone.
        let added = document.bulk_length().map_or(usize::MAX, |added| added + 1);
        if place > start && (added == usize::MAX || length > BODY_BYTES.saturating_sub(added)) {
            ranges.push((start, place));
            (start, length) = (place, 0);
        }
        length = added.saturating_add(length);
    }
    if start < documents.len() {
        ranges.push((start, documents.len()));
    }
    ranges.reverse();
    ranges
}

fn body(documents: &[Prepared]) -> Bytes {
    let length: usize = documents.iter().filter_map(Prepared::bulk_length).sum();
    let mut body = Vec::with_capacity(length + documents.len() + 16);
    body.extend_from_slice(b"{\"docs\":[");
    for (place, document) in documents.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        if let Body::Json(json) = &document.body {
            body.extend_from_slice(json);
        }
    }
    body.extend_from_slice(b"]}");
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_cover_all_documents_and_stay_short(
            lengths in prop::collection::vec((0usize..4_000_000, prop::bool::weighted(0.1)), 0..20),
        ) {
            let documents: Vec<_> = lengths
                .iter()
                .map(|&(length, alone)| Prepared {
                    id: String::new(),
                    body: if alone {
                        Body::Parts(String::new(), Vec::new())
                    } else {
                        Body::Json(vec![b' '; length].into())
                    },
                })
                .collect();
            let mut next = 0;
            for (start, end) in ranges(&documents).into_iter().rev() {
                prop_assert!(start == next && end > start);
                let alone = documents[start..end].iter().any(|document| document.bulk_length().is_none());
                let length: usize = lengths[start..end].iter().map(|(length, _)| length).sum();
                prop_assert!(end - start == 1 || (!alone && length <= BODY_BYTES));
                next = end;
            }
            prop_assert_eq!(next, documents.len());
        }
    }
}
