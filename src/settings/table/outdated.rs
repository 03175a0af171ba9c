//! Names of the former Spark program. They are accepted, so that an old cron line keeps running, and named
//! once as outdated.

use crate::settings::option::Outdated;

const NO_COUNTERPART: &str = "it has no counterpart here and can be removed";

const fn moved(long: &'static str, env: &'static str, key: &'static str, advice: &'static str) -> Outdated {
    Outdated { long, env, key: Some(key), prefix: "", advice }
}

const fn gone(long: &'static str, env: &'static str) -> Outdated {
    Outdated { long, env, key: None, prefix: "", advice: NO_COUNTERPART }
}

pub(crate) const OUTDATED: &[Outdated] = &[
    moved("spark-cores", "SPARK_CORES", "cores", "use --cores or CORES"),
    moved(
        "spark-driver-memory",
        "SPARK_DRIVER_MEMORY",
        "memory_limit",
        "taken as the memory limit; use --memory-limit or MEMORY_LIMIT",
    ),
    Outdated {
        long: "spark-executor-memory",
        env: "SPARK_EXECUTOR_MEMORY",
        key: None,
        prefix: "",
        advice: "driver and executors are one process here, see --memory-limit; it can be removed",
    },
    gone("union-batch-size", "UNION_BATCH_SIZE"),
    gone("bahir-package", "BAHIR_PACKAGE"),
    Outdated {
        long: "couchdb-host",
        env: "COUCHDB_HOST",
        key: Some("couchdb_url"),
        prefix: "http://",
        advice: "use --couchdb-url or COUCHDB_URL, like http://localhost:5984",
    },
];
