//! Fitted features as bytes, for the model file.
//!
//! Little-endian throughout: the parameters as JSON behind their length; per vocabulary the number of terms,
//! where each ends, the length of all, the terms end to end, and the inverse document frequencies if it has
//! any; per set of keys their number and the keys. So reading is a walk and not a parse. Checksums and versions
//! belong to the file around it.

use super::FeatureError;
use super::fitted::Features;
use super::lexicon::{Keys, Lexicon};
use super::params::FeatureParams;
use super::parts::Parts;
use super::vocabulary::Vocabulary;
use linfa::ParamGuard;

/// A walk over bytes that never reads past their end.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize, part: &'static str) -> Result<&'a [u8], FeatureError> {
        let taken = self
            .at
            .checked_add(count)
            .and_then(|end| self.bytes.get(self.at..end))
            .ok_or(FeatureError::Truncated { length: self.bytes.len(), part })?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], FeatureError> {
        let taken = self.take(N, part)?;
        taken.try_into().map_err(|_| FeatureError::Truncated { length: self.bytes.len(), part })
    }

    fn numbers<T, const N: usize>(
        &mut self,
        count: usize,
        part: &'static str,
        number: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, FeatureError> {
        let (numbers, _) = self.take(count.saturating_mul(N), part)?.as_chunks();
        Ok(numbers.iter().map(|&bytes| number(bytes)).collect())
    }

    fn size(&mut self, part: &'static str) -> Result<usize, FeatureError> {
        Ok(u32::from_le_bytes(self.array(part)?) as usize)
    }
}

fn put_size(size: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_lexicon(lexicon: &Lexicon, out: &mut Vec<u8>) {
    let (text, ends) = lexicon.parts();
    put_size(ends.len(), out);
    ends.iter().for_each(|end| out.extend_from_slice(&end.to_le_bytes()));
    put_size(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn take_lexicon(reader: &mut Reader<'_>, part: &'static str) -> Result<Lexicon, FeatureError> {
    let count = reader.size(part)?;
    let ends: Vec<u32> = reader.numbers(count, part, u32::from_le_bytes)?;
    let length = reader.size(part)?;
    let text = std::str::from_utf8(reader.take(length, part)?)
        .map_err(|source| FeatureError::Text { part, source })?;
    let on_boundaries = ends.iter().all(|&end| text.is_char_boundary(end as usize));
    if !on_boundaries || !ends.is_sorted() || ends.last().map_or(0, |&end| end as usize) != length {
        return Err(FeatureError::Invalid { part, reason: "terms that do not end where they should" });
    }
    Ok(Lexicon::new(text.to_owned(), ends))
}

fn put_vocabulary(vocabulary: &Vocabulary, out: &mut Vec<u8>) {
    put_lexicon(vocabulary.lexicon(), out);
    vocabulary.idf().iter().for_each(|idf| out.extend_from_slice(&idf.to_le_bytes()));
}

fn take_vocabulary(reader: &mut Reader<'_>, part: &'static str) -> Result<Vocabulary, FeatureError> {
    let lexicon = take_lexicon(reader, part)?;
    let idf: Vec<f64> = reader.numbers(lexicon.len(), part, f64::from_le_bytes)?;
    if !idf.iter().all(|idf| idf.is_finite()) {
        return Err(FeatureError::Invalid {
            part,
            reason: "a document frequency that is not a finite number",
        });
    }
    Ok(Vocabulary::new(lexicon, idf))
}

fn put_keys(keys: &Keys, out: &mut Vec<u8>) {
    put_size(keys.len(), out);
    keys.keys().iter().for_each(|key| out.extend_from_slice(&key.to_le_bytes()));
}

fn take_keys(reader: &mut Reader<'_>, part: &'static str) -> Result<Keys, FeatureError> {
    let count = reader.size(part)?;
    let keys: Vec<u64> = reader.numbers(count, part, u64::from_le_bytes)?;
    if keys.contains(&0) {
        return Err(FeatureError::Invalid { part, reason: "a key of zero" });
    }
    Ok(Keys::new(keys))
}

impl Features {
    /// Appends these features to `out`; [`decode`](Self::decode) reads them back.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let params = serde_json::to_vec(self.params()).unwrap_or_default();
        put_size(params.len(), out);
        out.extend_from_slice(&params);
        let parts = self.parts();
        put_vocabulary(&parts.words, out);
        put_vocabulary(&parts.suffixes, out);
        put_lexicon(&parts.tokens, out);
        put_keys(&parts.pairs, out);
        if self.params().outline.is_some() {
            put_keys(&parts.outline, out);
        }
        put_keys(&parts.layout, out);
    }

    /// Reads features that [`encode`](Self::encode) wrote, from the start of `bytes`; what follows them is
    /// left alone. Gives the features and how many bytes they took.
    ///
    /// # Errors
    /// The bytes end early, or a part does not hold what it must.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, usize), FeatureError> {
        let mut reader = Reader { bytes, at: 0 };
        let length = reader.size("parameters")?;
        let params: FeatureParams =
            serde_json::from_slice(reader.take(length, "parameters")?).map_err(FeatureError::Parameters)?;
        let params = params.check()?;
        let parts = Parts {
            words: take_vocabulary(&mut reader, "words")?,
            suffixes: take_vocabulary(&mut reader, "suffixes")?,
            tokens: take_lexicon(&mut reader, "tokens")?,
            pairs: take_keys(&mut reader, "pairs")?,
            outline: match params.outline {
                Some(_) => take_keys(&mut reader, "outline")?,
                None => Keys::default(),
            },
            layout: take_keys(&mut reader, "layout")?,
        };
        Ok((Self::from_parts(params, parts), reader.at))
    }
}
