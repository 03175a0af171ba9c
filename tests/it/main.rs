//! Integration tests.

mod instrumentation;
