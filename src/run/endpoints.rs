//! Where a run reads and writes, from its settings.

use std::path::PathBuf;
use std::sync::Arc;

use super::lock::{Lock, short_hash};
use super::{cluster, couchdb};
use crate::error::Result;
use crate::model::Model;
use crate::settings::{CouchDb, Input, Settings};
use crate::sink::{FileSink, OutputFormat, STDOUT, Sink};
use crate::source::couchdb::Checkpoint;
use crate::source::{Choice, FileSource, FilesLoadParams, LeftOut, SampleSource, Source};
use crate::taxonomy::TaxonomyFilter;
use crate::worker::WorkerContext;

/// Source and sink of a run, made ready.
pub(super) struct Endpoints {
    pub(super) source: Arc<dyn Source>,
    /// The same source for a second listing, which only counts.
    pub(super) counting: Arc<dyn Source>,
    /// What the listing of `source` passes over, where that is noted.
    pub(super) left_out: Option<Arc<LeftOut>>,
    pub(super) sink: Arc<dyn Sink>,
    /// The sink again, where it writes files.
    pub(super) files: Option<FileSink>,
    /// Where pages go too, if they are not the annotations themselves.
    pub(super) pages: Option<FileSink>,
    /// The lock and what it guards; `None` where nothing is written.
    pub(super) lock: Option<(Lock, String)>,
    /// Where the annotations are, for the sentence at the end.
    pub(super) destination: String,
    /// What the operator should know about them.
    pub(super) warnings: Vec<String>,
    /// What a run that ends well keeps for the next.
    pub(super) checkpoint: Option<Checkpoint>,
}

impl Endpoints {
    pub(super) async fn open(settings: &Settings, model: &Model, context: &WorkerContext) -> Result<Self> {
        match &settings.input {
            Input::Samples => {
                let source = SampleSource::default().with_choice(choice(settings));
                let left_out = source.left_out();
                let counting = Arc::new(SampleSource::default().with_choice(choice(settings)));
                let mut endpoints = Self::files(settings, model, Arc::new(source), counting, left_out)?;
                endpoints.destination += ", made of the shipped sample documents";
                Ok(endpoints)
            }
            Input::Paths(paths) => {
                let load = FilesLoadParams {
                    max_document_size: settings.max_document_size.0,
                    text: settings.text(),
                    base: cluster::base(settings)?,
                };
                let source = FileSource::new(paths, &settings.selection.attachment_pattern)?
                    .with_choice(choice(settings), load)
                    .without_output(&settings.output);
                source.check_names(settings.output_format)?;
                let (left_out, counting) = (source.left_out(), Arc::new(source.unnoted()));
                Self::files(settings, model, Arc::new(source), counting, left_out)
            }
            Input::CouchDb(couch) => Self::couchdb(settings, couch, model, context).await,
        }
    }

    async fn couchdb(
        settings: &Settings,
        couch: &CouchDb,
        model: &Model,
        context: &WorkerContext,
    ) -> Result<Self> {
        let databases = couchdb::open(settings, couch, model, context).await?;
        let lock =
            (!settings.dry_run).then(|| (Lock::Name(databases.name.clone()), databases.output.clone()));
        let (left_out, counting) = (databases.source.left_out(), Arc::new(databases.source.unnoted()));
        Ok(Self {
            counting,
            source: Arc::new(databases.source),
            left_out: Some(left_out),
            files: None,
            pages: pages(settings)?,
            sink: Arc::new(databases.sink),
            lock,
            destination: if couch.output_is_named {
                format!("in {}", databases.output)
            } else {
                format!("in the ingest database, {}", databases.output)
            },
            warnings: databases.warnings,
            checkpoint: databases.checkpoint,
        })
    }

    fn files(
        settings: &Settings,
        model: &Model,
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
        sink.write_brat_configuration(&settings.label_names.of(&model.answers(settings.collapse)).names)?;
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
            pages: pages(settings)?,
            lock,
            destination,
            warnings: vec![],
            checkpoint: None,
        })
    }
}

/// Where pages go too, if anywhere.
fn pages(settings: &Settings) -> Result<Option<FileSink>> {
    let Some(folder) = settings.html.clone() else { return Ok(None) };
    // A page is made from the annotation; what a person corrects in it is saved apart.
    let sink = FileSink { folder, format: OutputFormat::Html, dry_run: settings.dry_run, force: true };
    sink.prepare()?;
    Ok(Some(sink))
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
        Input::CouchDb(couch) => couchdb::connection_of(couch, &couch.output)
            .map_or_else(|_| couch.output.database.clone(), |output| output.canonical()),
        Input::Samples | Input::Paths(_) => {
            std::path::absolute(&settings.output).unwrap_or_default().display().to_string()
        }
    };
    let kind = if settings.dry_run { "dry run to" } else { "run to" };
    let state = settings.state_folder.clone().filter(|_| settings.checkpoint_dir.is_none());
    let folder = state.unwrap_or_else(|| checkpoint_folder(settings));
    folder.join("runs").join(short_hash(&format!("{kind} {output}")))
}
