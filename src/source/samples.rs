//! The shipped sample documents. They are part of the program, so that a first run finds them from any
//! folder, also after `cargo install`.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};

use super::{Choice, DocumentError, LeftOut, LoadParams, LoadResult, Loader, Selected, Source};
use crate::document::{Document, DocumentRef};
use crate::error::{BoxError, Result};
use crate::worker::WorkerContext;

// `SAMPLES: &[(&str, &str)]`, path below `examples/documents` and text; written by `build.rs`.
include!(concat!(env!("OUT_DIR"), "/samples.rs"));

/// Selects the samples.
#[derive(Debug, Clone, Default)]
pub struct SampleSource {
    choice: Choice,
    left_out: Arc<LeftOut>,
}

impl SampleSource {
    /// Name of the source.
    pub(crate) const NAME: &'static str = "samples";

    /// At most `limit` of them.
    #[must_use]
    pub fn new(limit: Option<usize>) -> Self {
        Self::default().with_choice(Choice { limit: limit.map(|limit| limit as u64), ..Choice::default() })
    }

    /// Those that `choice` takes.
    #[must_use]
    pub fn with_choice(mut self, choice: Choice) -> Self {
        self.left_out = Arc::new(LeftOut::new(choice.doc_ids.clone()));
        self.choice = choice;
        self
    }

    /// What the last listing passed over.
    #[must_use]
    pub fn left_out(&self) -> Arc<LeftOut> {
        Arc::clone(&self.left_out)
    }
}

impl Source for SampleSource {
    fn select(&self) -> BoxStream<'static, Result<Vec<Selected>>> {
        self.left_out.clear();
        let samples =
            SAMPLES.iter().map(|(name, _)| Selected::process(format!("examples/documents/{name}"), *name));
        let text = |reference: &DocumentRef| text_of(&reference.attachment_name).map(str::to_owned);
        let page = self.choice.of(samples, text, Arc::clone(&self.left_out)).collect();
        futures::stream::once(std::future::ready(Ok(page))).boxed()
    }

    fn load_params(&self) -> Arc<dyn LoadParams> {
        Arc::new(Self::default())
    }
}

impl fmt::Display for SampleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("samples")
    }
}

/// The samples are part of every program: a worker needs to know nothing.
impl LoadParams for SampleSource {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn encode(&self) -> Result<Vec<u8>, BoxError> {
        Ok(Vec::new())
    }

    fn open(&self, _context: &WorkerContext) -> Result<Box<dyn Loader>> {
        Ok(Box::new(SampleLoader))
    }
}

/// The text of the sample of this name.
fn text_of(name: &str) -> Option<&'static str> {
    SAMPLES.iter().find(|(sample, _)| *sample == name).map(|(_, text)| *text)
}

struct SampleLoader;

#[async_trait]
impl Loader for SampleLoader {
    async fn load(&mut self, references: &[DocumentRef]) -> Result<Vec<LoadResult>> {
        let load = |reference: &DocumentRef| {
            let name = &reference.attachment_name;
            let text = text_of(name).ok_or_else(|| DocumentError::Missing {
                what: format!("sample document '{name}' of this program"),
            })?;
            let document =
                Document { reference: reference.clone(), content: text.to_string(), metadata: None };
            Ok(Some(document))
        };
        Ok(references.iter().map(load).collect())
    }
}
