//! Integration tests.

mod cli;
#[cfg(feature = "cluster")]
mod cluster;
mod couchdb;
mod fuzz;
mod guide;
mod instrumentation;
mod labels;
mod model;
mod monitoring;
mod odd_texts;
mod operator;
mod pdf;
mod predict;
mod readme;
mod samples;
mod segment;
mod self_train;
mod settings;
mod train_evaluate;
mod trained;
mod yedda;
