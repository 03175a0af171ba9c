//! What is labelled, with which model, and where the labels go.

use crate::settings::option::{Heading, Kind, Setting};

pub(super) const TABLE: &[Setting] = &[
    Setting::new(
        "input",
        "",
        Kind::Positional,
        "INPUT",
        Heading::Input,
        "Files, folders, globs, or - for standard input",
    )
    .env(&["INPUT"])
    .more(
        "Folders are read recursively; a glob that the shell left alone is expanded here. Without any INPUT, and \
         without a CouchDB database, the shipped sample documents are labelled.\n\n\
         In the environment several inputs are separated like PATH, by a colon (a semicolon on Windows); in \
         config files they are a list.",
    ),
    Setting::new(
        "output",
        "output",
        Kind::Folder,
        "DIR",
        Heading::Output,
        "Folder for the annotations",
    )
    .short('o')
    .env(&["OUTPUT"])
    .more("An input a/b.txt becomes a/b.txt.ann below this folder. It is created if missing."),
    Setting::new(
        "output_format",
        "output-format",
        Kind::Choice(&["yedda", "jsonl", "parquet", "brat"]),
        "FORMAT",
        Heading::Output,
        "How the annotations are written",
    )
    .env(&["OUTPUT_FORMAT"])
    .more(
        "yedda: the whole text with [@...#Label*] markers; jsonl: one line per paragraph with label and \
         probabilities; parquet: the same as a table; brat: stand-off .ann beside a copy of the text.",
    ),
    Setting::new(
        "dry_run",
        "dry-run",
        Kind::Flag,
        "BOOL",
        Heading::Output,
        "Do everything but write",
    )
    .env(&["DRY_RUN"]),
    Setting::new(
        "model",
        "model",
        Kind::Text,
        "NAME or PATH",
        Heading::Model,
        "Model to label with: a shipped name or a file",
    )
    .env(&["MODEL_NAME"])
    .more("Without it the best shipped model is taken. --list-models shows what is shipped."),
    Setting::new(
        "collapse",
        "collapse",
        Kind::Flag,
        "BOOL",
        Heading::Model,
        "Answer with three labels, also by a model of fine ones",
    )
    .env(&["COLLAPSE"])
    .more(
        "The probabilities of fine labels are added up: Nomenclature and Description stay, all others are \
         Misc-exposition.",
    ),
    Setting::new(
        "doc_ids",
        "doc-id",
        Kind::List,
        "ID[,ID...]",
        Heading::Selection,
        "Only these documents",
    )
    .env(&["DOC_IDS"])
    .aliases(&["doc-ids"]),
    Setting::new("limit", "limit", Kind::Text, "N", Heading::Selection, "At most so many documents")
        .env(&["LIMIT"]),
    Setting::new(
        "skip_existing",
        "skip-existing",
        Kind::Flag,
        "BOOL",
        Heading::Selection,
        "Skip documents that have an annotation",
    )
    .env(&["SKIP_EXISTING"])
    .more("An annotation that is already right is never written again, with or without this option; skipping \
           saves reading and labelling the document as well."),
    Setting::new(
        "force",
        "force",
        Kind::Flag,
        "BOOL",
        Heading::Selection,
        "Label every selected document anew; wins over --skip-existing",
    )
    .env(&["FORCE"]),
    Setting::new(
        "taxonomy_filter",
        "taxonomy-filter",
        Kind::Flag,
        "BOOL",
        Heading::Selection,
        "Only documents with a taxonomic abbreviation",
    )
    .env(&["TAXONOMY_FILTER"])
    .more("In CouchDB the boolean field `taxonomy` of the documents is kept true to that."),
    Setting::new(
        "taxonomy_abbrevs",
        "taxonomy-abbrevs",
        Kind::List,
        "ABBR[,ABBR...]",
        Heading::Selection,
        "The abbreviations that the taxonomy filter looks for",
    )
    .env(&["TAXONOMY_ABBREVS"]),
    Setting::new(
        "skip_taxonomy_check",
        "skip-taxonomy-check",
        Kind::Flag,
        "BOOL",
        Heading::Selection,
        "Take every document as taxonomic, without looking; wins over --taxonomy-filter",
    )
    .env(&["SKIP_TAXONOMY_CHECK"]),
    Setting::new(
        "update_taxonomy_flag_only",
        "update-taxonomy-flag-only",
        Kind::Flag,
        "BOOL",
        Heading::Selection,
        "Only bring the field `taxonomy` up to date, label nothing",
    )
    .env(&["UPDATE_TAXONOMY_FLAG_ONLY"]),
    Setting::new(
        "skip_golden",
        "skip-golden",
        Kind::Flag,
        "BOOL",
        Heading::Selection,
        "Leave out documents with the field `golden_dataset`",
    )
    .env(&["SKIP_GOLDEN"]),
    Setting::new(
        "include_taxpub",
        "include-taxpub",
        Kind::Flag,
        "BOOL",
        Heading::Selection,
        "Take in documents with the field `is_taxpub`",
    )
    .env(&["INCLUDE_TAXPUB"]),
];
