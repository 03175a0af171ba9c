//! The source of a run, watched: how many documents are left when a run is stopped.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::BoxStream;

use crate::error::Result;
use crate::source::{LoadParams, Selected, Source};

/// How long the rest of a listing is counted.
const COUNTING: Duration = Duration::from_millis(300);

type Pages = BoxStream<'static, Result<Vec<Selected>>>;

/// A source whose listing can be gone on with after the run has turned away from it.
#[derive(Debug)]
pub(super) struct Listing {
    source: Arc<dyn Source>,
    /// The listing that was begun last.
    open: Mutex<Arc<Open>>,
}

/// A listing that was begun.
#[derive(Default)]
struct Open(tokio::sync::Mutex<Progress>);

#[derive(Default)]
struct Progress {
    pages: Option<Pages>,
    listed: u64,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Open")
    }
}

impl Open {
    /// The next page, and how many documents were listed up to its end.
    async fn next(&self) -> (Option<Result<Vec<Selected>>>, u64) {
        let mut progress = self.0.lock().await;
        let page = match &mut progress.pages {
            Some(pages) => pages.next().await,
            None => None,
        };
        match &page {
            Some(Ok(page)) => progress.listed += page.len() as u64,
            Some(Err(_)) | None => progress.pages = None,
        }
        (page, progress.listed)
    }
}

impl Listing {
    pub(super) fn new(source: Arc<dyn Source>) -> Self {
        Self { source, open: Mutex::default() }
    }

    /// How many documents the listing in hand holds, and whether that is all: what the run has not taken is listed
    /// now, for as long as that is quick.
    pub(super) async fn count(&self) -> (u64, bool) {
        let open = Arc::clone(&self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let mut count = 0;
        let begin = Instant::now();
        let rest = async {
            loop {
                let (page, listed) = open.next().await;
                count = listed;
                match page {
                    // A listing of files never waits, and then no timeout comes to be looked at.
                    Some(Ok(_)) if begin.elapsed() < COUNTING => {}
                    Some(_) => return false,
                    None => return true,
                }
            }
        };
        let complete = tokio::time::timeout(COUNTING, rest).await.unwrap_or(false);
        (count, complete)
    }
}

impl Source for Listing {
    fn select(&self) -> Pages {
        let progress = Progress { pages: Some(self.source.select()), listed: 0 };
        let open = Arc::new(Open(tokio::sync::Mutex::new(progress)));
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&open);
        futures::stream::unfold(open, |open| async move {
            let page = open.next().await.0?;
            Some((page, open))
        })
        .boxed()
    }

    fn load_params(&self) -> Arc<dyn LoadParams> {
        self.source.load_params()
    }
}
