//! A document as CouchDB gives it: JSON fields, and stubs of its attachments.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A document, with every field that it has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CouchDocument {
    fields: Map<String, Value>,
}

/// What a document says about an attachment without giving its body.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AttachmentStub {
    /// Its media type.
    #[serde(default)]
    pub content_type: String,
    /// The number of the revision that it came with.
    #[serde(default)]
    pub revpos: u64,
    /// `md5-` and the base64 of an MD5, of the content as it is stored: CouchDB compresses text types
    /// (`[attachments] compressible_types`), and then this is the digest of the compressed form.
    #[serde(default)]
    pub digest: String,
    /// Its length in bytes, uncompressed.
    #[serde(default)]
    pub length: u64,
}

/// Names and contents of attachments, or why a content cannot be read.
pub(crate) type Bodies = Vec<(String, Result<Vec<u8>, String>)>;

impl AttachmentStub {
    fn read(entry: &Value) -> Self {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |key: &str| entry.get(key).and_then(Value::as_u64).unwrap_or(0);
        Self {
            content_type: text("content_type"),
            revpos: number("revpos"),
            digest: text("digest"),
            length: number("length"),
        }
    }
}

impl CouchDocument {
    /// An empty document with this id.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self { fields: Map::from_iter([("_id".to_owned(), Value::from(id))]) }
    }

    /// Reads one from JSON.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// `_id`
    #[must_use]
    pub fn id(&self) -> &str {
        self.text("_id")
    }

    /// `_rev`; `None` for a document that was never written.
    #[must_use]
    pub fn rev(&self) -> Option<&str> {
        self.fields.get("_rev")?.as_str()
    }

    /// The number in front of the revision (`3-...` is 3), 0 for a document that was never written.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.rev().and_then(|rev| rev.split_once('-')?.0.parse().ok()).unwrap_or(0)
    }

    /// Whether it is the mark of a deletion.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.fields.get("_deleted").and_then(Value::as_bool).unwrap_or(false)
    }

    /// All fields.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    pub(super) fn fields_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.fields
    }

    fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn attachments(&self) -> Option<&Map<String, Value>> {
        self.fields.get("_attachments")?.as_object()
    }

    /// What it says about attachment `name`.
    #[must_use]
    pub fn stub(&self, name: &str) -> Option<AttachmentStub> {
        self.attachments()?.get(name).map(AttachmentStub::read)
    }

    /// Names and stubs of all attachments.
    pub fn stubs(&self) -> impl Iterator<Item = (String, AttachmentStub)> + '_ {
        let attachments = self.attachments().into_iter().flatten();
        attachments.map(|(name, entry)| (name.clone(), AttachmentStub::read(entry)))
    }

    /// The bodies of attachments that came inline, `wanted` ones only; every inline body becomes a stub.
    /// An `Err` says why a body cannot be read. The second value is the length of all bodies, in base64.
    pub(crate) fn take_bodies(&mut self, wanted: impl Fn(&str) -> bool) -> (Bodies, usize) {
        let (mut bodies, mut total) = (Vec::new(), 0);
        let Some(Value::Object(attachments)) = self.fields.get_mut("_attachments") else {
            return (bodies, total);
        };
        for (name, entry) in attachments.iter_mut() {
            let Value::Object(entry) = entry else { continue };
            let Some(Value::String(data)) = entry.remove("data") else { continue };
            total += data.len();
            let padding = data.bytes().rev().take(2).filter(|&byte| byte == b'=').count();
            entry.insert("length".to_owned(), (data.len() / 4 * 3).saturating_sub(padding).into());
            entry.insert("stub".to_owned(), Value::Bool(true));
            if wanted(name) {
                bodies.push((
                    name.clone(),
                    STANDARD.decode(&data).map_err(|error| format!("is not base64: {error}")),
                ));
            }
        }
        (bodies, total)
    }

    /// Puts `content` inline as attachment `name`, instead of one of that name.
    pub fn put_inline(&mut self, name: &str, content_type: &str, content: &[u8]) {
        let entry = serde_json::json!({ "content_type": content_type, "data": STANDARD.encode(content) });
        let attachments = self.fields.entry("_attachments").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(attachments) = attachments {
            attachments.insert(name.to_owned(), entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_bodies_become_stubs_that_can_be_sent_back() {
        let mut doc = CouchDocument::new("a");
        doc.put_inline("t.txt", "text/plain", "Amanita".as_bytes());
        doc.put_inline("p.pdf", "application/pdf", &[1, 2, 3]);
        let (bodies, total) = doc.take_bodies(|name| name.ends_with(".txt"));
        assert_eq!(bodies, [("t.txt".to_owned(), Ok(b"Amanita".to_vec()))]);
        assert_eq!(total, 12 + 4);
        assert_eq!((doc.stub("t.txt").unwrap().length, doc.stub("p.pdf").unwrap().length), (7, 3));
        let json = serde_json::to_string(&doc).unwrap();
        assert!(!json.contains("data") && json.matches(r#""stub":true"#).count() == 2, "{json}");
    }

    #[test]
    fn generation_is_the_number_of_the_revision() {
        let doc = CouchDocument::from_json(r#"{"_id":"a","_rev":"12-abc"}"#).unwrap();
        assert_eq!((doc.generation(), CouchDocument::new("a").generation()), (12, 0));
    }
}
