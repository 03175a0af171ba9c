//! Which attachments of which documents: decided from listings, page by page.

use super::CouchLoadParams;
use super::listed::Listed;
use super::pattern::AttachmentPattern;
use super::since::{Checkpoint, Since};
use crate::Result;
use crate::couchdb::{
    ChangesRow, Client, ConnectionParams, Connections, Database, Error, ErrorKind, ListingRow, Producer,
    Step, Unusable,
};
use crate::document::{DocumentRef, TextParams};
use crate::source::{
    Decision, DocumentError, LeftOut, LoadParams, MAX_DOCUMENT_SIZE, Reason, Selected, Source, SourceError,
};
use crate::taxonomy::TaxonomyFilter;
use crate::worker::WorkerContext;
use futures::stream::{BoxStream, StreamExt, try_unfold};
use serde::de::IgnoredAny;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Rows of one page of a listing, at most.
const PAGE_ROWS: usize = 1000;
/// Rows of the first page; each later one has twice as many. So the work begins early.
const FIRST_PAGE_ROWS: usize = 125;

/// What to select.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouchSelection {
    /// Glob on the attachment's name (`*.txt`); `*` also matches `/`.
    pub pattern: String,
    /// Only these documents; all when empty.
    pub doc_ids: Vec<String>,
    /// The most attachments to select. What is skipped does not count.
    pub limit: Option<u64>,
    /// Attachments whose annotation exists end as skipped.
    pub skip_existing: bool,
    /// Leave out documents whose field `golden_dataset` is true, as Python has it.
    pub skip_golden: bool,
    /// Leave out documents that this database has too.
    pub golden: Option<ConnectionParams>,
    /// Take in documents whose field `is_taxpub` is true, as Python has it.
    pub include_taxpub: bool,
    /// What an annotation's name adds to its text's (`.ann`).
    pub suffix: String,
    /// Only texts with one of these abbreviations; the worker looks, once it has the text.
    pub taxonomy: Option<TaxonomyFilter>,
    /// Whether the ids of the output database name a partition (`partition:id`): others fail at once.
    pub partitioned_output: bool,
    /// The most bytes that a text may have; a longer one fails by name.
    pub max_document_size: u64,
    /// How attachments become text.
    pub text: TextParams,
}

impl Default for CouchSelection {
    fn default() -> Self {
        Self {
            pattern: "*.txt".to_owned(),
            doc_ids: Vec::new(),
            limit: None,
            skip_existing: false,
            skip_golden: false,
            golden: None,
            include_taxpub: false,
            suffix: ".ann".to_owned(),
            taxonomy: None,
            partitioned_output: false,
            max_document_size: MAX_DOCUMENT_SIZE,
            text: TextParams::default(),
        }
    }
}

/// Selects attachments from one database, with a look at the database of the annotations.
#[derive(Debug, Clone)]
pub struct CouchSource {
    input: ConnectionParams,
    output: ConnectionParams,
    /// How workers reach `input`, where they do it in another way.
    loading: Option<ConnectionParams>,
    selection: CouchSelection,
    pattern: AttachmentPattern,
    connections: Arc<Connections>,
    since: Option<Since>,
    left_out: Arc<LeftOut>,
}

impl CouchSource {
    /// A source that reads `input`; `output` is where annotations are (the same database, or another).
    ///
    /// # Errors
    /// When the pattern is no glob.
    pub fn new(
        input: ConnectionParams,
        output: ConnectionParams,
        selection: CouchSelection,
        context: &WorkerContext,
    ) -> Result<Self> {
        let pattern = AttachmentPattern::new(&selection.pattern)?;
        let connections = Connections::of(context);
        let left_out = Arc::new(LeftOut::new(selection.doc_ids.clone()));
        Ok(Self { input, output, loading: None, selection, pattern, connections, since: None, left_out })
    }

    /// The same documents, which workers fetch by `connection`.
    #[must_use]
    pub fn loading_by(mut self, connection: ConnectionParams) -> Self {
        self.loading = Some(connection);
        self
    }

    /// What the listing leaves out: TaxPub and golden documents, and those without a text.
    #[must_use]
    pub fn left_out(&self) -> Arc<LeftOut> {
        Arc::clone(&self.left_out)
    }

    /// The same source, whose listing notes nothing of what it leaves out.
    #[must_use]
    pub(crate) fn unnoted(&self) -> Self {
        Self { left_out: Arc::default(), ..self.clone() }
    }

    /// Selects only what changed since the last good run to this output, and what `producer` has not annotated since;
    /// everything when there was none. The run that ends well keeps the checkpoint with
    /// [`Checkpoint::keep`].
    ///
    /// # Errors
    /// When one of the databases cannot be asked.
    pub async fn since_last(mut self, producer: &Producer) -> Result<(Self, Checkpoint)> {
        let selection = format!("{:?} {producer:?}", self.selection);
        let checkpoint = Checkpoint::open(&self.input, &self.output, &selection, &self.connections).await?;
        let own = self.input.same_database(&self.output).then(|| producer.clone());
        self.since = checkpoint.since().map(|seq| Since { seq: seq.clone(), own });
        Ok((self, checkpoint))
    }

    async fn page(&self, walk: &mut Walk) -> Result<Vec<Selected>> {
        let (rows, missing) = self.rows(walk).await.map_err(|error| self.unusable(&self.input, error))?;
        let mut selected: Vec<Selected> = missing.into_iter().map(|id| self.not_there(id)).collect();
        selected.extend(rows.into_iter().flat_map(|(id, listed)| self.inputs_of(&id, &listed)));
        if let Some(golden) = &walk.golden {
            self.leave_out_those_in(golden, &mut selected).await?;
        }
        if let (true, Some(output)) = (self.selection.skip_existing, &walk.output) {
            self.skip_those_in(output, &mut selected).await?;
        }
        if let Some(left) = &mut walk.left {
            let mut kept = 0;
            for item in &selected {
                if *left == 0 {
                    break;
                }
                *left -= u64::from(matches!(item.decision, Decision::Process));
                kept += 1;
            }
            selected.truncate(kept);
            walk.finished |= *left == 0;
        }
        Ok(selected)
    }

    /// The next documents, and ids that were asked for but are not there.
    async fn rows(&self, walk: &mut Walk) -> Result<(Vec<(String, Listed)>, Vec<String>), Error> {
        let of_row = |row: ListingRow<Listed>| Some((row.id?, row.doc?));
        match &mut walk.cursor {
            Cursor::All { after } => {
                let (rows, last) = walk.input.next_page(after, &mut walk.rows).await?;
                walk.finished = last;
                Ok((rows.into_iter().filter_map(of_row).collect(), Vec::new()))
            }
            Cursor::Changes { seq } => {
                let page = loop {
                    match walk.input.changes(seq, walk.rows.next).await {
                        Err(error) if error.kind() == ErrorKind::AnswerTooLarge && walk.rows.shrink() => {}
                        page => break page?,
                    }
                };
                walk.finished = page.results.len() < walk.rows.next;
                walk.rows.grow();
                *seq = page.last_seq;
                let of_change = |row: ChangesRow<Listed>| Some((row.id, row.doc.filter(|_| !row.deleted)?));
                Ok((page.results.into_iter().filter_map(of_change).collect(), Vec::new()))
            }
            Cursor::Named { next } => {
                let ids = &self.selection.doc_ids;
                let chunk: Vec<&str> = ids.iter().skip(*next).take(PAGE_ROWS).map(String::as_str).collect();
                *next += chunk.len();
                walk.finished = *next >= ids.len();
                let rows = walk.input.rows::<Listed>(&chunk).await?;
                let missing = rows.iter().zip(&chunk).filter(|(row, _)| row.doc.is_none());
                let missing = missing.map(|(_, id)| (*id).to_owned()).collect();
                Ok((rows.into_iter().filter_map(of_row).collect(), missing))
            }
        }
    }

    /// What document `id` gives: its matching attachments, in order of their names.
    fn inputs_of(&self, id: &str, listed: &Listed) -> Vec<Selected> {
        if id.starts_with("_design/") {
            return Vec::new();
        }
        let reason = if self.selection.skip_golden && listed.is_golden() {
            Some(Reason::Golden)
        } else if !self.selection.include_taxpub && listed.is_taxpub() {
            Some(Reason::Taxpub)
        } else if !listed.attachments.keys().any(|name| self.pattern.matches(name)) {
            Some(Reason::NoText)
        } else {
            None
        };
        if let Some(reason) = reason {
            self.left_out.pass(reason, Path::new(id), Path::new(id));
            return Vec::new();
        }
        let suffix = &self.selection.suffix;
        let same_database = self.input.same_database(&self.output);
        let own = self.since.as_ref().and_then(|since| since.own.as_ref());
        let names = listed.attachments.keys().filter(|name| self.pattern.matches(name));
        names
            .filter(|name| own.is_none_or(|producer| !listed.is_done(name, suffix, producer)))
            .map(|name| {
                let annotated = same_database
                    && self.selection.skip_existing
                    && listed.attachments.contains_key(&format!("{name}{suffix}"));
                if annotated {
                    let reference =
                        DocumentRef { doc_id: id.to_owned(), attachment_name: name.clone() };
                    Selected { reference, decision: Decision::Skip }
                } else if self.selection.partitioned_output && !has_partition(id) {
                    let reason = format!(
                        "{} is partitioned and takes only ids of the form partition:id; write into another database",
                        self.output
                    );
                    Selected::fail(id, name, DocumentError::Reason(reason))
                } else {
                    Selected::process(id, name)
                }
            })
            .collect()
    }

    /// Takes out the documents that `golden` has too.
    async fn leave_out_those_in(&self, golden: &Database, selected: &mut Vec<Selected>) -> Result<()> {
        let mut ids: Vec<&str> = selected.iter().map(|item| item.reference.doc_id.as_str()).collect();
        ids.dedup();
        let rows = golden.rows::<IgnoredAny>(&ids).await;
        let rows = rows.map_err(|error| self.unusable(golden.client().params(), error))?;
        // A document that was deleted has a row, and is not there.
        let there: HashSet<String> =
            rows.into_iter().filter(|row| row.doc.is_some()).filter_map(|row| row.id).collect();
        for id in &there {
            self.left_out.pass(Reason::Golden, Path::new(id), Path::new(id));
        }
        selected.retain(|item| !there.contains(&item.reference.doc_id));
        Ok(())
    }

    /// Marks those whose annotation is in `output`, another database. It is asked for the documents of
    /// this page by their ids, so that no order has to be the same in both.
    async fn skip_those_in(&self, output: &Database, selected: &mut [Selected]) -> Result<()> {
        let mut ids: Vec<&str> = selected.iter().map(|item| item.reference.doc_id.as_str()).collect();
        ids.dedup();
        let rows = match output.rows::<Listed>(&ids).await {
            Ok(rows) => rows,
            // A dry run does not make the database.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.unusable(&self.output, error)),
        };
        let existing: HashMap<String, Listed> =
            rows.into_iter().filter_map(|row| Some((row.id?, row.doc?))).collect();
        for item in selected {
            let annotation = format!("{}{}", item.reference.attachment_name, self.selection.suffix);
            let there = existing
                .get(&item.reference.doc_id)
                .is_some_and(|doc| doc.attachments.contains_key(&annotation));
            if there && matches!(item.decision, Decision::Process) {
                item.decision = Decision::Skip;
            }
        }
        Ok(())
    }

    /// The next page that holds something, and how far it goes; `None` at the end.
    async fn next(self, walk: Option<Walk>) -> Result<Option<(Vec<Selected>, Walk)>> {
        let mut walk = match walk {
            Some(walk) => walk,
            None => Walk::start(&self)?,
        };
        while !walk.finished {
            let page = self.page(&mut walk).await?;
            if !page.is_empty() {
                return Ok(Some((page, walk)));
            }
        }
        Ok(None)
    }

    fn not_there(&self, doc_id: String) -> Selected {
        let reason = DocumentError::Missing { what: format!("document '{doc_id}' in {}", self.input) };
        Selected::fail(doc_id, self.selection.pattern.clone(), reason)
    }

    fn unusable(&self, params: &ConnectionParams, error: Error) -> crate::Error {
        Unusable::new(params, Step::List, error).into()
    }
}

/// As CouchDB has it (couch_partition.erl): something before the first colon and behind it.
fn has_partition(id: &str) -> bool {
    id.split_once(':').is_some_and(|(partition, rest)| !partition.is_empty() && !rest.is_empty())
}

impl Source for CouchSource {
    /// While a page is worked on, the next one is listed.
    fn select(&self) -> BoxStream<'static, Result<Vec<Selected>>> {
        self.left_out.clear();
        let start = (self.clone(), JoinSet::new(), Some(None::<Walk>));
        try_unfold(start, |(source, mut listing, walk)| async move {
            if let Some(walk) = walk {
                listing.spawn(source.clone().next(walk));
            }
            let Some(listed) = listing.join_next().await else { return Ok(None) };
            let listed = listed.map_err(|error| SourceError::Fault(Box::new(error)))?;
            Ok(listed?.map(|(page, walk)| {
                listing.spawn(source.clone().next(Some(walk)));
                (page, (source, listing, None))
            }))
        })
        .boxed()
    }

    fn load_params(&self) -> Arc<dyn LoadParams> {
        Arc::new(CouchLoadParams {
            connection: self.loading.as_ref().unwrap_or(&self.input).clone(),
            taxonomy: self.selection.taxonomy.clone(),
            max_document_size: self.selection.max_document_size,
            text: self.selection.text,
        })
    }
}

/// How far a selection has come.
struct Walk {
    input: Listings,
    output: Option<Database>,
    golden: Option<Database>,
    cursor: Cursor,
    rows: PageRows,
    left: Option<u64>,
    finished: bool,
}

/// How long pages are.
struct PageRows {
    next: usize,
    most: usize,
}

impl PageRows {
    fn grow(&mut self) {
        self.next = (self.next * 2).min(self.most);
    }

    /// Whether pages can be shorter than the last one, which was too large for memory; from now on they are.
    fn shrink(&mut self) -> bool {
        let shorter = (self.next / 4).max(1);
        let can = shorter < self.next;
        (self.next, self.most) = (shorter, shorter);
        can
    }
}

enum Cursor {
    All { after: Option<String> },
    Changes { seq: serde_json::Value },
    Named { next: usize },
}

struct Listings {
    database: Database,
}

impl std::ops::Deref for Listings {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

impl Walk {
    fn start(source: &CouchSource) -> Result<Self> {
        let open = |params: &ConnectionParams| {
            Client::open(params, &source.connections)
                .map(Database::new)
                .map_err(|error| crate::Error::from(Unusable::new(params, Step::Connect, error)))
        };
        let other = source.selection.skip_existing && !source.input.same_database(&source.output);
        let cursor = if !source.selection.doc_ids.is_empty() {
            Cursor::Named { next: 0 }
        } else if let Some(since) = &source.since {
            Cursor::Changes { seq: since.seq.clone() }
        } else {
            Cursor::All { after: None }
        };
        Ok(Self {
            input: Listings { database: open(&source.input)? },
            output: if other { Some(open(&source.output)?) } else { None },
            golden: source.selection.golden.as_ref().map(open).transpose()?,
            cursor,
            rows: PageRows { next: FIRST_PAGE_ROWS, most: PAGE_ROWS },
            left: source.selection.limit,
            finished: source.selection.limit == Some(0),
        })
    }
}

impl Listings {
    /// The rows behind id `after`, and whether they are the last. A page that is too large for memory
    /// makes this and later pages shorter.
    async fn next_page(
        &self,
        after: &mut Option<String>,
        page: &mut PageRows,
    ) -> Result<(Vec<ListingRow<Listed>>, bool), Error> {
        loop {
            // `startkey` is inclusive, and the row itself may have been deleted in the meantime: one
            // row more is asked for, and dropped if it is the one that was seen before.
            let wanted = page.next + usize::from(after.is_some());
            let mut rows = match self.database.page::<Listed>(after.as_deref(), wanted).await {
                Err(error) if error.kind() == ErrorKind::AnswerTooLarge && page.shrink() => continue,
                listing => listing?.rows,
            };
            page.grow();
            let last = rows.len() < wanted;
            let seen = after.take();
            if seen.is_some() && rows.first().is_some_and(|row| row.id == seen) {
                rows.remove(0);
            }
            *after = rows.last().and_then(|row| row.id.clone()).or(seen);
            return Ok((rows, last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_a_partition_when_there_is_something_on_both_sides_of_its_colon() {
        assert!(has_partition("a:b") && has_partition("a:b:c"));
        assert!(!has_partition("ab") && !has_partition(":b") && !has_partition("a:"));
    }
}
