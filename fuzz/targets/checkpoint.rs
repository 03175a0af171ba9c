//! A checkpoint file that somebody or a bad disk changed gives rows or an error, and rows that cannot be give an error,
//! never a panic, when the next stage reads them.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::prelude::{DataFrame, SessionContext};
use skol_classifier::instrumentation::{CheckpointOptions, CheckpointPolicy, Instrumentation, Verbosity};
use skol_classifier::model::Model;
use skol_classifier::pipeline::{ModelReference, ModelStore, SessionOptions, Stop, session, stages};
use skol_classifier::sink::OutputFormat;
use skol_classifier::source::SampleSource;

/// Paragraphs of one sample document, as a checkpoint on disk.
struct Checkpoint {
    runtime: tokio::runtime::Runtime,
    context: SessionContext,
    paragraphs: DataFrame,
    model: ModelReference,
    file: PathBuf,
    untouched: Vec<u8>,
    _instrumentation: Instrumentation,
    _folder: tempfile::TempDir,
}

impl Checkpoint {
    fn make() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let model = Arc::new(Model::load("logistic_words_suffixes").unwrap());
        let models = Arc::new(ModelStore::new());
        models.insert(Arc::clone(&model));
        let options = SessionOptions { partitions: 1, memory_limit: None, optimizer_rules: Vec::new() };
        let context = session(&options, models, Default::default()).unwrap();
        let instrumentation = Instrumentation::new(Verbosity::Info)
            .with_output(std::io::sink())
            .with_checkpoint(CheckpointOptions {
                policy: CheckpointPolicy::Always,
                folder: folder.path().to_owned(),
                unlimited_pool_bytes: 0,
                memory_share: 0.0,
            });
        let input = stages::Input {
            source: Arc::new(SampleSource::new(Some(1))),
            batch_size: 1,
            stop: Stop::default(),
            selected: Arc::default(),
        };
        let frame = stages::documents(&context, input).unwrap();
        let frame = stages::paragraphs(&context, frame).unwrap();
        let frame = runtime.block_on(instrumentation.checkpoint_if_needed(frame, "paragraphs", 0)).unwrap();
        let files = walkdir::WalkDir::new(folder.path()).into_iter().map(|entry| entry.unwrap().into_path());
        let mut files: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|e| e == "parquet")).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        let file = files.remove(0);
        let untouched = fs::read(&file).unwrap();
        Self {
            runtime,
            context,
            paragraphs: frame,
            model: ModelReference::new("logistic_words_suffixes", &model, false),
            file,
            untouched,
            _instrumentation: instrumentation,
            _folder: folder,
        }
    }

    /// The rows of the next stage, or why there are none.
    fn annotations(&self, bytes: &[u8]) -> Result<usize, String> {
        fs::write(&self.file, bytes).unwrap();
        let frame = stages::predictions(&self.context, self.paragraphs.clone(), self.model.clone()).unwrap();
        let frame = stages::annotations(&self.context, frame, OutputFormat::Yedda, false).unwrap();
        let rows = self.runtime.block_on(frame.collect()).map_err(|error| error.to_string())?;
        Ok(rows.iter().map(|batch| batch.num_rows()).sum())
    }
}

thread_local! {
    static CHECKPOINT: RefCell<Option<Checkpoint>> = const { RefCell::new(None) };
}

pub fn check(bytes: &[u8]) {
    CHECKPOINT.with_borrow_mut(|checkpoint| {
        let checkpoint = checkpoint.get_or_insert_with(|| {
            let made = Checkpoint::make();
            assert_eq!(made.annotations(&made.untouched), Ok(1));
            made
        });
        // The input says what is changed: pairs of a place and a value, then where the file is cut.
        let mut tampered = checkpoint.untouched.clone();
        for change in bytes.chunks_exact(3) {
            let at = usize::from(u16::from_le_bytes([change[0], change[1]]));
            let length = tampered.len();
            // Even ones count from the end, where Parquet keeps what it knows about the rest.
            let at = if at.is_multiple_of(2) { length - 1 - (at / 2) % length } else { (at / 2) % length };
            tampered[at] = change[2];
        }
        let _ = checkpoint.annotations(&tampered);
        if let [.., a, b] = bytes {
            let length = usize::from(u16::from_le_bytes([*a, *b])) % tampered.len();
            let _ = checkpoint.annotations(&tampered[..length]);
        }
    });
}
