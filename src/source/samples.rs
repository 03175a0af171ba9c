//! The shipped sample documents. They are part of the program, so that a first run finds them from any
//! folder, also after `cargo install`.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};

use super::{DocumentError, LoadParams, Loader, Selected, Source};
use crate::document::{Document, DocumentRef};
use crate::error::{BoxError, Result};
use crate::worker::WorkerContext;

// `SAMPLES: &[(&str, &str)]`, path below `examples/documents` and text; written by `build.rs`.
include!(concat!(env!("OUT_DIR"), "/samples.rs"));

/// Selects the samples.
#[derive(Debug, Clone, Copy, Default)]
pub struct SampleSource {
    limit: Option<usize>,
}

impl SampleSource {
    /// Name of the source.
    pub(crate) const NAME: &'static str = "samples";

    /// At most `limit` of them.
    #[must_use]
    pub fn new(limit: Option<usize>) -> Self {
        Self { limit }
    }
}

impl Source for SampleSource {
    fn select(&self) -> BoxStream<'static, Result<Vec<Selected>>> {
        let page = SAMPLES
            .iter()
            .take(self.limit.unwrap_or(usize::MAX))
            .map(|(name, _)| Selected::process(format!("examples/documents/{name}"), *name))
            .collect();
        futures::stream::once(std::future::ready(Ok(page))).boxed()
    }

    fn load_params(&self) -> Arc<dyn LoadParams> {
        Arc::new(*self)
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

struct SampleLoader;

#[async_trait]
impl Loader for SampleLoader {
    async fn load(&mut self, references: &[DocumentRef]) -> Vec<Result<Option<Document>, DocumentError>> {
        let load = |reference: &DocumentRef| {
            let name = &reference.attachment_name;
            let (_, text) = SAMPLES.iter().find(|(sample, _)| sample == name).ok_or_else(|| {
                DocumentError::Missing { what: format!("sample document '{name}' of this program") }
            })?;
            let document =
                Document { reference: reference.clone(), content: (*text).to_string(), metadata: None };
            Ok(Some(document))
        };
        references.iter().map(load).collect()
    }
}
