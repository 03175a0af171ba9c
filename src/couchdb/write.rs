//! Many documents in few requests, so that one that the server cannot take fails alone.

use super::{CouchDocument, Database, Fault, FaultKind};
use bytes::Bytes;
use couch_rs::error::CouchError;
use couch_rs::types::document::DocumentCreatedResult;
use std::collections::HashMap;

/// The longest body of a bulk write, in bytes: below `max_document_size` (8,000,000), which some servers and
/// proxies hold against the whole body.
const BODY_BYTES: usize = 7_500_000;

/// A document as it is sent.
pub(crate) struct Prepared {
    id: String,
    json: Bytes,
}

impl Prepared {
    pub(crate) fn new(document: &CouchDocument) -> Result<Self, String> {
        let json = serde_json::to_vec(document).map_err(|error| error.to_string())?;
        Ok(Self { id: document.id().to_owned(), json: json.into() })
    }
}

/// What became of one document.
pub(crate) struct Written {
    pub result: WriteResult,
    /// How often it was sent.
    pub attempts: u32,
}

/// What became of one document.
pub(crate) enum WriteResult {
    /// It has this revision now.
    Saved(String),
    /// It has changed since it was read (perhaps by an attempt of our own whose answer was lost).
    Conflict,
    /// The server could not write it just now.
    Busy(String),
    /// It cannot be written.
    Failed(String),
}

/// Writes `documents`, in requests as large as the server takes; one result each, in order.
pub(crate) async fn write(database: &Database, documents: &[Prepared]) -> Vec<Written> {
    let mut results: Vec<Written> = Vec::with_capacity(documents.len());
    let mut sent_before = vec![0; documents.len()];
    // Ranges still to do, the next one last: the results come in order.
    let mut ranges = ranges(documents);
    while let Some((start, end)) = ranges.pop() {
        let chunk = &documents[start..end];
        let fault = match database.bulk_docs(body(chunk), chunk.len()).await {
            Ok((answers, attempts)) => {
                // CouchDB answers in order; other servers put what they refuse first.
                let mut by_id: HashMap<String, WriteResult> =
                    answers.into_iter().filter_map(WriteResult::from_answer).collect();
                let missing = || WriteResult::Busy("the server left it out of its answer".to_owned());
                results.extend(chunk.iter().enumerate().map(|(place, document)| Written {
                    result: by_id.remove(&document.id).unwrap_or_else(missing),
                    attempts: attempts + sent_before[start + place],
                }));
                continue;
            }
            Err(fault) => fault,
        };
        let all_alike = matches!(
            fault.kind,
            FaultKind::Transport | FaultKind::Unauthorized | FaultKind::Forbidden | FaultKind::NotFound
        );
        for sent in &mut sent_before[start..end] {
            *sent += fault.attempts;
        }
        if chunk.len() > 1 && !all_alike {
            let middle = start + chunk.len() / 2;
            ranges.extend([(middle, end), (start, middle)]);
            continue;
        }
        results.extend(
            (start..end).map(|place| Written {
                result: WriteResult::from_fault(&fault),
                attempts: sent_before[place],
            }),
        );
    }
    results
}

impl WriteResult {
    fn from_answer(answer: DocumentCreatedResult) -> Option<(String, Self)> {
        let error = match answer {
            Ok(created) => return Some((created.id, Self::Saved(created.rev))),
            Err(error) => error,
        };
        let CouchError::OperationFailed(details) = error else { return None };
        let result = match details.status.as_u16() {
            409 | 412 => Self::Conflict,
            500 => Self::Busy(details.message),
            _ => Self::Failed(details.message),
        };
        Some((details.id?, result))
    }

    pub(crate) fn from_fault(fault: &Fault) -> Self {
        match fault.kind {
            FaultKind::Conflict => Self::Conflict,
            _ => Self::Failed(fault.to_string()),
        }
    }
}

/// Cuts `documents` into runs whose bodies are short enough; the first run last.
fn ranges(documents: &[Prepared]) -> Vec<(usize, usize)> {
    let (mut ranges, mut start, mut length) = (Vec::new(), 0, 0);
    for (place, document) in documents.iter().enumerate() {
        if place > start && length + document.json.len() > BODY_BYTES {
            ranges.push((start, place));
            (start, length) = (place, 0);
        }
        length += document.json.len() + 1;
    }
    if start < documents.len() {
        ranges.push((start, documents.len()));
    }
    ranges.reverse();
    ranges
}

fn body(documents: &[Prepared]) -> Bytes {
    let length: usize = documents.iter().map(|document| document.json.len() + 1).sum();
    let mut body = Vec::with_capacity(length + 16);
    body.extend_from_slice(b"{\"docs\":[");
    for (place, document) in documents.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&document.json);
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
        fn runs_cover_all_documents_and_stay_short(lengths in prop::collection::vec(0usize..4_000_000, 0..20)) {
            let documents: Vec<_> =
                lengths.iter().map(|&length| Prepared { id: String::new(), json: vec![b' '; length].into() }).collect();
            let mut next = 0;
            for (start, end) in ranges(&documents).into_iter().rev() {
                prop_assert!(start == next && end > start);
                let length: usize = lengths[start..end].iter().sum();
                prop_assert!(length <= BODY_BYTES || end - start == 1);
                next = end;
            }
            prop_assert_eq!(next, documents.len());
        }
    }
}
