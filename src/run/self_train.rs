//! `--self-train`: the documents of a run that the model learns from before it labels them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use sha2::{Digest, Sha256};

use crate::document::DocumentRef;
use crate::error::Result;
use crate::model::Model;
use crate::model::train::{SelfTrained, self_train};
use crate::pipeline::Stop;
use crate::source::{Decision, Source};
use crate::worker::WorkerContext;

/// The most documents that are read, and the most text, whatever the corpus: two volumes of a journal. Learning from it
/// takes about a hundred times as much memory, and six seconds for each megabyte.
const MOST_DOCUMENTS: usize = 1000;
const MOST_BYTES: usize = 4 << 20;

/// Lets `model` learn from documents of `source`; `None` where there is no text to learn from, or the run is stopped.
/// Documents that cannot be read are left to the run itself, which names them.
///
/// # Errors
/// The source cannot be used, or the fit fails.
pub(super) async fn learn(
    source: &dyn Source,
    model: &Arc<Model>,
    context: &WorkerContext,
    stop: &Stop,
) -> Result<Option<SelfTrained>> {
    let chosen = choose(source, stop).await?;
    let mut loader = source.load_params().open(context)?;
    let (mut texts, mut bytes) = (Vec::new(), 0);
    let mut waiting = chosen.as_slice();
    while !waiting.is_empty() && bytes < MOST_BYTES && !stop.is_stopped() {
        let batch = &waiting[..loader.preferred_batch().clamp(1, waiting.len())];
        let loaded = loader.load(batch).await?;
        // A loader gives one result at least; were there none, asking again would never end.
        let done = loaded.len().clamp(1, batch.len());
        waiting = &waiting[done..];
        for document in loaded.into_iter().filter_map(|result| result.ok().flatten()) {
            let text = beginning(document.content, MOST_BYTES - bytes);
            bytes += text.len();
            texts.push(text);
        }
    }
    if texts.is_empty() || stop.is_stopped() {
        return Ok(None);
    }
    let model = Arc::clone(model);
    let learned = tokio::task::spawn_blocking(move || self_train(&model, texts)).await;
    match learned {
        Ok(learned) => Ok(Some(learned?)),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is being shut down.
            Err(_) => Ok(None),
        },
    }
}

/// As many whole lines of `text` as `most` bytes hold: one document can be larger than all that is learned from.
fn beginning(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = text.as_bytes()[..most].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        text.truncate(end);
    }
    text
}

/// The documents whose names have the smallest digests: a sample that depends neither on the order of the listing nor
/// on chance, in the order of the digests.
async fn choose(source: &dyn Source, stop: &Stop) -> Result<Vec<DocumentRef>> {
    let mut chosen = BTreeMap::new();
    let mut pages = source.select();
    while let Some(page) = pages.next().await {
        if stop.is_stopped() {
            break;
        }
        for selected in page?.into_iter().filter(|selected| matches!(selected.decision, Decision::Process)) {
            let DocumentRef { doc_id, attachment_name } = &selected.reference;
            let digest: [u8; 32] = Sha256::new()
                .chain_update(doc_id.as_bytes())
                .chain_update([0])
                .chain_update(attachment_name.as_bytes())
                .finalize()
                .into();
            chosen.insert(digest, selected.reference);
            if chosen.len() > MOST_DOCUMENTS {
                chosen.pop_last();
            }
        }
    }
    Ok(chosen.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::beginning;

    #[test]
    fn of_a_long_text_its_first_lines_count() {
        for (text, most, expected) in
            [("aé\nb\n", 9, "aé\nb\n"), ("aé\nb\n", 5, "aé\n"), ("aé\nb", 2, ""), ("aé", 2, ""), ("", 0, "")]
        {
            assert_eq!(beginning(text.to_owned(), most), expected, "{text:?} {most}");
        }
    }
}
