//! Which sources and sinks a program knows: the one place where files, samples and CouchDB are named together.
//!
//! The worker half of a source or sink travels as a name and an encoded form. [`Connectors`] finds the decoder for
//! the name. A source of your own is added with [`Connectors::with_source`]; `examples/own_source.rs` shows how.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{BoxError, Result};
use crate::sink::{FileSink, SaveParams, SinkError};
use crate::source::{FilesLoadParams, LoadParams, SampleSource, SourceError};

/// Makes the worker half of a source again from what [`LoadParams::encode`] wrote.
pub type LoadParamsDecoder = fn(&[u8]) -> Result<Arc<dyn LoadParams>, BoxError>;

/// Makes the worker half of a sink again from what [`SaveParams::encode`] wrote.
pub type SaveParamsDecoder = fn(&[u8]) -> Result<Arc<dyn SaveParams>, BoxError>;

/// The decoders of a program's sources and sinks, by name.
#[derive(Debug, Clone)]
pub struct Connectors {
    sources: BTreeMap<&'static str, LoadParamsDecoder>,
    sinks: BTreeMap<&'static str, SaveParamsDecoder>,
}

/// Those that are part of this library: files, the shipped samples and CouchDB.
impl Default for Connectors {
    fn default() -> Self {
        use crate::sink::couchdb::CouchSaveParams;
        use crate::source::couchdb::CouchLoadParams;

        Self { sources: BTreeMap::new(), sinks: BTreeMap::new() }
            .with_source(FilesLoadParams::NAME, |bytes| Ok(Arc::new(FilesLoadParams::decode(bytes)?)))
            .with_source(SampleSource::NAME, |_| Ok(Arc::new(SampleSource::default())))
            .with_source(CouchLoadParams::NAME, |bytes| Ok(Arc::new(CouchLoadParams::decode(bytes)?)))
            .with_sink(FileSink::NAME, |bytes| Ok(Arc::new(FileSink::decode(bytes)?)))
            .with_sink(CouchSaveParams::NAME, |bytes| Ok(Arc::new(CouchSaveParams::decode(bytes)?)))
    }
}

impl Connectors {
    /// The same, and the source whose parameters are [called](LoadParams::name) `name`.
    #[must_use]
    pub fn with_source(mut self, name: &'static str, decoder: LoadParamsDecoder) -> Self {
        self.sources.insert(name, decoder);
        self
    }

    /// The same, and the sink whose parameters are [called](SaveParams::name) `name`.
    #[must_use]
    pub fn with_sink(mut self, name: &'static str, decoder: SaveParamsDecoder) -> Self {
        self.sinks.insert(name, decoder);
        self
    }

    /// The worker half of source `name`, from its encoded form.
    ///
    /// # Errors
    /// When no such source is registered, or the encoded form is not its own.
    pub(crate) fn load_params(&self, name: &str, encoded: &[u8]) -> Result<Arc<dyn LoadParams>> {
        let decoder = self.sources.get(name).ok_or_else(|| SourceError::Unknown { name: name.to_owned() })?;
        Ok(decoder(encoded).map_err(|source| SourceError::Decode { name: name.to_owned(), source })?)
    }

    /// The worker half of sink `name`, from its encoded form.
    ///
    /// # Errors
    /// As [`load_params`](Self::load_params).
    pub(crate) fn save_params(&self, name: &str, encoded: &[u8]) -> Result<Arc<dyn SaveParams>> {
        let decoder = self.sinks.get(name).ok_or_else(|| SinkError::Unknown { name: name.to_owned() })?;
        Ok(decoder(encoded).map_err(|source| SinkError::Decode { name: name.to_owned(), source })?)
    }
}
