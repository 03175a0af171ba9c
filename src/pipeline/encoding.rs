//! The encoded form of what a partition function captures: compact JSON, so that what travels can be read.

use datafusion::common::{Result, exec_datafusion_err};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(super) fn encode(function: &str, captured: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(captured)
        .map_err(|error| exec_datafusion_err!("{function} cannot be encoded: {error}"))
}

pub(super) fn decode<T: DeserializeOwned>(function: &str, bytes: &[u8]) -> Result<T> {
    // The error is not shown whole: it may quote a captured secret.
    serde_json::from_slice(bytes).map_err(|error| {
        exec_datafusion_err!(
            "{function} cannot be decoded (at byte {} of its closure); run the same version everywhere",
            error.column()
        )
    })
}

/// Bytes that `field` takes in the encoded form.
pub(super) fn size(field: &impl Serialize) -> usize {
    serde_json::to_vec(field).map_or(0, |bytes| bytes.len())
}
