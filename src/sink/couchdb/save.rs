//! The saver: plans each document's update, writes in bulk, merges what others changed meanwhile.

use crate::Result;
use crate::couchdb::{
    Change, Client, ConnectionParams, CouchDocument, Database, FaultKind, ListingRow, Prepared, Producer,
    Update, WriteResult, Written, plan, timestamp, write,
};
use crate::document::{Annotation, DocumentRef, Outcome, Status};
use crate::error::BoxError;
use crate::sink::{OutputFormat, SaveParams, Saver, Sink};
use crate::worker::{RequestMetrics, WorkerContext};
use async_trait::async_trait;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How often a document is read again and merged before it fails.
const ROUNDS: u32 = 12;

/// The longest annotation that is written inline, in bytes (in base64 it is a third longer, and the
/// document's own fields come on top: `max_document_size` is 8,000,000). Longer ones are put alone.
const INLINE_BYTES: usize = 4_500_000;

/// What a worker needs to open its saver; it travels in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CouchSaveParams {
    /// The database for the annotations.
    pub connection: ConnectionParams,
    /// Whether the documents came from another database: then they are made here, with their metadata.
    pub other_database: bool,
    /// What an annotation's name adds to its text's (`.ann`).
    pub suffix: String,
    /// Its media type (`text/plain; charset=utf-8`).
    pub content_type: String,
    /// Who makes the annotations.
    pub producer: Producer,
    /// Do everything but write.
    #[serde(default)]
    pub dry_run: bool,
}

impl CouchSaveParams {
    /// For YEDDA annotations of documents from `input`.
    #[must_use]
    pub fn new(connection: ConnectionParams, input: &ConnectionParams, producer: Producer) -> Self {
        let other_database = !connection.same_database(input);
        let content_type = "text/plain; charset=utf-8".to_owned();
        Self { connection, other_database, suffix: ".ann".to_owned(), content_type, producer, dry_run: false }
    }
}

impl CouchSaveParams {
    /// Name of the sink.
    pub(crate) const NAME: &'static str = "couchdb";

    pub(crate) fn decode(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }
}

impl fmt::Display for CouchSaveParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.connection.fmt(f)
    }
}

impl SaveParams for CouchSaveParams {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn encode(&self) -> Result<Vec<u8>, BoxError> {
        Ok(serde_json::to_vec(self)?)
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn open(&self, context: &WorkerContext) -> Result<Box<dyn Saver>> {
        Ok(Box::new(CouchSaver::open(self, Arc::clone(&context.requests))?))
    }
}

/// A database for annotations in one format.
#[derive(Debug, Clone)]
pub struct CouchSink {
    params: CouchSaveParams,
    format: OutputFormat,
}

impl CouchSink {
    /// Annotations in `format` into the database of `params`, with the format's suffix and media type.
    #[must_use]
    pub fn new(mut params: CouchSaveParams, format: OutputFormat) -> Self {
        params.suffix = format.annotation_name("");
        params.content_type = format.content_type().to_owned();
        Self { params, format }
    }
}

impl Sink for CouchSink {
    fn format(&self) -> OutputFormat {
        self.format
    }

    fn save_params(&self) -> Arc<dyn SaveParams> {
        Arc::new(self.params.clone())
    }

    fn writer_name(&self) -> &str {
        "CouchDBOutputWriter"
    }

    fn operation(&self) -> &str {
        "Starting CouchDB save operation"
    }
}

/// Writes annotations into one database for one partition.
pub struct CouchSaver {
    database: Database,
    params: CouchSaveParams,
}

/// The annotations of one document.
struct Group {
    doc_id: String,
    changes: Vec<Change>,
    /// For each change, its place among the annotations given.
    places: Vec<usize>,
    /// The newest revision known; `None` when it has to be read.
    base: Option<CouchDocument>,
    /// The document in the database that it was loaded from.
    original: Option<CouchDocument>,
    /// How often it was sent.
    attempts: u32,
    /// The last thing that kept it from being saved.
    trouble: Option<String>,
}

type Outcomes = Vec<Option<(Status, u32, Option<String>)>>;

impl CouchSaver {
    /// Opens a connection of its own; its counts go to `tally`.
    ///
    /// # Errors
    /// Unusable (exit code 3) when TLS cannot be set up.
    pub fn open(params: &CouchSaveParams, tally: Arc<RequestMetrics>) -> Result<Self> {
        let database = Database::new(Client::open(&params.connection, tally)?);
        Ok(Self { database, params: params.clone() })
    }

    fn group(&self, annotations: Vec<Annotation>) -> (Vec<Group>, Vec<DocumentRef>) {
        let time = timestamp(SystemTime::now());
        let mut groups: Vec<Group> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut references = Vec::with_capacity(annotations.len());
        for (place, annotation) in annotations.into_iter().enumerate() {
            let Annotation { reference, content, label_counts, metadata, .. } = annotation;
            let at = *known.entry(reference.doc_id.clone()).or_insert_with(|| {
                let original = metadata.and_then(|json| CouchDocument::from_json(&json).ok());
                let base = if self.params.other_database { None } else { original.clone() };
                groups.push(Group {
                    doc_id: reference.doc_id.clone(),
                    changes: Vec::new(),
                    places: Vec::new(),
                    base: base.filter(|document| document.rev().is_some()),
                    original,
                    attempts: 0,
                    trouble: None,
                });
                groups.len() - 1
            });
            groups[at].changes.push(Change::new(
                format!("{}{}", reference.attachment_name, self.params.suffix),
                self.params.content_type.clone(),
                content,
                &label_counts,
                &self.params.producer,
                &time,
            ));
            groups[at].places.push(place);
            references.push(reference);
        }
        (groups, references)
    }

    /// Reads the newest revision of those of `groups` that have none; gives up those that cannot be had.
    async fn read(&self, groups: Vec<Group>, outcomes: &mut Outcomes) -> Vec<Group> {
        let ids: Vec<&str> =
            groups.iter().filter(|group| group.base.is_none()).map(|group| group.doc_id.as_str()).collect();
        let mut rows = match self.database.rows::<CouchDocument>(&ids).await {
            Ok(rows) => rows.into_iter(),
            // Nothing is there before the first run.
            Err(fault) if fault.kind == FaultKind::NotFound && self.params.dry_run => Vec::new().into_iter(),
            Err(fault) => {
                for group in &groups {
                    group.fail(outcomes, &format!("cannot be read before it is written: {fault}"));
                }
                return Vec::new();
            }
        };
        let mut ready = Vec::with_capacity(groups.len());
        for mut group in groups {
            if group.base.is_none() {
                group.base = self.base_from(rows.next(), &group);
            }
            match group.base {
                Some(_) => ready.push(group),
                None => group.fail(outcomes, "was deleted while the run was under way"),
            }
        }
        ready
    }

    /// The document to start from: what is there, or a copy of the original's metadata.
    fn base_from(&self, row: Option<ListingRow<CouchDocument>>, group: &Group) -> Option<CouchDocument> {
        let (document, revision) = row.map_or((None, None), |row| (row.doc, row.value));
        if document.is_some() || !self.params.other_database {
            return document;
        }
        let mut copy = match &group.original {
            Some(original) => original.copy_of_metadata(),
            None => CouchDocument::new(&group.doc_id),
        };
        if let Some(value) = revision {
            // Deleted here before: the new document follows that revision.
            copy.set("_rev", value.rev);
        }
        Some(copy)
    }

    /// Writes the documents whose changes go inline; those that have to be tried again come back.
    async fn write_inline(&self, work: Vec<(Group, Update)>, outcomes: &mut Outcomes) -> Vec<Group> {
        let (mut prepared, mut groups) = (Vec::with_capacity(work.len()), Vec::with_capacity(work.len()));
        for (group, mut update) in work {
            for &index in &update.pending {
                let change = &group.changes[index];
                update.document.put_inline(&change.attachment, &change.content_type, &change.content);
            }
            match Prepared::new(&update.document) {
                Ok(document) => {
                    prepared.push(document);
                    groups.push((group, update.pending));
                }
                Err(error) => group.fail(outcomes, &error),
            }
        }
        let written = write(&self.database, &prepared).await;
        let mut again = Vec::new();
        for ((mut group, pending), written) in groups.into_iter().zip(written) {
            group.attempts += written.attempts;
            again.extend(self.settle(group, &pending, written.result, outcomes));
        }
        again
    }

    /// Writes one document with large annotations: its provenance and small ones first, then each large
    /// one onto the revision before.
    async fn write_alone(
        &self,
        mut group: Group,
        mut update: Update,
        outcomes: &mut Outcomes,
    ) -> Option<Group> {
        for &index in &update.pending {
            let change = &group.changes[index];
            if is_inline(change) {
                update.document.put_inline(&change.attachment, &change.content_type, &change.content);
            }
        }
        let mut result = match Prepared::new(&update.document) {
            Ok(document) => match write(&self.database, &[document]).await.pop() {
                Some(Written { result, attempts }) => {
                    group.attempts += attempts;
                    result
                }
                None => WriteResult::Failed("no answer".to_owned()),
            },
            Err(error) => WriteResult::Failed(error),
        };
        for &index in &update.pending {
            let change = &group.changes[index];
            let WriteResult::Saved(rev) = &result else { break };
            if is_inline(change) {
                continue;
            }
            let (id, name, media_type) = (&group.doc_id, &change.attachment, &change.content_type);
            result =
                match self.database.put_attachment(id, name, rev, media_type, change.content.clone()).await {
                    Ok((rev, attempts)) => {
                        group.attempts += attempts;
                        WriteResult::Saved(rev)
                    }
                    Err(fault) => {
                        group.attempts += fault.attempts;
                        WriteResult::from_fault(&fault)
                    }
                };
        }
        self.settle(group, &update.pending, result, outcomes)
    }

    /// Books what became of a document; it comes back when it has to be read and written again.
    fn settle(
        &self,
        mut group: Group,
        pending: &[usize],
        result: WriteResult,
        outcomes: &mut Outcomes,
    ) -> Option<Group> {
        match result {
            WriteResult::Saved(_) => {
                for (index, &place) in group.places.iter().enumerate() {
                    let status = if pending.contains(&index) { Status::Saved } else { Status::Unchanged };
                    outcomes[place] = Some((status, group.attempts, None));
                }
                return None;
            }
            WriteResult::Failed(reason) => {
                group.fail(outcomes, &format!("cannot be written: {reason}"));
                return None;
            }
            WriteResult::Conflict => {
                self.database.client().tally().conflict();
                group.trouble = Some("others change it again and again".to_owned());
            }
            WriteResult::Busy(reason) => group.trouble = Some(reason),
        }
        group.base = None;
        Some(group)
    }
}

impl Group {
    fn fail(&self, outcomes: &mut Outcomes, reason: &str) {
        for &place in &self.places {
            let reason = format!("document '{}' {reason}", self.doc_id);
            outcomes[place] = Some((Status::Failed, self.attempts.max(1), Some(reason)));
        }
    }

    /// What would be written is planned, what is there is unchanged.
    fn would_be(&self, update: &Update, outcomes: &mut Outcomes) {
        for (index, &place) in self.places.iter().enumerate() {
            let status = if update.pending.contains(&index) { Status::Planned } else { Status::Unchanged };
            outcomes[place] = Some((status, 0, None));
        }
    }

    /// Everything is there already: because it was before, or because an attempt whose answer was lost wrote it.
    fn is_there(&self, outcomes: &mut Outcomes) {
        let Some(base) = &self.base else { return };
        for (change, &place) in self.changes.iter().zip(&self.places) {
            let ours = self.attempts > 0 && change.was_written_to(base);
            let status = if ours { Status::Saved } else { Status::Unchanged };
            outcomes[place] = Some((status, self.attempts.max(1), None));
        }
    }
}

fn is_inline(change: &Change) -> bool {
    change.content.len() <= INLINE_BYTES
}

#[async_trait]
impl Saver for CouchSaver {
    async fn save(&mut self, annotations: Vec<Annotation>) -> Vec<Outcome> {
        let mut outcomes: Outcomes = Vec::new();
        outcomes.resize_with(annotations.len(), || None);
        let (mut groups, references) = self.group(annotations);
        for round in 0..ROUNDS {
            if groups.is_empty() {
                break;
            }
            if round > 1 {
                // Whoever else is at these documents gets room.
                let pause = rand::rng().random_range(0..20_u64 << round.min(6));
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            let mut inline = Vec::new();
            let mut again = Vec::new();
            for group in self.read(groups, &mut outcomes).await {
                let changes: Vec<&Change> = group.changes.iter().collect();
                match group.base.as_ref().and_then(|base| plan(base, &changes, is_inline)) {
                    None => group.is_there(&mut outcomes),
                    Some(update) if self.params.dry_run => group.would_be(&update, &mut outcomes),
                    Some(update) if update.pending.iter().all(|&index| is_inline(&group.changes[index])) => {
                        inline.push((group, update));
                    }
                    Some(update) => again.extend(self.write_alone(group, update, &mut outcomes).await),
                }
            }
            again.extend(self.write_inline(inline, &mut outcomes).await);
            groups = again;
        }
        for group in groups {
            let trouble = group.trouble.as_deref().unwrap_or_default();
            group.fail(&mut outcomes, &format!("cannot be written after {ROUNDS} rounds: {trouble}"));
        }
        references
            .into_iter()
            .zip(outcomes)
            .map(|(reference, outcome)| {
                let (status, attempts, error) =
                    outcome.unwrap_or((Status::Failed, 1, Some("the sink lost sight of it".to_owned())));
                Outcome { reference, status, attempts, error }
            })
            .collect()
    }
}
