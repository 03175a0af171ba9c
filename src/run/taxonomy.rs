//! `--update-taxonomy-flag-only`: the field `taxonomy` of the documents of a database is kept true to their text.

use std::sync::Arc;

use futures::StreamExt;

use super::places::{self, Places};
use super::tally::Tally;
use crate::document::DocumentRef;
use crate::error::{Error, Result};
use crate::pipeline::Stop;
use crate::settings::{Input, Settings};
use crate::sink::couchdb::{CouchFlagParams, CouchFlagger};
use crate::source::Decision;
use crate::source::taxonomy::TaxonomyFilter;
use crate::worker::RequestMetrics;

/// Brings the flag of every selected document up to date; `tally` and `on_page` are told page by page.
pub(super) async fn update(
    settings: &Settings,
    places: &Places,
    requests: &Arc<RequestMetrics>,
    stop: &Stop,
    tally: &mut Tally,
    mut on_page: impl FnMut(&Tally),
) -> Result<()> {
    let Input::CouchDb(couch) = &settings.input else {
        return Err(Error::usage(
            "the taxonomy flag is a field of documents in CouchDB; add --couchdb-url and --ingest-db-name",
        ));
    };
    let params = CouchFlagParams {
        connection: places::connection(&couch.ingest, couch.ca_file.as_deref())?,
        pattern: settings.selection.attachment_pattern.clone(),
        filter: TaxonomyFilter::from_list(&settings.selection.taxonomy_abbrevs.join(",")),
    };
    let mut flagger = CouchFlagger::open(&params, Arc::clone(requests))?;
    let mut pages = places.source.select();
    // A document with several attachments is selected once for each, one after the other.
    let mut last = String::new();
    while let Some(page) = pages.next().await {
        let mut references: Vec<DocumentRef> = Vec::new();
        for selected in page? {
            if let Decision::Fail(reason) = selected.decision {
                tally.fail(&selected.reference, reason.to_string());
            } else if selected.reference.doc_id != last {
                last.clone_from(&selected.reference.doc_id);
                references.push(selected.reference);
            }
        }
        for chunk in references.chunks(settings.prediction_batch_size.max(1)) {
            if stop.is_stopped() {
                return Ok(());
            }
            for outcome in flagger.update(chunk).await {
                tally.outcome(outcome);
            }
            on_page(tally);
        }
    }
    Ok(())
}
