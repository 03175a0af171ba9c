//! Names of SKOL's programs. This program took the place of one of them: their options and variables are accepted, so
//! that a cron line keeps running, and their shared settings file is read as they read it.

/// The setting that took the place of a former one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Successor {
    /// Name of the setting in the files.
    pub(crate) key: &'static str,
    /// What to use instead.
    pub(crate) advice: &'static str,
}

const CORES: Successor = Successor { key: "cores", advice: "use --cores or CORES" };
const MEMORY: Successor = Successor {
    key: "memory_limit",
    advice: "taken as the memory limit; use --memory-limit or MEMORY_LIMIT",
};

/// Variables that a setting of ours took the place of. The options of the same names are among [`OPTIONS`].
pub(crate) const VARIABLES: &[(&str, Successor)] = &[("SPARK_CORES", CORES), ("SPARK_DRIVER_MEMORY", MEMORY)];

/// The setting that took the place of an option; `None`: it has no effect here.
pub(crate) fn successor(option: &str) -> Option<Successor> {
    let variable = option.replace('-', "_").to_ascii_uppercase();
    VARIABLES.iter().find(|(name, _)| *name == variable).map(|(_, successor)| *successor)
}

/// The options of SKOL's programs that are accepted in addition to ours, without the dashes. Those that begin with
/// `--redis-` are too; see [`is_redis_option`].
pub(crate) const OPTIONS: &[&str] = &[
    "spark-cores",
    "spark-driver-memory",
    "spark-executor-memory",
    "union-batch-size",
    "bahir-package",
    "read-text",
    "save-text",
    "retry-failed-extraction",
    "model-version",
    "classifier-model-expire",
    "training-database",
    "taxon-url",
    "taxon-database",
    "taxon-username",
    "taxon-password",
    "treatments-db-name",
    "golden-ann-db-name",
    "menus-key",
    "embedding-name",
    "embedding-expire",
    "gnfinder-url",
    "gnparser-url",
    "ncbi-api-key",
    "annotated-path",
    "brat-data-dir",
];

/// Those of the options that no value follows.
pub(crate) const FLAGS: &[&str] = &["read-text", "retry-failed-extraction"];

/// Whether an argument is one of the options for Redis, which all take a value and have no effect here.
pub(crate) fn is_redis_option(argument: &str) -> bool {
    argument.strip_prefix("--redis-").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// Variables of SKOL's other programs, and of cron, in the settings file that all of them share. A `*` at the end
/// stands for any other letters.
const OTHERS: &[&str] = &[
    "ANNOTATED_PATH",
    "BAHIR_PACKAGE",
    "BRAT_DATA_DIR",
    "DEFAULT_FROM_EMAIL",
    "DEST_DB",
    "DJANGO_*",
    "EMAIL_*",
    "EMBEDDING_EXPIRE",
    "EMBEDDING_NAME",
    "EVAL_ANNOTATIONS_DB_NAME",
    "GNFINDER_URL",
    "GNPARSER_URL",
    "GOLDEN_ANN_DB_NAME",
    "LOGDIR",
    "MAILTO",
    "MODEL_EXPIRE",
    "MODEL_VERSION",
    "NCBI_API_KEY",
    "REDIS_*",
    "SKOL_REDIS_*",
    "SKOL_SITE_URL",
    "SOURCE_DB",
    "SPARK_*",
    "TAXON_*",
    "TRAINING_DATABASE",
    "TREATMENTS_*",
    "UNION_BATCH_SIZE",
];

/// Whether a variable belongs to another program of SKOL.
pub(crate) fn is_of_another_program(name: &str) -> bool {
    OTHERS.iter().any(|other| match other.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => *other == name,
    })
}

/// Whether a variable of the process shows that it runs among SKOL's programs. Cron's own names and Spark's (such as
/// `SPARK_HOME`) are on machines without SKOL too.
pub(crate) fn hints_at_skol(name: &str) -> bool {
    let general = ["DEFAULT_FROM_EMAIL", "LOGDIR", "MAILTO", "SOURCE_DB"];
    let spark = ["SPARK_CORES", "SPARK_DRIVER_MEMORY", "SPARK_EXECUTOR_MEMORY"];
    match name {
        _ if general.contains(&name) || name.starts_with("EMAIL_") || name.starts_with("DJANGO_") => false,
        _ if name.starts_with("SPARK_") => spark.contains(&name),
        _ => is_of_another_program(name),
    }
}

/// The shipped model that is nearest to one of SKOL's, where `name` is one. Its models were kept in Redis and cannot
/// be read here; this one is fitted on the same features.
pub(crate) fn nearest_model(name: &str) -> Option<&'static str> {
    let starts = ["logistic_sections", "logistic_paragraphs", "production_", "skol:classifier:model:"];
    starts.iter().any(|start| name.starts_with(start)).then_some("logistic_words_suffixes")
}
