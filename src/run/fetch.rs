//! One document as a run would read it, for a look at it by itself.

use super::couchdb;
use super::error::ProgramError;
use crate::document::Document;
use crate::error::Result;
use crate::settings::{Input, Settings};
use crate::source::couchdb::{CouchSelection, CouchSource};
use crate::source::{Decision, FileSource, Source};
use crate::worker::WorkerContext;
use futures::StreamExt;
use std::sync::Arc;

/// Reads `document`: from the database of `settings` by its id (the first attachment that matches), else the
/// file at that path. Only its source is opened.
///
/// # Errors
/// There is no such document, or it cannot be read.
pub fn fetch(settings: &Settings, document: &str) -> Result<Document> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ProgramError::Threads)?
        .block_on(read(settings, document))
}

/// Where `document` alone comes from.
fn source(settings: &Settings, document: &str, context: &WorkerContext) -> Result<Arc<dyn Source>> {
    let pattern = &settings.selection.attachment_pattern;
    let Input::CouchDb(couch) = &settings.input else {
        return Ok(Arc::new(FileSource::new(&[document.to_owned()], pattern)?));
    };
    let database = couchdb::connection_of(couch, &couch.ingest)?;
    let selection = CouchSelection {
        pattern: pattern.clone(),
        doc_ids: vec![document.to_owned()],
        skip_golden: settings.selection.skip_golden,
        include_taxpub: settings.selection.include_taxpub,
        ..CouchSelection::default()
    };
    Ok(Arc::new(CouchSource::new(database.clone(), database, selection, context)?))
}

async fn read(settings: &Settings, document: &str) -> Result<Document> {
    let context = WorkerContext::default();
    let source = source(settings, document, &context)?;
    let document = document.to_owned();
    let mut pages = source.select();
    while let Some(page) = pages.next().await {
        for selected in page? {
            match selected.decision {
                Decision::Skip => {}
                Decision::Fail(source) => return Err(ProgramError::Document { document, source }.into()),
                Decision::Process => {
                    let mut loader = source.load_params().open(&context)?;
                    match loader.load(&[selected.reference]).await?.pop() {
                        Some(Ok(Some(found))) => return Ok(found),
                        Some(Err(source)) => return Err(ProgramError::Document { document, source }.into()),
                        Some(Ok(None)) | None => {}
                    }
                }
            }
        }
    }
    let pattern = settings.selection.attachment_pattern.to_string();
    Err(ProgramError::NoDocument { document, pattern }.into())
}
