//! What has to be written into a document so that it holds given annotations, and nothing more.
//!
//! The update starts from the newest revision that is known, with every field and every stub of it: CouchDB
//! replaces a document as a whole, and what is not sent back is gone
//! (<https://docs.couchdb.org/en/stable/api/document/common.html#attachments>). So a concurrent edit
//! either is in that revision, or makes the write conflict and is merged in the next round.

use super::provenance::{self, AnnotationProvenance, Producer};
use super::{CouchDocument, PROVENANCE_FIELD};
use base64::Engine as _;
use bytes::Bytes;
use md5::{Digest as _, Md5};
use serde_json::Value;
use sha2::Sha256;
use std::fmt::Write as _;

/// An annotation that a document shall hold.
#[derive(Debug, Clone)]
pub struct Change {
    /// Name of the attachment.
    pub attachment: String,
    /// Its media type.
    pub content_type: String,
    /// Its content.
    pub content: Bytes,
    /// Its provenance, but for [`AnnotationProvenance::revpos`], which depends on the revision.
    provenance: AnnotationProvenance,
}

/// What of a document has to be written.
#[derive(Debug, Clone)]
pub struct Update {
    /// The document to send: everything of the revision it is based on, and the provenance of the
    /// changes. Their contents are not in it yet.
    pub document: CouchDocument,
    /// Which of the changes have to be written, by index.
    pub pending: Vec<usize>,
}

impl Change {
    /// An annotation made by `producer` at `time`.
    pub fn new(
        attachment: String,
        content_type: String,
        content: Bytes,
        labels: &[(String, u64)],
        producer: &Producer,
        time: &str,
    ) -> Self {
        let mut sha256 = String::with_capacity(64);
        for byte in Sha256::digest(&content) {
            // Writing into a string cannot fail.
            let _ = write!(sha256, "{byte:02x}");
        }
        let provenance = AnnotationProvenance {
            producer: producer.clone(),
            time: time.to_owned(),
            labels: labels.iter().cloned().collect(),
            sha256,
            length: content.len() as u64,
            revpos: 0,
        };
        Self { attachment, content_type, content, provenance }
    }

    /// Whether `document` holds this annotation already.
    ///
    /// A digest that is equal settles it. One that differs may be that of the compressed form; then the
    /// provenance knows the content's own hash, and the attachment is as we wrote it if its length and
    /// the revision that it came with are.
    #[must_use]
    pub fn is_in(&self, document: &CouchDocument) -> bool {
        let Some(stub) = document.stub(&self.attachment) else { return false };
        if stub.length != self.provenance.length {
            return false;
        }
        let md5 = base64::engine::general_purpose::STANDARD.encode(Md5::digest(&self.content));
        stub.digest.strip_prefix("md5-") == Some(md5.as_str())
            || provenance::read(document.fields(), &self.attachment).is_some_and(|written| {
                written.sha256 == self.provenance.sha256 && written.revpos == stub.revpos
            })
    }

    /// Whether `document` holds this annotation because this very run wrote it.
    #[must_use]
    pub fn was_written_to(&self, document: &CouchDocument) -> bool {
        self.is_in(document)
            && provenance::read(document.fields(), &self.attachment).is_some_and(|written| {
                written.time == self.provenance.time
                    && written.sha256 == self.provenance.sha256
                    && written.producer == self.provenance.producer
            })
    }
}

/// What has to be written into `base` so that it holds all of `changes`; `None` when it does already.
///
/// Changes that are written `inline` come with the next revision; each of the others is put by a request of its
/// own after that, and so has a later one.
#[must_use]
pub fn plan(base: &CouchDocument, changes: &[&Change], inline: impl Fn(&Change) -> bool) -> Option<Update> {
    let pending: Vec<usize> = (0..changes.len()).filter(|&index| !changes[index].is_in(base)).collect();
    if pending.is_empty() {
        return None;
    }
    let mut document = base.clone();
    let next = base.generation() + 1;
    let mut last = next;
    for &index in &pending {
        let change = changes[index];
        let revpos = if inline(change) {
            next
        } else {
            last += 1;
            last
        };
        let provenance = AnnotationProvenance { revpos, ..change.provenance.clone() };
        provenance::write(document.fields_mut(), &change.attachment, &provenance);
    }
    Some(Update { document, pending })
}

impl CouchDocument {
    /// A new document for another database: the same id and fields, without what belongs to the
    /// original's revision, attachments and annotations.
    #[must_use]
    pub fn copy_of_metadata(&self) -> Self {
        let mut copy = Self::new(self.id());
        for (name, value) in self.fields() {
            if !name.starts_with('_') && name != PROVENANCE_FIELD {
                copy.fields_mut().insert(name.clone(), value.clone());
            }
        }
        copy
    }

    /// Sets field `name`.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.fields_mut().insert(name.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn change(attachment: &str, content: &str, time: &str) -> Change {
        let producer = Producer { model: "m".into(), model_sha256: "aa".into(), version: "1".into() };
        let labels = [("Description".to_owned(), 2)];
        let content = Bytes::copy_from_slice(content.as_bytes());
        Change::new(attachment.into(), "text/plain; charset=utf-8".into(), content, &labels, &producer, time)
    }

    /// Stores `update` as CouchDB would: the next revision, inline bodies as stubs, the text compressed
    /// at rest (so that the digest is of something else).
    fn store(update: &Update, changes: &[&Change]) -> CouchDocument {
        let mut document = update.document.clone();
        let next = document.generation() + 1;
        for &index in &update.pending {
            document.put_inline(&changes[index].attachment, &changes[index].content_type, b"");
            let entry = document.fields_mut().get_mut("_attachments").unwrap();
            entry[&changes[index].attachment] = json!({
                "content_type": changes[index].content_type, "revpos": next, "digest": "md5-gzip==",
                "length": changes[index].content.len(), "stub": true
            });
        }
        document.set("_rev", format!("{next}-x"));
        document
    }

    #[test]
    fn what_was_written_is_unchanged_and_a_tampered_attachment_is_not() {
        let base = CouchDocument::from_json(r#"{"_id":"a","_rev":"3-x"}"#).unwrap();
        let first = change("t.txt.ann", "[@a#b*]", "2026-01-01T00:00:00Z");
        let stored = store(&plan(&base, &[&first], |_| true).unwrap(), &[&first]);
        let later = change("t.txt.ann", "[@a#b*]", "2026-01-02T00:00:00Z");
        assert!(plan(&stored, &[&later], |_| true).is_none());
        assert!(first.was_written_to(&stored) && !later.was_written_to(&stored));
        assert!(plan(&stored, &[&change("t.txt.ann", "[@a#c*]", "")], |_| true).is_some(), "other content");

        let mut tampered = stored.clone();
        tampered.fields_mut()["_attachments"]["t.txt.ann"]["revpos"] = json!(5);
        assert!(plan(&tampered, &[&later], |_| true).is_some(), "put again by somebody else");
        let mut removed = stored;
        removed.fields_mut().remove("_attachments");
        assert!(plan(&removed, &[&later], |_| true).is_some());
    }

    #[test]
    fn an_equal_digest_is_enough() {
        let base = CouchDocument::from_json(&format!(
            r#"{{"_id":"a","_rev":"1-x","_attachments":{{"t.ann":{{"stub":true,"length":5,"revpos":1,
            "digest":"md5-{}"}}}}}}"#,
            base64::engine::general_purpose::STANDARD.encode(Md5::digest(b"hello"))
        ));
        assert!(change("t.ann", "hello", "").is_in(&base.unwrap()));
    }

    #[test]
    fn what_is_put_alone_has_later_revisions() {
        let base = CouchDocument::from_json(r#"{"_id":"a","_rev":"3-x"}"#).unwrap();
        let changes =
            [change("a.ann", "long one", ""), change("b.ann", "b", ""), change("c.ann", "long two", "")];
        let update = plan(&base, &changes.each_ref(), |change| change.content.len() == 1).unwrap();
        let revpos = |name: &str| provenance::read(update.document.fields(), name).unwrap().revpos;
        assert_eq!((revpos("a.ann"), revpos("b.ann"), revpos("c.ann")), (5, 4, 6));
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".*", inner), 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_other_field_and_attachment_stays(
            fields in prop::collection::vec(("[a-z]{1,8}", json_value()), 0..6),
            names in prop::collection::btree_set("[a-zA-Z0-9 /+%äß☂.][^\\x00]{0,12}", 0..4),
            content in ".*",
        ) {
            let mut base = CouchDocument::new("doc");
            base.set("_rev", "7-x");
            for (name, value) in &fields {
                base.set(name, value.clone());
            }
            let stub = json!({ "stub": true, "revpos": 2, "digest": "md5-x", "length": 1, "content_type": "a/b" });
            base.set("_attachments", Value::Object(names.iter().map(|name| (name.clone(), stub.clone())).collect()));
            let wanted = change("own.txt.ann", &content, "t");
            let mut update = plan(&base, &[&wanted], |_| true).unwrap();
            update.document.put_inline(&wanted.attachment, &wanted.content_type, &wanted.content);
            for (name, value) in base.fields() {
                if name == "_attachments" {
                    for (attachment, stub) in value.as_object().unwrap() {
                        if attachment != "own.txt.ann" {
                            prop_assert_eq!(&update.document.fields()[name][attachment], stub);
                        }
                    }
                } else if name != PROVENANCE_FIELD {
                    prop_assert_eq!(&update.document.fields()[name], value);
                }
            }
        }
    }
}
