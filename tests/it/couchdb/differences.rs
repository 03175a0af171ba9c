//! Where strict mode differs from pouchdb-server it must answer as CouchDB does. Here the same questions go to
//! whichever of the two the tests run on, and have one answer.

use super::proxy::Proxy;
use super::server::{Server, TestDatabase, ask, is_couchdb, server, with_texts};
use super::strict::{Strict, Traits};
use serde_json::{Value, json};
use std::sync::Arc;

/// A CouchDB, or strict mode with `traits`.
struct Judge {
    address: String,
    _proxy: Option<Proxy>,
}

struct Said {
    status: u16,
    /// In lower case.
    head: String,
    body: Vec<u8>,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The status, and CouchDB's word and reason for a refusal.
    fn refusal(&self) -> (u16, String, String) {
        let word = |name: &str| self.json()[name].as_str().unwrap_or_default().to_owned();
        (self.status, word("error"), word("reason"))
    }
}

impl Judge {
    async fn new(traits: Traits) -> Self {
        if is_couchdb() {
            return Self { address: server().address(), _proxy: None };
        }
        let proxy = Proxy::strict(server().address(), Arc::new(Strict::new(traits))).await;
        Self { address: proxy.url.replacen("http://", "", 1), _proxy: Some(proxy) }
    }

    fn ask(&self, user: (&str, &str), method: &str, path: &str, body: Option<Value>) -> Said {
        self.ask_for("application/json", user, method, path, body)
    }

    fn ask_for(
        &self,
        accept: &str,
        (user, secret): (&str, &str),
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Said {
        use base64::Engine as _;
        let mut headers = format!("Accept: {accept}\r\nContent-Type: application/json\r\n");
        if !user.is_empty() {
            let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{secret}"));
            headers += &format!("Authorization: Basic {basic}\r\n");
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let (status, head, body) = ask(&self.address, method, &format!("/{path}"), &headers, body.as_bytes());
        Said { status, head, body }
    }
}

fn keeper() -> (&'static str, &'static str) {
    let Server { user, secret, .. } = server();
    (user, secret)
}

/// A user of this test alone; deleted when dropped. On pouchdb-server strict mode plays what happens to it.
struct Member {
    name: String,
    secret: String,
    users: TestDatabase,
}

impl Member {
    fn new() -> Self {
        let (name, secret) = (
            format!("skol_test_{:016x}", rand::random::<u64>()),
            format!("m1tgl-{:x}", rand::random::<u64>()),
        );
        let users = server().existing("_users");
        if is_couchdb() {
            let id = format!("org.couchdb.user:{name}");
            let user = json!({ "_id": id, "name": name, "password": secret, "roles": [], "type": "user" });
            assert!(users.try_put(&user).is_some());
        }
        Self { name, secret, users }
    }

    /// Who asks: strict mode plays a member by its traits, whoever asks.
    fn credentials(&self) -> (&str, &str) {
        if is_couchdb() { (&self.name, &self.secret) } else { keeper() }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let id = format!("org.couchdb.user:{}", self.name);
        if let Some(user) = self.users.get(&id).filter(|_| is_couchdb()) {
            let rev = user["_rev"].as_str().unwrap_or_default().to_owned();
            self.users.request("DELETE", &[&id], &format!("rev={rev}"), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_write_may_stand_on() {
    let database = server().database("bases");
    let judge = Judge::new(Traits::default()).await;
    database.put_all(&[json!({ "_id": "gone" }), with_texts("a", &[("t.txt", "Amanita")], json!({}))]);
    let rev = database.get("gone").unwrap()["_rev"].as_str().unwrap().to_owned();
    let (status, deleted) = database.request("DELETE", &["gone"], &format!("rev={rev}"), None);
    assert_eq!(status, 200);
    let tombstone = serde_json::from_slice::<Value>(&deleted).unwrap()["rev"].clone();
    let path = format!("{}/_bulk_docs", database.name);
    let write = |document: Value| judge.ask(keeper(), "POST", &path, Some(json!({ "docs": [document] })));
    let said = write(json!({ "_id": "gone", "_rev": tombstone }));
    assert_eq!(
        (said.status, said.json()[0]["error"].as_str()),
        (201, Some("conflict")),
        "a deletion is no base"
    );
    let said = write(json!({ "_id": "gone" }));
    assert_eq!((said.status, said.json()[0]["ok"].as_bool()), (201, Some(true)), "{}", said.json());

    let mut document = database.get("a").unwrap();
    document["_attachments"]["t.txt"]["revpos"] = 7.into();
    let expected = (412, "missing_stub".to_owned(), "Invalid attachment stub in a for t.txt".to_owned());
    assert_eq!(write(document.clone()).refusal(), expected, "a stub of another revision");
    document["_attachments"]["t.txt"]["revpos"] = 1.into();
    document["_attachments"]["u.txt"] = json!({ "stub": true });
    let expected = (412, "missing_stub".to_owned(), "Invalid attachment stub in a for u.txt".to_owned());
    assert_eq!(write(document).refusal(), expected, "a stub of nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large() {
    let database = server().database("limits");
    let judge = Judge::new(Traits::default()).await;
    let path = format!("{}/_bulk_docs", database.name);
    let long = json!({ "docs": [{ "_id": "small" }, { "_id": "long", "field": "z".repeat(8_000_100) }] });
    let said = judge.ask(keeper(), "POST", &path, Some(long));
    assert_eq!(said.refusal(), (413, "document_too_large".to_owned(), "long".to_owned()));
    assert!(database.get("small").is_none(), "the request fails as a whole");
    if !is_couchdb() {
        eprintln!("NOT TESTED here: pouchdb-server takes no body of 8 MB, whatever is in it");
        return;
    }
    let attached = json!({ "docs": [with_texts("a", &[("t.txt", &"Amanita ".repeat(900_000))], json!({}))] });
    let said = judge.ask(keeper(), "POST", &path, Some(attached));
    assert_eq!(said.status, 201, "attachments do not count: {}", said.json());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_texts_come() {
    use base64::Engine as _;
    use md5::Digest as _;
    let database = server().database("forms");
    let judge = Judge::new(Traits::default()).await;
    let text = "Amanita muscaria ".repeat(100);
    let mut document = with_texts("a", &[("t.txt", &text)], json!({}));
    document["_attachments"]["p"] = json!({ "content_type": "application/octet-stream", "data": "AQID" });
    database.put_all(&[document]);
    let digest = |bytes: &[u8]| {
        format!("md5-{}", base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(bytes)))
    };
    let path = format!("{}/_all_docs?include_docs=true", database.name);
    let said = judge.ask(keeper(), "GET", &path, None).json();
    let stubs = &said["rows"][0]["doc"]["_attachments"];
    assert_eq!(stubs["p"]["digest"], digest(&[1, 2, 3]));
    assert_eq!(stubs["t.txt"]["length"], text.len());
    let stated = stubs["t.txt"]["digest"].as_str().unwrap();
    assert!(stated.len() == 28 && stated != digest(text.as_bytes()), "of the compressed form: {stated}");

    let path = format!("{}/_bulk_get?attachments=true", database.name);
    let ids = json!({ "docs": [{ "id": "a" }, { "id": "nothing" }] });
    let said = judge.ask_for("multipart/mixed", keeper(), "POST", &path, Some(ids.clone()));
    let kind = "content-type: multipart/mixed; boundary=";
    assert!(said.status == 200 && said.head.contains(kind), "{}", said.head);
    let shown = String::from_utf8_lossy(&said.body).into_owned();
    for wanted in ["\"follows\":true", "\"encoding\":\"gzip\"", "Content-Encoding: gzip", "error=\"true\""] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    let said = judge.ask(keeper(), "POST", &path, Some(ids));
    let data = &said.json()["results"][0]["docs"][0]["ok"]["_attachments"]["t.txt"]["data"];
    assert_eq!(*data, base64::engine::general_purpose::STANDARD.encode(&text));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_server_lets_in_and_do_what() {
    let (member, wrong) = (Member::new(), format!("f4lsch-{:x}", rand::random::<u64>()));
    let judge = Judge::new(Traits { no_admin: true, ..Traits::default() }).await;
    let absent = server().absent("made_by_a_member");
    let said = judge.ask(member.credentials(), "PUT", &absent.name, None);
    assert_eq!(said.refusal(), (401, "unauthorized".to_owned(), "You are not a server admin.".to_owned()));

    let judge = Judge::new(Traits { read_only: true, ..Traits::default() }).await;
    let database = server().database("of_others");
    if is_couchdb() {
        let others = json!({ "members": { "names": ["somebody"] }, "admins": {} }).to_string();
        let body = Some(("application/json", others.as_bytes()));
        assert_eq!(database.request("PUT", &["_security"], "", body).0, 200);
    }
    let path = format!("{}/_bulk_docs", database.name);
    let said = judge.ask(member.credentials(), "POST", &path, Some(json!({ "docs": [] })));
    let reason = "You are not allowed to access this db.".to_owned();
    assert_eq!(said.refusal(), (403, "forbidden".to_owned(), reason));

    let judge = Judge::new(Traits { lockout: true, ..Traits::default() }).await;
    for _ in 0..5 {
        let login = json!({ "name": member.name, "password": wrong });
        let said = judge.ask(("", ""), "POST", "_session", Some(login));
        assert_eq!((said.status, said.json()["error"].as_str()), (401, Some("unauthorized")));
    }
    let login = json!({ "name": member.name, "password": member.secret });
    let said = judge.ask(("", ""), "POST", "_session", Some(login));
    let reason = "Account is temporarily locked due to multiple authentication failures".to_owned();
    assert_eq!(said.refusal(), (403, "forbidden".to_owned(), reason), "the right password does not help");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_partitioned_and_a_validating_database_refuse() {
    let judge = Judge::new(Traits { partitioned: true, ..Traits::default() }).await;
    let database = server().absent("partitioned");
    let query = if is_couchdb() { "partitioned=true" } else { "" };
    assert_eq!(database.request("PUT", &[], query, None).0, 201);
    let said = judge.ask(keeper(), "GET", &database.name, None);
    assert_eq!(said.json()["props"]["partitioned"], true);
    let path = format!("{}/_bulk_docs", database.name);
    let docs = json!({ "docs": [{ "_id": "vol:1" }, { "_id": "plain" }] });
    let said = judge.ask(keeper(), "POST", &path, Some(docs));
    let reason = "Doc id must be of form partition:id".to_owned();
    assert_eq!(said.refusal(), (400, "illegal_docid".to_owned(), reason));
    assert!(database.get("vol:1").is_none(), "the request fails as a whole");

    let judge = Judge::new(Traits { validates_nothing: true, ..Traits::default() }).await;
    let database = server().database("validating");
    if is_couchdb() {
        let refuse = "function () { throw({ forbidden: 'this replica is read-only' }); }";
        database.put_all(&[json!({ "_id": "_design/refuse", "validate_doc_update": refuse })]);
    }
    let path = format!("{}/_bulk_docs", database.name);
    let said = judge.ask(keeper(), "POST", &path, Some(json!({ "docs": [{ "_id": "a" }] })));
    let expected = json!([{ "id": "a", "error": "forbidden", "reason": "this replica is read-only" }]);
    assert_eq!((said.status, said.json()), (201, expected));
}
