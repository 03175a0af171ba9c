//! The settings of `predict_classifier`: typed, checked against each other, complete.

use super::couchdb::{Input, samples_are_meant};
use super::definition::settings;
use super::error::{SettingsError, contradiction};
use super::learning::model_folders;
use super::reader::{Found, Reader};
use super::terminal::{Files, Terminal};
use super::value::{Allowed, page, size, with_suffix};
use super::{Environment, Rank, machine, skol};
use crate::document::brat::BratSpans;
use crate::document::{SourceMarks, TextEncoding, TextParams};
use crate::instrumentation::CheckpointPolicy;
use crate::sink::{LabelNames, OutputFormat, STDOUT};
use crate::source::STDIN;
use crate::taxonomy::DEFAULT_ABBREVIATIONS;
use bytesize::ByteSize;
use globset::Glob;
use std::path::{Path, PathBuf};

settings! {
    /// Everything that a run of `predict_classifier` depends on. Nothing further in reads the environment.
    #[derive(Debug, Clone, PartialEq)]
    #[cfg_attr(not(feature = "cluster"), allow(dead_code, reason = "some of them are of a cluster"))]
    pub(crate) struct Settings in "" for Predict then Settings::check {
        input: Input;
        /// Folder for the annotations
        ///
        /// An input a/b.txt becomes a/b.txt.ann below this folder. It is created if missing.
        output: PathBuf => Output "DIR" { default: "output/", short: Some('o'), hints_at_a_source: true };
        /// How the annotations are written
        ///
        /// yedda: the whole text with [@...#Label*] markers; jsonl: one line per paragraph with label and
        /// probabilities; parquet: the same as a table; brat: stand-off .ann with a copy of the text; html: a
        /// page to look at and to correct.
        output_format: OutputFormat => Output "FORMAT" { default: "yedda", env: &["OUTPUT_FORMAT"] };
        /// Folder for pages to look at and to correct, and their index
        ///
        /// Each document also becomes a page a/b.txt.html below this folder, whatever the output format is;
        /// index.html lists them all. Open it in any browser: nothing is asked for over a network.
        html: Option<PathBuf> => Output "DIR";
        /// Names that labels get when they are written: skol, or a TOML file
        ///
        /// `skol` gives them the names that SKOL's later programs know (Figure-caption, Materials-examined, ...). A file
        /// holds lines like `Figure = "Figure-caption"`; labels that it does not name keep theirs. Labels that get one
        /// name count together.
        label_names: LabelNames => Output "NAME or FILE";
        /// How brat gets paragraphs of several lines
        ///
        /// fragments: one `start end` a line, as brat wants it; contiguous: one per paragraph, with the line ends in its
        /// text escaped, for readers that know no fragments.
        brat_spans: BratSpans => Output "HOW" { default: "fragments" };
        /// Do everything but write
        dry_run: bool => Output "BOOL" { env: &["DRY_RUN"] };
        /// Model to label with: a shipped or trained one's name, or a file
        ///
        /// Without it the best shipped model is taken. --list-models shows what there is.
        model: Option<String> => Model "NAME or PATH" { env: &["MODEL_NAME"], aliases: &["model-name"] };
        /// Merge fine labels into Nomenclature, Description and Misc-exposition
        ///
        /// The probabilities of fine labels are added up: Nomenclature and Description stay, all others are
        /// Misc-exposition.
        collapse: bool => Model "BOOL";
        /// Let the model learn from the documents of the run before it labels them
        ///
        /// What it is sure of teaches it how the rest of the journal is written. Meant for whole volumes of one journal:
        /// of five that it had not seen, four were labelled better and a short one worse. Labels then depend on which
        /// documents a run has. Up to a thousand documents (4 MB of text) are read once more for it.
        self_train: bool => Model "BOOL";
        /// How the documents are encoded: utf-8, auto, or a name like windows-1252
        ///
        /// UTF-16 with a byte order mark is always recognised. `auto` guesses, per document, what is no UTF-8. Other names
        /// are those of the WHATWG standard. Annotations are written in UTF-8.
        encoding: TextEncoding => Input "NAME" { default: "utf-8" };
        /// What becomes of YEDDA marks in the documents
        ///
        /// escape: they are text, and stay; strip: the documents are annotations, whose marks go before the text is
        /// labelled anew.
        source_marks: SourceMarks => Input "HOW" { default: "escape" };
        selection: Selection;
        /// Save as the run goes (it does so anyway)
        incremental: bool => Batches "BOOL" { env: &["INCREMENTAL"], hints_at_a_source: true };
        /// Save after every N documents
        incremental_batch_size: usize =>
            Batches "N" { default: "50", env: &["INCREMENTAL_BATCH_SIZE"], hints_at_a_source: true };
        /// Documents per batch
        ///
        /// Memory follows this number times the cores; labels do not depend on it.
        prediction_batch_size: usize =>
            Batches "N" { default: "24", env: &["PREDICTION_BATCH_SIZE"], aliases: &["batch-size"] };
        /// Cores to use: a number, or all
        ///
        /// `all` respects the processor quota of a container.
        cores: usize =>
            Engine "N" { default: "all", env: &["CORES", "NUM_WORKERS"], aliases: &["num-workers"] }, cores;
        /// Partitions of the work: a number, or cores for as many as cores
        ///
        /// A document is never split over two partitions; labels do not depend on their number.
        partitions: usize => Engine "N" { default: "cores", env: &["PARTITIONS"] }, partitions;
        /// Memory pool of the engine: 8g, 512m, or a share like 80%
        ///
        /// k, m, g and t are powers of 1024, as they were for Spark. A share is taken of the machine's memory or of
        /// the container's limit, whichever is smaller.
        memory_limit: ByteSize => Engine "SIZE" { default: "80%", env: &["MEMORY_LIMIT"] }, memory_limit;
        /// The largest document that is read, like 256m
        ///
        /// A larger one fails by name, before its text is in memory. A volume of a journal has about two megabytes.
        max_document_size: ByteSize => Engine "SIZE" { default: "256m" };
        /// When to materialize a stage so that its lineage starts anew
        ///
        /// auto: when verbosity is at least 1 and the lineage is deeper than --lineage-threshold.
        checkpoint: CheckpointPolicy => Engine "WHEN" { default: "auto", env: &["CHECKPOINT"] };
        /// Folder for checkpoints that do not fit in memory; without it the system's temporary folder
        checkpoint_dir: Option<PathBuf> => Engine "DIR" { env: &["CHECKPOINT_PATH"] };
        /// Lineage depth beyond which `auto` makes a checkpoint
        lineage_threshold: usize => Engine "N" { default: "30", env: &["LINEAGE_THRESHOLD"] };
        /// Run the plan on this Ballista scheduler, like http://host:20050, or standalone
        ///
        /// The executors of classifier_scheduler read the documents and write the annotations. standalone runs a
        /// scheduler and an executor in this process. Needs a program that was built with the feature `cluster`.
        cluster: Option<String> => Engine "URL" { env: &["CLUSTER_URL"] };
        /// Seconds to wait for an executor of the cluster
        cluster_wait: u64 => Engine "SECONDS" { default: "30", env: &["CLUSTER_WAIT"] };
        /// Send the credentials of CouchDB to the executors, in the plan
        ///
        /// Without it each executor takes COUCHDB_USER, COUCHDB_PASSWORD (and INGEST_USERNAME, INGEST_PASSWORD) from its
        /// own environment or env_config. The way to the executors is not encrypted.
        send_credentials: bool => Engine "BOOL";
        /// Metrics of the run, as .json or Prometheus text (.prom)
        ///
        /// Written atomically at the end, also when the run failed.
        metrics_file: Option<PathBuf> => Reports "FILE" { env: &["METRICS_FILE"] }, metrics_file;
        /// The run as one self-contained page
        report: Option<PathBuf> => Reports "FILE.html" { env: &["REPORT"] }, page;
        terminal: Terminal;
        files: Files;
        /// The user's own folder for what is remembered from run to run; `None` where the user has no home.
        state_folder: Option<PathBuf> = state_folder;
        /// The folders in which models are found by name, the one for new ones first.
        model_folders: Vec<PathBuf> = model_folders;
        task: Task = Task::asked_for;
    }
}

fn state_folder(reader: &mut Reader<'_>) -> Result<Option<PathBuf>, SettingsError> {
    Ok(reader.environment.state_folder())
}

/// What `predict_classifier` is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
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
    /// The task as far as it follows from what is asked for instead of a run.
    fn asked_for(reader: &mut Reader<'_>) -> Result<Self, SettingsError> {
        match &reader.asked.explain {
            _ if reader.asked.list_models => Ok(Task::ListModels),
            Some(place) => Task::explain(place),
            None => Ok(Task::Label),
        }
    }

    fn explain(place: &str) -> Result<Self, SettingsError> {
        let parts = place.rsplit_once(':').and_then(|(document, line)| {
            let line = line.trim().parse::<usize>().ok().filter(|line| *line > 0)?;
            (!document.is_empty()).then(|| Task::Explain { document: document.to_owned(), line })
        });
        parts.ok_or_else(|| SettingsError::Invalid {
            setting: "--explain",
            value: place.to_owned(),
            origin: "command line --explain".to_owned(),
            allowed: "DOC:LINE, a document and a line counted from 1, like texts/a.txt:120".to_owned(),
            rank: None,
        })
    }
}

settings! {
    /// Which documents are labelled. What speaks of fields of a document has a meaning with CouchDB only.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Selection in "" then Selection::check {
        /// Only these documents
        doc_ids: Vec<String> =>
            Selection "ID[,ID...]" { env: &["DOC_IDS"], long: Some("doc-id"), aliases: &["doc-ids"] };
        /// Label at most N documents
        limit: Option<usize> => Selection "N" { env: &["LIMIT"], hints_at_a_source: false };
        /// Skip documents that have an annotation
        ///
        /// An annotation that is already right is never written again, with or without this option; skipping saves
        /// reading and labelling the document as well.
        skip_existing: bool => Selection "BOOL" { env: &["SKIP_EXISTING"] };
        /// Label every selected document anew; wins over --skip-existing and --taxonomy-filter
        ///
        /// An annotation that a person changed is overwritten; a copy of it is kept.
        force: bool => Selection "BOOL" { env: &["FORCE"] };
        /// Only documents with a taxonomic abbreviation
        ///
        /// In CouchDB the boolean field `taxonomy` of the documents is kept true to that.
        taxonomy_filter: bool => Selection "BOOL" { env: &["TAXONOMY_FILTER"] };
        /// The abbreviations that the taxonomy filter looks for
        taxonomy_abbrevs: Vec<String> =>
            Selection "ABBR[,ABBR...]" { default: DEFAULT_ABBREVIATIONS, env: &["TAXONOMY_ABBREVS"] };
        /// Take every document as taxonomic, without looking; wins over --taxonomy-filter
        skip_taxonomy_check: bool => Selection "BOOL" { env: &["SKIP_TAXONOMY_CHECK"] };
        /// Only bring the field `taxonomy` up to date, label nothing
        update_taxonomy_flag_only: bool => Selection "BOOL";
        /// Leave out documents with the field `golden_dataset`
        skip_golden: bool => Selection "BOOL" { env: &["SKIP_GOLDEN"] };
        /// Take in documents with the field `is_taxpub`
        include_taxpub: bool => Selection "BOOL" { env: &["INCLUDE_TAXPUB"] };
        /// Only what changed since the last good run to this output
        ///
        /// CouchDB only. Another model, format or selection begins anew.
        since: Option<String> => Selection "last" { env: &["SINCE"] }, since;
        /// Which attachments, or files of a folder, are documents
        ///
        /// For folders the default is *.{txt,pdf}; there a PDF is passed over where its text lies beside it.
        attachment_pattern: String =>
            Selection "GLOB" { default: "*.txt", env: &["COUCHDB_PATTERN", "PATTERN"], aliases: &["couchdb-pattern", "pattern"] }, glob;
    }
}

/// The key of the pattern.
const PATTERN: &str = "attachment_pattern";
/// Its default for files. A database often holds the PDF of a text as well, under a name of its own.
const PATTERN_OF_FILES: &str = "*.{txt,pdf}";

impl Selection {
    /// What wins over what.
    fn check(mut self, _: &mut Reader<'_>) -> Result<Self, SettingsError> {
        if self.update_taxonomy_flag_only && self.skip_taxonomy_check {
            return contradiction(
                "update_taxonomy_flag_only and skip_taxonomy_check contradict each other",
                "leave out one of them",
            );
        }
        self.skip_existing &= !self.force;
        self.taxonomy_filter &= !self.skip_taxonomy_check && !self.force;
        Ok(self)
    }
}

impl Settings {
    /// The folder where pages are written, if any.
    pub(crate) fn pages(&self) -> Option<PathBuf> {
        let annotations = self.output_format == OutputFormat::Html
            && matches!(self.input, Input::Samples | Input::Paths(_))
            && self.output.as_os_str() != STDOUT;
        self.html.clone().or_else(|| annotations.then(|| self.output.clone()))
    }

    /// How much is reported, 0 to 3.
    pub(crate) fn verbosity(&self) -> u8 {
        self.terminal.verbosity
    }

    /// How the bytes of documents become text.
    pub(crate) fn text(&self) -> TextParams {
        TextParams { encoding: self.encoding, source_marks: self.source_marks }
    }

    fn check(mut self, reader: &mut Reader<'_>) -> Result<Self, SettingsError> {
        let is_database = matches!(self.input, Input::CouchDb(_));
        let pattern = reader.find(PATTERN).filter(|found| found.rank == Rank::Default);
        if let (Input::Paths(_), Some(found)) = (&self.input, pattern) {
            self.selection.attachment_pattern = PATTERN_OF_FILES.to_owned();
            reader.show(PATTERN, PATTERN_OF_FILES, &found.origin);
        }
        if self.partitions == 0 {
            self.partitions = self.cores;
            let origin = format!("{} (cores)", reader.origin("partitions"));
            reader.show("partitions", self.cores as i64, &origin);
        }
        if self.selection.update_taxonomy_flag_only && self.task == Task::Label {
            if !is_database {
                return contradiction(
                    "update_taxonomy_flag_only needs documents in CouchDB",
                    "add --couchdb-url and --ingest-db-name",
                );
            }
            self.task = Task::UpdateTaxonomyFlag;
        }
        if self.task == Task::Label && self.input == Input::Samples {
            match samples_are_meant(reader) {
                // Whoever looks for what is missing is shown the rest.
                Err(error) if reader.asked.show_config => reader.notices.push(error.to_string()),
                meant => meant?,
            }
        }
        if let Some(nearest) = self.model.as_deref().and_then(skol::nearest_model) {
            let name = self.model.replace(nearest.to_owned()).unwrap_or_default();
            reader.notices.push(format!(
                "the model '{name}' is one of SKOL's and cannot be read here; the nearest shipped one, {nearest}, is used"
            ));
        }
        if self.selection.skip_golden && !is_database {
            return contradiction(
                format!(
                    "documents with the field `golden_dataset` are to be left out ({}), but files have no fields",
                    reader.origin("skip_golden")
                ),
                "leave that out, or add --couchdb-url and --ingest-db-name",
            );
        }
        if let Some(cluster) = reader.find("cluster")
            && !cfg!(feature = "cluster")
        {
            return contradiction(
                format!(
                    "this build has no cluster support, but a cluster is given ({}: {})",
                    cluster.origin,
                    cluster.text()
                ),
                "leave it out to run on this machine, or build with --features cluster",
            );
        }
        if self.self_train
            && matches!(&self.input, Input::Paths(paths) if paths.iter().any(|path| path == STDIN))
        {
            return contradiction(
                format!(
                    "the model is to learn from the documents first ({}), but standard input can be read only once",
                    reader.origin("self_train")
                ),
                "leave that out, or give files",
            );
        }
        if self.cluster.is_some() && self.task == Task::Label {
            self.check_cluster(reader)?;
        }
        Ok(self)
    }

    /// What cannot be had where others do the work.
    fn check_cluster(&mut self, reader: &Reader<'_>) -> Result<(), SettingsError> {
        if self.checkpoint == CheckpointPolicy::Always {
            let origin = reader.origin("checkpoint");
            return contradiction(
                format!("a checkpoint is to be made always ({origin}), but stages run on a cluster"),
                "leave that out, or run without --cluster",
            );
        }
        if self.output.as_os_str() == STDOUT && !matches!(self.input, Input::CouchDb(_)) {
            return contradiction(
                "annotations are to be written on standard output, but executors write them",
                "give a folder that all machines share with --output",
            );
        }
        if matches!(&self.input, Input::Paths(paths) if paths.iter().any(|path| path == STDIN)) {
            return contradiction(
                "standard input is to be read, but executors read the documents",
                "give files or folders that all machines share",
            );
        }
        if self.self_train {
            return contradiction(
                format!(
                    "the model is to learn from the documents ({}), but executors read them",
                    reader.origin("self_train")
                ),
                "leave that out, or run without --cluster",
            );
        }
        // Executors have working folders of their own.
        self.output = absolute(reader, &self.output);
        self.html = self.html.as_deref().map(|folder| absolute(reader, folder));
        // A checkpoint would materialize a stage here.
        self.checkpoint = CheckpointPolicy::Never;
        Ok(())
    }
}

/// `folder` from the root.
fn absolute(reader: &Reader<'_>, folder: &Path) -> PathBuf {
    let resolved = reader.environment.resolve(folder);
    std::path::absolute(&resolved).unwrap_or(resolved)
}

fn glob(found: &Found, _: &Environment) -> Result<String, Allowed> {
    match Glob::new(found.verbatim()) {
        Ok(glob) => Ok(glob.glob().to_owned()),
        Err(error) => Err(format!("a glob like *.txt ({})", error.kind())),
    }
}

fn since(found: &Found, _: &Environment) -> Result<Option<String>, Allowed> {
    match found.text() {
        text if text.eq_ignore_ascii_case("last") => Ok(Some("last".to_owned())),
        _ => Err("last".to_owned()),
    }
}

/// More than this is a mistake, not a machine.
const MOST_CORES: usize = 4096;

pub(super) fn cores(found: &Found, _: &Environment) -> Result<usize, Allowed> {
    number_or(found, "all", machine::cores())
}

/// 0 for as many as cores.
fn partitions(found: &Found, _: &Environment) -> Result<usize, Allowed> {
    number_or(found, "cores", 0)
}

fn number_or(found: &Found, word: &str, meaning: usize) -> Result<usize, Allowed> {
    if found.text().eq_ignore_ascii_case(word) {
        return Ok(meaning);
    }
    let number = found.text().parse().ok().filter(|number| (1..=MOST_CORES).contains(number));
    number.ok_or_else(|| format!("{word}, or a whole number from 1 to {MOST_CORES}"))
}

/// Where the machine does not say how much memory it has.
const UNKNOWN_MACHINE: u64 = 4 << 30;

pub(super) fn memory_limit(found: &Found, _: &Environment) -> Result<ByteSize, Allowed> {
    let share = |text: &str| {
        let share = text.trim().parse::<f64>().ok().filter(|share| *share > 0.0 && *share <= 100.0)?;
        let memory = machine::memory().unwrap_or(UNKNOWN_MACHINE) as f64;
        Some(ByteSize((memory * share / 100.0).max(1.0) as u64))
    };
    let text = found.text();
    let size = match text.strip_suffix('%') {
        Some(text) => share(text),
        None => size(text),
    };
    size.ok_or_else(|| "a size like 8g or 512m, or a share of the machine's memory like 80%".to_owned())
}

fn metrics_file(found: &Found, environment: &Environment) -> Result<Option<PathBuf>, Allowed> {
    with_suffix(found, environment, &["json", "prom"])
}
