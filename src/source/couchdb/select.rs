//! Which attachments of which documents: decided from listings, page by page.

use super::CouchLoadParams;
use crate::couchdb::{Client, ConnectionParams, Database, Fault, FaultKind, ListingRow, unusable};
use crate::document::DocumentRef;
use crate::source::{Decision, DocumentError, LoadParams, Selected, Source, SourceError};
use crate::taxonomy::TaxonomyFilter;
use crate::worker::RequestMetrics;
use crate::{Error, Result};
use futures::stream::{BoxStream, StreamExt, try_unfold};
use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, HashMap};
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
    /// At most so many attachments.
    pub limit: Option<u64>,
    /// Attachments whose annotation exists end as skipped.
    pub skip_existing: bool,
    /// Leave out documents with a field `golden_dataset` (that is not `false` or `null`).
    pub skip_golden: bool,
    /// Take in documents with a field `is_taxpub` (that is not `false` or `null`).
    pub include_taxpub: bool,
    /// What an annotation's name adds to its text's (`.ann`).
    pub suffix: String,
    /// Only texts with one of these abbreviations; the worker looks, once it has the text.
    pub taxonomy: Option<TaxonomyFilter>,
}

impl Default for CouchSelection {
    fn default() -> Self {
        Self {
            pattern: "*.txt".to_owned(),
            doc_ids: Vec::new(),
            limit: None,
            skip_existing: false,
            skip_golden: false,
            include_taxpub: false,
            suffix: ".ann".to_owned(),
            taxonomy: None,
        }
    }
}

/// What an annotation's name adds to its text's, for each output format's own extension
/// (`ann` gives `.ann`).
#[must_use]
pub fn annotation_suffix_of(extension: &str) -> String {
    format!(".{}", extension.trim_start_matches('.'))
}

/// Tells attachments that are inputs from others.
#[derive(Debug, Clone)]
pub(crate) struct AttachmentPattern {
    glob: GlobMatcher,
    /// Whether annotations were asked for by name.
    annotations: bool,
}

impl AttachmentPattern {
    pub(crate) fn new(pattern: &str) -> Result<Self> {
        let glob = GlobBuilder::new(pattern)
            .literal_separator(false)
            .build()
            .map_err(|error| SourceError::Pattern { pattern: pattern.to_owned(), source: error })?;
        Ok(Self { glob: glob.compile_matcher(), annotations: pattern.ends_with(".ann") })
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        (self.annotations || !name.ends_with(".ann")) && self.glob.is_match(name)
    }
}

/// Selects attachments from one database, with a look at the database of the annotations.
#[derive(Debug, Clone)]
pub struct CouchSource {
    input: ConnectionParams,
    output: ConnectionParams,
    selection: CouchSelection,
    pattern: AttachmentPattern,
    tally: Arc<RequestMetrics>,
}

impl CouchSource {
    /// A source that reads `input`; `output` is where annotations are (the same database, or another).
    ///
    /// # Errors
    /// A usage error (exit code 2) when the pattern is no glob.
    pub fn new(
        input: ConnectionParams,
        output: ConnectionParams,
        selection: CouchSelection,
        tally: Arc<RequestMetrics>,
    ) -> Result<Self> {
        let pattern = AttachmentPattern::new(&selection.pattern)?;
        Ok(Self { input, output, selection, pattern, tally })
    }

    async fn page(&self, walk: &mut Walk) -> Result<Vec<Selected>> {
        let (rows, missing) = match &mut walk.cursor {
            Cursor::All { after } => (walk.input.next_page(after, &mut walk.rows).await, Vec::new()),
            Cursor::Named { next } => {
                let ids = &self.selection.doc_ids;
                let chunk: Vec<&str> = ids.iter().skip(*next).take(PAGE_ROWS).map(String::as_str).collect();
                *next += chunk.len();
                let last = *next >= ids.len();
                let rows = walk.input.database.rows::<Listed>(&chunk).await;
                let missing = rows.iter().flatten().zip(&chunk).filter(|(row, _)| row.doc.is_none());
                let missing = missing.map(|(_, id)| (*id).to_owned()).collect();
                (rows.map(|rows| (rows, last)), missing)
            }
        };
        let (rows, last) = rows.map_err(|fault| unusable(&self.input, &fault))?;
        walk.finished = last;
        let mut selected: Vec<Selected> = missing.into_iter().map(|id| self.not_there(id)).collect();
        selected.extend(rows.into_iter().flat_map(|row| self.inputs_of(row)));
        if let Some(left) = walk.left {
            selected.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            walk.left = Some(left - selected.len() as u64);
            walk.finished |= walk.left == Some(0);
        }
        if let (true, Some(output)) = (self.selection.skip_existing, &walk.output) {
            self.skip_those_in(output, &mut selected).await?;
        }
        Ok(selected)
    }

    /// What `row` gives: its matching attachments, in order of their names.
    fn inputs_of(&self, row: ListingRow<Listed>) -> Vec<Selected> {
        let (Some(id), Some(doc)) = (row.id, row.doc) else { return Vec::new() };
        if id.starts_with("_design/")
            || (self.selection.skip_golden && is_set(&doc.golden_dataset))
            || (!self.selection.include_taxpub && is_set(&doc.is_taxpub))
        {
            return Vec::new();
        }
        let same_database = self.input.same_database(&self.output);
        let names = doc.attachments.keys().filter(|name| self.pattern.matches(name));
        names
            .map(|name| {
                let annotated = same_database
                    && self.selection.skip_existing
                    && doc.attachments.contains_key(&format!("{name}{}", self.selection.suffix));
                Selected {
                    reference: DocumentRef { doc_id: id.clone(), attachment_name: name.clone() },
                    decision: if annotated { Decision::Skip } else { Decision::Process },
                }
            })
            .collect()
    }

    /// Marks those whose annotation is in `output`, another database. It is asked for the documents of
    /// this page by their ids, so that no order has to be the same in both.
    async fn skip_those_in(&self, output: &Listings, selected: &mut [Selected]) -> Result<()> {
        let mut ids: Vec<&str> = selected.iter().map(|item| item.reference.doc_id.as_str()).collect();
        ids.dedup();
        let rows = match output.database.rows::<Listed>(&ids).await {
            Ok(rows) => rows,
            // A dry run does not make the database.
            Err(fault) if fault.kind == FaultKind::NotFound => return Ok(()),
            Err(fault) => return Err(unusable(&self.output, &fault)),
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
        let reason = format!("document '{doc_id}' is not in {}; check --doc-id", self.input);
        Selected::fail(doc_id, self.selection.pattern.clone(), DocumentError::Reason(reason))
    }
}

impl Source for CouchSource {
    /// While a page is worked on, the next one is listed.
    fn select(&self) -> BoxStream<'static, Result<Vec<Selected>>> {
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
            connection: self.input.clone(),
            taxonomy: self.selection.taxonomy.clone(),
        })
    }
}

/// How far a selection has come.
struct Walk {
    input: Listings,
    output: Option<Listings>,
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
    Named { next: usize },
}

struct Listings {
    database: Database,
}

/// What a listing has to tell about a document; the rest is read over.
#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "_attachments", default)]
    attachments: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    golden_dataset: serde_json::Value,
    #[serde(default)]
    is_taxpub: serde_json::Value,
}

impl Walk {
    fn start(source: &CouchSource) -> Result<Self> {
        let listings = |params: &ConnectionParams| {
            Ok::<_, Error>(Listings {
                database: Database::new(Client::open(params, Arc::clone(&source.tally))?),
            })
        };
        let other = source.selection.skip_existing && !source.input.same_database(&source.output);
        let named = !source.selection.doc_ids.is_empty();
        Ok(Self {
            input: listings(&source.input)?,
            output: if other { Some(listings(&source.output)?) } else { None },
            cursor: if named { Cursor::Named { next: 0 } } else { Cursor::All { after: None } },
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
    ) -> Result<(Vec<ListingRow<Listed>>, bool), Fault> {
        loop {
            // `startkey` is inclusive, and the row itself may have been deleted in the meantime: one
            // row more is asked for, and dropped if it is the one that was seen before.
            let wanted = page.next + usize::from(after.is_some());
            let mut rows = match self.database.page::<Listed>(after.as_deref(), wanted).await {
                Err(fault) if fault.kind == FaultKind::TooLarge && page.shrink() => continue,
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

fn is_set(field: &serde_json::Value) -> bool {
    !matches!(field, serde_json::Value::Null | serde_json::Value::Bool(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_are_inputs_only_when_asked_for() {
        let matches = |pattern: &str, name: &str| AttachmentPattern::new(pattern).unwrap().matches(name);
        assert!(matches("*.txt", "article.txt") && matches("*.txt", "vol 1/article.txt"));
        assert!(!matches("*.txt", "article.txt.ann") && !matches("*.txt", "article.pdf"));
        assert!(!matches("*", "article.txt.ann") && matches("*", "article.pdf"));
        assert!(matches("*.ann", "article.txt.ann") && !matches("*.ann", "article.txt"));
        assert!(matches("{a,b}.txt", "b.txt") && matches("art?cle.txt", "article.txt"));
        assert_eq!(AttachmentPattern::new("[").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_field_counts_unless_it_is_false_or_null() {
        use serde_json::json;
        assert!(is_set(&json!(true)) && is_set(&json!("v1")) && is_set(&json!({})));
        assert!(!is_set(&json!(false)) && !is_set(&json!(null)));
    }
}
