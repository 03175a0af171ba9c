//! Where a run reads and writes, from its settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lock::{Lock, short_hash};
use crate::couchdb::{ConnectionParams, IfMissing, Producer, plain_http_warning, preflight};
use crate::error::Result;
use crate::model::Model;
use crate::settings::{CouchDb, Endpoint, Input, Settings};
use crate::sink::couchdb::{CouchSaveParams, CouchSink};
use crate::sink::{FileSink, STDOUT, Sink};
use crate::source::couchdb::{CouchSelection, CouchSource};
use crate::source::{Choice, FileSource, FilesLoadParams, LeftOut, SampleSource, Source};
use crate::taxonomy::TaxonomyFilter;
use crate::worker::RequestMetrics;

/// Source and sink of a run, made ready.
pub(super) struct Places {
    pub(super) source: Arc<dyn Source>,
    /// The same source for a second listing, which only counts.
    pub(super) counting: Arc<dyn Source>,
    /// What the listing of `source` passes over, where that is noted.
    pub(super) left_out: Option<Arc<LeftOut>>,
    pub(super) sink: Arc<dyn Sink>,
    /// The sink again, where it writes files.
    pub(super) files: Option<FileSink>,
    /// The lock and what it guards; `None` where nothing is written.
    pub(super) lock: Option<(Lock, String)>,
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
            Input::Samples => {
                let source = SampleSource::default().with_choice(choice(settings));
                let left_out = source.left_out();
                let counting = Arc::new(SampleSource::default().with_choice(choice(settings)));
                Self::files(settings, Arc::new(source), counting, left_out)
            }
            Input::Paths(paths) => {
                let load = FilesLoadParams { max_document_size: settings.max_document_size.0 };
                let source = FileSource::new(paths, &settings.selection.attachment_pattern)?
                    .with_choice(choice(settings), load)
                    .without_output(&settings.output);
                source.check_names(settings.output_format)?;
                let (left_out, counting) = (source.left_out(), Arc::new(source.unnoted()));
                Self::files(settings, Arc::new(source), counting, left_out)
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
        let lock = (!settings.dry_run).then(|| (Lock::Name(place.clone()), place.clone()));
        let save =
            CouchSaveParams { dry_run: settings.dry_run, ..CouchSaveParams::new(output, &input, producer) };
        let source: Arc<dyn Source> = Arc::new(source);
        Ok(Self {
            counting: Arc::clone(&source),
            source,
            left_out: None,
            files: None,
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

    fn files(
        settings: &Settings,
        source: Arc<dyn Source>,
        counting: Arc<dyn Source>,
        left_out: Arc<LeftOut>,
    ) -> Result<Self> {
        let sink = FileSink {
            folder: settings.output.clone(),
            format: settings.output_format,
            dry_run: settings.dry_run,
            force: settings.selection.force,
        };
        sink.prepare()?;
        let destination = settings.output.display().to_string();
        let writes = !settings.dry_run && destination != STDOUT;
        let lock = writes
            .then(|| (Lock::Folder(settings.output.clone()), format!("the output folder '{destination}'")));
        let destination = if destination == STDOUT {
            "on standard output".to_string()
        } else {
            format!("in {destination}")
        };
        let (files, left_out) = (Some(sink.clone()), Some(left_out));
        Ok(Self {
            source,
            counting,
            left_out,
            sink: Arc::new(sink),
            files,
            lock,
            destination,
            warnings: vec![],
        })
    }
}

/// Which of the listed files or samples are labelled.
fn choice(settings: &Settings) -> Choice {
    let selection = &settings.selection;
    Choice {
        doc_ids: selection.doc_ids.clone(),
        limit: selection.limit.map(|limit| limit as u64),
        existing: selection.skip_existing.then(|| (settings.output.clone(), settings.output_format)),
        taxonomy: (selection.taxonomy_filter && !selection.force)
            .then(|| TaxonomyFilter::from_list(&selection.taxonomy_abbrevs.join(","))),
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

/// The folder for checkpoints: one that others cannot write to, since what lies there is read again.
pub(super) fn checkpoint_folder(settings: &Settings) -> PathBuf {
    settings.checkpoint_dir.clone().unwrap_or_else(temporary_folder)
}

/// This user's own folder among the temporary ones.
fn temporary_folder() -> PathBuf {
    let folder = std::env::temp_dir();
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // Whose file it is that is made now, that is who runs this.
        let user = tempfile::tempfile().and_then(|file| file.metadata()).map(|file| file.uid());
        if let Ok(user) = user {
            let own = folder.join(format!("skol_classifier-{user}"));
            if is_own(&own, user) {
                return own;
            }
        }
        // Somebody else made it first: a name that nobody guesses.
        folder.join(format!("skol_classifier-{:016x}", rand::random::<u64>()))
    }
    #[cfg(not(unix))]
    folder.join("skol_classifier")
}

/// Whether `folder` is there, made now if need be, and nobody but `user` can write to it.
#[cfg(unix)]
fn is_own(folder: &std::path::Path, user: u32) -> bool {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    // Whether it was there before is seen next.
    let _ = std::fs::DirBuilder::new().mode(0o700).create(folder);
    std::fs::symlink_metadata(folder)
        .is_ok_and(|found| found.is_dir() && found.uid() == user && found.mode() & 0o022 == 0)
}

/// The folder for the records of past runs with the same output: only those are worth comparing with. It is this
/// user's own, and lies with the checkpoints where a folder for those is given or the user has no home.
pub(super) fn records_folder(settings: &Settings) -> PathBuf {
    let output = match &settings.input {
        Input::CouchDb(couch) => format!("{}/{}", couch.output.url.as_str(), couch.output.database),
        Input::Samples | Input::Paths(_) => {
            std::path::absolute(&settings.output).unwrap_or_default().display().to_string()
        }
    };
    let kind = if settings.dry_run { "dry run to" } else { "run to" };
    let state = settings.state.folder.clone().filter(|_| settings.checkpoint_dir.is_none());
    let folder = state.unwrap_or_else(|| checkpoint_folder(settings));
    folder.join("runs").join(short_hash(&format!("{kind} {output}")))
}
