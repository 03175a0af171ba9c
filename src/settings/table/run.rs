//! How the work is done, and what is told about it.

use crate::settings::option::{Heading, Kind, Setting};

pub(super) const TABLE: &[Setting] = &[
    Setting::new(
        "incremental",
        "incremental",
        Kind::Flag,
        "BOOL",
        Heading::Batches,
        "Save as the run goes (it does so anyway)",
    )
    .env(&["INCREMENTAL"]),
    Setting::new(
        "incremental_batch_size",
        "incremental-batch-size",
        Kind::Text,
        "N",
        Heading::Batches,
        "Save after every N documents",
    )
    .env(&["INCREMENTAL_BATCH_SIZE"]),
    Setting::new(
        "prediction_batch_size",
        "prediction-batch-size",
        Kind::Text,
        "N",
        Heading::Batches,
        "Documents per batch",
    )
    .env(&["PREDICTION_BATCH_SIZE"])
    .aliases(&["batch-size"])
    .more("Memory follows this number times the cores; labels do not depend on it."),
    Setting::new("cores", "cores", Kind::Text, "N", Heading::Engine, "Cores to use: a number, or all")
        .env(&["CORES", "NUM_WORKERS"])
        .aliases(&["num-workers"])
        .more("`all` respects the processor quota of a container."),
    Setting::new(
        "partitions",
        "partitions",
        Kind::Text,
        "N",
        Heading::Engine,
        "Partitions of the work: a number, or cores for as many as cores",
    )
    .env(&["PARTITIONS"])
    .more("A document is never split over two partitions; labels do not depend on their number."),
    Setting::new(
        "memory_limit",
        "memory-limit",
        Kind::Text,
        "SIZE",
        Heading::Engine,
        "Memory pool of the engine: 8g, 512m, or a share like 80%",
    )
    .env(&["MEMORY_LIMIT"])
    .more("k, m, g and t are powers of 1024, as they were for Spark. A share is taken of the machine's memory or \
           of the container's limit, whichever is smaller."),
    Setting::new(
        "checkpoint",
        "checkpoint",
        Kind::Choice(&["auto", "never", "always"]),
        "WHEN",
        Heading::Engine,
        "When to materialize a stage so that its lineage starts anew",
    )
    .env(&["CHECKPOINT"])
    .more("auto: when verbosity is at least 1 and the lineage is deeper than --lineage-threshold."),
    Setting::new(
        "checkpoint_dir",
        "checkpoint-dir",
        Kind::Folder,
        "DIR",
        Heading::Engine,
        "Folder for checkpoints that do not fit in memory; without it the system's temporary folder",
    )
    .env(&["CHECKPOINT_PATH"]),
    Setting::new(
        "lineage_threshold",
        "lineage-threshold",
        Kind::Text,
        "N",
        Heading::Engine,
        "Lineage depth beyond which `auto` makes a checkpoint",
    )
    .env(&["LINEAGE_THRESHOLD"]),
    Setting::new(
        "cluster",
        "cluster",
        Kind::Text,
        "URL",
        Heading::Engine,
        "Run the plan on this Ballista scheduler, like df://host:50050",
    )
    .env(&["CLUSTER_URL"])
    .more("Needs a program that was built with the feature `cluster`."),
    Setting::new(
        "metrics_file",
        "metrics-file",
        Kind::File,
        "FILE",
        Heading::Reports,
        "Metrics of the run, as .json or Prometheus text (.prom)",
    )
    .env(&["METRICS_FILE"])
    .more("Written atomically at the end, also when the run failed."),
    Setting::new(
        "report",
        "report",
        Kind::File,
        "FILE.html",
        Heading::Reports,
        "The run as one self-contained page",
    )
    .env(&["REPORT"]),
];
