//! What has to be written into a document so that it holds given annotations, and nothing more.
//!
//! The update starts from the newest revision that is known, with every field and every stub of it: CouchDB
//! replaces a document as a whole, and what is not sent back is gone
//! (<https://docs.couchdb.org/en/stable/api/document/common.html#attachments>). So a concurrent edit
//! either is in that revision, or makes the write conflict and is merged in the next round.
//!
//! An annotation that this program did not write last belongs to a person. Whose it is, the document's listing
//! mostly tells: an attachment is ours when it has the length and came with the revision that stand in the provenance.
//! Where they differ, the content itself is read and compared.

use super::provenance::{self, AnnotationProvenance, Producer};
use super::{AttachmentStub, CouchDocument};
use base64::Engine as _;
use bytes::Bytes;
use md5::{Digest as _, Md5};
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

/// What a document holds where an annotation shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// Nothing.
    Absent,
    /// Exactly this annotation.
    Same,
    /// Another one that this program wrote.
    Ours,
    /// One that somebody else wrote or changed.
    Theirs,
    /// One that has to be read to know.
    Unknown,
}

/// A document to write.
#[derive(Debug, Clone)]
pub struct Update {
    /// The document to send: everything of the revision it is based on, and the provenance of the
    /// changes. Their contents are not in it yet.
    pub document: CouchDocument,
    /// Which of the changes have to be written, by index.
    pub pending: Vec<usize>,
    /// Whether the field of the provenance is somebody else's, so that it was left alone.
    pub foreign_field: bool,
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
        let provenance = AnnotationProvenance {
            producer: producer.clone(),
            time: time.to_owned(),
            labels: labels.iter().cloned().collect(),
            sha256: sha256(&content),
            length: content.len() as u64,
            revpos: 0,
        };
        Self { attachment, content_type, content, provenance }
    }

    /// What `document` holds in its place, as far as its listing tells.
    #[must_use]
    pub fn standing(&self, document: &CouchDocument) -> Standing {
        let Some(stub) = document.stub(&self.attachment) else { return Standing::Absent };
        let written = provenance::read(document.fields(), &self.attachment);
        let written = written.filter(|written| is_as_written(written, &stub));
        match written {
            Some(written) if written.sha256 == self.provenance.sha256 => Standing::Same,
            // A digest that is equal settles it. One that differs may be that of the compressed form.
            _ if stub.length == self.provenance.length && is_digest_of(&stub.digest, &self.content) => {
                Standing::Same
            }
            Some(_) => Standing::Ours,
            None => Standing::Unknown,
        }
    }

    /// What `document` holds in its place, when that is `content`.
    #[must_use]
    pub fn standing_of(&self, document: &CouchDocument, content: &[u8]) -> Standing {
        let written = provenance::read(document.fields(), &self.attachment);
        if self.content == content {
            Standing::Same
        } else if written.is_some_and(|written| written.sha256 == sha256(content)) {
            Standing::Ours
        } else {
            Standing::Theirs
        }
    }

    /// Whether `document` holds this annotation because somebody wrote it at or after `began` (RFC 3339), for this run:
    /// a worker of a cluster that was taken for lost.
    #[must_use]
    pub fn was_written_since(&self, document: &CouchDocument, began: &str) -> bool {
        self.standing(document) == Standing::Same
            && provenance::read(document.fields(), &self.attachment).is_some_and(|written| {
                *written.time >= *began
                    && written.sha256 == self.provenance.sha256
                    && written.producer == self.provenance.producer
            })
    }

    /// Whether `document` holds this annotation because this very run wrote it.
    #[must_use]
    pub fn was_written_to(&self, document: &CouchDocument) -> bool {
        self.standing(document) == Standing::Same
            && provenance::read(document.fields(), &self.attachment).is_some_and(|written| {
                written.time == self.provenance.time
                    && written.sha256 == self.provenance.sha256
                    && written.producer == self.provenance.producer
            })
    }
}

/// Whether the attachment of `stub` is the one whose provenance is `written`.
pub(crate) fn is_as_written(written: &AnnotationProvenance, stub: &AttachmentStub) -> bool {
    written.revpos == stub.revpos && written.length == stub.length
}

fn is_digest_of(digest: &str, content: &[u8]) -> bool {
    let md5 = base64::engine::general_purpose::STANDARD.encode(Md5::digest(content));
    digest.strip_prefix("md5-") == Some(md5.as_str())
}

fn sha256(content: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(content) {
        // Writing into a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// What has to be written into `base` so that it holds those of `changes` whose index is `pending`. They come with
/// the next revision.
#[must_use]
pub fn plan(base: &CouchDocument, changes: &[Change], pending: Vec<usize>) -> Update {
    let mut document = base.clone();
    // A document that is made anew after a deletion counts its attachments from 1 again, as CouchDB does.
    let revpos = base.generation() + 1;
    let mut foreign_field = false;
    for &index in &pending {
        let change = &changes[index];
        let provenance = AnnotationProvenance { revpos, ..change.provenance.clone() };
        foreign_field |= !provenance::write(document.fields_mut(), &change.attachment, &provenance);
    }
    Update { document, pending, foreign_field }
}

#[cfg(test)]
mod tests {
    use super::super::raw::render;
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn change(attachment: &str, content: &str, time: &str) -> Change {
        let producer = Producer { model: "m".into(), model_sha256: "aa".into(), version: "1".into() };
        let labels = [("Description".to_owned(), 2)];
        let content = Bytes::copy_from_slice(content.as_bytes());
        Change::new(attachment.into(), "text/plain; charset=utf-8".into(), content, &labels, &producer, time)
    }

    /// Stores `update` as CouchDB would: the next revision, inline bodies as stubs, the text compressed
    /// at rest (so that the digest is of something else).
    fn store(update: &Update, changes: &[Change]) -> CouchDocument {
        let mut document = update.document.clone();
        let next = document.generation() + 1;
        let mut attachments = document.attachments();
        for &index in &update.pending {
            let stub = json!({ "content_type": changes[index].content_type, "revpos": next,
                "digest": "md5-gzip==", "length": changes[index].content.len(), "stub": true });
            attachments.set(&changes[index].attachment, render(&stub));
        }
        document.set_attachments(&attachments);
        document.set("_rev", format!("{next}-x"));
        document
    }

    fn tampered(document: &CouchDocument, name: &str, revpos: u64) -> CouchDocument {
        let mut document = document.clone();
        let mut attachments = document.attachments();
        let mut stub = attachments.object(name).unwrap();
        stub.set("revpos", render(&revpos));
        attachments.set(name, stub.to_raw());
        document.set_attachments(&attachments);
        document
    }

    #[test]
    fn whose_an_annotation_is_follows_from_listing_and_content() {
        let base = CouchDocument::from_json(r#"{"_id":"a","_rev":"3-x"}"#).unwrap();
        let first = [change("t.txt.ann", "[@a#b*]", "2026-01-01T00:00:00Z")];
        assert_eq!(first[0].standing(&base), Standing::Absent);
        let stored = store(&plan(&base, &first, vec![0]), &first);
        let later = change("t.txt.ann", "[@a#b*]", "2026-01-02T00:00:00Z");
        assert_eq!(later.standing(&stored), Standing::Same);
        assert!(first[0].was_written_to(&stored) && !later.was_written_to(&stored));
        let other = change("t.txt.ann", "[@a#c*]", "");
        assert_eq!(other.standing(&stored), Standing::Ours);

        let touched = tampered(&stored, "t.txt.ann", 5);
        assert_eq!(other.standing(&touched), Standing::Unknown);
        assert_eq!(other.standing_of(&touched, b"[@a#b*]"), Standing::Ours, "put again as it was");
        assert_eq!(other.standing_of(&touched, b"[@a#c*]"), Standing::Same);
        assert_eq!(other.standing_of(&touched, b"[@a#d*]"), Standing::Theirs);
    }

    #[test]
    fn an_equal_digest_is_enough() {
        let base = CouchDocument::from_json(&format!(
            r#"{{"_id":"a","_rev":"1-x","_attachments":{{"t.ann":{{"stub":true,"length":5,"revpos":1,
            "digest":"md5-{}"}}}}}}"#,
            base64::engine::general_purpose::STANDARD.encode(Md5::digest(b"hello"))
        ))
        .unwrap();
        assert_eq!(change("t.ann", "hello", "").standing(&base), Standing::Same);
        assert_eq!(change("t.ann", "other", "").standing(&base), Standing::Unknown);
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
            fields in prop::collection::btree_map("[a-z]{1,8}", json_value(), 0..6),
            names in prop::collection::btree_set("[a-zA-Z0-9 /+%äß☂.][^\\x00]{0,12}", 0..4),
            content in ".*",
        ) {
            let stub = json!({ "stub": true, "revpos": 2, "digest": "md5-x", "length": 1, "content_type": "a/b" });
            let mut base = json!({ "_id": "doc", "_rev": "7-x" });
            for (name, value) in &fields {
                base[name] = value.clone();
            }
            base["_attachments"] = names.iter().map(|name| (name.clone(), stub.clone())).collect::<serde_json::Map<_, _>>().into();
            let document = CouchDocument::from_json(&base.to_string()).unwrap();
            let wanted = [change("own.txt.ann", &content, "t")];
            let update = plan(&document, &wanted, vec![0]);
            let sent = update.document.to_json_with(&[("own.txt.ann", "text/plain", &wanted[0].content)]);
            let sent: Value = serde_json::from_str(&sent).unwrap();
            for (name, value) in base.as_object().unwrap() {
                if name == "_attachments" {
                    for (attachment, stub) in value.as_object().unwrap() {
                        if attachment != "own.txt.ann" {
                            prop_assert_eq!(&sent[name][attachment], stub);
                        }
                    }
                } else {
                    prop_assert_eq!(&sent[name], value);
                }
            }
            prop_assert!(!update.foreign_field);
        }
    }
}
