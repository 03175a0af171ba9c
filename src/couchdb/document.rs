//! A document as CouchDB gives it: JSON fields to the letter, and stubs of its attachments.

use super::raw::{RawObject, push_quoted, raw, render};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

const ATTACHMENTS: &str = "_attachments";

/// A document, with every field that it has.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct CouchDocument {
    fields: RawObject,
}

/// What a document says about an attachment without giving its body.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AttachmentStub {
    /// Its media type.
    pub content_type: String,
    /// The number of the revision that it came with.
    pub revpos: u64,
    /// `md5-` and the base64 of an MD5, of the content as it is stored: CouchDB compresses text types
    /// (`[attachments] compressible_types`), and then this is the digest of the compressed form.
    pub digest: String,
    /// Its length in bytes, uncompressed.
    pub length: u64,
}

impl CouchDocument {
    /// An empty document with this id.
    #[must_use]
    pub fn new(id: &str) -> Self {
        let mut fields = RawObject::default();
        fields.set("_id", render(&id));
        Self { fields }
    }

    /// Reads one from JSON.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub fn from_json(json: &str) -> Result<Self, super::Error> {
        RawObject::parse(json).map(|fields| Self { fields }).map_err(super::Error::Document)
    }

    /// Its JSON: what was read, to the letter, and what was set.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.fields.to_json()
    }

    /// `_id`
    #[must_use]
    pub fn id(&self) -> String {
        self.fields.read("_id").unwrap_or_default()
    }

    /// `_rev`; `None` for a document that was never written.
    #[must_use]
    pub fn rev(&self) -> Option<String> {
        self.fields.read("_rev")
    }

    /// The number in front of the revision (`3-...` is 3), 0 for a document that was never written.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.rev().map_or(0, |rev| generation(&rev))
    }

    /// Whether it is the mark of a deletion.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.fields.get("_deleted") == Some("true")
    }

    /// All fields.
    #[must_use]
    pub fn fields(&self) -> &RawObject {
        &self.fields
    }

    pub(super) fn fields_mut(&mut self) -> &mut RawObject {
        &mut self.fields
    }

    /// Sets field `name`.
    pub fn set(&mut self, name: &str, value: impl Serialize) {
        self.fields.set(name, render(&value));
    }

    /// What it says about each attachment, to the letter.
    pub(super) fn attachments(&self) -> RawObject {
        self.fields.object(ATTACHMENTS).unwrap_or_default()
    }

    pub(super) fn set_attachments(&mut self, attachments: &RawObject) {
        if attachments.is_empty() {
            self.fields.remove(ATTACHMENTS);
        } else {
            self.fields.set(ATTACHMENTS, attachments.to_raw());
        }
    }

    /// What it says about attachment `name`.
    #[must_use]
    pub fn stub(&self, name: &str) -> Option<AttachmentStub> {
        self.attachments().read(name)
    }

    /// Names and stubs of all attachments.
    #[must_use]
    pub fn stubs(&self) -> Vec<(String, AttachmentStub)> {
        let attachments = self.attachments();
        let names = attachments.iter().map(|(name, _)| name.to_owned());
        names.map(|name| (attachments.read(&name).unwrap_or_default(), name)).map(|(s, n)| (n, s)).collect()
    }

    /// The document's JSON with these contents (name, media type, bytes) inline as attachments, instead of others of
    /// those names.
    #[must_use]
    pub fn to_json_with(&self, contents: &[(&str, &str, &[u8])]) -> String {
        self.with_entries(contents, |json, content| {
            json.push_str("\"data\":\"");
            STANDARD.encode_string(content, json);
            json.push('"');
        })
    }

    /// The document's JSON with these contents announced: they follow in a body of several parts.
    #[must_use]
    pub(super) fn to_json_announcing(&self, contents: &[(&str, &str, &[u8])]) -> String {
        self.with_entries(contents, |json, content| {
            json.push_str(&format!("\"follows\":true,\"length\":{}", content.len()));
        })
    }

    fn with_entries(&self, contents: &[(&str, &str, &[u8])], write: impl Fn(&mut String, &[u8])) -> String {
        let mut attachments = self.attachments();
        // The parts of a body follow in the order of the entries: those that are replaced go to the end.
        for (name, ..) in contents {
            attachments.remove(name);
        }
        let bytes: usize = contents.iter().map(|(.., content)| content.len()).sum();
        let mut entries = String::with_capacity(bytes / 3 * 4 + 256);
        attachments.write(&mut entries);
        entries.pop();
        for (name, content_type, content) in contents {
            if entries.len() > 1 {
                entries.push(',');
            }
            push_quoted(&mut entries, name);
            entries.push_str(":{\"content_type\":");
            push_quoted(&mut entries, content_type);
            entries.push(',');
            write(&mut entries, content);
            entries.push('}');
        }
        entries.push('}');
        // The bodies of a large document are copied once, not once for each step.
        let mut rest = self.fields.clone();
        rest.remove(ATTACHMENTS);
        let mut json = rest.to_json();
        json.pop();
        json.reserve(entries.len() + 32);
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str("\"_attachments\":");
        json.push_str(&entries);
        json.push('}');
        json
    }

    /// A new document for another database: the same id and fields, without what belongs to the
    /// original's revision, attachments and annotations.
    #[must_use]
    pub fn copy_of_metadata(&self) -> Self {
        let mut copy = self.clone();
        copy.fields.retain(|name| !name.starts_with('_') && name != super::PROVENANCE_FIELD);
        let mut json = String::from("{\"_id\":");
        json.push_str(self.fields.get("_id").unwrap_or("\"\""));
        if copy.fields.is_empty() {
            json.push('}');
        } else {
            json.push(',');
            json.push_str(&copy.fields.to_json()[1..]);
        }
        Self::from_json(&json).unwrap_or(copy)
    }
}

/// The contents of a document's attachments: name, media type, bytes.
pub(crate) type Contents = Vec<(String, String, Bytes)>;

/// The number in front of a revision (`3-...` is 3).
pub(super) fn generation(rev: &str) -> u64 {
    rev.split_once('-').and_then(|(number, _)| number.parse().ok()).unwrap_or(0)
}

/// An entry of `_attachments` as a stub that can be sent back.
pub(super) fn as_stub(entry: &RawObject, length: Option<u64>) -> Box<serde_json::value::RawValue> {
    let mut stub = entry.clone();
    for name in ["data", "follows", "encoding", "encoded_length"] {
        stub.remove(name);
    }
    stub.set("stub", raw("true".to_owned()));
    if let Some(length) = length {
        stub.set("length", render(&length));
    }
    stub.to_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_go_inline_and_everything_else_stays_to_the_letter() {
        let doc = CouchDocument::from_json(
            r#"{"_id":"a","n":36893488147419103233,"_attachments":{"t":{"stub":true,"x":0.10},"u":{"stub":true}},"z":1E5}"#,
        )
        .unwrap();
        let json = doc.to_json_with(&[("t", "text/plain", b"Amanita"), ("v\n", "text/plain", b"")]);
        assert_eq!(
            json,
            r#"{"_id":"a","n":36893488147419103233,"z":1E5,"_attachments":{"u":{"stub":true},"t":{"content_type":"text/plain","data":"QW1hbml0YQ=="},"v\n":{"content_type":"text/plain","data":""}}}"#
        );
        serde_json::from_str::<serde_json::Value>(&json).unwrap();
    }

    #[test]
    fn a_copy_of_the_metadata_has_the_fields_alone() {
        let doc = CouchDocument::from_json(
            r#"{"_rev":"2-x","a":0.10,"_id":"\u00e9","_attachments":{},"skol_classifier":{"x":1},"b":[1e9]}"#,
        )
        .unwrap();
        assert_eq!(doc.copy_of_metadata().to_json(), r#"{"_id":"\u00e9","a":0.10,"b":[1e9]}"#);
        assert_eq!(CouchDocument::new("x").copy_of_metadata().to_json(), r#"{"_id":"x"}"#);
    }

    #[test]
    fn generation_is_the_number_of_the_revision() {
        let doc = CouchDocument::from_json(r#"{"_id":"a","_rev":"12-abc"}"#).unwrap();
        assert_eq!((doc.generation(), CouchDocument::new("a").generation()), (12, 0));
    }
}
