//! `--update-taxonomy-flag-only`: keeps a boolean field of the documents true to their texts.

use super::TaxonomyFilter;
use crate::Result;
use crate::couchdb::{
    Bodies, Client, ConnectionParams, CouchDocument, Database, Prepared, WriteResult, write,
};
use crate::document::{DocumentRef, Outcome, Status};
use crate::source::couchdb::{AttachmentPattern, Fetcher};
use crate::worker::RequestMetrics;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The field that says whether a document's text has a taxonomic abbreviation.
pub const TAXONOMY_FIELD: &str = "taxonomy";

/// How often a document is read again before it fails.
const ROUNDS: u32 = 12;

/// What a worker needs to open its flagger.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CouchFlagParams {
    /// The database with the documents.
    pub connection: ConnectionParams,
    /// Which attachments are a document's text: the flag is set when one of them speaks of taxonomy.
    pub pattern: String,
    /// What speaks of taxonomy.
    pub filter: TaxonomyFilter,
}

/// Sets the flag for documents of one database.
pub struct CouchFlagger {
    database: Database,
    fetcher: Fetcher,
    pattern: AttachmentPattern,
    filter: TaxonomyFilter,
}

impl CouchFlagger {
    /// Opens a connection of its own; its counts go to `tally`.
    ///
    /// # Errors
    /// Usage (exit code 2) when the pattern is no glob; unusable (exit code 3) when TLS cannot be set up.
    pub fn open(params: &CouchFlagParams, tally: Arc<RequestMetrics>) -> Result<Self> {
        let database = Database::new(Client::open(&params.connection, tally)?);
        Ok(Self {
            fetcher: Fetcher::new(database.clone()),
            database,
            pattern: AttachmentPattern::new(&params.pattern)?,
            filter: params.filter.clone(),
        })
    }

    /// Brings the flag of the documents of `references` up to date: one outcome each, in the same order;
    /// `unchanged` where it was right already, and nothing is written then.
    pub async fn update(&mut self, references: &[DocumentRef]) -> Vec<Outcome> {
        let mut ends: HashMap<&str, (Status, u32, Option<String>)> = HashMap::new();
        let mut ids: Vec<&str> = references.iter().map(|reference| reference.doc_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut sent: HashMap<&str, u32> = HashMap::new();
        for _ in 0..ROUNDS {
            if ids.is_empty() {
                break;
            }
            let (mut prepared, mut pending) = (Vec::new(), Vec::new());
            let pattern = self.pattern.clone();
            let fetched = self.fetcher.fetch(&ids, &move |_, name| pattern.matches(name)).await;
            for (id, fetched) in ids.into_iter().zip(fetched) {
                let attempts = sent.get(id).copied().unwrap_or(0);
                match fetched.and_then(|fetched| self.flagged(fetched.document, &fetched.bodies)) {
                    Ok(Some(document)) => match Prepared::new(&document) {
                        Ok(document) => {
                            prepared.push(document);
                            pending.push(id);
                        }
                        Err(error) => drop(ends.insert(id, (Status::Failed, attempts.max(1), Some(error)))),
                    },
                    Ok(None) => {
                        let status = if attempts > 0 { Status::Saved } else { Status::Unchanged };
                        ends.insert(id, (status, attempts.max(1), None));
                    }
                    Err(error) => drop(ends.insert(id, (Status::Failed, attempts.max(1), Some(error)))),
                }
            }
            ids = Vec::new();
            for (id, written) in pending.into_iter().zip(write(&self.database, &prepared).await) {
                let attempts = sent.entry(id).or_insert(0);
                *attempts += written.attempts;
                match written.result {
                    WriteResult::Saved(_) => drop(ends.insert(id, (Status::Saved, *attempts, None))),
                    WriteResult::Failed(reason) => {
                        drop(ends.insert(id, (Status::Failed, *attempts, Some(reason))))
                    }
                    WriteResult::Conflict | WriteResult::Busy(_) => ids.push(id),
                }
            }
        }
        let given_up =
            || (Status::Failed, ROUNDS, Some(format!("others changed it in each of {ROUNDS} rounds")));
        references
            .iter()
            .map(|reference| {
                let (status, attempts, error) =
                    ends.get(reference.doc_id.as_str()).cloned().unwrap_or_else(given_up);
                let error = error.map(|reason| format!("document '{}': {reason}", reference.doc_id));
                Outcome { reference: reference.clone(), status, attempts, error }
            })
            .collect()
    }

    /// `document` with the right flag; `None` when it has it.
    fn flagged(
        &self,
        mut document: CouchDocument,
        bodies: &Bodies,
    ) -> std::result::Result<Option<CouchDocument>, String> {
        let mut flag = false;
        for (name, body) in bodies {
            let body = body.as_ref().map_err(|reason| format!("attachment '{name}' {reason}"))?;
            // An abbreviation is plain ASCII: bytes that are no UTF-8 elsewhere in the text do not hide it.
            flag |= self.filter.matches(&String::from_utf8_lossy(body));
        }
        if document.fields().get(TAXONOMY_FIELD) == Some(&flag.into()) {
            return Ok(None);
        }
        document.set(TAXONOMY_FIELD, flag);
        Ok(Some(document))
    }
}
