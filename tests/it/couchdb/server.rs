//! The server under test: the one at `SKOL_TEST_COUCHDB_URL` (a CouchDB 3.x, with an administrator's user and
//! password in the URL), else a pouchdb-server of this test process. Without either the tests fail.

use serde_json::{Value, json};
use skol_classifier::couchdb::{ConnectionParams, Secret};
use skol_classifier::worker::WorkerContext;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A running server.
pub struct Server {
    url: String,
    pub user: String,
    pub secret: String,
    /// Kept alive by this.
    _process: Option<OwnServer>,
}

/// A pouchdb-server that ends with this process, or when it is dropped.
pub struct OwnServer {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
    secret: String,
}

impl OwnServer {
    fn home() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/couchdb-server")
    }

    pub fn is_installed() -> bool {
        Self::home().join("node_modules/pouchdb-server").is_dir()
    }

    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let secret = format!("geheim-{:016x}", rand::random::<u64>());
        let child = Self::launch(folder.path(), port, &secret);
        Self { child, folder, port, secret }
    }

    fn launch(folder: &Path, port: u16, secret: &str) -> Child {
        assert!(
            Self::is_installed(),
            "\n\nNO COUCHDB TO TEST AGAINST: run scripts/install-test-server.sh (needs Node.js and npm), or set \
             SKOL_TEST_COUCHDB_URL=http://user:password@host:5984 to a CouchDB 3.x\n"
        );
        let child = Command::new("node")
            .args([
                "--no-deprecation".as_ref(),
                Self::home().join("start.js").as_os_str(),
                folder.as_os_str(),
            ])
            .arg(port.to_string())
            .env("TEST_SERVER_SECRET", secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("NO COUCHDB TO TEST AGAINST: node cannot be started");
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "NO COUCHDB TO TEST AGAINST: pouchdb-server does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
        child
    }

    pub fn server(&self) -> Server {
        Server {
            url: format!("http://127.0.0.1:{}", self.port),
            user: "admin".into(),
            secret: self.secret.clone(),
            _process: None,
        }
    }

    /// Kills it; its data stays.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same data.
    pub fn start_again(&mut self) {
        self.child = Self::launch(self.folder.path(), self.port, &self.secret);
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the tests run on a CouchDB, so that nothing has to be played.
pub fn is_couchdb() -> bool {
    given_url().is_some()
}

/// What `SKOL_TEST_COUCHDB_URL` names; empty counts as not set, as in the scripts.
fn given_url() -> Option<String> {
    std::env::var("SKOL_TEST_COUCHDB_URL").ok().filter(|url| !url.is_empty())
}

/// The server that the tests of this process share.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| match given_url() {
        Some(url) => {
            let params = ConnectionParams::new(&url, "any").expect("SKOL_TEST_COUCHDB_URL");
            let secret = params.secret.as_ref().map(|secret| secret.expose().to_owned()).unwrap_or_default();
            let user = params.user.clone().unwrap_or_default();
            Server { url: params.url().to_owned(), user, secret, _process: None }
        }
        None => {
            let own = OwnServer::start();
            let server = own.server();
            Server { _process: Some(own), ..server }
        }
    })
}

impl Server {
    /// Its address without user and password.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// `host:port`
    pub fn address(&self) -> String {
        url::Url::parse(&self.url).unwrap().socket_addrs(|| None).unwrap()[0].to_string()
    }

    /// A new, empty database whose name ends with `name`; deleted when dropped.
    pub fn database(&self, name: &str) -> TestDatabase {
        let database = self.absent(name);
        assert_eq!(database.request("PUT", &[], "", None).0, 201);
        database
    }

    /// The same, not created.
    pub fn absent(&self, name: &str) -> TestDatabase {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("skol_test_{}_{number}_{name}", std::process::id());
        let mut database = self.existing(&name);
        database.is_ours = true;
        database
    }

    /// One of the server's own, which stays.
    pub fn existing(&self, name: &str) -> TestDatabase {
        TestDatabase {
            name: name.to_owned(),
            url: self.url.clone(),
            address: self.address(),
            user: self.user.clone(),
            secret: self.secret.clone(),
            is_ours: false,
        }
    }
}

/// A database of one test, spoken to by a client of its own: the simplest one that can be (a request and an
/// answer over a socket), so that nothing under test stands in the way.
pub struct TestDatabase {
    pub name: String,
    url: String,
    address: String,
    user: String,
    secret: String,
    /// Whether it goes with the test.
    is_ours: bool,
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if !self.is_ours {
            return;
        }
        // Also when the test failed: whoever wants to look at what is left runs it again in a debugger.
        // A busy server may not be able to at once.
        for _ in 0..5 {
            let Ok(mut socket) = self.try_request("DELETE", &[], "", None) else { return };
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer);
            if [b" 200", b" 202", b" 404"].iter().any(|status| answer.get(8..12) == Some(&status[..])) {
                return;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

impl TestDatabase {
    /// Parameters that lead to it.
    pub fn params(&self) -> ConnectionParams {
        self.params_at(&self.url)
    }

    /// Parameters that lead to it by way of `url`.
    pub fn params_at(&self, url: &str) -> ConnectionParams {
        ConnectionParams::new(url, &self.name)
            .unwrap()
            .with_credentials(Some(self.user.clone()), Some(Secret::new(self.secret.clone())))
    }

    /// Copies what changed here since the last time to `target`, as any replicator does it.
    pub fn replicate_to(&self, target: &TestDatabase) {
        let address = |database: &TestDatabase| {
            let user = format!("://{}:{}@", self.user, self.secret);
            format!("{}/{}", self.url.replacen("://", &user, 1), database.name)
        };
        let body = json!({ "source": address(self), "target": address(target) }).to_string();
        let mut socket =
            self.send("POST", "/_replicate", Some(("application/json", body.as_bytes()))).unwrap();
        let (status, answer) = read_answer(&mut socket);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }

    /// Status and body of one request below the database.
    pub fn request(
        &self,
        method: &str,
        path: &[&str],
        query: &str,
        body: Option<(&str, &[u8])>,
    ) -> (u16, Vec<u8>) {
        read_answer(&mut self.try_request(method, path, query, body).unwrap())
    }

    fn try_request(
        &self,
        method: &str,
        path: &[&str],
        query: &str,
        body: Option<(&str, &[u8])>,
    ) -> std::io::Result<TcpStream> {
        let encode = |segment: &str| {
            percent_encoding::utf8_percent_encode(segment, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let mut target = format!("/{}", encode(&self.name));
        for segment in path {
            let api = segment.starts_with('_') && !segment.starts_with("_x");
            target += &format!("/{}", if api { (*segment).to_owned() } else { encode(segment) });
        }
        if !query.is_empty() {
            target += &format!("?{query}");
        }
        self.send(method, &target, body)
    }

    fn send(&self, method: &str, target: &str, body: Option<(&str, &[u8])>) -> std::io::Result<TcpStream> {
        use base64::Engine as _;
        let basic =
            base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", self.user, self.secret));
        let (content_type, body) = body.unwrap_or(("application/json", b""));
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic {basic}\r\nConnection: close\r\n\
             Accept: application/json\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        let mut socket = TcpStream::connect(&self.address)?;
        socket.write_all(head.as_bytes())?;
        socket.write_all(body)?;
        Ok(socket)
    }

    /// Writes documents as they are; they must all be accepted.
    pub fn put_all(&self, documents: &[Value]) {
        let largest = documents.iter().map(|document| document.to_string().len()).max().unwrap_or(1);
        for chunk in documents.chunks((6_000_000 / largest).clamp(1, 500)) {
            let body = serde_json::to_vec(&json!({ "docs": chunk })).unwrap();
            let (status, answer) =
                self.request("POST", &["_bulk_docs"], "", Some(("application/json", &body)));
            assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
            let results: Vec<Value> = serde_json::from_slice(&answer).unwrap();
            assert!(results.iter().all(|result| result.get("error").is_none()), "{results:?}");
        }
    }

    /// Writes one document; its new revision, or `None` on a conflict.
    pub fn try_put(&self, document: &Value) -> Option<String> {
        let id = document["_id"].as_str().unwrap();
        let body = serde_json::to_vec(document).unwrap();
        let (status, answer) = self.request("PUT", &[id], "", Some(("application/json", &body)));
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert!(status == 201 || status == 409, "{status} {answer}");
        Some(answer.get("rev")?.as_str()?.to_owned())
    }

    /// The document, attachments as stubs.
    pub fn get(&self, id: &str) -> Option<Value> {
        let (status, body) = self.request("GET", &[id], "", None);
        (status == 200).then(|| serde_json::from_slice(&body).unwrap())
    }

    /// The attachment's bytes.
    pub fn attachment(&self, id: &str, name: &str) -> Option<Vec<u8>> {
        let (status, body) = self.request("GET", &[id, name], "", None);
        (status == 200).then_some(body)
    }

    /// Every document with its attachments inline, by id.
    pub fn everything(&self) -> Vec<Value> {
        let (status, body) = self.request("GET", &["_all_docs"], "", None);
        assert_eq!(status, 200);
        let listing: Value = serde_json::from_slice(&body).unwrap();
        let ids: Vec<&str> =
            listing["rows"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
        let mut documents = Vec::new();
        for chunk in ids.chunks(100) {
            let docs: Vec<Value> = chunk.iter().map(|id| json!({ "id": id })).collect();
            let body = serde_json::to_vec(&json!({ "docs": docs })).unwrap();
            let request = Some(("application/json", body.as_slice()));
            let (status, answer) = self.request("POST", &["_bulk_get"], "attachments=true", request);
            assert_eq!(status, 200);
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            documents.extend(
                answer["results"].as_array().unwrap().iter().map(|result| result["docs"][0]["ok"].clone()),
            );
        }
        documents
    }
}

/// Asks `address` with these header lines; the status, the answer's head in lower case, and its body.
pub fn ask(address: &str, method: &str, target: &str, headers: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(body).unwrap();
    read_whole(&mut socket)
}

fn read_answer(socket: &mut TcpStream) -> (u16, Vec<u8>) {
    let (status, _, body) = read_whole(socket);
    (status, body)
}

fn read_whole(socket: &mut TcpStream) -> (u16, String, Vec<u8>) {
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let split = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&answer[..split]).to_lowercase();
    let mut body = answer[split + 4..].to_vec();
    if head.contains("transfer-encoding: chunked") {
        body = unchunk(&body);
    }
    (head[9..12].parse().unwrap(), head, body)
}

pub fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(line) = body.windows(2).position(|window| window == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&body[..line]).unwrap().trim(), 16).unwrap();
        if length == 0 {
            break;
        }
        whole.extend_from_slice(&body[line + 2..line + 2 + length]);
        body = &body[line + 4 + length..];
    }
    whole
}

/// A document with text attachments.
pub fn with_texts(id: &str, texts: &[(&str, &str)], fields: Value) -> Value {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let attachments: serde_json::Map<String, Value> = texts
        .iter()
        .map(|(name, text)| {
            ((*name).to_owned(), json!({ "content_type": "text/plain", "data": encode(text) }))
        })
        .collect();
    let mut document = fields;
    document["_id"] = id.into();
    document["_attachments"] = attachments.into();
    document
}

/// What the workers of a new run share.
pub fn context() -> WorkerContext {
    WorkerContext::default()
}
