//! Integration tests.

mod cli;
mod couchdb;
mod instrumentation;
mod samples;
mod settings;
