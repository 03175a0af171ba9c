//! What is written, and what is left alone.

use super::selecting::{load_all, loader, reference};
use super::server::{TestDatabase, context, server, with_texts};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use skol_classifier::couchdb::{Connections, PROVENANCE_FIELD, Producer};
use skol_classifier::document::{Annotation, Document, DocumentRef, Outcome, Status, TextParams};
use skol_classifier::sink::Saver;
use skol_classifier::sink::couchdb::{CouchSaveParams, CouchSaver};
use skol_classifier::taxonomy::{CouchFlagParams, CouchFlagger, TaxonomyFilter};
use std::path::Path;

pub fn producer() -> Producer {
    Producer { model: "test".into(), model_sha256: "ab".repeat(32), version: "0.0".into() }
}

pub fn saver(output: &TestDatabase, input: &TestDatabase) -> CouchSaver {
    let params = CouchSaveParams::new(output.params(), &input.params(), producer());
    CouchSaver::open(&params, &context()).unwrap()
}

/// An annotation as the pipeline makes it, only simpler.
pub fn annotate(document: Document) -> Annotation {
    Annotation {
        content: Bytes::from(format!("[@{}#Description*]", document.content)),
        text: None,
        label_counts: vec![("Description".into(), 1)],
        metadata: document.metadata,
        reference: document.reference,
    }
}

pub async fn load(database: &TestDatabase, references: &[DocumentRef]) -> Vec<Annotation> {
    let loaded = load_all(&mut loader(database), references).await;
    loaded.into_iter().map(|document| annotate(document.unwrap().unwrap())).collect()
}

fn statuses(outcomes: &[Outcome]) -> Vec<Status> {
    outcomes.iter().map(|outcome| outcome.status).collect()
}

#[tokio::test]
async fn an_annotation_is_written_once_and_everything_else_stays() {
    let database = server().database("once");
    database.put_all(&[with_texts(
        "a",
        &[("t.txt", "Amanita"), ("p.pdf", "pages")],
        json!({ "title": "Fungi", "nested": { "a": [1, 2.5, null] }, PROVENANCE_FIELD: { "note": "kept" } }),
    )]);
    let references = [reference("a", "t.txt")];
    let outcomes = saver(&database, &database).save(load(&database, &references).await).await.unwrap();
    assert_eq!(statuses(&outcomes), [Status::Saved]);
    assert_eq!((outcomes[0].attempts, &outcomes[0].reference), (1, &references[0]));

    let document = database.get("a").unwrap();
    assert_eq!(database.attachment("a", "t.txt.ann").unwrap(), b"[@Amanita#Description*]");
    assert_eq!(document["_attachments"]["t.txt.ann"]["content_type"], "text/plain; charset=utf-8");
    assert_eq!(database.attachment("a", "p.pdf").unwrap(), b"pages");
    assert_eq!(database.attachment("a", "t.txt").unwrap(), b"Amanita");
    assert_eq!((&document["title"], &document["nested"]), (&json!("Fungi"), &json!({ "a": [1, 2.5, null] })));
    assert_eq!(document[PROVENANCE_FIELD]["note"], "kept");
    let provenance = &document[PROVENANCE_FIELD]["annotations"]["t.txt.ann"];
    assert_eq!((&provenance["model"], &provenance["labels"]), (&json!("test"), &json!({ "Description": 1 })));
    assert_eq!(provenance["revpos"], document["_attachments"]["t.txt.ann"]["revpos"]);
    assert_eq!(provenance["length"], document["_attachments"]["t.txt.ann"]["length"]);

    let outcomes = saver(&database, &database).save(load(&database, &references).await).await.unwrap();
    assert_eq!(statuses(&outcomes), [Status::Unchanged]);
    assert_eq!(database.get("a").unwrap(), document, "not even the time has changed");
}

#[tokio::test]
async fn another_database_gets_the_metadata_and_keeps_what_it_has() {
    let (input, output) = (server().database("from"), server().database("to"));
    input.put_all(&[
        with_texts(
            "new/é",
            &[("t.txt", "Amanita")],
            json!({ "title": "Fungi", PROVENANCE_FIELD: { "x": 1 } }),
        ),
        with_texts("there", &[("t.txt", "Boletus")], json!({ "title": "from the input" })),
        with_texts("deleted", &[("t.txt", "Russula")], json!({ "title": "again" })),
    ]);
    output.put_all(&[
        with_texts("there", &[("review.md", "good")], json!({ "title": "edited here", "reviewed": true })),
        json!({ "_id": "deleted" }),
    ]);
    let rev = output.get("deleted").unwrap()["_rev"].as_str().unwrap().to_owned();
    assert_eq!(output.request("DELETE", &["deleted"], &format!("rev={rev}"), None).0, 200);
    let references = ["new/é", "there", "deleted"].map(|id| reference(id, "t.txt"));
    let before: Vec<_> = references.iter().map(|reference| input.get(&reference.doc_id)).collect();
    for expected in [Status::Saved, Status::Unchanged] {
        let outcomes = saver(&output, &input).save(load(&input, &references).await).await.unwrap();
        assert_eq!(statuses(&outcomes), [expected; 3], "{outcomes:?}");
    }
    let new = output.get("new/é").unwrap();
    assert_eq!((&new["title"], &new[PROVENANCE_FIELD]["x"]), (&json!("Fungi"), &Value::Null));
    assert_eq!(new["_attachments"].as_object().unwrap().keys().collect::<Vec<_>>(), ["t.txt.ann"]);
    let there = output.get("there").unwrap();
    assert_eq!((&there["title"], &there["reviewed"]), (&json!("edited here"), &json!(true)));
    assert_eq!(output.attachment("there", "review.md").unwrap(), b"good");
    assert_eq!(output.attachment("there", "t.txt.ann").unwrap(), b"[@Boletus#Description*]");
    assert_eq!(output.get("deleted").unwrap()["title"], "again");
    let after: Vec<_> = references.iter().map(|reference| input.get(&reference.doc_id)).collect();
    assert_eq!(before, after, "the input database is not written to");
}

#[tokio::test]
async fn an_edit_between_loading_and_saving_is_merged() {
    let database = server().database("merge");
    database.put_all(&[
        with_texts("a", &[("t.txt", "Amanita")], json!({ "title": "old" })),
        with_texts("b", &[("t.txt", "Boletus")], json!({})),
        with_texts("c", &[("t.txt", "Russula")], json!({})),
    ]);
    let references = ["a", "b", "c"].map(|id| reference(id, "t.txt"));
    let annotations = load(&database, &references).await;
    let mut edited = database.get("a").unwrap();
    edited["title"] = "new".into();
    edited["_attachments"]["notes.txt"] = json!({ "content_type": "text/plain", "data": "aGVsbG8=" });
    database.try_put(&edited).unwrap();
    let rev = database.get("c").unwrap()["_rev"].as_str().unwrap().to_owned();
    database.request("DELETE", &["c"], &format!("rev={rev}"), None);

    let counts = context();
    let params = CouchSaveParams::new(database.params(), &database.params(), producer());
    let outcomes = CouchSaver::open(&params, &counts).unwrap().save(annotations).await.unwrap();
    assert_eq!(statuses(&outcomes), [Status::Saved, Status::Saved, Status::Failed], "{outcomes:?}");
    assert!(outcomes[2].error.as_ref().unwrap().contains("deleted"));
    assert_eq!((outcomes[0].attempts, outcomes[1].attempts), (2, 1));
    assert_eq!(counts.requests.counts().conflicts, 2);
    assert_eq!(database.get("a").unwrap()["title"], "new");
    assert_eq!(database.attachment("a", "notes.txt").unwrap(), b"hello");
    assert_eq!(database.attachment("a", "t.txt.ann").unwrap(), b"[@Amanita#Description*]");
    assert!(database.get("c").is_none(), "what was deleted stays so");
}

#[tokio::test]
async fn attachments_of_one_document_are_written_in_one_revision() {
    let database = server().database("both");
    database.put_all(&[with_texts("a", &[("t.txt", "one"), ("u.txt", "two")], json!({}))]);
    let references = [reference("a", "t.txt"), reference("a", "u.txt")];
    let outcomes = saver(&database, &database).save(load(&database, &references).await).await.unwrap();
    assert_eq!(statuses(&outcomes), [Status::Saved; 2]);
    assert!(database.get("a").unwrap()["_rev"].as_str().unwrap().starts_with("2-"));
    assert_eq!(database.attachment("a", "u.txt.ann").unwrap(), b"[@two#Description*]");
}

#[tokio::test]
async fn large_annotations_are_sent_in_parts_and_recognized_again() {
    let database = server().database("large");
    let long = "Amanita muscaria ".repeat(400_000);
    database.put_all(&[with_texts("a", &[("s.txt", "short")], json!({ "title": "Fungi" }))]);
    for (name, rev) in [("l.txt", "1"), ("m.txt", "2")] {
        let rev =
            database.get("a").map(|d| d["_rev"].as_str().unwrap().to_owned()).filter(|r| r.starts_with(rev));
        let query = format!("rev={}", rev.unwrap());
        let body = Some(("text/plain", long.as_bytes()));
        assert_eq!(database.request("PUT", &["a", name], &query, body).0, 201);
    }
    let references = [reference("a", "l.txt"), reference("a", "s.txt"), reference("a", "m.txt")];
    let outcomes = saver(&database, &database).save(load(&database, &references).await).await.unwrap();
    assert_eq!(statuses(&outcomes), [Status::Saved; 3], "{outcomes:?}");
    for name in ["l.txt.ann", "m.txt.ann"] {
        assert_eq!(database.attachment("a", name).unwrap(), format!("[@{long}#Description*]").as_bytes());
    }
    let document = database.get("a").unwrap();
    for name in ["l.txt.ann", "s.txt.ann", "m.txt.ann"] {
        let provenance = &document[PROVENANCE_FIELD]["annotations"][name];
        assert_eq!(provenance["revpos"], document["_attachments"][name]["revpos"], "{name}");
    }
    let outcomes = saver(&database, &database).save(load(&database, &references).await).await.unwrap();
    assert_eq!(statuses(&outcomes), [Status::Unchanged; 3], "{outcomes:?}");
    assert_eq!(database.get("a").unwrap(), document);
}

fn forced(database: &TestDatabase) -> CouchSaver {
    let params = CouchSaveParams::new(database.params(), &database.params(), producer());
    CouchSaver::open(&CouchSaveParams { force: true, ..params }, &context()).unwrap()
}

fn put_annotation(database: &TestDatabase, id: &str, data: &str) {
    let mut document = database.get(id).unwrap();
    document["_attachments"]["t.txt.ann"] = json!({ "content_type": "text/x-mine", "data": data });
    database.try_put(&document).unwrap();
}

#[tokio::test]
async fn an_annotation_that_somebody_else_wrote_or_changed_is_kept_and_force_keeps_a_copy() {
    let database = server().database("kept");
    database.put_all(&[
        with_texts("changed", &[("t.txt", "Amanita")], json!({})),
        with_texts("before us", &[("t.txt", "Amanita"), ("t.txt.ann", "[@Amanita#Key*]")], json!({})),
        with_texts("put again", &[("t.txt", "Amanita")], json!({})),
        with_texts("edited", &[("t.txt", "Amanita")], json!({})),
    ]);
    let references = ["changed", "before us", "put again", "edited"].map(|id| reference(id, "t.txt"));
    let outcomes = saver(&database, &database).save(load(&database, &references).await).await.unwrap();
    use Status::{Kept, Saved, Unchanged};
    assert_eq!(statuses(&outcomes), [Saved, Kept, Saved, Saved], "{outcomes:?}");
    // The same length, other bytes; and the same bytes once more; and another field.
    put_annotation(&database, "changed", "W0BBbWFuaXRYI0Rlc2NyaXB0aW9uKl0=");
    put_annotation(&database, "put again", "W0BBbWFuaXRhI0Rlc2NyaXB0aW9uKl0=");
    let mut document = database.get("edited").unwrap();
    document["title"] = "Fungi".into();
    database.try_put(&document).unwrap();

    let before = database.everything();
    let outcomes = saver(&database, &database).save(load(&database, &references).await).await.unwrap();
    assert_eq!(statuses(&outcomes), [Kept, Kept, Unchanged, Unchanged], "{outcomes:?}");
    assert!(outcomes[0].error.as_ref().unwrap().contains("'t.txt.ann' of document 'changed'"));
    assert_eq!(database.everything(), before, "nothing is written");
    // Another model: what is ours follows it, what is not stays.
    let mut annotations = load(&database, &references).await;
    annotations.iter_mut().for_each(|annotation| annotation.content = Bytes::from("[@Amanita#Key-item*]"));
    let outcomes = saver(&database, &database).save(annotations.clone()).await.unwrap();
    assert_eq!(statuses(&outcomes), [Kept, Kept, Saved, Saved], "{outcomes:?}");

    let annotations = annotations.into_iter().zip(load(&database, &references).await);
    let annotations = annotations.map(|(old, new)| Annotation { metadata: new.metadata, ..old }).collect();
    let outcomes = forced(&database).save(annotations).await.unwrap();
    assert_eq!(statuses(&outcomes), [Saved, Saved, Unchanged, Unchanged], "{outcomes:?}");
    for (id, theirs) in [("changed", "[@AmanitX#Description*]"), ("before us", "[@Amanita#Key*]")] {
        assert_eq!(database.attachment(id, "t.txt.ann").unwrap(), b"[@Amanita#Key-item*]");
        let document = database.get(id).unwrap();
        let names: Vec<_> = document["_attachments"].as_object().unwrap().keys().cloned().collect();
        let copy = names.iter().find(|name| name.starts_with("t.txt.ann.kept-")).unwrap();
        assert_eq!(database.attachment(id, copy).unwrap(), theirs.as_bytes());
    }
}

#[tokio::test]
async fn a_field_skol_classifier_that_is_not_ours_is_left_alone_and_named() {
    let database = server().database("foreign");
    let theirs = json!("my notes about this classifier");
    database.put_all(&[with_texts("a", &[("t.txt", "Amanita")], json!({ PROVENANCE_FIELD: theirs }))]);
    let references = [reference("a", "t.txt")];
    let run = context();
    let params = CouchSaveParams::new(database.params(), &database.params(), producer());
    for expected in [Status::Saved, Status::Unchanged] {
        let mut saver = CouchSaver::open(&params, &run).unwrap();
        let outcomes = saver.save(load(&database, &references).await).await.unwrap();
        assert_eq!(statuses(&outcomes), [expected], "{outcomes:?}");
    }
    assert_eq!(database.get("a").unwrap()[PROVENANCE_FIELD], theirs);
    let notes = Connections::of(&run).take_notes();
    assert!(notes.len() == 1 && notes[0].contains("'skol_classifier' of document 'a'"), "{notes:?}");
}

#[tokio::test]
async fn a_document_that_the_server_refuses_fails_alone() {
    let database = server().database("refused");
    let documents: Vec<_> =
        (0..20).map(|n| with_texts(&format!("d{n:02}"), &[("t.txt", "x")], json!({}))).collect();
    database.put_all(&documents);
    // With the provenance and this field the document is longer than max_document_size.
    database.put_all(&[with_texts("huge", &[("t.txt", "y")], json!({ "field": "z".repeat(7_900_000) }))]);
    let validate = "function (newDoc) { if (newDoc._id === 'd07') throw({ forbidden: 'd07 is locked' }); }";
    database.put_all(&[json!({ "_id": "_design/lock", "validate_doc_update": validate })]);
    let mut references: Vec<_> = (0..20).map(|n| reference(&format!("d{n:02}"), "t.txt")).collect();
    references.insert(3, reference("huge", "t.txt"));
    let mut annotations = load(&database, &references).await;
    annotations[3].label_counts = (0..9_000).map(|n| (format!("label number {n}"), n)).collect();
    let outcomes = saver(&database, &database).save(annotations).await.unwrap();
    for (outcome, reference) in outcomes.iter().zip(&references) {
        assert_eq!(&outcome.reference, reference);
        let failed = matches!(reference.doc_id.as_str(), "d07" | "huge");
        assert_eq!(outcome.status, if failed { Status::Failed } else { Status::Saved }, "{outcome:?}");
    }
    assert!(outcomes[8].error.as_ref().unwrap().contains("d07 is locked"), "{:?}", outcomes[8]);
}

fn flagger(database: &TestDatabase) -> CouchFlagger {
    let params = CouchFlagParams {
        connection: database.params(),
        pattern: "*.txt".into(),
        filter: TaxonomyFilter::default(),
        max_document_size: 1 << 20,
        text: TextParams::default(),
        dry_run: false,
    };
    CouchFlagger::open(&params, &context()).unwrap()
}

#[tokio::test]
async fn the_taxonomy_flag_follows_the_text_and_nothing_else_is_written() {
    let database = server().database("flag");
    database.put_all(&[
        with_texts("new", &[("t.txt", "Amanita nova sp. nov.")], json!({ "title": "Fungi" })),
        with_texts("wrong", &[("t.txt", "Minutes")], json!({ "taxonomy": true })),
        with_texts(
            "right",
            &[("t.txt", "Minutes"), ("u.txt", "Boletus var. minor")],
            json!({ "taxonomy": true }),
        ),
    ]);
    let references = [
        reference("new", "t.txt"),
        reference("right", "t.txt"),
        reference("right", "u.txt"),
        reference("wrong", "t.txt"),
    ];
    let mut flagger = flagger(&database);
    let outcomes = flagger.update(&references).await.unwrap();
    use Status::{Saved, Unchanged};
    assert_eq!(statuses(&outcomes), [Saved, Unchanged, Unchanged, Saved], "{outcomes:?}");
    let flags: Vec<_> =
        ["new", "right", "wrong"].iter().map(|id| database.get(id).unwrap()["taxonomy"].clone()).collect();
    assert_eq!(flags, [json!(true), json!(true), json!(false)]);
    assert_eq!(database.attachment("new", "t.txt").unwrap(), b"Amanita nova sp. nov.");
    assert_eq!(database.get("new").unwrap()["title"], "Fungi");
    assert_eq!(statuses(&flagger.update(&references).await.unwrap()), [Unchanged; 4]);
}

/// The flag reads bytes as they are read to be labelled.
#[tokio::test]
async fn the_taxonomy_flag_reads_what_is_labelled() {
    let database = server().database("flagged_bytes");
    let wide: Vec<u8> = "\u{feff}Boletus var. minor".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin = b"Amanita M\xfcller, sp. nov.".to_vec();
    let pdf = |name: &str| {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pdf").join(name)).unwrap()
    };
    let documents =
        [("wide", wide), ("latin", latin), ("paper", pdf("two_columns.pdf")), ("scan", pdf("pictures.pdf"))];
    let with_bytes = |(id, bytes): &(&str, Vec<u8>)| {
        let data = STANDARD.encode(bytes);
        json!({ "_id": id, "_attachments": { "t.txt": { "content_type": "text/plain", "data": data } } })
    };
    database.put_all(&documents.iter().map(with_bytes).collect::<Vec<_>>());
    let references: Vec<_> = documents.iter().map(|(id, _)| reference(id, "t.txt")).collect();
    let mut flagger = flagger(&database);
    let outcomes = flagger.update(&references).await.unwrap();
    use Status::{Failed, Saved};
    assert_eq!(statuses(&outcomes), [Saved, Saved, Saved, Failed], "{outcomes:?}");
    for (id, _) in &documents[..3] {
        assert_eq!(database.get(id).unwrap()["taxonomy"], json!(true), "{id}");
    }
    assert!(outcomes[3].error.as_ref().unwrap().contains("without a text layer"), "{outcomes:?}");
}
