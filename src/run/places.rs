//! Where a run reads and writes, from its settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::RunLock;
use super::lock::short_hash;
use crate::couchdb::{ConnectionParams, IfMissing, Producer, plain_http_warning, preflight};
use crate::error::Result;
use crate::model::Model;
use crate::settings::{CouchDb, Endpoint, Input, Settings};
use crate::sink::couchdb::{CouchSaveParams, CouchSink};
use crate::sink::{FileSink, STDOUT, Sink};
use crate::source::couchdb::{CouchSelection, CouchSource};
use crate::source::{FileSource, SampleSource, Source};
use crate::taxonomy::TaxonomyFilter;
use crate::worker::RequestMetrics;

/// The lock of an output folder.
const LOCK_FILE: &str = ".skol_classifier.lock";

/// Source and sink of a run, made ready.
pub(super) struct Places {
    pub(super) source: Arc<dyn Source>,
    pub(super) sink: Arc<dyn Sink>,
    /// The lock file and what it guards; `None` where nothing is written.
    pub(super) lock: Option<(PathBuf, String)>,
    /// Where the annotations are, for the sentence at the end.
    pub(super) destination: String,
    /// What the operator should know about these places.
    pub(super) warnings: Vec<String>,
}

impl Places {
    pub(super) async fn open(
        settings: &Settings,
        model: &Model,
        tally: &Arc<RequestMetrics>,
    ) -> Result<Self> {
        match &settings.input {
            Input::Samples => Self::files(settings, Arc::new(SampleSource::new(settings.selection.limit))),
            Input::Paths(paths) => {
                let selection = &settings.selection;
                let limit = selection.limit.map(|limit| limit as u64);
                let mut source = FileSource::new(paths, &selection.attachment_pattern)?.with_limit(limit);
                if selection.skip_existing {
                    source = source.skip_existing(&settings.output, settings.output_format);
                }
                Self::files(settings, Arc::new(source))
            }
            Input::CouchDb(couch) => Self::couchdb(settings, couch, model, tally).await,
        }
    }

    async fn couchdb(
        settings: &Settings,
        couch: &CouchDb,
        model: &Model,
        tally: &Arc<RequestMetrics>,
    ) -> Result<Self> {
        let input = connection(&couch.ingest, couch.ca_file.as_deref())?;
        let output = connection(&couch.output, couch.ca_file.as_deref())?;
        preflight(&input, IfMissing::Refuse, Arc::clone(tally)).await?;
        if !output.same_database(&input) {
            let if_missing = if settings.dry_run { IfMissing::Accept } else { IfMissing::Create };
            preflight(&output, if_missing, Arc::clone(tally)).await?;
        }
        let selection = &settings.selection;
        let taxonomy = selection
            .taxonomy_filter
            .then(|| TaxonomyFilter::from_list(&selection.taxonomy_abbrevs.join(",")));
        let source = CouchSource::new(
            input.clone(),
            output.clone(),
            CouchSelection {
                pattern: selection.attachment_pattern.clone(),
                doc_ids: selection.doc_ids.clone(),
                limit: selection.limit.map(|limit| limit as u64),
                skip_existing: selection.skip_existing,
                skip_golden: selection.skip_golden,
                include_taxpub: selection.include_taxpub,
                suffix: settings.output_format.annotation_name(""),
                taxonomy,
            },
            Arc::clone(tally),
        )?;
        let producer = Producer {
            model: model.name().to_string(),
            model_sha256: model.sha256().to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
        };
        let place = output.to_string();
        let lock = if settings.dry_run {
            None
        } else {
            Some((RunLock::file_for(&place, &checkpoint_folder(settings))?, place.clone()))
        };
        let save =
            CouchSaveParams { dry_run: settings.dry_run, ..CouchSaveParams::new(output, &input, producer) };
        Ok(Self {
            source: Arc::new(source),
            warnings: plain_http_warning(&input).into_iter().collect(),
            sink: Arc::new(CouchSink::new(save, settings.output_format)),
            lock,
            destination: if couch.output_is_named {
                format!("in {place}")
            } else {
                format!("in the ingest database, {place}")
            },
        })
    }

    fn files(settings: &Settings, source: Arc<dyn Source>) -> Result<Self> {
        let sink = FileSink {
            folder: settings.output.clone(),
            format: settings.output_format,
            dry_run: settings.dry_run,
        };
        sink.prepare()?;
        let destination = settings.output.display().to_string();
        let writes = !settings.dry_run && destination != STDOUT;
        let lock =
            writes.then(|| (settings.output.join(LOCK_FILE), format!("the output folder '{destination}'")));
        let destination = if destination == STDOUT {
            "on standard output".to_string()
        } else {
            format!("in {destination}")
        };
        Ok(Self { source, sink: Arc::new(sink), lock, destination, warnings: vec![] })
    }
}

/// How to reach a database; `ca_file` is a certificate authority to trust in addition to the system's.
pub(crate) fn connection(endpoint: &Endpoint, ca_file: Option<&Path>) -> Result<ConnectionParams> {
    let mut connection = ConnectionParams::new(endpoint.url.as_str(), &endpoint.database)?;
    if let Some(credentials) = &endpoint.credentials {
        connection = connection
            .with_credentials(Some(credentials.username.clone()), Some(credentials.password.clone()));
    }
    connection.ca_file = ca_file.map(Path::to_owned);
    Ok(connection)
}

/// The folder for checkpoints, locks of databases and the records of past runs.
pub(super) fn checkpoint_folder(settings: &Settings) -> PathBuf {
    settings.checkpoint_dir.clone().unwrap_or_else(|| std::env::temp_dir().join("skol_classifier"))
}

/// The folder for the records of past runs with the same output: only those are worth comparing with.
pub(super) fn records_folder(settings: &Settings) -> PathBuf {
    let output = match &settings.input {
        Input::CouchDb(couch) => format!("{}/{}", couch.output.url.as_str(), couch.output.database),
        Input::Samples | Input::Paths(_) => {
            std::path::absolute(&settings.output).unwrap_or_default().display().to_string()
        }
    };
    let kind = if settings.dry_run { "dry run to" } else { "run to" };
    checkpoint_folder(settings).join("runs").join(short_hash(&format!("{kind} {output}")))
}
