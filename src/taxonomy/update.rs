//! Brings the field of every selected document up to date, page by page.

use futures::StreamExt;

use super::CouchFlagger;
use crate::document::{DocumentRef, Outcome, Status};
use crate::error::Result;
use crate::pipeline::Stop;
use crate::source::{Decision, Selected, Source};

/// Updates the documents that `source` selects by `flagger`, `batch_size` at a time; `on_outcomes` sees what became of them. `skipped_too`: also
/// those that the selection skips.
pub(crate) async fn update(
    source: &dyn Source,
    flagger: &mut CouchFlagger,
    batch_size: usize,
    skipped_too: bool,
    stop: &Stop,
    mut on_outcomes: impl FnMut(Vec<Outcome>),
) -> Result<()> {
    let mut pages = source.select();
    // A document with several attachments is selected once for each. Seen again later, it is up to date already.
    let mut last = String::new();
    while let Some(page) = pages.next().await {
        let (mut references, mut failed): (Vec<DocumentRef>, Vec<Outcome>) = (Vec::new(), Vec::new());
        for Selected { reference, decision } in page? {
            if let Decision::Fail(reason) = decision {
                let error = Some(reason.to_string());
                failed.push(Outcome { reference, status: Status::Failed, attempts: 0, error });
            } else if reference.doc_id != last && (skipped_too || !matches!(decision, Decision::Skip)) {
                last.clone_from(&reference.doc_id);
                references.push(reference);
            }
        }
        on_outcomes(failed);
        for chunk in references.chunks(batch_size.max(1)) {
            if stop.is_stopped() {
                return Ok(());
            }
            on_outcomes(flagger.update(chunk).await?);
        }
    }
    Ok(())
}
