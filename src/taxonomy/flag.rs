//! `--update-taxonomy-flag-only`: keeps a boolean field of the documents true to their texts.

use super::TaxonomyFilter;
use crate::Result;
use crate::couchdb::{
    Bodies, Client, ConnectionParams, Connections, CouchDocument, Database, Error, Prepared, Step, Unusable,
    WriteResult, write,
};
use crate::document::{DecodeError, DocumentRef, Outcome, Status, TextParams};
use crate::source::MAX_DOCUMENT_SIZE;
use crate::source::couchdb::{AttachmentPattern, Fetcher};
use crate::worker::WorkerContext;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The field that says whether a document's text has a taxonomic abbreviation.
pub(crate) const TAXONOMY_FIELD: &str = "taxonomy";

/// How often a document is read again before it fails.
const ROUNDS: u32 = 12;

/// Bytes of text that are read at once, as near as can be.
const TEXT_BUDGET: usize = 8 << 20;

/// What a worker needs to open its flagger.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CouchFlagParams {
    /// The database with the documents.
    pub connection: ConnectionParams,
    /// Which attachments are a document's text: the flag is set when one of them speaks of taxonomy.
    pub pattern: String,
    /// What speaks of taxonomy.
    pub filter: TaxonomyFilter,
    /// The most bytes that a text may have.
    #[serde(default = "max_document_size")]
    pub max_document_size: u64,
    /// How their bytes become text.
    #[serde(default)]
    pub text: TextParams,
    /// Do everything but write: what would be written ends as planned.
    #[serde(default)]
    pub dry_run: bool,
}

fn max_document_size() -> u64 {
    MAX_DOCUMENT_SIZE
}

/// Sets the flag for documents of one database.
pub struct CouchFlagger {
    database: Database,
    fetcher: Fetcher,
    pattern: AttachmentPattern,
    filter: TaxonomyFilter,
    text: TextParams,
    dry_run: bool,
}

impl CouchFlagger {
    /// Opens a connection of its own.
    ///
    /// # Errors
    /// When the pattern is no glob, or TLS cannot be set up.
    pub fn open(params: &CouchFlagParams, context: &WorkerContext) -> Result<Self> {
        let client = Client::open(&params.connection, &Connections::of(context))
            .map_err(|error| Unusable::new(&params.connection, Step::Connect, error))?;
        let database = Database::new(client);
        Ok(Self {
            fetcher: Fetcher::new(database.clone(), params.max_document_size),
            database,
            pattern: AttachmentPattern::new(&params.pattern)?,
            filter: params.filter.clone(),
            text: params.text,
            dry_run: params.dry_run,
        })
    }

    /// Brings the flag of the documents of `references` up to date: one outcome each, in the same order;
    /// `unchanged` where it was right already, and nothing is written then.
    ///
    /// # Errors
    /// When nothing can be read or written any more.
    pub async fn update(&mut self, references: &[DocumentRef]) -> Result<Vec<Outcome>> {
        let mut ends: HashMap<&str, (Status, u32, Option<String>)> = HashMap::new();
        let mut ids: Vec<&str> = references.iter().map(|reference| reference.doc_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut sent: HashMap<&str, u32> = HashMap::new();
        let mut rounds = 0;
        while !ids.is_empty() && rounds < ROUNDS {
            let (mut prepared, mut pending) = (Vec::new(), Vec::new());
            let pattern = self.pattern.clone();
            let wanted = move |_: usize, name: &str| pattern.matches(name);
            let fetched = self.fetcher.fetch(&ids, &wanted, TEXT_BUDGET).await;
            let fetched = fetched.map_err(|error| self.unusable(Step::Read, error))?;
            let rest = ids.split_off(fetched.len());
            for (id, fetched) in ids.into_iter().zip(fetched) {
                let attempts = sent.get(id).copied().unwrap_or(0);
                match fetched.and_then(|fetched| self.flagged(fetched.document, fetched.bodies)) {
                    Ok(Some(_)) if self.dry_run => {
                        ends.insert(id, (Status::Planned, attempts.max(1), None));
                    }
                    Ok(Some(document)) => {
                        prepared.push(Prepared::new(&document, Vec::new()));
                        pending.push(id);
                    }
                    Ok(None) => {
                        let status = if attempts > 0 { Status::Saved } else { Status::Unchanged };
                        ends.insert(id, (status, attempts.max(1), None));
                    }
                    Err(error) => drop(ends.insert(id, (Status::Failed, attempts.max(1), Some(error)))),
                }
            }
            // Only a round that was for all of what is left counts.
            rounds += u32::from(rest.is_empty());
            ids = rest;
            let written = write(&self.database, &prepared).await;
            let written = written.map_err(|error| self.unusable(Step::Write, error))?;
            for (id, written) in pending.into_iter().zip(written) {
                let attempts = sent.entry(id).or_insert(0);
                *attempts += written.attempts;
                match written.result {
                    WriteResult::Saved => drop(ends.insert(id, (Status::Saved, *attempts, None))),
                    WriteResult::Failed(reason) | WriteResult::Forbidden(reason) => {
                        drop(ends.insert(id, (Status::Failed, *attempts, Some(reason))))
                    }
                    WriteResult::Conflict | WriteResult::Busy(_) => ids.push(id),
                }
            }
        }
        let given_up =
            || (Status::Failed, ROUNDS, Some(format!("others changed it in each of {ROUNDS} rounds")));
        Ok(references
            .iter()
            .map(|reference| {
                let (status, attempts, error) =
                    ends.get(reference.doc_id.as_str()).cloned().unwrap_or_else(given_up);
                let error = error.map(|reason| format!("document '{}': {reason}", reference.doc_id));
                Outcome { reference: reference.clone(), status, attempts, error }
            })
            .collect())
    }

    fn unusable(&self, step: Step, error: Error) -> Unusable {
        Unusable::new(self.database.client().params(), step, error)
    }

    /// `document` with the right flag; `None` when it has it.
    fn flagged(
        &self,
        mut document: CouchDocument,
        bodies: Bodies,
    ) -> std::result::Result<Option<CouchDocument>, String> {
        let mut flag = false;
        for (name, body) in bodies {
            let body = body.map_err(|error| format!("attachment '{name}' {error}"))?;
            flag |= match self.text.read(body.clone()) {
                Ok(text) => self.filter.matches(&text),
                // An abbreviation is plain ASCII: bytes that are no UTF-8 elsewhere in the text do not hide it.
                Err(DecodeError::NotUtf8 { .. } | DecodeError::Malformed { .. }) => {
                    self.filter.matches(&String::from_utf8_lossy(&body))
                }
                Err(error) => return Err(format!("attachment '{name}' {error}")),
            };
        }
        if document.fields().get(TAXONOMY_FIELD) == Some(if flag { "true" } else { "false" }) {
            return Ok(None);
        }
        document.set(TAXONOMY_FIELD, flag);
        Ok(Some(document))
    }
}
