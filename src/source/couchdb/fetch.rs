//! The contents of documents, in bulk where that is cheap, one by one where it is not.
//!
//! `_bulk_get?attachments=true` answers a whole batch in one request, but with *every* attachment of each
//! document, the scanned PDF as well. So the fetcher watches what share of an answer was wanted; where
//! it is small, the answer is too large for memory, or a proxy does not let the call pass, it reads the stubs first
//! and then only the attachments that are wanted, a few at a time.

use crate::couchdb::{Bodies, BodyError, CouchDocument, Database, Error, ErrorKind, Got};
use futures::stream::{self, StreamExt};

/// Documents per bulk request.
pub(super) const BULK_DOCUMENTS: usize = 64;
/// The longest bulk answer that is taken, in bytes.
const BULK_BYTES: usize = 16 << 20;
/// How many attachments are fetched at the same time when they are fetched one by one.
const AT_ONCE: usize = 4;
/// A bulk answer may be so many times as long as what was wanted of it.
const WASTE: usize = 4;

/// A document without bodies, and those of its attachments that were wanted.
pub(crate) struct Fetched {
    pub document: CouchDocument,
    pub bodies: Bodies,
}

type FetchResult = Result<Fetched, String>;

/// Whether an attachment of the document at this place is wanted.
pub(crate) type Wanted<'a> = &'a (dyn Fn(usize, &str) -> bool + Send + Sync);

/// Fetches documents through one connection, and learns how to do it best.
pub(crate) struct Fetcher {
    database: Database,
    /// The longest text that is taken, in bytes.
    most: u64,
    /// Whether bodies are fetched one by one.
    one_by_one: bool,
    /// Whether something before the server lets no bulk read pass.
    no_bulk: bool,
}

impl Fetcher {
    /// Takes texts of at most `most` bytes.
    pub(crate) fn new(database: Database, most: u64) -> Self {
        Self { database, most, one_by_one: false, no_bulk: false }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// The documents `ids` (each once), with the attachments for which `wanted` (with the place in `ids`) is
    /// true; in order, for as many of the first ids as `budget` bytes of contents take, but for one at least.
    ///
    /// # Errors
    /// When nothing can be read any more: the server is gone, or the user may not.
    pub(crate) async fn fetch(
        &mut self,
        ids: &[&str],
        wanted: Wanted<'_>,
        budget: usize,
    ) -> Result<Vec<FetchResult>, Error> {
        let mut end = ids.len().min(BULK_DOCUMENTS);
        loop {
            let chunk = &ids[..end];
            let fetched = if self.one_by_one || self.no_bulk {
                self.singly(chunk, wanted, budget).await
            } else {
                match self.in_bulk(chunk, wanted, budget).await {
                    Err(error) if error.is_unsupported() => {
                        self.no_bulk = true;
                        self.singly(chunk, wanted, budget).await
                    }
                    // Too much for one answer: only what is wanted.
                    Err(error) if error.kind() == ErrorKind::AnswerTooLarge => {
                        self.one_by_one = true;
                        self.singly(chunk, wanted, budget).await
                    }
                    // A server that fails again and again may do so because of one of the documents.
                    Err(error) if may_be_too_much(&error) && end > 1 => {
                        end = end.div_ceil(2);
                        continue;
                    }
                    Err(error) if may_be_too_much(&error) => self.singly(chunk, wanted, budget).await,
                    other => other,
                }
            };
            return match fetched {
                Err(error) if ends_the_run(&error) => Err(error),
                Err(error) if end > 1 => {
                    end = end.div_ceil(2);
                    tracing::debug!(error = %error.full(), "documents are read in smaller parts");
                    continue;
                }
                Err(error) => Ok(vec![Err(error.full())]),
                fetched => fetched,
            };
        }
    }

    async fn in_bulk(
        &mut self,
        ids: &[&str],
        wanted: Wanted<'_>,
        budget: usize,
    ) -> Result<Vec<FetchResult>, Error> {
        let (mut taken, mut total, mut unpacked) = (0, 0, 0);
        let mut results = Vec::with_capacity(ids.len());
        for (place, got) in self.database.bulk_get(ids, BULK_BYTES).await?.into_iter().enumerate() {
            if let Ok(delivery) = &got {
                total += delivery.weight();
            }
            if unpacked > budget {
                continue;
            }
            results.push(self.open(got, |name| wanted(place, name), &mut taken, &mut unpacked));
        }
        // What was not unpacked for want of space was wanted all the same.
        if results.len() == ids.len() {
            self.one_by_one = is_wasteful(taken, total);
        }
        Ok(results)
    }

    fn open(
        &self,
        got: Got,
        wanted: impl Fn(&str) -> bool,
        taken: &mut usize,
        unpacked: &mut usize,
    ) -> FetchResult {
        let mut delivery = got?;
        let (bodies, weight) = delivery.take(wanted, self.most);
        *taken += weight;
        *unpacked += bodies.iter().filter_map(|(_, body)| body.as_ref().ok()).map(Vec::len).sum::<usize>();
        Ok(Fetched { document: delivery.document, bodies })
    }

    async fn singly(
        &mut self,
        ids: &[&str],
        wanted: Wanted<'_>,
        budget: usize,
    ) -> Result<Vec<FetchResult>, Error> {
        let rows = self.database.rows::<CouchDocument>(ids).await?;
        let (mut taken, mut total) = (0, 0);
        let mut results: Vec<FetchResult> = Vec::with_capacity(ids.len());
        let mut bodies = Vec::new();
        let most = self.most;
        for (place, row) in rows.into_iter().enumerate() {
            if taken > budget {
                break;
            }
            let Some(document) = row.doc else {
                results.push(Err("it is not there (any more)".to_owned()));
                continue;
            };
            let mut refused = Vec::new();
            for (name, stub) in document.stubs() {
                total += stub.length as usize;
                if !wanted(place, &name) {
                    continue;
                }
                if stub.length > most {
                    refused.push((name, Err(BodyError::TooLarge { bytes: stub.length })));
                } else {
                    taken += stub.length as usize;
                    bodies.push((place, name, stub.length));
                }
            }
            results.push(Ok(Fetched { document, bodies: refused }));
        }
        let database = &self.database;
        let mut fetched = stream::iter(bodies)
            .map(|(place, name, length)| async move {
                let body = database
                    .attachment(ids[place], &name, Some(length), usize::try_from(most).unwrap_or(usize::MAX))
                    .await;
                (place, name, body)
            })
            .buffered(if taken > budget { 1 } else { AT_ONCE });
        while let Some((place, name, body)) = fetched.next().await {
            let body = match body {
                Err(error) if ends_the_run(&error) => return Err(error),
                Err(error) => Err(BodyError::Unreadable(format!("cannot be read: {}", error.full()))),
                Ok(bytes) => Ok(bytes.into()),
            };
            if let Some(Ok(fetched)) = results.get_mut(place) {
                fetched.bodies.push((name, body));
            }
        }
        drop(fetched);
        self.one_by_one = is_wasteful(taken, total / 3 * 4) || taken > BULK_BYTES / 2;
        Ok(results)
    }
}

fn may_be_too_much(error: &Error) -> bool {
    error.kind() == ErrorKind::Server || error.status() == Some(504)
}

/// Whether no other document can be read either.
fn ends_the_run(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Gone
            | ErrorKind::Unauthorized
            | ErrorKind::AccountLocked
            | ErrorKind::Forbidden
            | ErrorKind::Redirected
            | ErrorKind::Certificate
            | ErrorKind::NotTls
    )
}

/// Whether `total` bytes are far too much for `taken` bytes of them.
fn is_wasteful(taken: usize, total: usize) -> bool {
    total > (taken + (1 << 16)).saturating_mul(WASTE)
}
