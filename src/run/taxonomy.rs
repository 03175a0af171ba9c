//! `--update-taxonomy-flag-only`: the field `taxonomy` of the documents of a database is kept true to their text.

use std::sync::Arc;

use super::places::{self, Places};
use super::tally::Tally;
use crate::document::Outcome;
use crate::error::{Error, Result};
use crate::pipeline::Stop;
use crate::settings::{Input, Settings};
use crate::taxonomy::{self, CouchFlagParams, CouchFlagger, TaxonomyFilter};
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
    let count = |outcomes: Vec<Outcome>| {
        outcomes.into_iter().for_each(|outcome| tally.outcome(outcome));
        on_page(tally);
    };
    taxonomy::update(places.source.as_ref(), &mut flagger, settings.prediction_batch_size, stop, count).await
}
