//! Fitted features as bytes, for the model file.
//!
//! Little-endian throughout: the parameters as JSON behind their length, then per vocabulary the number
//! of terms, the inverse document frequencies, the lengths of the terms, and the terms end to end, so
//! that reading is a walk and not a parse. Checksums and versions belong to the file around it.

use super::fitted::Features;
use super::params::FeatureParams;
use super::vocabulary::Vocabulary;
use linfa::ParamGuard;
use thiserror::Error;

/// Why stored features cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes end before the features do.
    #[error("the features end after {0} bytes, in the middle of {1}")]
    Truncated(usize, &'static str),
    /// A part does not hold what it must.
    #[error("the features' {0} cannot be read: {1}")]
    Invalid(&'static str, String),
}

/// A walk over bytes that never reads past their end.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize, part: &'static str) -> Result<&'a [u8], DecodeError> {
        let taken = self
            .at
            .checked_add(count)
            .and_then(|end| self.bytes.get(self.at..end))
            .ok_or(DecodeError::Truncated(self.bytes.len(), part))?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], DecodeError> {
        let taken = self.take(N, part)?;
        taken.try_into().map_err(|_| DecodeError::Truncated(self.bytes.len(), part))
    }

    fn size(&mut self, part: &'static str) -> Result<usize, DecodeError> {
        Ok(u32::from_le_bytes(self.array(part)?) as usize)
    }
}

fn put_size(size: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_vocabulary(vocabulary: &Vocabulary, out: &mut Vec<u8>) {
    put_size(vocabulary.len(), out);
    vocabulary.idf().iter().for_each(|idf| out.extend_from_slice(&idf.to_le_bytes()));
    vocabulary.terms().iter().for_each(|term| put_size(term.len(), out));
    vocabulary.terms().iter().for_each(|term| out.extend_from_slice(term.as_bytes()));
}

fn take_vocabulary(reader: &mut Reader<'_>, part: &'static str) -> Result<Vocabulary, DecodeError> {
    let count = reader.size(part)?;
    let idf = reader.take(count.saturating_mul(8), part)?;
    let idf = idf.chunks_exact(8).map(|bytes| {
        let mut value = [0; 8];
        value.copy_from_slice(bytes);
        f64::from_le_bytes(value)
    });
    let idf: Vec<f64> = idf.collect();
    let lengths = reader.take(count.saturating_mul(4), part)?;
    let mut terms = Vec::with_capacity(count);
    for length in lengths.chunks_exact(4) {
        let mut value = [0; 4];
        value.copy_from_slice(length);
        let term = reader.take(u32::from_le_bytes(value) as usize, part)?;
        let term =
            std::str::from_utf8(term).map_err(|error| DecodeError::Invalid(part, error.to_string()))?;
        terms.push(term.into());
    }
    Ok(Vocabulary::new(terms, idf))
}

impl Features {
    /// Appends these features to `out`; [`decode`](Self::decode) reads them back.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let params = serde_json::to_vec(self.params()).unwrap_or_default();
        put_size(params.len(), out);
        out.extend_from_slice(&params);
        let (words, endings) = self.vocabularies();
        put_vocabulary(words, out);
        put_vocabulary(endings, out);
    }

    /// Reads features that [`encode`](Self::encode) wrote, from the start of `bytes`; what follows them is
    /// left alone. Gives the features and how many bytes they took.
    ///
    /// # Errors
    /// The bytes end early, or a part does not hold what it must.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), DecodeError> {
        let mut reader = Reader { bytes, at: 0 };
        let length = reader.size("parameters")?;
        let params: FeatureParams = serde_json::from_slice(reader.take(length, "parameters")?)
            .map_err(|error| DecodeError::Invalid("parameters", error.to_string()))?;
        let params = params.check().map_err(|error| DecodeError::Invalid("parameters", error.to_string()))?;
        let words = take_vocabulary(&mut reader, "words")?;
        let endings = take_vocabulary(&mut reader, "endings")?;
        Ok((Self::from_parts(params, words, endings), reader.at))
    }
}
