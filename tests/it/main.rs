//! Integration tests.

mod cli;
mod instrumentation;
mod settings;
