//! A source of your own, in one file: messages of a mailbox (the format of `mail` and of many archives), labelled like
//! any other document.
//!
//! `cargo run --example own_source [MAILBOX]` prints the annotations; without an argument it takes a mailbox of its own.
//!
//! A source has two halves. Where the plan is made, [`Mailbox::select`] decides which messages there are. In each worker,
//! [`MailboxLoader::load`] fetches their texts. Between the two travels only [`MailboxParams`]: here a path.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use serde::{Deserialize, Serialize};
use skol_classifier::document::{Document, DocumentRef};
use skol_classifier::error::BoxError;
use skol_classifier::sink::{FileSink, OutputFormat, STDOUT};
use skol_classifier::source::{DocumentError, LoadParams, LoadResult, Loader, Selected, Source, SourceError};
use skol_classifier::worker::WorkerContext;
use skol_classifier::{Classifier, Connectors, Result};

const EXAMPLE: &str = "\
From curator Mon Mar  2 09:14:00 2026
Subject: new species

Amanita exempla sp. nov.

Pileus 40-70 mm broad, convex, then plane; lamellae free, white. Spores 8-10 x 6-7 um, amyloid.

From curator Tue Mar  3 10:02:00 2026
Subject: where it grows

We found it twice in September, under old beeches near the river.
";

/// What travels to a worker: how to reach the mailbox, never the mailbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct MailboxParams {
    path: PathBuf,
}

impl MailboxParams {
    const NAME: &'static str = "mailbox";

    /// The messages, each with the lines of its header.
    fn messages(&self) -> std::io::Result<Vec<String>> {
        let text = std::fs::read_to_string(&self.path)?;
        let mut messages: Vec<String> = Vec::new();
        for line in text.split_inclusive('\n') {
            match messages.last_mut() {
                Some(message) if !line.starts_with("From ") => message.push_str(line),
                _ => messages.push(line.to_owned()),
            }
        }
        Ok(messages)
    }
}

/// What `EXPLAIN` shows.
impl fmt::Display for MailboxParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mailbox {}", self.path.display())
    }
}

impl LoadParams for MailboxParams {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn encode(&self) -> Result<Vec<u8>, BoxError> {
        Ok(serde_json::to_vec(self)?)
    }

    fn open(&self, _context: &WorkerContext) -> Result<Box<dyn Loader>> {
        // Opened once per partition: the place for a connection or a cache.
        let messages = self.messages().map_err(|error| SourceError::Other(error.into()))?;
        Ok(Box::new(MailboxLoader { messages }))
    }
}

/// The half that stays where the plan is made.
#[derive(Debug)]
struct Mailbox(MailboxParams);

impl Source for Mailbox {
    fn select(&self) -> BoxStream<'static, Result<Vec<Selected>>> {
        let params = self.0.clone();
        let page = async move {
            let messages = params.messages().map_err(|error| SourceError::Other(error.into()))?;
            let id = |number| format!("{}#{number}", params.path.display());
            Ok((0..messages.len()).map(|n| Selected::process(id(n), format!("{n}.txt"))).collect())
        };
        stream::once(page).boxed()
    }

    fn load_params(&self) -> Arc<dyn LoadParams> {
        Arc::new(self.0.clone())
    }
}

/// The half that works in a partition.
struct MailboxLoader {
    messages: Vec<String>,
}

#[async_trait]
impl Loader for MailboxLoader {
    async fn load(&mut self, references: &[DocumentRef]) -> skol_classifier::Result<Vec<LoadResult>> {
        let load = |reference: &DocumentRef| {
            let number = reference.attachment_name.strip_suffix(".txt").and_then(|n| n.parse::<usize>().ok());
            let message = number
                .and_then(|number| self.messages.get(number))
                .ok_or_else(|| DocumentError::Missing { what: format!("message '{}'", reference.doc_id) })?;
            let document =
                Document { reference: reference.clone(), content: message.clone(), metadata: None };
            Ok(Some(document))
        };
        Ok(references.iter().map(load).collect())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let own = tempfile::NamedTempFile::new()?;
    let path = match std::env::args_os().nth(1) {
        Some(path) => path.into(),
        None => {
            std::fs::write(own.path(), EXAMPLE)?;
            own.path().to_owned()
        }
    };
    let annotated = label(MailboxParams { path }, STDOUT.into()).await?;
    eprintln!("{annotated} messages");
    Ok(())
}

/// Labels the messages of a mailbox, and says how many there were.
async fn label(mailbox: MailboxParams, folder: PathBuf) -> Result<usize> {
    let connectors = Connectors::default().with_source(MailboxParams::NAME, |bytes| {
        Ok(Arc::new(serde_json::from_slice::<MailboxParams>(bytes)?))
    });
    let mut classifier = Classifier::builder()
        .source(Arc::new(Mailbox(mailbox)))
        .sink(Arc::new(FileSink { folder, format: OutputFormat::Yedda, dry_run: false, force: false }))
        .connectors(connectors)
        .build()?;
    classifier.load_model("context")?;
    let documents = classifier.load_raw().await?;
    let predictions = classifier.predict(documents).await?;
    let mut outcomes = 0;
    classifier
        .save_annotated(predictions, |rows| {
            outcomes += rows.len();
            Ok(())
        })
        .await?;
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_message_is_labelled_and_nothing_of_it_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox");
        std::fs::write(&path, EXAMPLE).unwrap();
        let annotated = label(MailboxParams { path }, folder.path().join("out")).await.unwrap();
        assert_eq!(annotated, 2);
        let read = |name: &str| std::fs::read_to_string(folder.path().join("out").join(name)).unwrap();
        let annotations = read("0.txt.ann") + &read("1.txt.ann");
        assert_eq!(skol_classifier::document::yedda::strip(&annotations), EXAMPLE);
        assert!(annotations.contains("#Description*]"), "{annotations}");
    }
}
