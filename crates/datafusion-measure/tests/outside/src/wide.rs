//! Wide tables: a hundred columns in Parquet, of which a query reads few, as dashboards over web logs do.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Date32Array, Int16Array, Int64Array, RecordBatch, StringArray, TimestampSecondArray,
};
use datafusion::error::Result;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::*;

use crate::group::{Case, Group};

const ROWS: i64 = 20_000;
const FILES: i64 = 4;
/// Columns beside those that queries name.
const MORE: i64 = 95;

const STATEMENTS: &[&str] = &[
    "create external table hits stored as parquet location '{folder}/hits'",
    "select count(*) from hits",
    "select count(*) from hits where adv <> 0",
    "select sum(adv), count(*), avg(width) from hits",
    "select count(distinct user_id) from hits",
    "select min(event_date), max(event_date) from hits",
    "select adv, count(*) from hits where adv <> 0 group by adv order by count(*) desc, adv",
    "select region, count(distinct user_id) as u from hits group by region order by u desc, region limit 10",
    "select phrase, count(*) as c from hits where phrase <> '' group by phrase order by c desc, phrase limit 10",
    "select user_id, phrase, count(*) as c from hits group by user_id, phrase order by c desc, user_id, phrase limit 10",
    "select url from hits where url like '%google%' order by event_time, url limit 10",
    "select regexp_replace(url, '^https?://(?:www\\.)?([^/]+)/.*$', '\\1') as k, avg(length(url)) as l, count(*) as c \
     from hits where url <> '' group by k having count(*) > 100 order by l desc, k",
    "select date_trunc('minute', event_time) as m, count(*) from hits where event_date >= '2013-07-14' group by m \
     order by m limit 10 offset 3",
    "select * from hits where url like '%google%' order by event_time, url limit 10",
    "select sum(width + 0), sum(width + 1), sum(width + 2), sum(width + 3) from hits",
    "select c0, c50, c94, sum(c17) over (partition by region order by user_id, c0) as s from hits \
     where c3 between 3 and 90 order by c0, c50, s limit 25",
    "select approx_percentile_cont(width, 0.5) is not null as p, region from hits group by region order by region",
    "select grouping(region) as g, region, adv, count(*) as c from hits group by rollup(region, adv) \
     order by g, region, adv nulls last, c",
];

/// The columns of one file.
fn file(number: i64) -> Result<RecordBatch> {
    let rows = number * ROWS / FILES..(number + 1) * ROWS / FILES;
    let numbers = |f: fn(i64) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(rows.clone().map(f))) };
    let texts = |f: fn(i64) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.clone().map(f))) };
    let url = |row: i64| match row % 5 {
        0 => String::new(),
        1 => format!("https://www.google.com/search/{}", row % 211),
        _ => format!("http://site{}.example/page/{}", row % 13, row % 977),
    };
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("user_id".to_owned(), numbers(|row| row * 7919 % 3001)),
        ("region".to_owned(), numbers(|row| row % 23)),
        ("adv".to_owned(), Arc::new(Int16Array::from_iter_values(rows.clone().map(|row| (row % 17) as i16)))),
        ("width".to_owned(), numbers(|row| row * 31 % 1920)),
        ("phrase".to_owned(), texts(|row| if row % 3 == 0 { String::new() } else { format!("phrase {}", row % 97) })),
        ("url".to_owned(), texts(url)),
        (
            "event_date".to_owned(),
            Arc::new(Date32Array::from_iter_values(rows.clone().map(|row| 15_900 + (row % 31) as i32))),
        ),
        (
            "event_time".to_owned(),
            Arc::new(TimestampSecondArray::from_iter_values(rows.clone().map(|row| 1_373_760_000 + row * 37))),
        ),
    ];
    for column in 0..MORE {
        let values = rows.clone().map(|row| row * (column + 1) % 101);
        columns.push((format!("c{column}"), Arc::new(Int64Array::from_iter_values(values))));
    }
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn session(folder: &Path) -> Result<SessionContext> {
    let hits = folder.join("hits");
    std::fs::create_dir_all(&hits)?;
    for number in 0..FILES {
        let batch = file(number)?;
        let mut writer =
            ArrowWriter::try_new(File::create(hits.join(format!("{number}.parquet")))?, batch.schema(), None)?;
        writer.write(&batch)?;
        writer.close()?;
    }
    Ok(SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2)))
}

pub fn group() -> Group {
    Group { name: "wide", session, cases: STATEMENTS.iter().copied().map(Case::sql).collect() }
}
