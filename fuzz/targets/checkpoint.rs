//! A checkpoint file that somebody or a bad disk changed gives rows or an error, and rows that cannot be give an error,
//! never a panic, when the next stage reads them.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::prelude::DataFrame;
use skol_classifier::Classifier;
use skol_classifier::instrumentation::{CheckpointOptions, CheckpointPolicy, Instrumentation, Verbosity};
use skol_classifier::sink::{FileSink, OutputFormat};
use skol_classifier::source::SampleSource;

/// Labelled paragraphs of one sample document, which come from paragraphs in a checkpoint on disk.
struct Checkpoint {
    runtime: tokio::runtime::Runtime,
    /// Reads the rows of the checkpoint and goes on, without one of its own.
    reader: Classifier,
    predictions: DataFrame,
    file: PathBuf,
    untouched: Vec<u8>,
    /// Keeps the checkpoint.
    _writer: Classifier,
    _folder: tempfile::TempDir,
}

/// A classifier of one sample document that saves nothing, and makes a checkpoint of what is deeper than `depth`.
fn classifier(instrumentation: Instrumentation, depth: usize) -> Classifier {
    let sink =
        FileSink { folder: "never-made".into(), format: OutputFormat::Yedda, dry_run: true, force: false };
    let mut classifier = Classifier::builder()
        .source(Arc::new(SampleSource::new(Some(1))))
        .sink(Arc::new(sink))
        .partitions(1)
        .batch_size(1)
        .lineage_threshold(depth)
        .instrumentation(instrumentation)
        .build()
        .unwrap();
    classifier.load_model("logistic_words_suffixes").unwrap();
    classifier
}

impl Checkpoint {
    fn make() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let instrumentation = Instrumentation::new(Verbosity::Info)
            .with_output(std::io::sink())
            .with_checkpoint(CheckpointOptions {
                policy: CheckpointPolicy::Always,
                folder: folder.path().to_owned(),
                unlimited_pool_bytes: 0,
                memory_share: 0.0,
            });
        let writer = classifier(instrumentation, 0);
        let predictions = runtime.block_on(async {
            let documents = writer.load_raw().await.unwrap();
            writer.predict(documents).await.unwrap()
        });
        let files = walkdir::WalkDir::new(folder.path()).into_iter().map(|entry| entry.unwrap().into_path());
        let files = files.filter(|path| path.extension().is_some_and(|e| e == "parquet"));
        // Documents were written before; what is read again is the last one.
        let file = files.max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap()).unwrap();
        let untouched = fs::read(&file).unwrap();
        let reader = classifier(Instrumentation::new(Verbosity::Silent), usize::MAX);
        Self { runtime, reader, predictions, file, untouched, _writer: writer, _folder: folder }
    }

    /// How many documents the stages after it end with, or why there are none.
    fn outcomes(&self, bytes: &[u8]) -> Result<usize, String> {
        fs::write(&self.file, bytes).unwrap();
        let mut rows = 0;
        let saved = self.reader.save_annotated(self.predictions.clone(), |outcomes| {
            rows += outcomes.len();
            Ok(())
        });
        self.runtime.block_on(saved).map_err(|error| error.to_string())?;
        Ok(rows)
    }
}

thread_local! {
    static CHECKPOINT: RefCell<Option<Checkpoint>> = const { RefCell::new(None) };
}

pub fn check(bytes: &[u8]) {
    CHECKPOINT.with_borrow_mut(|checkpoint| {
        let checkpoint = checkpoint.get_or_insert_with(|| {
            let made = Checkpoint::make();
            assert_eq!(made.outcomes(&made.untouched), Ok(1));
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
        let _ = checkpoint.outcomes(&tampered);
        if let [.., a, b] = bytes {
            let length = usize::from(u16::from_le_bytes([*a, *b])) % tampered.len();
            let _ = checkpoint.outcomes(&tampered[..length]);
        }
    });
}
