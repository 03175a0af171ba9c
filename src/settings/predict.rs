//! The settings of `predict_classifier`: typed, checked against each other, complete.

use super::couchdb::{self, CouchDb};
use super::layers::Layers;
use super::reader::{Found, Reader, Shown};
use super::values::{ByteSize, CheckpointPolicy, ColorChoice, LogFormat, OutputFormat};
use super::{environment::Environment, machine};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything that a run of `predict_classifier` depends on. Nothing further in reads the environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is to be done.
    pub task: Task,
    /// Where the documents are, and with them where the annotations go.
    pub input: Input,
    /// Folder for the annotations; not used with CouchDB.
    pub output: PathBuf,
    /// How annotations are written.
    pub output_format: OutputFormat,
    /// Do everything but write.
    pub dry_run: bool,
    /// Name or path of the model; `None`: the best shipped one.
    pub model: Option<String>,
    /// Whether fine labels are answered as one of three.
    pub collapse: bool,
    /// Which documents are labelled.
    pub selection: Selection,
    /// Annotations are saved after every so many documents, at the latest.
    pub incremental_batch_size: usize,
    /// Documents per batch.
    pub prediction_batch_size: usize,
    /// Threads that compute.
    pub cores: usize,
    /// Partitions of the work.
    pub partitions: usize,
    /// Memory pool of the engine.
    pub memory_limit: ByteSize,
    /// When a stage is materialized.
    pub checkpoint: CheckpointPolicy,
    /// Folder for checkpoints on disk; `None`: the system's temporary folder.
    pub checkpoint_dir: Option<PathBuf>,
    /// Depth beyond which [`CheckpointPolicy::Auto`] makes a checkpoint.
    pub lineage_threshold: usize,
    /// Ballista scheduler to run on.
    pub cluster: Option<String>,
    /// Metrics of the run: `.json` or `.prom`.
    pub metrics_file: Option<PathBuf>,
    /// Report of the run: `.html`.
    pub report: Option<PathBuf>,
    /// How the program talks.
    pub terminal: Terminal,
    /// Warnings about the settings themselves, for verbosity 1 and above.
    pub notices: Vec<String>,
    pub(super) shown: BTreeMap<&'static str, Shown>,
}

/// What `predict_classifier` is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Label the selected documents and save the annotations.
    Label,
    /// Bring the field `taxonomy` of the documents up to date, and nothing else. Only with CouchDB.
    UpdateTaxonomyFlag,
    /// List the shipped models.
    ListModels,
    /// Show which features made the label of one paragraph.
    Explain {
        /// Path or document id.
        document: String,
        /// A line of the paragraph, counted from 1.
        line: usize,
    },
}

impl Task {
    /// Whether it is a question about models that touches no document of the run.
    #[must_use]
    pub fn is_question(&self) -> bool {
        matches!(self, Task::ListModels | Task::Explain { .. })
    }
}

/// Where the documents are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The shipped sample documents.
    Samples,
    /// Files, folders, globs, `-` for standard input.
    Paths(Vec<String>),
    /// A database.
    CouchDb(CouchDb),
}

/// Which documents are labelled. What speaks of fields of a document has a meaning with CouchDB only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Only these; empty: all.
    pub doc_ids: Vec<String>,
    /// At most so many.
    pub limit: Option<usize>,
    /// Skip what has an annotation. Already false where `force` is set.
    pub skip_existing: bool,
    /// Label anew whatever is there.
    pub force: bool,
    /// Only documents with a taxonomic abbreviation. Already false where the check is switched off.
    pub taxonomy_filter: bool,
    /// Those abbreviations.
    pub taxonomy_abbrevs: Vec<String>,
    /// Leave out documents with the field `golden_dataset`.
    pub skip_golden: bool,
    /// Take in documents with the field `is_taxpub`.
    pub include_taxpub: bool,
    /// Which attachments are documents: a glob.
    pub attachment_pattern: String,
}

/// How a program talks to people and machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    /// 0 nothing, 1 warnings, 2 every stage and a summary, 3 details.
    pub verbosity: u8,
    /// When colours are used.
    pub color: ColorChoice,
    /// Whether progress is shown.
    pub progress: bool,
    /// How messages are written.
    pub log_format: LogFormat,
}

impl Terminal {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let found = reader.required("verbosity")?;
        let verbosity =
            found.text.trim().parse::<u8>().ok().filter(|level| *level <= 3).ok_or_else(|| {
                found.wrong("0 (nothing), 1 (warnings), 2 (every stage and a summary), 3 (details)")
            })?;
        reader.show("verbosity", i64::from(verbosity), &found.origin);
        Ok(Self {
            verbosity,
            color: reader.word("color", ColorChoice::ALL, ColorChoice::from_word)?,
            progress: !reader.flag("no_progress")?,
            log_format: reader.word("log_format", LogFormat::ALL, LogFormat::from_word)?,
        })
    }
}

impl Settings {
    /// The settings of a run that nobody said anything about: the defaults on this machine.
    ///
    /// # Errors
    /// None in practice: the defaults are part of the program.
    pub fn defaults() -> Result<Self> {
        Self::from_layers(&Layers::defaults_only()?, &Environment::default(), Task::Label)
    }

    /// Where the value of a setting came from, for messages: `default`, `env_config:3 (CORES)`,
    /// `command line --cores`. `None` for a name that is no setting.
    #[must_use]
    pub fn origin(&self, name: &str) -> Option<&str> {
        self.shown.get(name).map(|shown| shown.origin.as_str())
    }

    /// How much is told, 0 to 3.
    #[must_use]
    pub fn verbosity(&self) -> u8 {
        self.terminal.verbosity
    }

    pub(super) fn from_layers(layers: &Layers, environment: &Environment, task: Task) -> Result<Self> {
        let reader = &mut Reader::new(layers, environment);
        let terminal = Terminal::read(reader)?;
        super::show_files(reader);
        let selection = selection(reader)?;
        let input = input(reader)?;
        let task = taxonomy_task(reader, &input, task)?;
        let cores = cores(reader)?;
        let partitions = partitions(reader, cores)?;
        reader.flag("incremental")?;
        Ok(Self {
            task,
            input,
            output: reader.path("output").unwrap_or_else(|| PathBuf::from("output")),
            output_format: reader.word("output_format", OutputFormat::ALL, OutputFormat::from_word)?,
            dry_run: reader.flag("dry_run")?,
            model: reader.text("model"),
            collapse: reader.flag("collapse")?,
            selection,
            incremental_batch_size: reader.count("incremental_batch_size", 1..=u64::from(u32::MAX))?,
            prediction_batch_size: reader.count("prediction_batch_size", 1..=u64::from(u32::MAX))?,
            cores,
            partitions,
            memory_limit: memory_limit(reader)?,
            checkpoint: reader.word("checkpoint", CheckpointPolicy::ALL, CheckpointPolicy::from_word)?,
            checkpoint_dir: reader.path("checkpoint_dir"),
            lineage_threshold: reader.count("lineage_threshold", 1..=u64::from(u32::MAX))?,
            cluster: cluster(reader)?,
            metrics_file: reader.file("metrics_file", &["json", "prom"])?,
            report: reader.file("report", &["html", "htm"])?,
            terminal,
            notices: std::mem::take(&mut reader.notices),
            shown: std::mem::take(&mut reader.shown),
        })
    }
}

fn selection(reader: &mut Reader<'_>) -> Result<Selection> {
    let force = reader.flag("force")?;
    let skip_existing = reader.flag("skip_existing")?;
    let unchecked = reader.flag("skip_taxonomy_check")?;
    let filter = reader.flag("taxonomy_filter")?;
    let limit = reader.number("limit", 1..=u64::from(u32::MAX))?;
    Ok(Selection {
        doc_ids: reader.list("doc_ids").0,
        limit: limit.and_then(|limit| usize::try_from(limit).ok()),
        skip_existing: skip_existing && !force,
        force,
        taxonomy_filter: filter && !unchecked,
        taxonomy_abbrevs: reader.list("taxonomy_abbrevs").0,
        skip_golden: reader.flag("skip_golden")?,
        include_taxpub: reader.flag("include_taxpub")?,
        attachment_pattern: couchdb::pattern(reader)?,
    })
}

/// CouchDB when an ingest database is given, unless a stronger layer names files.
fn input(reader: &mut Reader<'_>) -> Result<Input> {
    let said = couchdb::Said::read(reader)?;
    let (paths, rank) = reader.list("input");
    let Some(ingest) = said.ingest.clone() else {
        reader.find("couchdb_password_file");
        return match (paths.is_empty(), said.url_origin()) {
            (false, _) => Ok(Input::Paths(paths)),
            (true, None) => Ok(Input::Samples),
            (true, Some(origin)) => Err(Error::usage(format!(
                "a CouchDB server is given ({origin}), but no database and no INPUT; add --ingest-db-name or \
                 INGEST_DATABASE, or name files to label"
            ))),
        };
    };
    if paths.is_empty() || rank < ingest.rank {
        return Ok(Input::CouchDb(said.into_couchdb(ingest, reader)?));
    }
    if rank > ingest.rank {
        reader.notices.push(format!(
            "files are named, so the database '{}' ({}) is not used",
            ingest.text, ingest.origin
        ));
        reader.find("couchdb_password_file");
        return Ok(Input::Paths(paths));
    }
    Err(Error::usage(format!(
        "both files to label ('{}') and a database ('{}', {}) are given; leave out one of them",
        paths.join("', '"),
        ingest.text,
        ingest.origin
    )))
}

fn taxonomy_task(reader: &mut Reader<'_>, input: &Input, task: Task) -> Result<Task> {
    if !reader.flag("update_taxonomy_flag_only")? || task != Task::Label {
        return Ok(task);
    }
    if reader.flag("skip_taxonomy_check")? {
        return Err(Error::usage(
            "update_taxonomy_flag_only and skip_taxonomy_check contradict each other; leave out one of them",
        ));
    }
    match input {
        Input::CouchDb(_) => Ok(Task::UpdateTaxonomyFlag),
        _ => Err(Error::usage(
            "update_taxonomy_flag_only needs documents in CouchDB; add --couchdb-url and --ingest-db-name",
        )),
    }
}

/// More than this is a mistake, not a machine.
const MOST_CORES: u64 = 4096;

fn cores(reader: &mut Reader<'_>) -> Result<usize> {
    let found = reader.required("cores")?;
    if found.text.trim().eq_ignore_ascii_case("all") {
        let cores = machine::cores();
        reader.show("cores", cores as i64, &format!("{} (all)", found.origin));
        return Ok(cores);
    }
    whole(reader, &found, "cores", "all")
}

fn partitions(reader: &mut Reader<'_>, cores: usize) -> Result<usize> {
    let found = reader.required("partitions")?;
    if found.text.trim().eq_ignore_ascii_case("cores") {
        reader.show("partitions", cores as i64, &format!("{} (cores)", found.origin));
        return Ok(cores);
    }
    whole(reader, &found, "partitions", "cores")
}

fn whole(reader: &mut Reader<'_>, found: &Found, key: &'static str, word: &str) -> Result<usize> {
    let number =
        found.text.trim().parse::<u32>().ok().filter(|number| (1..=MOST_CORES).contains(&u64::from(*number)));
    let number =
        number.ok_or_else(|| found.wrong(&format!("{word}, or a whole number from 1 to {MOST_CORES}")))?;
    reader.show(key, i64::from(number), &found.origin);
    Ok(number as usize)
}

/// Where the machine does not say how much memory it has.
const UNKNOWN_MACHINE: u64 = 4 << 30;

fn memory_limit(reader: &mut Reader<'_>) -> Result<ByteSize> {
    let found = reader.required("memory_limit")?;
    let text = found.text.trim();
    let wrong = || found.wrong("a size like 8g or 512m, or a share of the machine's memory like 80%");
    let size = match text.strip_suffix('%') {
        Some(share) => {
            let share = share.trim().parse::<f64>().ok().filter(|share| *share > 0.0 && *share <= 100.0);
            let memory = machine::memory().unwrap_or(UNKNOWN_MACHINE) as f64;
            ByteSize((memory * share.ok_or_else(wrong)? / 100.0).max(1.0) as u64)
        }
        None => ByteSize::parse(text).ok_or_else(wrong)?,
    };
    let bytes = i64::try_from(size.0).unwrap_or(i64::MAX);
    reader.show("memory_limit", bytes, &format!("{} ({text}, {size})", found.origin));
    Ok(size)
}

fn cluster(reader: &mut Reader<'_>) -> Result<Option<String>> {
    match reader.find("cluster") {
        Some(found) if !cfg!(feature = "cluster") => Err(Error::usage(format!(
            "this build has no cluster support, but a cluster is given ({}: {}); leave it out to run on this machine, \
             or build with --features cluster",
            found.origin, found.text
        ))),
        found => Ok(found.map(|found| found.text.trim().to_owned())),
    }
}
