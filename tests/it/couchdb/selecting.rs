//! What is selected, and how it is loaded.

use super::server::{TestDatabase, context, server, with_texts};
use futures::TryStreamExt;
use serde_json::json;
use skol_classifier::document::DocumentRef;
use skol_classifier::source::couchdb::{CouchLoadParams, CouchLoader, CouchSelection, CouchSource};
use skol_classifier::source::{Decision, LoadResult, Loader, Selected, Source};
use skol_classifier::taxonomy::TaxonomyFilter;
use std::collections::BTreeSet;

async fn select(input: &TestDatabase, output: &TestDatabase, selection: CouchSelection) -> Vec<Selected> {
    let source = CouchSource::new(input.params(), output.params(), selection, &context()).unwrap();
    source.select().try_concat().await.unwrap()
}

fn names(selected: &[Selected], decision: &Decision) -> Vec<String> {
    let chosen = selected
        .iter()
        .filter(|item| std::mem::discriminant(&item.decision) == std::mem::discriminant(decision));
    chosen.map(|item| format!("{}:{}", item.reference.doc_id, item.reference.attachment_name)).collect()
}

pub fn reference(doc_id: &str, attachment_name: &str) -> DocumentRef {
    DocumentRef { doc_id: doc_id.into(), attachment_name: attachment_name.into() }
}

pub fn loader(database: &TestDatabase) -> CouchLoader {
    let params = CouchLoadParams::new(database.params());
    CouchLoader::open(&params, &context()).unwrap()
}

/// Loads all of `references`, however many the loader gives at once.
pub async fn load_all(loader: &mut CouchLoader, references: &[DocumentRef]) -> Vec<LoadResult> {
    let mut loaded = Vec::new();
    while loaded.len() < references.len() {
        let some = loader.load(&references[loaded.len()..]).await.unwrap();
        assert!(!some.is_empty());
        loaded.extend(some);
    }
    loaded
}

#[tokio::test]
async fn pages_by_key_give_every_document_once() {
    let database = server().database("pages");
    let documents: Vec<_> =
        (0..2_345).map(|n| with_texts(&format!("d{n:05}"), &[("a.txt", "x")], json!({}))).collect();
    database.put_all(&documents);
    let all = select(&database, &database, CouchSelection::default()).await;
    let ids: BTreeSet<_> = all.iter().map(|item| item.reference.doc_id.clone()).collect();
    assert_eq!((all.len(), ids.len()), (2_345, 2_345));

    let limited = CouchSelection { limit: Some(1_501), ..CouchSelection::default() };
    assert_eq!(select(&database, &database, limited).await.len(), 1_501);
    let none = CouchSelection { limit: Some(0), ..CouchSelection::default() };
    assert!(select(&database, &database, none).await.is_empty());
}

#[tokio::test]
async fn listings_decide_what_is_selected() {
    let database = server().database("decide");
    database.put_all(&[
        with_texts(
            "plain",
            &[("b.txt", "b"), ("a.txt", "a"), ("a.pdf", "-"), ("old.txt.ann", "-")],
            json!({}),
        ),
        with_texts("golden", &[("a.txt", "a")], json!({ "golden_dataset": true })),
        with_texts("taxpub", &[("a.txt", "a")], json!({ "is_taxpub": true })),
        with_texts("neither", &[("a.txt", "a")], json!({ "golden_dataset": false, "is_taxpub": null })),
        json!({ "_id": "_design/views", "views": {} }),
        json!({ "_id": "no attachments" }),
    ]);
    let chosen =
        |selection| async { names(&select(&database, &database, selection).await, &Decision::Process) };
    assert_eq!(
        chosen(CouchSelection::default()).await,
        ["golden:a.txt", "neither:a.txt", "plain:a.txt", "plain:b.txt"]
    );
    let strict = CouchSelection { skip_golden: true, include_taxpub: true, ..CouchSelection::default() };
    assert_eq!(chosen(strict).await, ["neither:a.txt", "plain:a.txt", "plain:b.txt", "taxpub:a.txt"]);
    let pdf =
        CouchSelection { pattern: "*".into(), doc_ids: vec!["plain".into()], ..CouchSelection::default() };
    assert_eq!(chosen(pdf).await, ["plain:a.pdf", "plain:a.txt", "plain:b.txt"]);

    let ids = ["plain", "nowhere", "golden"].map(String::from).to_vec();
    let named =
        select(&database, &database, CouchSelection { doc_ids: ids, ..CouchSelection::default() }).await;
    assert_eq!(names(&named, &Decision::Process), ["plain:a.txt", "plain:b.txt", "golden:a.txt"]);
    let failed = named.iter().find(|item| item.reference.doc_id == "nowhere").unwrap();
    assert!(matches!(&failed.decision, Decision::Fail(reason) if reason.to_string().contains("'nowhere'")));
}

#[tokio::test]
async fn what_has_an_annotation_is_skipped_in_the_same_and_in_another_database() {
    let (input, output) = (server().database("in"), server().database("out"));
    input.put_all(&[
        with_texts("a", &[("t.txt", "-"), ("t.txt.ann", "-")], json!({})),
        with_texts("b", &[("t.txt", "-"), ("u.txt", "-")], json!({})),
        with_texts("c", &[("t.txt", "-")], json!({})),
    ]);
    output.put_all(&[with_texts("b", &[("u.txt.ann", "-")], json!({})), json!({ "_id": "a" })]);
    let skipping = || CouchSelection { skip_existing: true, ..CouchSelection::default() };
    let same = select(&input, &input, skipping()).await;
    assert_eq!(names(&same, &Decision::Skip), ["a:t.txt"]);
    let other = select(&input, &output, skipping()).await;
    assert_eq!(names(&other, &Decision::Skip), ["b:u.txt"]);
    assert_eq!(names(&other, &Decision::Process), ["a:t.txt", "b:t.txt", "c:t.txt"]);
}

#[tokio::test]
async fn odd_names_are_encoded_right_in_bulk_and_one_by_one() {
    let database = server().database("odd/na+me$(1)-");
    let ids = ["a/b c", "50%+ 1/2", "ü☂", "a?b#c&d=e", "q\"uote\\", "%2F", "..", "x:y;z,@!*'()"];
    let text = "Amanita muscaria";
    let names = ["vol 1/ä+%.txt", "a&b=c?.txt", "%41.txt", "plain.txt"];
    let texts: Vec<_> = names.iter().map(|name| (*name, text)).collect();
    let documents: Vec<_> = ids.iter().map(|id| with_texts(id, &texts, json!({}))).collect();
    database.put_all(&documents);
    let selected = select(&database, &database, CouchSelection::default()).await;
    assert_eq!(selected.len(), ids.len() * names.len());
    let references: Vec<_> = selected.into_iter().map(|item| item.reference).collect();
    for loaded in load_all(&mut loader(&database), &references).await {
        assert_eq!(loaded.unwrap().unwrap().content, text);
    }
    // A large companion makes the loader fetch attachments one by one ("..", which no URL can hold, stays bulk).
    let scan = "0123456789abcdef".repeat(60_000);
    let heavy = ids.iter().filter(|id| **id != "..").map(|id| {
        let texts = [&texts[..], &[("scan.pdf", scan.as_str())]].concat();
        with_texts(&format!("{id} heavy"), &texts, json!({}))
    });
    let heavy: Vec<_> = heavy.collect();
    database.put_all(&heavy);
    let references: Vec<_> = heavy
        .iter()
        .flat_map(|document| names.map(|name| reference(document["_id"].as_str().unwrap(), name)))
        .collect();
    let mut loader = loader(&database);
    for _ in 0..2 {
        for loaded in load_all(&mut loader, &references).await {
            let document = loaded.unwrap().unwrap();
            assert_eq!(document.content, text);
            assert!(!document.metadata.unwrap().contains("\"data\""), "bodies do not travel in the metadata");
        }
    }
}

#[tokio::test]
async fn large_companions_are_not_fetched_again_and_again() {
    let database = server().database("scans");
    let scan = "0123456789abcdef".repeat(20_000);
    let documents: Vec<_> = (0..200)
        .map(|n| with_texts(&format!("d{n:03}"), &[("a.txt", "text"), ("a.pdf", scan.as_str())], json!({})))
        .collect();
    database.put_all(&documents);
    let references: Vec<_> = (0..200).map(|n| reference(&format!("d{n:03}"), "a.txt")).collect();
    let counts = context();
    let params = CouchLoadParams::new(database.params());
    let mut loader = CouchLoader::open(&params, &counts).unwrap();
    for chunk in references.chunks(20) {
        assert!(load_all(&mut loader, chunk).await.iter().all(|loaded| loaded.as_ref().unwrap().is_some()));
    }
    let received = counts.requests.counts().received;
    assert!(received < 15_000_000, "{received} bytes for 200 texts of 4 bytes and 64 MB of scans");
}

#[tokio::test]
async fn what_cannot_be_loaded_fails_alone_and_says_why() {
    let database = server().database("broken");
    let mut broken = with_texts("broken", &[], json!({}));
    broken["_attachments"]["t.txt"] = json!({ "content_type": "text/plain", "data": "QW1hbml0YSDp" });
    database.put_all(&[
        with_texts("good", &[("t.txt", "Boletus"), ("u.txt", "Russula")], json!({ "n": 1 })),
        broken,
    ]);
    let references = [
        reference("good", "t.txt"),
        reference("broken", "t.txt"),
        reference("nowhere", "t.txt"),
        reference("good", "gone.txt"),
        reference("good", "u.txt"),
    ];
    let loaded = load_all(&mut loader(&database), &references).await;
    let content = |at: usize| loaded[at].as_ref().unwrap().as_ref().unwrap().content.as_str();
    assert_eq!((content(0), content(4)), ("Boletus", "Russula"));
    let reason = |at: usize| loaded[at].as_ref().unwrap_err().to_string();
    assert!(
        reason(1).contains("byte 0xE9 at offset 8") && reason(1).contains("--encoding windows-1252"),
        "{}",
        reason(1)
    );
    assert!(reason(2).contains("'nowhere'"), "{}", reason(2));
    assert!(reason(3).contains("'gone.txt'"), "{}", reason(3));
}

#[tokio::test]
async fn a_text_longer_than_a_document_may_be_is_not_read() {
    let database = server().database("longest");
    let (long, scan) = ("word ".repeat(800), "0123456789abcdef".repeat(60_000));
    database.put_all(&[
        with_texts("bulk", &[("long.txt", &long), ("short.txt", "Boletus")], json!({})),
        with_texts("single", &[("long.txt", &long), ("short.txt", "Russula"), ("s.pdf", &scan)], json!({})),
    ]);
    let params = CouchLoadParams { max_document_size: 3_999, ..CouchLoadParams::new(database.params()) };
    let mut loader = CouchLoader::open(&params, &context()).unwrap();
    for id in ["bulk", "single", "single"] {
        let loaded = load_all(&mut loader, &[reference(id, "long.txt"), reference(id, "short.txt")]).await;
        let error = loaded[0].as_ref().unwrap_err().to_string();
        for wanted in ["'long.txt' of document", "4000 bytes", "3999 at most", "--max-document-size"] {
            assert!(error.contains(wanted), "{id}: {error}");
        }
        assert!(loaded[1].as_ref().unwrap().is_some(), "{id}: {:?}", loaded[1]);
    }
}

#[tokio::test]
async fn the_taxonomy_filter_leaves_out_what_does_not_speak_of_it() {
    let database = server().database("filter");
    database.put_all(&[
        with_texts("a", &[("t.txt", "Amanita nova sp. nov.")], json!({})),
        with_texts("b", &[("t.txt", "Minutes of the meeting")], json!({})),
    ]);
    let params = CouchLoadParams {
        taxonomy: Some(TaxonomyFilter::default()),
        ..CouchLoadParams::new(database.params())
    };
    let mut loader = CouchLoader::open(&params, &context()).unwrap();
    let loaded = load_all(&mut loader, &[reference("a", "t.txt"), reference("b", "t.txt")]).await;
    assert!(loaded[0].as_ref().unwrap().is_some() && loaded[1].as_ref().unwrap().is_none());
}
