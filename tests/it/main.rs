//! Integration tests.

mod cli;
mod instrumentation;
mod samples;
mod settings;
