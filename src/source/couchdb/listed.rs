//! What a listing tells about a document; the rest is read over.

use crate::couchdb::{AnnotationProvenance, AttachmentStub, Listing, Producer, is_as_written};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A document of a listing.
#[derive(Deserialize)]
pub(super) struct Listed {
    /// Its attachments, in order of their names.
    #[serde(rename = "_attachments", default)]
    pub attachments: BTreeMap<String, AttachmentStub>,
    #[serde(default)]
    golden_dataset: Option<Box<RawValue>>,
    #[serde(default)]
    is_taxpub: Option<Box<RawValue>>,
    #[serde(default)]
    skol_classifier: Option<Box<RawValue>>,
}

/// The field of the provenance, as far as it is ours.
#[derive(Deserialize)]
struct Provenance {
    annotations: BTreeMap<String, AnnotationProvenance>,
}

impl Listed {
    pub(super) fn is_golden(&self) -> bool {
        is_true(self.golden_dataset.as_deref())
    }

    pub(super) fn is_taxpub(&self) -> bool {
        is_true(self.is_taxpub.as_deref())
    }

    /// Whether the annotation of attachment `name` is newer than its text, as `producer` wrote it, and untouched.
    pub(super) fn is_done(&self, name: &str, suffix: &str, producer: &Producer) -> bool {
        let annotation = format!("{name}{suffix}");
        let (Some(text), Some(stub)) = (self.attachments.get(name), self.attachments.get(&annotation)) else {
            return false;
        };
        let field = self.skol_classifier.as_deref();
        let field = field.and_then(|field| serde_json::from_str::<Provenance>(field.get()).ok());
        field.and_then(|mut field| field.annotations.remove(&annotation)).is_some_and(|written| {
            written.producer == *producer && is_as_written(&written, stub) && text.revpos < stub.revpos
        })
    }
}

/// Reads `body` as a listing and asks each document what a selection asks: for fuzzing.
pub(crate) fn read_listing(body: &[u8]) {
    let Ok(listing) = serde_json::from_slice::<Listing<Listed>>(body) else { return };
    let producer = Producer { model: String::new(), model_sha256: String::new(), version: String::new() };
    for listed in listing.rows.into_iter().filter_map(|row| row.doc) {
        let _ = (listed.is_golden(), listed.is_taxpub());
        for name in listed.attachments.keys() {
            let _ = listed.is_done(name, ".ann", &producer);
        }
    }
}

/// Whether Python calls the value true: SKOL's programs, which set these fields, are written in it.
fn is_true(value: Option<&RawValue>) -> bool {
    let Some(value) = value else { return false };
    match value.get().trim() {
        "null" | "false" | "\"\"" => false,
        text if text.starts_with(['[', '{']) => !text[1..text.len() - 1].trim().is_empty(),
        text if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
            // A number is zero when its digits before the exponent are.
            let digits = text.split(['e', 'E']).next().unwrap_or_default();
            digits.bytes().any(|digit| (b'1'..=b'9').contains(&digit))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_is_that_of_python() {
        let truth = |json: &str| is_true(Some(&RawValue::from_string(json.to_owned()).unwrap()));
        for json in ["null", "false", "0", "-0.00", "0e5", "\"\"", "[]", "{ }", "[\n]"] {
            assert!(!truth(json), "{json}");
        }
        for json in ["true", "1", "-1", "1e-400", "\"false\"", "\" \"", "[0]", "{\"a\":null}", "0.01"] {
            assert!(truth(json), "{json}");
        }
        let deep = "[".repeat(5_000) + &"]".repeat(5_000);
        assert!(truth(&deep));
    }

    #[test]
    fn an_annotation_of_ours_that_is_newer_than_its_text_is_done() {
        let producer = Producer { model: "m".into(), model_sha256: "a".into(), version: "1".into() };
        let listed = |text: u64, annotation: u64, length: u64, model: &str| -> Listed {
            serde_json::from_str(&format!(
                r#"{{"_attachments":{{"t":{{"revpos":{text},"length":1}},"t.ann":{{"revpos":{annotation},"length":7}}}},
                "skol_classifier":{{"annotations":{{"t.ann":{{"model":"{model}","model_sha256":"a","version":"1",
                "time":"","labels":{{}},"sha256":"","length":{length},"revpos":2}}}}}}}}"#
            ))
            .unwrap()
        };
        assert!(listed(1, 2, 7, "m").is_done("t", ".ann", &producer));
        assert!(!listed(3, 2, 7, "m").is_done("t", ".ann", &producer), "the text is newer");
        assert!(!listed(1, 3, 7, "m").is_done("t", ".ann", &producer), "somebody put it again");
        assert!(!listed(1, 2, 8, "m").is_done("t", ".ann", &producer), "it has another length");
        assert!(!listed(1, 2, 7, "n").is_done("t", ".ann", &producer), "another model made it");
        assert!(!listed(1, 2, 7, "m").is_done("t", ".jsonl", &producer), "another format");
    }
}
