//! Integration tests.

mod cli;
mod couchdb;
mod instrumentation;
mod pipeline;
mod predict;
mod samples;
mod segment;
mod settings;
mod yedda;
