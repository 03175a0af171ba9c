//! The tables and the 22 queries of TPC-H.
//!
//! Tables are generated at a hundredth of the benchmark's scale; queries are those of the generator's crate, with the
//! parameters of the specification's validation run.

use std::sync::Arc;

use datafusion::catalog::MemTable;
use datafusion::prelude::*;
use tpchgen::generators::*;
use tpchgen::q_and_a::queries::query;
use tpchgen_arrow::*;

const SCALE: f64 = 0.01;

/// Parameters of each query, in the order of its placeholders.
const PARAMETERS: [&[&str]; 22] = [
    &["90"],
    &["15", "BRASS", "EUROPE"],
    &["BUILDING", "1995-03-15"],
    &["1993-07-01"],
    &["ASIA", "1994-01-01"],
    &["1994-01-01", "0.06", "24"],
    &["FRANCE", "GERMANY"],
    &["BRAZIL", "AMERICA", "ECONOMY ANODIZED STEEL"],
    &["green"],
    &["1993-10-01"],
    &["GERMANY", "0.0001"],
    &["MAIL", "SHIP", "1994-01-01"],
    &["special", "requests"],
    &["1995-09-01"],
    &["1996-01-01"],
    &["Brand#45", "MEDIUM POLISHED", "49", "14", "23", "45", "19", "3", "36", "9"],
    &["Brand#23", "MED BOX"],
    &["250"],
    &["Brand#12", "Brand#23", "Brand#34", "1", "10", "20"],
    &["forest", "1994-01-01", "CANADA"],
    &["SAUDI ARABIA"],
    &["13", "31", "23", "29", "30", "18", "17"],
];

/// The statements of query `number`, ready to run.
pub fn statements(number: usize) -> Vec<String> {
    let mut text = query(number as i32).unwrap().replace(" day (3)", " day").replace("revenue:s", "revenue0");
    for (index, parameter) in PARAMETERS[number - 1].iter().enumerate().rev() {
        text = text.replace(&format!(":{}", index + 1), parameter);
    }
    text.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

fn register(context: &SessionContext, name: &str, batches: impl RecordBatchIterator) {
    let schema = Arc::clone(batches.schema());
    let mut partitions = vec![Vec::new(), Vec::new()];
    for (index, batch) in batches.enumerate() {
        partitions[index % 2].push(batch);
    }
    context.register_table(name, Arc::new(MemTable::try_new(schema, partitions).unwrap())).unwrap();
}

/// `context` with the tables.
pub fn tables(context: SessionContext) -> SessionContext {
    register(&context, "nation", NationArrow::new(NationGenerator::new(SCALE, 1, 1)));
    register(&context, "region", RegionArrow::new(RegionGenerator::new(SCALE, 1, 1)));
    register(&context, "part", PartArrow::new(PartGenerator::new(SCALE, 1, 1)));
    register(&context, "supplier", SupplierArrow::new(SupplierGenerator::new(SCALE, 1, 1)));
    register(&context, "partsupp", PartSuppArrow::new(PartSuppGenerator::new(SCALE, 1, 1)));
    register(&context, "customer", CustomerArrow::new(CustomerGenerator::new(SCALE, 1, 1)));
    register(&context, "orders", OrderArrow::new(OrderGenerator::new(SCALE, 1, 1)));
    register(&context, "lineitem", LineItemArrow::new(LineItemGenerator::new(SCALE, 1, 1)));
    context
}
