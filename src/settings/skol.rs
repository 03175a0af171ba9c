//! Names of the programs that this one came from. They are accepted, so that an old cron line keeps running, and
//! named once as outdated.

/// A name of the former programs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Former {
    /// Name on the command line, without the dashes.
    pub(crate) option: &'static str,
    /// Name in the environment and in `env_config`.
    pub(crate) variable: &'static str,
    /// The setting that took its place, if there is one.
    pub(crate) key: Option<&'static str>,
    /// What to write before the old value to make it the new one.
    pub(crate) prefix: &'static str,
    /// What to do instead.
    pub(crate) advice: &'static str,
}

const fn moved(
    option: &'static str,
    variable: &'static str,
    key: &'static str,
    advice: &'static str,
) -> Former {
    Former { option, variable, key: Some(key), prefix: "", advice }
}

const fn gone(option: &'static str, variable: &'static str) -> Former {
    let advice = "it has no counterpart here and can be removed";
    Former { option, variable, key: None, prefix: "", advice }
}

/// The names that are accepted.
pub(crate) const FORMER: &[Former] = &[
    moved("spark-cores", "SPARK_CORES", "cores", "use --cores or CORES"),
    moved(
        "spark-driver-memory",
        "SPARK_DRIVER_MEMORY",
        "memory_limit",
        "taken as the memory limit; use --memory-limit or MEMORY_LIMIT",
    ),
    Former {
        advice: "driver and executors are one process here, see --memory-limit; it can be removed",
        ..gone("spark-executor-memory", "SPARK_EXECUTOR_MEMORY")
    },
    gone("union-batch-size", "UNION_BATCH_SIZE"),
    gone("bahir-package", "BAHIR_PACKAGE"),
    Former {
        prefix: "http://",
        ..moved(
            "couchdb-host",
            "COUCHDB_HOST",
            "couchdb_url",
            "use --couchdb-url or COUCHDB_URL, like http://localhost:5984",
        )
    },
];
