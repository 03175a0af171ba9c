//! The field `taxonomy` of the documents of a database, kept true to their text: for itself with
//! `--update-taxonomy-flag-only`, and before labelling with `--taxonomy-filter`.

use super::couchdb;
use super::endpoints::Endpoints;
use super::error::ProgramError;
use super::summary::RunSummary;
use crate::document::Outcome;
use crate::error::Result;
use crate::pipeline::Stop;
use crate::settings::{Input, Settings, Task};
use crate::source::Source;
use crate::taxonomy::{self, CouchFlagParams, CouchFlagger, TaxonomyFilter};
use crate::worker::WorkerContext;

/// Brings the field of every document up to date that is going to be labelled with `--taxonomy-filter`. Returns what the
/// operator should know: why it could not be done for some.
pub(super) async fn before_labelling(
    settings: &Settings,
    source: &dyn Source,
    context: &WorkerContext,
    stop: &Stop,
) -> Result<Option<String>> {
    let selection = &settings.selection;
    if settings.dry_run || !selection.taxonomy_filter || !matches!(settings.input, Input::CouchDb(_)) {
        return Ok(None);
    }
    let mut summary = RunSummary::default();
    update_those_of(source, settings, context, stop, &mut summary, |_| {}).await?;
    // A text that cannot be read fails when it is labelled.
    Ok(summary.failures.first().map(|failure| {
        let others = summary.failures.len() - 1;
        let others = if others == 0 { String::new() } else { format!(" (and {others} others)") };
        format!("the field taxonomy cannot be kept true: {}{others}", failure.error)
    }))
}

/// Brings the field of every selected document up to date; `summary` and `on_page` hear of it page by page.
pub(super) async fn update(
    settings: &Settings,
    endpoints: &Endpoints,
    context: &WorkerContext,
    stop: &Stop,
    summary: &mut RunSummary,
    on_page: impl FnMut(&RunSummary),
) -> Result<()> {
    update_those_of(endpoints.source.as_ref(), settings, context, stop, summary, on_page).await
}

async fn update_those_of(
    source: &dyn Source,
    settings: &Settings,
    context: &WorkerContext,
    stop: &Stop,
    summary: &mut RunSummary,
    mut on_page: impl FnMut(&RunSummary),
) -> Result<()> {
    let Input::CouchDb(couch) = &settings.input else {
        return Err(ProgramError::FlagWithoutDatabase.into());
    };
    let params = CouchFlagParams {
        connection: couchdb::connection_of(couch, &couch.ingest)?,
        pattern: settings.selection.attachment_pattern.clone(),
        filter: TaxonomyFilter::from_list(&settings.selection.taxonomy_abbrevs.join(",")),
        max_document_size: settings.max_document_size.0,
        text: settings.text(),
        dry_run: settings.dry_run,
    };
    let mut flagger = CouchFlagger::open(&params, context)?;
    let count = |outcomes: Vec<Outcome>| {
        outcomes.into_iter().for_each(|outcome| summary.outcome(outcome));
        on_page(summary);
    };
    // What is not labelled because it has an annotation is not looked at before labelling.
    let skipped_too = settings.task == Task::UpdateTaxonomyFlag;
    let batch_size = settings.prediction_batch_size;
    taxonomy::update(source, &mut flagger, batch_size, skipped_too, stop, count).await
}
