//! `--since last`: where the last good run to an output ended, so that a quiet night does not list everything.
//!
//! As the replicator does (<https://docs.couchdb.org/en/stable/replication/protocol.html#generate-replication-id>), the
//! place in the source's changes is kept in a `_local` document of the target: it is neither listed nor replicated, it
//! goes when the target goes, and writing it is no change. Its name is a hash of everything that decides what a run
//! would do, so that another model or selection begins from the start. Where the source was made anew, its changes
//! begin anew, and so does the run.

use crate::Result;
use crate::couchdb::{
    Client, ConnectionParams, Connections, Database, ErrorKind, Producer, Step, Unusable, timestamp,
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::SystemTime;

/// From where changes are read.
#[derive(Debug, Clone)]
pub(super) struct Since {
    pub seq: Value,
    /// Where annotations are written into the same database, our own writes are changes too: what this producer has
    /// annotated already is passed over.
    pub own: Option<Producer>,
}

/// Where a run begins in the changes of its source, and where the next one may.
pub struct Checkpoint {
    output: Database,
    name: String,
    source: String,
    instance: String,
    since: Option<Value>,
    now: Value,
}

#[derive(Deserialize)]
struct Kept {
    source: String,
    instance: String,
    seq: Value,
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoint")
            .field("name", &self.name)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Checkpoint {
    /// Reads what the last good run kept, and where the changes of `input` end now.
    pub(super) async fn open(
        input: &ConnectionParams,
        output: &ConnectionParams,
        selection: &str,
        connections: &Arc<Connections>,
    ) -> Result<Self> {
        let open = |params: &ConnectionParams| {
            Client::open(params, connections)
                .map(Database::new)
                .map_err(|error| crate::Error::from(Unusable::new(params, Step::Connect, error)))
        };
        let (from, to) = (open(input)?, open(output)?);
        let info = from.info().await.map_err(|error| Unusable::new(input, Step::Open, error))?;
        let source = input.canonical();
        let hash = Sha256::digest(format!("{source}\n{selection}"));
        let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("skol_classifier-{hash}");
        let kept: Option<Kept> = match to.local(&name).await {
            Ok(kept) => kept,
            // A dry run into a database that is not there.
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            // Another program's, or a later version's.
            Err(error) if error.kind() == ErrorKind::Server => None,
            Err(error) => return Err(Unusable::new(output, Step::Open, error).into()),
        };
        let mut since = kept
            .filter(|kept| kept.source == source && kept.instance == info.instance_start_time)
            .map(|kept| kept.seq);
        if let Some(seq) = &since
            && let Err(error) = from.changes::<serde::de::IgnoredAny>(seq, 1).await
        {
            if error.kind() == ErrorKind::Gone {
                return Err(Unusable::new(input, Step::List, error).into());
            }
            connections.note(format!(
                "the changes of {input} cannot be read from where the last run ended ({}); all documents are listed",
                error.full()
            ));
            since = None;
        }
        Ok(Self { output: to, name, source, instance: info.instance_start_time, since, now: info.update_seq })
    }

    /// Where the last good run ended; `None` when everything is to be listed.
    #[must_use]
    pub fn since(&self) -> Option<&Value> {
        self.since.as_ref()
    }

    /// Keeps the place where this run began, after it has ended well: what has changed since then is the next run's.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn keep(&self) -> Result<()> {
        if self.since.as_ref() == Some(&self.now) {
            return Ok(());
        }
        let document = json!({
            "source": self.source,
            "instance": self.instance,
            "seq": self.now,
            "time": timestamp(SystemTime::now()),
            "version": env!("CARGO_PKG_VERSION"),
        });
        let written = self.output.put_local(&self.name, &document).await;
        Ok(written.map_err(|error| Unusable::new(self.output.client().params(), Step::Write, error))?)
    }
}
