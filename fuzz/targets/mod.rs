//! Everything that reads text or bytes from outside. Each target takes any bytes and panics where a promise is broken.
//!
//! `scripts/fuzz.sh` mutates the seeds on stable Rust; `cargo fuzz` is guided by coverage.

pub mod annotation;
pub mod answers;
pub mod brat;
pub mod checkpoint;
pub mod model;
pub mod pdf;
pub mod segment;
pub mod settings;
pub mod yedda;
