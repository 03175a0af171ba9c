//! Labels do not depend on how somebody wrote the rows between two stages: every stage's batches go through files, other
//! encodings, other cuts and other orders of columns, and the annotations stay what they are, byte for byte.

use std::io::Cursor;
use std::sync::{Arc, LazyLock};

use crate::document::Status;
use crate::model::Model;
use crate::pipeline::load::LoadPartition;
use crate::pipeline::map_partitions::map_partitions;
use crate::pipeline::rows::{AnnotationRows, Labels, OutcomeRows, PredictionRows, selection_schema};
use crate::pipeline::{ModelReference, ModelStore, SavePartition, SessionOptions, session, stages};
use crate::sink::{FileSink, OutputFormat, Sink};
use crate::source::FilesLoadParams;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, RecordBatch, StringArray, StringViewArray,
};
use datafusion::arrow::compute::{cast, concat, take};
use datafusion::arrow::datatypes::{DataType, Field, Int8Type, Schema, UInt32Type};
use datafusion::arrow::ipc::{reader::StreamReader, writer::StreamWriter};
use datafusion::datasource::MemTable;
use datafusion::parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder};
use datafusion::prelude::{DataFrame, SessionContext};
use proptest::prelude::*;

/// What somebody may do to the rows of a stage without changing what they say.
#[derive(Debug, Clone, Copy)]
enum Rewrite {
    Nothing,
    Parquet,
    Ipc,
    /// Cut into batches of so many rows.
    Slices(usize),
    /// All rows in one batch, which is a slice of a longer one.
    Offset,
    /// Dictionaries numbered anew, with a value that no row has; strings put into dictionaries.
    Dictionaries,
    /// `Utf8` for `Utf8View`, `Binary` for `BinaryView`.
    Plain,
    /// `LargeUtf8` and `LargeBinary`.
    Large,
    /// Plain strings instead of dictionaries.
    Flat,
    /// The columns in another order, and one more.
    Columns,
}

fn rewrites() -> impl Strategy<Value = Rewrite> {
    prop_oneof![
        Just(Rewrite::Nothing),
        Just(Rewrite::Parquet),
        Just(Rewrite::Ipc),
        (1..40_usize).prop_map(Rewrite::Slices),
        Just(Rewrite::Offset),
        Just(Rewrite::Dictionaries),
        Just(Rewrite::Plain),
        Just(Rewrite::Large),
        Just(Rewrite::Flat),
        Just(Rewrite::Columns),
    ]
}

/// `batch` with each column replaced, and its schema's metadata kept.
fn with_columns(batch: &RecordBatch, change: impl Fn(&str, &ArrayRef) -> ArrayRef) -> RecordBatch {
    let schema = batch.schema();
    let columns: Vec<_> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| change(field.name(), column))
        .collect();
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone()))
        .collect();
    let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

fn cast_all(batch: &RecordBatch, types: &[(DataType, DataType)]) -> RecordBatch {
    with_columns(batch, |_, column| match types.iter().find(|(from, _)| from == column.data_type()) {
        Some((_, to)) => cast(column, to).unwrap(),
        None => Arc::clone(column),
    })
}

/// The same strings in a dictionary that counts backwards and begins with a value that no row has.
fn dictionary(column: &ArrayRef) -> ArrayRef {
    let texts = cast(column, &DataType::Utf8).unwrap();
    let texts = texts.as_string::<i32>();
    let mut values: Vec<&str> = texts.iter().flatten().collect();
    values.sort_unstable();
    values.dedup();
    values.push("nobody has this one");
    values.reverse();
    let key = |text: Option<&str>| text.and_then(|text| values.iter().position(|value| *value == text));
    let keys = texts.iter().map(key).map(|key| key.map(|key| key as u32));
    let keys = datafusion::arrow::array::PrimitiveArray::<UInt32Type>::from_iter(keys);
    Arc::new(DictionaryArray::try_new(keys, Arc::new(StringArray::from(values.clone()))).unwrap())
}

fn parquet(batches: &[RecordBatch]) -> Vec<RecordBatch> {
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batches[0].schema(), None).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file)).unwrap();
    reader.with_batch_size(7).build().unwrap().map(Result::unwrap).collect()
}

fn ipc(batches: &[RecordBatch]) -> Vec<RecordBatch> {
    let mut stream = Vec::new();
    let mut writer = StreamWriter::try_new(&mut stream, &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    drop(writer);
    StreamReader::try_new(Cursor::new(stream), None).unwrap().map(Result::unwrap).collect()
}

/// All rows, behind one that is cut off again.
fn offset(batches: &[RecordBatch]) -> Vec<RecordBatch> {
    let whole = datafusion::arrow::compute::concat_batches(batches[0].schema_ref(), batches).unwrap();
    let longer = with_columns(&whole, |_, column| {
        let first = take(column, &datafusion::arrow::array::UInt32Array::from(vec![0]), None).unwrap();
        concat(&[first.as_ref(), column.as_ref()]).unwrap()
    });
    vec![longer.slice(1, whole.num_rows())]
}

fn rewrite(batches: Vec<RecordBatch>, rewrite: Rewrite) -> Vec<RecordBatch> {
    let each = |change: &dyn Fn(&RecordBatch) -> RecordBatch| batches.iter().map(change).collect();
    match rewrite {
        Rewrite::Nothing => batches,
        Rewrite::Parquet => parquet(&batches),
        Rewrite::Ipc => ipc(&batches),
        Rewrite::Slices(rows) => batches
            .iter()
            .flat_map(|batch| {
                let starts = (0..batch.num_rows()).step_by(rows);
                starts.map(|start| batch.slice(start, rows.min(batch.num_rows() - start)))
            })
            .collect(),
        Rewrite::Offset => offset(&batches),
        Rewrite::Dictionaries => each(&|batch| {
            with_columns(batch, |name, column| match name {
                "label" | "doc_id" | "status" => dictionary(column),
                _ => Arc::clone(column),
            })
        }),
        Rewrite::Plain => each(&|batch| {
            cast_all(batch, &[(DataType::Utf8View, DataType::Utf8), (DataType::BinaryView, DataType::Binary)])
        }),
        Rewrite::Large => each(&|batch| {
            let large = [DataType::LargeUtf8, DataType::LargeBinary];
            let [text, bytes] = large;
            cast_all(batch, &[(DataType::Utf8View, text), (DataType::BinaryView, bytes)])
        }),
        Rewrite::Flat => each(&|batch| {
            with_columns(batch, |name, column| match name {
                "label" => cast(column, &DataType::Utf8).unwrap(),
                _ => Arc::clone(column),
            })
        }),
        Rewrite::Columns => each(&|batch| {
            let schema = batch.schema();
            let mut fields: Vec<_> = schema.fields().iter().rev().cloned().collect();
            let mut columns: Vec<_> = batch.columns().iter().rev().cloned().collect();
            fields.insert(0, Arc::new(Field::new("somebody_s_own", DataType::Utf8View, true)));
            columns.insert(0, Arc::new(StringViewArray::new_null(batch.num_rows())));
            let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
            RecordBatch::try_new(Arc::new(schema), columns).unwrap()
        }),
    }
}

struct Setting {
    runtime: tokio::runtime::Runtime,
    context: SessionContext,
    model: Arc<Model>,
    selection: RecordBatch,
    folder: tempfile::TempDir,
}

/// The short samples, a blank one, one that cannot be read, and one that was skipped.
static SETTING: LazyLock<Setting> = LazyLock::new(|| {
    let model = Arc::new(Model::load("logistic_words_suffixes").unwrap());
    let models = Arc::new(ModelStore::new());
    models.insert(Arc::clone(&model));
    let options = SessionOptions { partitions: 1, memory_limit: None, optimizer_rules: Vec::new() };
    let folder = tempfile::tempdir().unwrap();
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/documents/fungi");
    let mut paths: Vec<_> = std::fs::read_dir(samples).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut rows: Vec<(String, String, Option<&str>)> = paths
        .iter()
        .map(|path| {
            (path.display().to_string(), path.file_name().unwrap().to_string_lossy().into_owned(), None)
        })
        .collect();
    let blank = folder.path().join("blank.txt");
    std::fs::write(&blank, " \n\n ").unwrap();
    rows.insert(1, (blank.display().to_string(), "blank.txt".into(), None));
    rows.insert(3, ("/nowhere.txt".into(), "nowhere.txt".into(), None));
    rows.insert(0, ("/skipped.txt".into(), "skipped.txt".into(), Some("skipped")));
    let column = |values: Vec<Option<&str>>| Arc::new(StringViewArray::from_iter(values)) as ArrayRef;
    let selection = RecordBatch::try_new(
        selection_schema(),
        vec![
            column(rows.iter().map(|row| Some(row.0.as_str())).collect()),
            column(rows.iter().map(|row| Some(row.1.as_str())).collect()),
            column(rows.iter().map(|row| row.2).collect()),
            column(vec![None; rows.len()]),
        ],
    )
    .unwrap();
    Setting {
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        context: session(&options, models, Default::default()).unwrap(),
        model,
        selection,
        folder,
    }
});

/// Name, annotation and paragraphs per label of every document; name and status of every outcome.
type Answer = (Vec<(String, Vec<u8>, Vec<(String, u64)>)>, Vec<(String, Status, Vec<u32>)>);

/// Runs the stages one by one, with `rewrites` of the rows before each of them.
async fn answer(setting: &Setting, rewrites: [Rewrite; 5]) -> Answer {
    let Setting { context, model, selection, folder, .. } = setting;
    let table = |batches: Vec<RecordBatch>, how: Rewrite| -> DataFrame {
        let metadata = batches[0].schema().metadata().clone();
        let batches = rewrite(batches, how);
        // Readers of Parquet leave the schema's metadata to the table; its batches have none.
        let schema = batches[0].schema().as_ref().clone().with_metadata(metadata);
        let table = MemTable::try_new(Arc::new(schema), vec![batches]).unwrap();
        context.read_table(Arc::new(table)).unwrap()
    };
    let load = LoadPartition::new(Arc::new(FilesLoadParams::default()), 3);
    let selection = table(vec![selection.clone()], rewrites[0]);
    let documents = map_partitions(context, selection, Arc::new(load)).unwrap().collect().await.unwrap();
    let paragraphs =
        stages::paragraphs(context, table(documents, rewrites[1])).unwrap().collect().await.unwrap();
    let reference = ModelReference::new(model.name(), model, false);
    let predictions = stages::predictions(context, table(paragraphs, rewrites[2]), reference).unwrap();
    let predictions = predictions.collect().await.unwrap();
    let annotations =
        stages::annotations(context, table(predictions, rewrites[3]), OutputFormat::Jsonl, false);
    let annotations = annotations.unwrap().collect().await.unwrap();
    let sink = FileSink {
        folder: folder.path().join("out"),
        format: OutputFormat::Jsonl,
        dry_run: true,
        force: false,
    };
    let rewritten = table(annotations.clone(), rewrites[4]);
    let outcomes = stages::outcomes(context, rewritten, SavePartition::new(sink.save_params()))
        .unwrap()
        .collect()
        .await
        .unwrap();
    let mut annotated = Vec::new();
    for batch in &annotations {
        let rows = AnnotationRows::with_labels(batch, &Labels::of(batch.schema_ref()).unwrap()).unwrap();
        annotated.extend((0..rows.len()).filter_map(|row| {
            let annotation = rows.annotation(row)?;
            let name = annotation.reference.attachment_name;
            Some((name, annotation.content.to_vec(), annotation.label_counts))
        }));
    }
    let mut ended = Vec::new();
    for batch in &outcomes {
        let rows = OutcomeRows::try_new(batch).unwrap();
        let outcome = |row| {
            let counts = rows.label_counts(row).to_vec();
            (rows.reference(row).attachment_name, rows.status(row), counts)
        };
        ended.extend((0..rows.len()).map(outcome));
    }
    annotated.sort();
    ended.sort_by(|a, b| a.0.cmp(&b.0));
    (annotated, ended)
}

static EXPECTED: LazyLock<Answer> =
    LazyLock::new(|| SETTING.runtime.block_on(answer(&SETTING, [Rewrite::Nothing; 5])));

#[test]
fn the_answer_without_rewriting_holds_every_document() {
    let (annotations, outcomes) = &*EXPECTED;
    assert_eq!((annotations.len(), outcomes.len()), (7, 9));
    let with = |status| outcomes.iter().filter(|outcome| outcome.1 == status).count();
    assert_eq!(with(Status::Failed), 1);
    assert!(
        annotations.iter().any(|annotation| annotation.2.iter().filter(|count| count.1 > 0).count() == 3)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn annotations_do_not_depend_on_how_rows_are_written(how in prop::array::uniform5(rewrites())) {
        let found = SETTING.runtime.block_on(answer(&SETTING, how));
        prop_assert_eq!(&found, &*EXPECTED, "{:?}", how);
    }
}

fn predictions() -> Vec<RecordBatch> {
    let Setting { context, model, selection, runtime, .. } = &*SETTING;
    let load = LoadPartition::new(Arc::new(FilesLoadParams::default()), 3);
    let selection = context.read_batch(selection.clone()).unwrap();
    let documents = map_partitions(context, selection, Arc::new(load)).unwrap();
    let paragraphs = stages::paragraphs(context, documents).unwrap();
    let reference = ModelReference::new(model.name(), model, false);
    runtime.block_on(stages::predictions(context, paragraphs, reference).unwrap().collect()).unwrap()
}

/// Rows in another order, a label that nobody has and labels that the schema does not name are refused: each would give a
/// wrong annotation in silence.
#[test]
fn rows_that_do_not_say_what_they_mean_are_refused() {
    let batches = predictions();
    let batch = batches.iter().max_by_key(|batch| batch.num_rows()).unwrap();
    let rows = PredictionRows::try_new(batch).unwrap();
    let document = rows.documents().unwrap().into_iter().max_by_key(std::ops::Range::len).unwrap();
    assert!(document.len() > 3);

    let mut order: Vec<u32> = (0..batch.num_rows() as u32).collect();
    order.swap(document.start, document.start + 1);
    let order = datafusion::arrow::array::UInt32Array::from(order);
    let shuffled = with_columns(batch, |_, column| take(column, &order, None).unwrap());
    let error = PredictionRows::try_new(&shuffled).unwrap().documents().unwrap_err();
    assert!(error.to_string().contains("ORDER BY"), "{error}");

    let keys = datafusion::arrow::array::PrimitiveArray::<Int8Type>::from(vec![0; batch.num_rows()]);
    let values = Arc::new(StringArray::from(vec!["Nobody"]));
    let foreign: ArrayRef = Arc::new(DictionaryArray::try_new(keys, values).unwrap());
    let foreign =
        with_columns(
            batch,
            |name, column| {
                if name == "label" { Arc::clone(&foreign) } else { Arc::clone(column) }
            },
        );
    let error = PredictionRows::try_new(&foreign).unwrap_err();
    assert!(error.to_string().contains("Nomenclature"), "{error}");

    let schema = Arc::new(batch.schema().as_ref().clone().with_metadata(std::collections::HashMap::new()));
    let bare = RecordBatch::try_new(schema, batch.columns().to_vec()).unwrap();
    let error = PredictionRows::try_new(&bare).unwrap_err();
    assert!(error.to_string().contains("skol_classifier.labels"), "{error}");

    let named = batch.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let kept: Vec<usize> = (0..named.len()).filter(|column| named[*column] != "probabilities").collect();
    let error = PredictionRows::try_new(&batch.project(&kept).unwrap()).unwrap_err();
    assert!(error.to_string().contains("'probabilities'"), "{error}");
}
