//! The contents of documents, in bulk where that is cheap, one by one where it is not.
//!
//! `_bulk_get?attachments=true` answers a whole batch in one request, but with *every* attachment of each
//! document, the scanned PDF as well. So the fetcher watches what share of an answer was wanted; where
//! it is small, or the answer is too large for memory, it reads the stubs first and then only the
//! attachments that are wanted, a few at a time on the same connection.

use crate::Result;
use crate::couchdb::{Bodies, Client, ConnectionParams, CouchDocument, Database, Fault, FaultKind};
use crate::document::{Document, DocumentRef};
use crate::error::BoxError;
use crate::source::{DocumentError, LoadParams, Loader};
use crate::taxonomy::TaxonomyFilter;
use crate::worker::{RequestMetrics, WorkerContext};
use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Documents per bulk request.
const BULK_DOCUMENTS: usize = 64;
/// The longest bulk answer that is taken, in bytes.
const BULK_BYTES: usize = 48 << 20;
/// The longest text that is taken, in bytes.
const TEXT_BYTES: usize = 256 << 20;
/// How many attachments are fetched at the same time when they are fetched one by one.
const AT_ONCE: usize = 4;
/// A bulk answer may be so many times as long as what was wanted of it.
const WASTE: usize = 4;

/// What a worker needs to open its loader; it travels in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CouchLoadParams {
    /// The database with the documents.
    pub connection: ConnectionParams,
    /// Only texts with one of these abbreviations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taxonomy: Option<TaxonomyFilter>,
}

impl CouchLoadParams {
    /// Name of the source.
    pub(crate) const NAME: &'static str = "couchdb";

    pub(crate) fn decode(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }
}

impl fmt::Display for CouchLoadParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.connection.fmt(f)
    }
}

impl LoadParams for CouchLoadParams {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn encode(&self) -> Result<Vec<u8>, BoxError> {
        Ok(serde_json::to_vec(self)?)
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn open(&self, context: &WorkerContext) -> Result<Box<dyn Loader>> {
        Ok(Box::new(CouchLoader::open(self, Arc::clone(&context.requests))?))
    }
}

/// Fetches attachments of one database for one partition.
pub struct CouchLoader {
    fetcher: Fetcher,
    taxonomy: Option<TaxonomyFilter>,
}

impl CouchLoader {
    /// Opens a connection of its own; its counts go to `tally`.
    ///
    /// # Errors
    /// Unusable (exit code 3) when TLS cannot be set up.
    pub fn open(params: &CouchLoadParams, tally: Arc<RequestMetrics>) -> Result<Self> {
        let fetcher = Fetcher::new(Database::new(Client::open(&params.connection, tally)?));
        Ok(Self { fetcher, taxonomy: params.taxonomy.clone() })
    }

    fn document(
        &self,
        reference: &DocumentRef,
        fetched: &mut Fetched,
    ) -> Result<Option<Document>, DocumentError> {
        let name = &reference.attachment_name;
        let there = fetched.bodies.iter().position(|(attachment, _)| attachment == name);
        let body = match there.map(|place| fetched.bodies.swap_remove(place).1) {
            None => {
                let what = format!("attachment '{name}' of document '{}'", reference.doc_id);
                return Err(DocumentError::Missing { what });
            }
            Some(Err(reason)) => {
                let reason = format!("attachment '{name}' of document '{}' {reason}", reference.doc_id);
                return Err(DocumentError::Reason(reason));
            }
            Some(Ok(body)) => body,
        };
        let content = String::from_utf8(body).map_err(|error| {
            DocumentError::not_utf8(format!("attachment '{name}' of document '{}'", reference.doc_id), &error)
        })?;
        if self.taxonomy.as_ref().is_some_and(|filter| !filter.matches(&content)) {
            return Ok(None);
        }
        let metadata = serde_json::to_string(&fetched.document).ok();
        Ok(Some(Document { reference: reference.clone(), content, metadata }))
    }
}

#[async_trait]
impl Loader for CouchLoader {
    fn preferred_batch(&self) -> usize {
        BULK_DOCUMENTS
    }

    async fn load(&mut self, references: &[DocumentRef]) -> Vec<Result<Option<Document>, DocumentError>> {
        let mut wanted: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for reference in references {
            let place = *places.entry(&reference.doc_id).or_insert_with(|| {
                wanted.push((&reference.doc_id, Vec::new()));
                wanted.len() - 1
            });
            wanted[place].1.push(&reference.attachment_name);
        }
        let ids: Vec<&str> = wanted.iter().map(|(id, _)| *id).collect();
        let mut fetched = self.fetcher.fetch(&ids, &|place, name| wanted[place].1.contains(&name)).await;
        let result = |reference: &DocumentRef| match &mut fetched[places[reference.doc_id.as_str()]] {
            Ok(fetched) => self.document(reference, fetched),
            Err(reason) => Err(DocumentError::Reason(format!(
                "document '{}' cannot be read: {reason}",
                reference.doc_id
            ))),
        };
        references.iter().map(result).collect()
    }
}

/// A document without bodies, and those of its attachments that were wanted.
pub(crate) struct Fetched {
    pub document: CouchDocument,
    pub bodies: Bodies,
}

type FetchResult = Result<Fetched, String>;

/// Fetches documents through one connection, and learns how to do it best.
pub(crate) struct Fetcher {
    database: Database,
    /// Whether bodies are fetched one by one.
    one_by_one: bool,
}

impl Fetcher {
    pub(crate) fn new(database: Database) -> Self {
        Self { database, one_by_one: false }
    }

    /// The documents `ids` (each once), with the attachments for which `wanted` (with the place in `ids`) is
    /// true; in order.
    pub(crate) async fn fetch(
        &mut self,
        ids: &[&str],
        wanted: &(dyn Fn(usize, &str) -> bool + Send + Sync),
    ) -> Vec<FetchResult> {
        let mut results: Vec<Option<FetchResult>> = Vec::new();
        results.resize_with(ids.len(), || None);
        // Ranges still to do, the next one last.
        let mut ranges: Vec<(usize, usize)> = (0..ids.len())
            .step_by(BULK_DOCUMENTS)
            .map(|start| (start, (start + BULK_DOCUMENTS).min(ids.len())))
            .rev()
            .collect();
        while let Some((start, end)) = ranges.pop() {
            let chunk = &ids[start..end];
            let wanted = |place: usize, name: &str| wanted(start + place, name);
            let fetched = if self.one_by_one {
                self.singly(chunk, &wanted).await
            } else {
                match self.in_bulk(chunk, &wanted).await {
                    // Too much for one answer: only what is wanted.
                    Err(fault) if fault.kind == FaultKind::TooLarge => {
                        self.one_by_one = true;
                        self.singly(chunk, &wanted).await
                    }
                    // A server that fails again and again may do so because of one of the documents.
                    Err(fault) if fault.kind == FaultKind::Server && chunk.len() > 1 => {
                        let middle = start + chunk.len() / 2;
                        ranges.extend([(middle, end), (start, middle)]);
                        continue;
                    }
                    Err(fault) if fault.kind == FaultKind::Server => self.singly(chunk, &wanted).await,
                    other => other,
                }
            };
            match fetched {
                Ok(fetched) => {
                    for (slot, result) in results[start..end].iter_mut().zip(fetched) {
                        *slot = Some(result);
                    }
                }
                Err(fault) => results[start..end].fill_with(|| Some(Err(fault.to_string()))),
            }
        }
        let missing = || Err("the server left it out of its answer".to_owned());
        results.into_iter().map(|result| result.unwrap_or_else(missing)).collect()
    }

    async fn in_bulk(
        &mut self,
        ids: &[&str],
        wanted: &(dyn Fn(usize, &str) -> bool + Send + Sync),
    ) -> Result<Vec<FetchResult>, Fault> {
        let documents = self.database.bulk_get(ids, BULK_BYTES).await?;
        let (mut taken, mut total) = (0, 0);
        let results = documents
            .into_iter()
            .enumerate()
            .map(|(place, document)| {
                let mut document = document?;
                let (bodies, length) = document.take_bodies(|name| wanted(place, name));
                total += length;
                taken +=
                    bodies.iter().filter_map(|(_, body)| body.as_ref().ok()).map(Vec::len).sum::<usize>();
                Ok(Fetched { document, bodies })
            })
            .collect();
        self.one_by_one = is_wasteful(taken, total);
        Ok(results)
    }

    async fn singly(
        &mut self,
        ids: &[&str],
        wanted: &(dyn Fn(usize, &str) -> bool + Send + Sync),
    ) -> Result<Vec<FetchResult>, Fault> {
        let rows = self.database.rows::<CouchDocument>(ids).await?;
        let (mut taken, mut total) = (0, 0);
        let mut results: Vec<FetchResult> = Vec::with_capacity(ids.len());
        let mut bodies = Vec::new();
        for (place, row) in rows.into_iter().enumerate() {
            let Some(document) = row.doc else {
                results.push(Err("it is not there (any more)".to_owned()));
                continue;
            };
            for (name, stub) in document.stubs() {
                total += stub.length as usize;
                if wanted(place, &name) {
                    taken += stub.length as usize;
                    bodies.push((place, name, stub.length));
                }
            }
            results.push(Ok(Fetched { document, bodies: Vec::new() }));
        }
        let database = &self.database;
        let mut fetched = stream::iter(bodies)
            .map(|(place, name, length)| async move {
                let body = database.attachment(ids[place], &name, Some(length), TEXT_BYTES).await;
                (
                    place,
                    name,
                    body.map(|bytes| bytes.to_vec()).map_err(|fault| format!("cannot be read: {fault}")),
                )
            })
            .buffered(AT_ONCE);
        while let Some((place, name, body)) = fetched.next().await {
            if let Some(Ok(fetched)) = results.get_mut(place) {
                fetched.bodies.push((name, body));
            }
        }
        self.one_by_one = is_wasteful(taken, total / 3 * 4) || taken > BULK_BYTES / 2;
        Ok(results)
    }
}

/// Whether `total` bytes of base64 are far too much for `taken` bytes of text.
fn is_wasteful(taken: usize, total: usize) -> bool {
    total > (taken + (1 << 16)).saturating_mul(WASTE)
}
