//! One document as a run would read it, for a look at it by itself.

use super::places::Places;
use crate::document::Document;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::settings::{Input, Settings};
use crate::source::Decision;
use crate::worker::{RequestMetrics, WorkerContext};
use futures::StreamExt;
use std::sync::Arc;

/// Reads `document`: from the database of `settings` by its id (the first attachment that matches), else the
/// file at that path. Nothing is written.
///
/// # Errors
/// There is no such document, or it cannot be read.
pub fn fetch(settings: &Settings, model: &Model, document: &str) -> Result<Document> {
    let mut settings = settings.clone();
    settings.dry_run = true;
    settings.selection.doc_ids = vec![document.to_owned()];
    settings.selection.limit = None;
    settings.selection.skip_existing = false;
    settings.selection.taxonomy_filter = false;
    if !matches!(settings.input, Input::CouchDb(_)) {
        settings.selection.doc_ids.clear();
        settings.input = Input::Paths(vec![document.to_owned()]);
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::unusable(format!("the program cannot start: {error}")))?
        .block_on(read(&settings, model, document))
}

async fn read(settings: &Settings, model: &Model, document: &str) -> Result<Document> {
    let tally = Arc::new(RequestMetrics::default());
    let places = Places::open(settings, model, &tally).await?;
    let mut pages = places.source.select();
    while let Some(page) = pages.next().await {
        for selected in page? {
            match selected.decision {
                Decision::Skip => {}
                Decision::Fail(reason) => return Err(Error::unusable(format!("{document}: {reason}"))),
                Decision::Process => {
                    let mut loader =
                        places.source.load_params().open(&WorkerContext::new(Arc::clone(&tally)))?;
                    match loader.load(&[selected.reference]).await.pop() {
                        Some(Ok(Some(found))) => return Ok(found),
                        Some(Err(reason)) => return Err(Error::unusable(format!("{document}: {reason}"))),
                        Some(Ok(None)) | None => {}
                    }
                }
            }
        }
    }
    Err(Error::unusable(format!(
        "there is no document '{document}' with a text to label (--attachment-pattern {}); give the path of a text file, or the \
         id of a document in the database",
        settings.selection.attachment_pattern
    )))
}
