//! The worker's half: documents by their references.

use super::fetch::{BULK_DOCUMENTS, Fetched, Fetcher};
use crate::couchdb::{BodyError, Client, ConnectionParams, Connections, Database, Error, Step, Unusable};
use crate::document::{Document, DocumentRef, TextParams};
use crate::error::{BoxError, Result};
use crate::source::{DocumentError, LoadParams, LoadResult, Loader, MAX_DOCUMENT_SIZE};
use crate::taxonomy::TaxonomyFilter;
use crate::worker::WorkerContext;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;

/// Bytes of text that one call loads, as near as can be.
const CALL_BYTES: usize = 4 << 20;
/// Documents of the first call, when nothing is known about their lengths.
const FIRST_CALL: usize = 4;

/// What a worker needs to open its loader; it travels in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CouchLoadParams {
    /// The database with the documents.
    pub connection: ConnectionParams,
    /// Only texts with one of these abbreviations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taxonomy: Option<TaxonomyFilter>,
    /// The most bytes that a text may have.
    #[serde(default = "max_document_size")]
    pub max_document_size: u64,
    /// How attachments become text.
    #[serde(default)]
    pub text: TextParams,
}

fn max_document_size() -> u64 {
    MAX_DOCUMENT_SIZE
}

impl CouchLoadParams {
    /// All texts of the database of `connection`, as UTF-8.
    #[must_use]
    pub fn new(connection: ConnectionParams) -> Self {
        Self { connection, taxonomy: None, max_document_size: MAX_DOCUMENT_SIZE, text: TextParams::default() }
    }

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
        Ok(Box::new(CouchLoader::open(self, context)?))
    }
}

/// Fetches attachments of one database for one partition.
pub struct CouchLoader {
    fetcher: Fetcher,
    taxonomy: Option<TaxonomyFilter>,
    max_document_size: u64,
    text: TextParams,
    /// Mean length of the documents so far, in bytes of their texts.
    mean: Option<usize>,
}

impl CouchLoader {
    /// Opens a connection of its own.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn open(params: &CouchLoadParams, context: &WorkerContext) -> Result<Self> {
        let client = Client::open(&params.connection, &Connections::of(context))
            .map_err(|error| Unusable::new(&params.connection, Step::Connect, error))?;
        Ok(Self {
            fetcher: Fetcher::new(Database::new(client), params.max_document_size),
            taxonomy: params.taxonomy.clone(),
            max_document_size: params.max_document_size,
            text: params.text,
            mean: None,
        })
    }

    fn document(
        &self,
        reference: &DocumentRef,
        fetched: &mut Fetched,
    ) -> Result<Option<Document>, DocumentError> {
        let name = &reference.attachment_name;
        let what = || format!("attachment '{name}' of document '{}'", reference.doc_id);
        let there = fetched.bodies.iter().position(|(attachment, _)| attachment == name);
        let body = match there.map(|place| fetched.bodies.swap_remove(place).1) {
            None => return Err(DocumentError::Missing { what: what() }),
            Some(Err(BodyError::TooLarge { bytes })) => {
                return Err(DocumentError::TooLarge { what: what(), bytes, most: self.max_document_size });
            }
            Some(Err(error)) => return Err(DocumentError::Reason(format!("{} {error}", what()))),
            Some(Ok(body)) => body,
        };
        let read = self.text.read(body);
        let content = read.map_err(|source| DocumentError::NotText { what: what(), source })?;
        if self.taxonomy.as_ref().is_some_and(|filter| !filter.matches(&content)) {
            return Ok(None);
        }
        let metadata = Some(fetched.document.to_json());
        Ok(Some(Document { reference: reference.clone(), content, metadata }))
    }

    fn learn(&mut self, fetched: &[Result<Fetched, String>]) {
        let lengths = fetched.iter().flatten().map(|fetched| {
            fetched.bodies.iter().filter_map(|(_, body)| body.as_ref().ok()).map(Vec::len).sum::<usize>()
        });
        let (count, sum) = lengths.fold((0_usize, 0_usize), |(count, sum), length| (count + 1, sum + length));
        if let Some(mean) = sum.checked_div(count) {
            // The last batch counts as much as all before it: long volumes often stand together.
            self.mean = Some(self.mean.map_or(mean, |before| before.midpoint(mean)));
        }
    }

    fn gone(&self, error: Error) -> Unusable {
        Unusable::new(self.fetcher.database().client().params(), Step::Read, error)
    }
}

#[async_trait]
impl Loader for CouchLoader {
    fn preferred_batch(&self) -> usize {
        match self.mean {
            None => FIRST_CALL,
            Some(mean) => (CALL_BYTES / mean.max(1)).clamp(1, BULK_DOCUMENTS),
        }
    }

    async fn load(&mut self, references: &[DocumentRef]) -> Result<Vec<LoadResult>> {
        let mut wanted: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut indices: HashMap<&str, usize> = HashMap::new();
        for reference in references {
            let place = *indices.entry(&reference.doc_id).or_insert_with(|| {
                wanted.push((&reference.doc_id, Vec::new()));
                wanted.len() - 1
            });
            wanted[place].1.push(&reference.attachment_name);
        }
        let ids: Vec<&str> = wanted.iter().map(|(id, _)| *id).collect();
        let is_wanted = |place: usize, name: &str| wanted[place].1.contains(&name);
        let fetched = self.fetcher.fetch(&ids, &is_wanted, CALL_BYTES).await;
        let mut fetched = fetched.map_err(|error| self.gone(error))?;
        self.learn(&fetched);
        let mut results = Vec::with_capacity(references.len());
        for reference in references {
            // The rest is asked for again.
            let Some(fetched) = fetched.get_mut(indices[reference.doc_id.as_str()]) else { break };
            results.push(match fetched {
                Ok(fetched) => self.document(reference, fetched),
                Err(reason) => Err(DocumentError::Reason(format!(
                    "document '{}' cannot be read: {reason}",
                    reference.doc_id
                ))),
            });
        }
        Ok(results)
    }
}
