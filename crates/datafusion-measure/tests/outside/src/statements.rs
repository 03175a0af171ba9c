//! SQL of many kinds: definitions, changes, recursive CTEs, windows, sets, views, files, errors.

use std::sync::Arc;

use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
use datafusion::catalog::MemTable;
use datafusion::prelude::*;

use crate::group::{Case, Group};

const STATEMENTS: &[&str] = &[
    "select * from t order by n limit 7",
    "select n % 10 as k, count(*) as c, sum(n) as s from t group by k",
    "select n % 10 as k, count(*) filter (where n > 500) as c, array_agg(n order by n desc) as a from t group by k order by k",
    "select a.n, b.word from t a join t b on a.n = b.n + 1 order by a.n limit 20",
    "select a.* from t a left join t b on a.n = b.n * 2 where b.n is null order by a.n limit 20",
    "select a.n from t a where exists (select 1 from t b where b.n = a.n + 990) order by 1",
    "select a.n, b.n from t a cross join t b where a.n < 3 and b.n < 3",
    "select n, row_number() over (order by n desc) as r, lag(n, 2) over (order by n) as l, \
     sum(n) over (partition by n % 3 order by n rows between 2 preceding and current row) as s from t order by n limit 50",
    "select n, ntile(7) over (order by n) as q, first_value(word) over (partition by n % 5 order by n) as f from t order by n",
    "with recursive r as (select 1 as n union all select n + 1 from r where n < 200) select n from r order by n",
    "with recursive tree(id, parent, path) as (select n as id, n / 2 as parent, cast(n as varchar) as path from t where n = 1 union all \
     select t.n as id, t.n / 2 as parent, tree.path || '/' || cast(t.n as varchar) as path from t join tree on t.n / 2 = tree.id where t.n > 1 \
     and t.n < 64) select id, parent, path from tree order by path",
    "with a as (select n from t where n < 50), b as (select n * 2 as n from a) select count(*) from a join b using (n)",
    "select n from t union all select n + 1 from t",
    "select n % 3 from t union select n % 5 from t",
    "select n from t intersect select n * 2 from t",
    "select n from t except select n * 2 from t",
    "select (select max(n) from t) as m, (select min(word) from t) as w",
    "select case when n > 5 then 'many' when n is null then 'none' else 'few' end as c, count(*) from t group by c",
    "select n, unnest(make_array(n, n + 1)) as u from t where n < 5 order by n, u",
    "select struct(n, word) as s, map(['a'], [n]) as m from t where n < 5 order by n",
    "select * from (values (1, 'a'), (2, 'b'), (null, 'c')) as v(x, y) order by x nulls first",
    "select distinct on (n % 7) n % 7 as k, n from t order by n % 7, n desc",
    "select * from t where word like '%1%' and n in (1, 11, 21, 31, 41, 51, 61, 71, 81, 91) order by n",
    "select * from t where n between 10 and 20 or n = 500",
    "select count(*) from t tablesample system (100)",
    "values (1, 'a'), (2, 'b')",
    "create table u as select n, word from t where n < 10",
    "insert into u select n, word from t where n >= 990",
    "insert into u values (5000, 'five')",
    "select count(*) as c, sum(n) as s, max(word) as w from u",
    "create view v as select n + 1 as n, word from u where n > 3",
    "select sum(n) as s, count(*) as c from v",
    "create or replace view v as select n from u",
    "select * from v order by n",
    "copy (select n, word from t where n < 100) to '{folder}/out.parquet' stored as parquet",
    "create external table back stored as parquet location '{folder}/out.parquet'",
    "select count(*), min(word), max(n) from back where n > 50",
    "copy (select n, n % 3 as part from t) to '{folder}/hive/' stored as csv partitioned by (part) options ('format.has_header' 'true')",
    "create external table hive stored as csv partitioned by (part) location '{folder}/hive/' options ('format.has_header' 'true')",
    "select part, count(*) as c, sum(n) as s from hive where part <> '1' group by part order by part",
    "copy (select n, word from t where n < 7) to '{folder}/out.json' stored as json",
    "create external table lines stored as json location '{folder}/out.json'",
    "select * from lines order by n",
    "set datafusion.execution.batch_size = 100",
    "select sum(n) from t",
    "show datafusion.execution.batch_size",
    "describe t",
    "prepare p(bigint) as select count(*) from t where n < $1",
    "execute p(77)",
    "deallocate p",
    "create schema other",
    "create table other.t as select 1 as one",
    "select * from other.t",
    "drop table other.t",
    "drop view v",
    "drop table u",
];

const ERRORS: &[&str] = &[
    "select 1 / (n - 5) as q from t order by n",
    "select nothing from t",
    "select * from v",
    "insert into t values ('not a number', 1)",
    "select cast(word as int) from t where n = 3",
    "selct 1",
];

pub fn group() -> Group {
    let session = |_: &std::path::Path| {
        let context =
            SessionContext::new_with_config(SessionConfig::new().with_target_partitions(3).with_information_schema(true));
        let parts = (0..3).map(|part| {
            let numbers = || (0..1000).filter(move |n| n % 3 == part);
            let words: Vec<Option<String>> = numbers().map(|n| (n % 11 != 0).then(|| format!("word {n}"))).collect();
            RecordBatch::try_from_iter_with_nullable([
                ("n", Arc::new(Int64Array::from_iter_values(numbers())) as _, false),
                ("word", Arc::new(StringArray::from(words)) as _, true),
            ])
        });
        let batches = parts.collect::<Result<Vec<_>, _>>()?;
        let schema = batches[0].schema();
        let table = MemTable::try_new(schema, batches.into_iter().map(|batch| vec![batch]).collect())?;
        context.register_table("t", Arc::new(table))?;
        Ok(context)
    };
    let cases = STATEMENTS.iter().copied().map(Case::sql);
    let errors = ERRORS.iter().copied().map(|statement| Case::sql(statement).failing());
    Group { name: "statements", session, cases: cases.chain(errors).collect() }
}
