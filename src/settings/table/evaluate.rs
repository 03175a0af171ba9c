//! What a model is scored against.

use crate::settings::option::{Heading, Kind, Program, Setting};

const EVALUATE: &[Program] = &[Program::Evaluate];

pub(super) const TABLE: &[Setting] = &[
    Setting::new(
        "evaluate.gold",
        "gold",
        Kind::Folder,
        "DIR",
        Heading::Input,
        "Folder with .ann files that hold the right labels",
    )
    .short('g')
    .env(&["EVALUATE_GOLD"])
    .of(EVALUATE),
    Setting::new(
        "evaluate.model",
        "model",
        Kind::Text,
        "NAME or PATH",
        Heading::Model,
        "Model to evaluate: a shipped name or a file; without it the best shipped one",
    )
    .env(&["EVALUATE_MODEL"])
    .of(EVALUATE),
    Setting::new(
        "evaluate.collapse",
        "collapse",
        Kind::Flag,
        "BOOL",
        Heading::Model,
        "Collapse fine labels to Nomenclature, Description and Misc-exposition",
    )
    .env(&["EVALUATE_COLLAPSE"])
    .of(EVALUATE),
    Setting::new(
        "evaluate.json",
        "json",
        Kind::Flag,
        "BOOL",
        Heading::Output,
        "Print the figures as JSON on standard output",
    )
    .env(&["EVALUATE_JSON"])
    .of(EVALUATE),
    Setting::new(
        "evaluate.report",
        "report",
        Kind::File,
        "FILE.html",
        Heading::Output,
        "The evaluation as one self-contained page",
    )
    .env(&["EVALUATE_REPORT"])
    .of(EVALUATE),
];
