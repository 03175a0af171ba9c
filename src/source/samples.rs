//! The shipped sample documents. They are part of the program, so that a first run finds them from any
//! folder, also after `cargo install`.

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};

use super::{Decision, Loader, Selected, Source};
use crate::document::{Document, DocumentRef};

// `SAMPLES: &[(&str, &str)]`, path below `examples/documents` and text; written by `build.rs`.
include!(concat!(env!("OUT_DIR"), "/samples.rs"));

/// Selects the samples.
#[derive(Debug, Clone, Copy)]
pub struct SampleSource {
    limit: Option<usize>,
}

impl SampleSource {
    /// At most `limit` of them.
    #[must_use]
    pub fn new(limit: Option<usize>) -> Self {
        Self { limit }
    }
}

impl Source for SampleSource {
    fn select(&self) -> BoxStream<'static, crate::Result<Vec<Selected>>> {
        let page = SAMPLES
            .iter()
            .take(self.limit.unwrap_or(usize::MAX))
            .map(|(name, _)| Selected {
                reference: DocumentRef {
                    doc_id: format!("examples/documents/{name}"),
                    attachment_name: (*name).to_string(),
                },
                decision: Decision::Process,
            })
            .collect();
        futures::stream::once(std::future::ready(Ok(page))).boxed()
    }
}

pub(super) fn open() -> Box<dyn Loader> {
    Box::new(SampleLoader)
}

struct SampleLoader;

#[async_trait]
impl Loader for SampleLoader {
    async fn load(&mut self, references: &[DocumentRef]) -> Vec<Result<Option<Document>, String>> {
        references
            .iter()
            .map(|reference| {
                SAMPLES
                    .iter()
                    .find(|(name, _)| *name == reference.attachment_name)
                    .map(|(_, text)| {
                        Some(Document {
                            reference: reference.clone(),
                            content: (*text).to_string(),
                            metadata: None,
                        })
                    })
                    .ok_or_else(|| {
                        format!("'{}' is not a sample document of this program", reference.attachment_name)
                    })
            })
            .collect()
    }
}
