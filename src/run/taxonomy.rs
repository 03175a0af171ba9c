//! `--update-taxonomy-flag-only`: the field `taxonomy` of the documents of a database is kept true to their text.

use super::couchdb;
use super::places::Places;
use super::tally::Tally;
use crate::document::Outcome;
use crate::error::{Error, Result};
use crate::pipeline::Stop;
use crate::settings::{Input, Settings};
use crate::taxonomy::{self, CouchFlagParams, CouchFlagger, TaxonomyFilter};
use crate::worker::WorkerContext;

/// Brings the flag of every selected document up to date; `tally` and `on_page` are told page by page.
pub(super) async fn update(
    settings: &Settings,
    places: &Places,
    context: &WorkerContext,
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
        connection: couchdb::connection_of(couch, &couch.ingest)?,
        pattern: settings.selection.attachment_pattern.clone(),
        filter: TaxonomyFilter::from_list(&settings.selection.taxonomy_abbrevs.join(",")),
    };
    let mut flagger = CouchFlagger::open(&params, context)?;
    let count = |outcomes: Vec<Outcome>| {
        outcomes.into_iter().for_each(|outcome| tally.outcome(outcome));
        on_page(tally);
    };
    taxonomy::update(places.source.as_ref(), &mut flagger, settings.prediction_batch_size, stop, count).await
}
