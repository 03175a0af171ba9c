//! Functions of the user's own: scalar, aggregate, window, table.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema};
use datafusion::catalog::{MemTable, TableFunctionImpl, TableProvider};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    Accumulator, ColumnarValue, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl, create_udaf,
    create_udf,
};
use datafusion::prelude::*;

use crate::group::{Case, Group};

/// The sum of squares.
#[derive(Debug, Default)]
struct Squares(i64);

impl Accumulator for Squares {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0 += values[0].as_primitive::<Int64Type>().iter().flatten().map(|n| n * n).sum::<i64>();
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(Some(self.0)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Int64(Some(self.0))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0 += states[0].as_primitive::<Int64Type>().iter().flatten().sum::<i64>();
        Ok(())
    }
}

/// How far a row is from the last of its partition.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FromEnd(Signature);

impl WindowUDFImpl for FromEnd {
    fn name(&self) -> &str {
        "from_end"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(FromEndEvaluator))
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(arguments.name(), DataType::Int64, false)))
    }
}

#[derive(Debug)]
struct FromEndEvaluator;

impl PartitionEvaluator for FromEndEvaluator {
    fn evaluate_all(&mut self, _: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        Ok(Arc::new(Int64Array::from_iter_values((0..rows as i64).rev())))
    }
}

/// `numbers(n)`: a table of the numbers below `n`.
#[derive(Debug)]
struct Numbers;

impl TableFunctionImpl for Numbers {
    fn call(&self, arguments: &[Expr]) -> Result<Arc<dyn TableProvider>> {
        let [Expr::Literal(ScalarValue::Int64(Some(n)), _)] = arguments else {
            return plan_err!("numbers takes a whole number");
        };
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int64Array::from_iter_values(0..*n))])?;
        Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
    }
}

fn session(_: &std::path::Path) -> Result<SessionContext> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let twice = |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let twice: Int64Array = arrays[0].as_primitive::<Int64Type>().unary(|n| n * 2);
        Ok(ColumnarValue::Array(Arc::new(twice)))
    };
    context.register_udf(create_udf(
        "twice",
        vec![DataType::Int64],
        DataType::Int64,
        Volatility::Immutable,
        Arc::new(twice),
    ));
    context.register_udaf(create_udaf(
        "squares",
        vec![DataType::Int64],
        Arc::new(DataType::Int64),
        Volatility::Immutable,
        Arc::new(|_| Ok(Box::<Squares>::default())),
        Arc::new(vec![DataType::Int64]),
    ));
    context.register_udwf(WindowUDF::new_from_impl(FromEnd(Signature::nullary(Volatility::Immutable))));
    context.register_udtf("numbers", Arc::new(Numbers));
    Ok(context)
}

pub fn group() -> Group {
    let cases = [
        "select twice(n) as d from numbers(100) order by d",
        "select twice(twice(n)) + n as d from numbers(1000) where twice(n) > 500 order by d limit 9",
        "select n % 7 as k, squares(n) as s from numbers(1000) group by k",
        "select squares(twice(n)) as s from numbers(1000)",
        "select n, from_end() over (partition by n % 3 order by n) as e from numbers(100) order by n",
        "select a.n, b.n from numbers(20) a join numbers(20) b on twice(a.n) = b.n order by a.n",
    ];
    let errors = ["select numbers(1)", "select * from numbers('a')", "select twice('a', 1)"];
    let errors = errors.into_iter().map(|statement| Case::sql(statement).failing());
    Group { name: "functions", session, cases: cases.into_iter().map(Case::sql).chain(errors).collect() }
}
