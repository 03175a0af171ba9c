//! The saver: plans each document's update, writes in bulk, merges what others changed meanwhile.

use super::params::CouchSaveParams;
use crate::couchdb::{
    Change, Client, Connections, Contents, CouchDocument, Database, Error, ErrorKind, ListingRow, Prepared,
    Standing, Step, Unusable, Update, WriteResult, plan, timestamp, write,
};
use crate::document::{Annotation, DocumentRef, Outcome, Status};
use crate::error::Result;
use crate::sink::Saver;
use crate::source::couchdb::KEPT_COPY;
use crate::worker::WorkerContext;
use async_trait::async_trait;
use bytes::Bytes;
use rand::Rng;
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// How often a document is read again and merged before it fails.
const ROUNDS: u32 = 12;

/// The longest annotation of somebody else's that is read, in bytes.
const ANNOTATION_BYTES: usize = 512 << 20;

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
    indices: Vec<usize>,
    /// The newest revision known; `None` when it has to be read.
    base: Option<CouchDocument>,
    /// The document in the database that it was loaded from.
    original: Option<CouchDocument>,
    /// How often it was sent.
    attempts: u32,
    /// The last thing that kept it from being saved.
    trouble: Option<String>,
}

/// What is to be done about one document.
struct Task {
    group: Group,
    update: Update,
    contents: Contents,
}

type Outcomes = Vec<Option<(Status, u32, Option<String>)>>;

impl CouchSaver {
    /// Opens a connection of its own.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn open(params: &CouchSaveParams, context: &WorkerContext) -> Result<Self> {
        let client = Client::open(&params.connection, &Connections::of(context))
            .map_err(|error| Unusable::new(&params.connection, Step::Connect, error))?;
        Ok(Self { database: Database::new(client), params: params.clone() })
    }

    fn connections(&self) -> &Connections {
        self.database.client().connections()
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
                let base = base.filter(|document| document.rev().is_some());
                groups.push(Group {
                    doc_id: reference.doc_id.clone(),
                    changes: Vec::new(),
                    indices: Vec::new(),
                    base,
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
            groups[at].indices.push(place);
            references.push(reference);
        }
        (groups, references)
    }

    /// Reads the newest revision of those of `groups` that have none; gives up those that cannot be had.
    async fn read(&self, groups: Vec<Group>, outcomes: &mut Outcomes) -> Result<Vec<Group>, Error> {
        let ids: Vec<&str> =
            groups.iter().filter(|group| group.base.is_none()).map(|group| group.doc_id.as_str()).collect();
        let mut rows = match self.database.rows::<CouchDocument>(&ids).await {
            Ok(rows) => rows.into_iter(),
            // Nothing is there before the first run.
            Err(error) if error.kind() == ErrorKind::NotFound && self.params.dry_run => {
                Vec::new().into_iter()
            }
            Err(error) => return Err(error),
        };
        let mut ready = Vec::with_capacity(groups.len());
        for mut group in groups {
            if group.base.is_none() {
                self.rebase(&mut group, rows.next());
            }
            match group.base {
                Some(_) => ready.push(group),
                None => group.fail(outcomes, "was deleted while the run was under way"),
            }
        }
        Ok(ready)
    }

    /// The document to start from: what is there, or a copy of the original's metadata.
    fn rebase(&self, group: &mut Group, row: Option<ListingRow<CouchDocument>>) {
        // What was deleted here before is made anew, without a revision: CouchDB takes that of a deletion for an
        // edit conflict (couch_db:prep_and_validate_update, 3.5), and lets the new document follow it by itself.
        group.base = row.and_then(|row| row.doc);
        if group.base.is_none() && self.params.other_database {
            group.base = Some(match &group.original {
                Some(original) => original.copy_of_metadata(),
                None => CouchDocument::new(&group.doc_id),
            });
        }
    }

    /// What has to be done about `group`; `None` when it has come to its end.
    async fn plan(&self, group: Group, outcomes: &mut Outcomes) -> Result<Option<Task>, Error> {
        let Some(base) = &group.base else { return Ok(None) };
        let mut pending = Vec::new();
        let mut copies: Contents = Vec::new();
        let mut kept = Vec::new();
        for (index, change) in group.changes.iter().enumerate() {
            let mut there = None;
            let mut standing = change.standing(base);
            if standing == Standing::Unknown {
                let content = match self.attachment(&group, change, base).await {
                    Ok(content) => content,
                    Err(error) if error.kind() == ErrorKind::Gone => return Err(error),
                    Err(error) => {
                        let reason = format!(
                            "has an annotation '{}' that cannot be read to see whose it is: {}",
                            change.attachment,
                            error.full()
                        );
                        group.fail(outcomes, &reason);
                        return Ok(None);
                    }
                };
                standing = change.standing_of(base, &content);
                there = Some(content);
            }
            match standing {
                Standing::Same => {}
                Standing::Absent | Standing::Ours => pending.push(index),
                Standing::Theirs | Standing::Unknown if self.params.force => {
                    pending.push(index);
                    copies.extend(there.map(|content| copy_of(change, base, content)));
                }
                Standing::Theirs | Standing::Unknown => kept.push(index),
            }
        }
        for (index, &place) in group.indices.iter().enumerate() {
            let change = &group.changes[index];
            outcomes[place] = Some(if kept.contains(&index) {
                let reason = format!(
                    "annotation '{}' of document '{}' was changed by somebody else and stays as it is",
                    change.attachment, group.doc_id
                );
                (Status::Kept, group.attempts.max(1), Some(reason))
            } else if pending.contains(&index) {
                (Status::Planned, 0, None)
            } else {
                // It is there already: because it was before, or because an attempt whose answer was lost wrote it.
                let began = self.params.run_began.as_ref();
                let ours = group.attempts > 0 && change.was_written_to(base)
                    || began.is_some_and(|began| change.was_written_since(base, began));
                (if ours { Status::Saved } else { Status::Unchanged }, group.attempts.max(1), None)
            });
        }
        if pending.is_empty() || self.params.dry_run {
            return Ok(None);
        }
        let update = plan(base, &group.changes, pending);
        if update.foreign_field {
            self.connections().note(format!(
                "field 'skol_classifier' of document '{}' is not of this program's form; it is left alone, and who made the \
                 annotation is not recorded there",
                group.doc_id
            ));
        }
        let changes = update.pending.iter().map(|&index| &group.changes[index]);
        let mut contents = copies;
        contents.extend(
            changes.map(|change| {
                (change.attachment.clone(), change.content_type.clone(), change.content.clone())
            }),
        );
        Ok(Some(Task { group, update, contents }))
    }

    async fn attachment(&self, group: &Group, change: &Change, base: &CouchDocument) -> Result<Bytes, Error> {
        let length = base.stub(&change.attachment).map(|stub| stub.length);
        self.database.attachment(&group.doc_id, &change.attachment, length, ANNOTATION_BYTES).await
    }

    /// Writes the documents; those that have to be tried again come back.
    async fn write(&self, tasks: Vec<Task>, outcomes: &mut Outcomes) -> Result<Vec<Group>, Error> {
        let mut prepared = Vec::with_capacity(tasks.len());
        let mut groups = Vec::with_capacity(tasks.len());
        for Task { group, update, contents } in tasks {
            prepared.push(Prepared::new(&update.document, contents));
            groups.push((group, update.pending));
        }
        let written = write(&self.database, &prepared).await?;
        let mut again = Vec::new();
        for ((mut group, pending), written) in groups.into_iter().zip(written) {
            group.attempts += written.attempts;
            match written.result {
                WriteResult::Saved => {
                    self.connections().saved();
                    group.is_saved(&pending, outcomes);
                    continue;
                }
                WriteResult::Forbidden(reason) => {
                    self.connections().refused(&reason)?;
                    group.fail(outcomes, &format!("cannot be written: {reason}"));
                    continue;
                }
                WriteResult::Failed(reason) => {
                    group.fail(outcomes, &format!("cannot be written: {reason}"));
                    continue;
                }
                WriteResult::Conflict => {
                    self.connections().requests().conflict();
                    group.trouble = Some("others change it again and again".to_owned());
                }
                WriteResult::Busy(reason) => group.trouble = Some(reason),
            }
            group.base = None;
            again.push(group);
        }
        Ok(again)
    }

    async fn save_all(&self, mut groups: Vec<Group>, outcomes: &mut Outcomes) -> Result<(), Error> {
        for round in 0..ROUNDS {
            if groups.is_empty() {
                break;
            }
            if round > 1 {
                // Whoever else is at these documents gets time to finish.
                let pause = rand::rng().random_range(0..20_u64 << round.min(6));
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            let mut tasks = Vec::new();
            for group in self.read(groups, outcomes).await? {
                tasks.extend(self.plan(group, outcomes).await?);
            }
            groups = self.write(tasks, outcomes).await?;
        }
        for group in groups {
            let trouble = group.trouble.as_deref().unwrap_or_default();
            group.fail(outcomes, &format!("cannot be written after {ROUNDS} rounds: {trouble}"));
        }
        Ok(())
    }
}

/// A person's annotation under another name: it is written together with the one that takes its place.
fn copy_of(change: &Change, base: &CouchDocument, content: Bytes) -> (String, String, Bytes) {
    let time: String =
        timestamp(SystemTime::now()).chars().filter(|character| !"-:".contains(*character)).collect();
    let mut name = format!("{}{KEPT_COPY}{time}", change.attachment);
    while base.stub(&name).is_some() {
        name.push('+');
    }
    let content_type = base.stub(&change.attachment).map(|stub| stub.content_type).unwrap_or_default();
    (name, content_type, content)
}

impl Group {
    fn fail(&self, outcomes: &mut Outcomes, reason: &str) {
        for &place in &self.indices {
            let reason = format!("document '{}' {reason}", self.doc_id);
            outcomes[place] = Some((Status::Failed, self.attempts.max(1), Some(reason)));
        }
    }

    fn is_saved(&self, pending: &[usize], outcomes: &mut Outcomes) {
        for &index in pending {
            outcomes[self.indices[index]] = Some((Status::Saved, self.attempts, None));
        }
    }
}

#[async_trait]
impl Saver for CouchSaver {
    async fn save(&mut self, annotations: Vec<Annotation>) -> Result<Vec<Outcome>> {
        let mut outcomes: Outcomes = Vec::new();
        outcomes.resize_with(annotations.len(), || None);
        let (groups, references) = self.group(annotations);
        self.save_all(groups, &mut outcomes)
            .await
            .map_err(|error| Unusable::new(&self.params.connection, Step::Write, error))?;
        let without =
            || (Status::Failed, 1, Some("the sink gave it no outcome; please report it".to_owned()));
        Ok(references
            .into_iter()
            .zip(outcomes)
            .map(|(reference, outcome)| {
                let (status, attempts, error) = outcome.unwrap_or_else(without);
                Outcome { reference, status, attempts, error }
            })
            .collect())
    }
}
