//! What a model is trained from, and where it goes.

use crate::settings::option::{Heading, Kind, Program, Setting};

const TRAIN: &[Program] = &[Program::Train];

pub(super) const TABLE: &[Setting] = &[
    Setting::new(
        "train.input",
        "input",
        Kind::Folder,
        "DIR",
        Heading::Input,
        "Folder with .ann files to train from",
    )
    .short('i')
    .env(&["TRAIN_INPUT"])
    .of(TRAIN),
    Setting::new(
        "train.test",
        "test",
        Kind::Folder,
        "DIR",
        Heading::Input,
        "Folder with .ann files to test on; without it whole files are held out",
    )
    .env(&["TRAIN_TEST"])
    .of(TRAIN),
    Setting::new(
        "train.model",
        "model",
        Kind::Text,
        "PRESET",
        Heading::Model,
        "Preset of features and parameters, from config/models.toml",
    )
    .env(&["TRAIN_MODEL"])
    .of(TRAIN),
    Setting::new(
        "train.name",
        "name",
        Kind::Text,
        "NAME",
        Heading::Model,
        "Name of the trained model; without it the preset's",
    )
    .env(&["TRAIN_NAME"])
    .of(TRAIN),
    Setting::new(
        "train.seed",
        "seed",
        Kind::Text,
        "N",
        Heading::Model,
        "Seed of the split; the same seed gives the same model",
    )
    .env(&["TRAIN_SEED"])
    .of(TRAIN),
    Setting::new(
        "train.cross_validate",
        "cross-validate",
        Kind::Text,
        "K",
        Heading::Model,
        "Cross-validate over K folds of whole volumes; 0: do not",
    )
    .env(&["TRAIN_CROSS_VALIDATE"])
    .of(TRAIN),
    Setting::new(
        "train.output",
        "output",
        Kind::Folder,
        "DIR",
        Heading::Output,
        "Folder for the model and its card",
    )
    .short('o')
    .env(&["TRAIN_OUTPUT"])
    .of(TRAIN),
    Setting::new(
        "train.json",
        "json",
        Kind::Flag,
        "BOOL",
        Heading::Output,
        "Print the figures as JSON on standard output",
    )
    .env(&["TRAIN_JSON"])
    .of(TRAIN),
    Setting::new(
        "train.report",
        "report",
        Kind::File,
        "FILE.html",
        Heading::Output,
        "The evaluation as one self-contained page",
    )
    .env(&["TRAIN_REPORT"])
    .of(TRAIN),
];
