//! Random Arrow schemas and rows through both kinds of checkpoint: the same schema, the same rows, no panic.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, UInt32Array, new_empty_array, new_null_array};
use datafusion::arrow::compute::{cast, concat, take};
use datafusion::arrow::datatypes::{
    DataType, Field, Fields, IntervalUnit, Schema, TimeUnit, UnionFields, UnionMode,
};
use datafusion::catalog::MemTable;
use datafusion::scalar::ScalarValue;
use datafusion_measure::{CheckpointOptions, CheckpointPolicy, Instrumentation, Verbosity};
use proptest::prelude::*;

use super::support::context;

fn leaf() -> impl Strategy<Value = DataType> {
    let times = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
    prop_oneof![
        proptest::sample::select(vec![
            DataType::Null,
            DataType::Boolean,
            DataType::Int8,
            DataType::Int16,
            DataType::Int32,
            DataType::Int64,
            DataType::UInt8,
            DataType::UInt16,
            DataType::UInt32,
            DataType::UInt64,
            DataType::Float16,
            DataType::Float32,
            DataType::Float64,
            DataType::Date32,
            DataType::Date64,
            DataType::Time32(TimeUnit::Second),
            DataType::Time32(TimeUnit::Millisecond),
            DataType::Time64(TimeUnit::Microsecond),
            DataType::Time64(TimeUnit::Nanosecond),
            DataType::Utf8,
            DataType::LargeUtf8,
            DataType::Utf8View,
            DataType::Binary,
            DataType::LargeBinary,
            DataType::BinaryView,
            DataType::FixedSizeBinary(5),
            DataType::Decimal32(7, 2),
            DataType::Decimal64(12, 3),
            DataType::Decimal128(30, 4),
            DataType::Decimal256(60, 5),
            DataType::Interval(IntervalUnit::YearMonth),
            DataType::Interval(IntervalUnit::DayTime),
            DataType::Interval(IntervalUnit::MonthDayNano),
        ]),
        proptest::sample::select(times.to_vec()).prop_map(|unit| DataType::Timestamp(unit, None)),
        proptest::sample::select(times.to_vec())
            .prop_map(|unit| DataType::Timestamp(unit, Some("+02:00".into()))),
        proptest::sample::select(times.to_vec()).prop_map(DataType::Duration),
    ]
}

fn data_type() -> impl Strategy<Value = DataType> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        let field = (inner.clone(), any::<bool>())
            .prop_map(|(kind, nullable)| Arc::new(Field::new("item", kind, nullable)));
        prop_oneof![
            field.clone().prop_map(DataType::List),
            field.clone().prop_map(DataType::LargeList),
            field.clone().prop_map(|field| DataType::FixedSizeList(field, 3)),
            proptest::collection::vec(field.clone(), 1..3).prop_map(|fields| {
                let named = fields
                    .iter()
                    .enumerate()
                    .map(|(n, field)| field.as_ref().clone().with_name(format!("f{n}")));
                DataType::Struct(named.collect::<Fields>())
            }),
            (proptest::sample::select(vec![DataType::Int8, DataType::Int32, DataType::UInt16]), leaf())
                .prop_map(|(key, value)| DataType::Dictionary(Box::new(key), Box::new(value))),
            leaf().prop_map(|value| {
                DataType::RunEndEncoded(
                    Arc::new(Field::new("run_ends", DataType::Int32, false)),
                    Arc::new(Field::new("values", value, true)),
                )
            }),
            leaf().prop_map(|value| {
                let fields = [
                    (0, Arc::new(Field::new("a", value, true))),
                    (1, Arc::new(Field::new("b", DataType::Utf8, true))),
                ];
                DataType::Union(UnionFields::from_iter(fields), UnionMode::Sparse)
            }),
        ]
    })
}

/// Some rows of a type, nulls among them where they may be.
fn rows_of(kind: &DataType, nullable: bool, seeds: &[u8]) -> ArrayRef {
    let some = some_values(kind);
    let values = match (&some, nullable) {
        (Some(some), true) => {
            concat(&[some.as_ref(), new_null_array(kind, 1).as_ref()]).unwrap_or_else(|_| Arc::clone(some))
        }
        (Some(some), false) => Arc::clone(some),
        (None, _) => new_null_array(kind, 1),
    };
    let indices: UInt32Array =
        seeds.iter().map(|seed| Some(u32::from(*seed) % values.len() as u32)).collect();
    take(&values, &indices, None).unwrap_or_else(|_| values.slice(0, 0))
}

/// A few values of a type, none of them null; nothing where they cannot be made from numbers or texts.
fn some_values(kind: &DataType) -> Option<ArrayRef> {
    let texts: ArrayRef = Arc::new(datafusion::arrow::array::StringArray::from(vec![
        "1",
        "22",
        "7",
        "a text longer than twelve bytes",
    ]));
    let numbers: ArrayRef = Arc::new(datafusion::arrow::array::Int64Array::from(vec![1, 22, 7, 120]));
    match kind {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            let one = rows_of(item.data_type(), item.is_nullable(), &[0, 1, 2]);
            if !item.is_nullable() && one.is_nullable() {
                return None;
            }
            let list = ScalarValue::List(Arc::new(
                datafusion::common::utils::SingleRowListArrayBuilder::new(one)
                    .with_field(item)
                    .build_list_array(),
            ));
            cast(&list.to_array_of_size(2).ok()?, kind).ok()
        }
        DataType::Struct(fields) => {
            let columns = fields
                .iter()
                .map(|field| rows_of(field.data_type(), field.is_nullable(), &[0, 1, 2]))
                .collect();
            Some(Arc::new(
                datafusion::arrow::array::StructArray::try_new(fields.clone(), columns, None).ok()?,
            ))
        }
        DataType::FixedSizeBinary(width) => {
            let values = (0..4u8).map(|n| vec![n; *width as usize]);
            Some(Arc::new(datafusion::arrow::array::FixedSizeBinaryArray::try_from_iter(values).ok()?))
        }
        DataType::Boolean => cast(&numbers, kind).ok(),
        _ => {
            let from_texts = cast(&texts, kind).ok().filter(|values| values.null_count() == 0);
            from_texts.or_else(|| cast(&numbers, kind).ok().filter(|values| values.null_count() == 0))
        }
    }
}

fn columns() -> impl Strategy<Value = Vec<(DataType, bool)>> {
    proptest::collection::vec((data_type(), any::<bool>()), 1..4)
}

async fn through_checkpoint(kinds: &[(DataType, bool)], seeds: &[u8], bytes: usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    let mut fields = Vec::new();
    for (index, (kind, nullable)) in kinds.iter().enumerate() {
        let rows = rows_of(kind, *nullable, seeds);
        // Of some types no value can be made here: all rows are null then, and the column nullable.
        let nullable = *nullable || rows.is_nullable() || matches!(kind, DataType::Null);
        let metadata = HashMap::from([("ARROW:extension:name".to_owned(), "own.type".to_owned())]);
        fields.push(Field::new(format!("c{index}"), kind.clone(), nullable).with_metadata(metadata));
        arrays.push(rows);
    }
    let rows = arrays.iter().map(|array| array.len()).min().unwrap_or(0);
    let arrays: Vec<ArrayRef> = arrays.iter().map(|array| array.slice(0, rows)).collect();
    let metadata = HashMap::from([("origin".to_owned(), "test".to_owned())]);
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let Ok(batch) = RecordBatch::try_new(Arc::clone(&schema), arrays) else { return };
    let half = rows / 2;
    let parts = vec![vec![batch.slice(0, half)], vec![batch.slice(half, rows - half)], vec![]];
    let Ok(table) = MemTable::try_new(Arc::clone(&schema), parts) else { return };
    let frame = context(2).read_table(Arc::new(table)).unwrap();
    let expected = frame.clone().collect_partitioned().await.unwrap();
    let instr = Instrumentation::new(Verbosity::Warnings).with_output(std::io::sink()).with_checkpoint(
        CheckpointOptions {
            policy: CheckpointPolicy::Always,
            folder: folder.path().to_owned(),
            unlimited_pool_bytes: bytes,
            ..CheckpointOptions::default()
        },
    );
    let after = instr.checkpoint_if_needed(frame.clone(), "random", 30).await.unwrap();
    assert_eq!(after.schema(), frame.schema());
    let found = after.collect_partitioned().await.unwrap();
    let joined = |batches: &[RecordBatch]| {
        let columns = (0..schema.fields().len()).map(|column| {
            let arrays: Vec<_> = batches.iter().map(|batch| batch.column(column).as_ref()).collect();
            if arrays.is_empty() {
                new_empty_array(schema.field(column).data_type())
            } else {
                concat(&arrays).unwrap()
            }
        });
        columns.collect::<Vec<_>>()
    };
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        for batch in found {
            assert_eq!(batch.schema(), schema);
        }
        for (found, expected) in joined(found).iter().zip(joined(expected)) {
            assert_eq!(found.len(), expected.len());
            // Dictionaries may be numbered anew: values are compared.
            for row in 0..found.len() {
                let value = |array: &ArrayRef| ScalarValue::try_from_array(array, row);
                match (value(found), value(&expected)) {
                    (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                    (found, expected) => assert_eq!(found.is_err(), expected.is_err()),
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_schema_survives_both_kinds_of_checkpoint(
        kinds in columns(),
        seeds in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            through_checkpoint(&kinds, &seeds, 0).await;
            through_checkpoint(&kinds, &seeds, 1 << 30).await;
        });
    }
}

/// The types at which Parquet's reader panics, each by itself, and what holds them.
#[tokio::test]
async fn dictionaries_that_parquet_does_not_give_back_are_kept_in_memory() {
    let values =
        [DataType::FixedSizeBinary(3), DataType::Boolean, DataType::Null, DataType::Utf8, DataType::Int64];
    for value in values {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(value));
        let list = DataType::List(Arc::new(Field::new("item", dictionary.clone(), true)));
        let nested = DataType::Struct(Fields::from(vec![Field::new("f", dictionary.clone(), true)]));
        for kind in [dictionary, list, nested] {
            through_checkpoint(&[(kind, true)], &[0, 1, 2, 3, 4, 5], 0).await;
        }
    }
}
