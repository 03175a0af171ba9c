//! The 22 queries of TPC-H.

use datafusion::prelude::*;

use crate::group::{Case, Group};

#[path = "../../shared/tpch.rs"]
mod shared;

pub fn group() -> Group {
    let statements = (1..=22).flat_map(shared::statements);
    Group {
        name: "TPC-H",
        session: |_| {
            Ok(shared::tables(SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2))))
        },
        cases: statements.map(Case::sql).collect(),
    }
}
