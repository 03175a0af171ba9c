//! The encoded form of what a partition function captures: compact JSON, so that what travels can be read.

use datafusion::common::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::PipelineError;
use crate::Error;

pub(super) fn encode(function: &'static str, captured: &impl Serialize) -> Result<Vec<u8>> {
    let encoded = serde_json::to_vec(captured);
    encoded.map_err(|source| Error::from(PipelineError::Encode { function, source: source.into() }).into())
}

pub(super) fn decode<T: DeserializeOwned>(function: &'static str, bytes: &[u8]) -> Result<T> {
    let decoded = serde_json::from_slice(bytes);
    decoded.map_err(|source| Error::from(PipelineError::Decode { function, source: source.into() }).into())
}

/// What travels as a protobuf message, where a part of it was encoded by somebody else.
pub(super) fn message<T: prost::Message + Default>(function: &'static str, bytes: &[u8]) -> Result<T> {
    let decoded = T::decode(bytes);
    decoded.map_err(|source| Error::from(PipelineError::Decode { function, source: source.into() }).into())
}
