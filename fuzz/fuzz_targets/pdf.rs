//! `pdf` for libFuzzer.
#![no_main]

#[path = "../targets/pdf.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::check(bytes));
