//! A proxy that does to requests what bad days do: errors, hang-ups, delays, answers cut short.

use super::strict::Strict;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mishap {
    /// The connection is closed before the server sees the request.
    HangUp,
    /// 503 before the server sees the request.
    Unavailable,
    /// 429 with `Retry-After: 1`, before the server sees the request.
    TooMany,
    /// 500 before the server sees the request.
    ErrorBefore,
    /// 401 before the server sees the request.
    Unauthorized,
    /// 500 after the server did it.
    ErrorAfterwards,
    /// The server does it, and the answer is lost.
    LoseAnswer,
    /// The server does it, and the answer breaks off in the middle.
    CutAnswer,
    /// The server does it, and the answer is half as long, without a sign of it but its bad JSON.
    BadJson,
    /// It takes a second.
    Delay,
}

/// A request as it came.
pub struct Request {
    head: String,
    pub body: Vec<u8>,
}

/// An answer as it goes.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    pub fn path(&self) -> &str {
        let target = self.head.split(' ').nth(1).unwrap_or_default();
        target.split('?').next().unwrap_or_default()
    }

    /// How many segments its path has.
    pub fn segments(&self) -> usize {
        self.path().split('/').filter(|segment| !segment.is_empty()).count()
    }

    /// The part of the server's interface that it asks for (`_bulk_docs`), or nothing.
    pub fn api(&self) -> &str {
        let last = self.path().rsplit('/').next().unwrap_or_default();
        if last.starts_with('_') { last } else { "" }
    }

    pub fn accepts(&self, media_type: &str) -> bool {
        header(&self.head, "accept")
            .is_none_or(|accept| accept.contains(media_type) || accept.contains("*/*"))
    }

    /// Asks `server` something else for the same database and user.
    pub async fn ask(&self, server: &str, api: &str, body: &serde_json::Value) -> serde_json::Value {
        let database = self.path().split('/').nth(1).unwrap_or_default();
        let mut head = format!(
            "POST /{database}/{api} HTTP/1.1\r\nHost: {server}\r\nContent-Type: application/json\r\n"
        );
        for name in ["cookie", "authorization"] {
            if let Some(value) = header(&self.head, name) {
                head += &format!("{name}: {value}\r\n");
            }
        }
        let request = Self { head: head + "\r\n", body: body.to_string().into_bytes() };
        let answer = forward(server, &request).await.map(|whole| Answer::parse(&whole));
        answer.ok().and_then(|answer| serde_json::from_slice(&answer.body).ok()).unwrap_or_default()
    }
}

impl Answer {
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let kind = ("Content-Type".to_owned(), "application/json".to_owned());
        Self { status, headers: vec![kind], body: body.to_string().into_bytes() }
    }

    /// In CouchDB's own words.
    pub fn error(status: u16, error: &str, reason: &str) -> Self {
        Self::json(status, &serde_json::json!({ "error": error, "reason": reason }))
    }

    /// The page of a reverse proxy.
    pub fn page(status: u16, title: &str) -> Self {
        let page = format!("<html><head><title>{status} {title}</title></head><body>nginx</body></html>");
        let kind = ("Content-Type".to_owned(), "text/html".to_owned());
        Self { status, headers: vec![kind], body: page.into_bytes() }
    }

    fn parse(whole: &[u8]) -> Self {
        let split = find_head_end(whole).unwrap_or(whole.len());
        let head = String::from_utf8_lossy(&whole[..split]).into_owned();
        let mut body = whole[split..].to_vec();
        if header(&head, "transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            body = super::server::unchunk(&body);
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(502);
        let own = ["content-length", "transfer-encoding", "connection"];
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let headers = headers
            .filter(|(name, _)| !own.contains(&name.to_lowercase().as_str()))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Self { status, headers: headers.collect(), body }
    }

    fn render(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} As It Is\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\nConnection: close\r\n\r\n", self.body.len());
        [head.as_bytes(), &self.body].concat()
    }
}

/// A proxy to one server, for as long as it lives.
pub struct Proxy {
    pub url: String,
    seen: Arc<Mutex<BTreeMap<Mishap, u32>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Lets happen `choose` (called with a random number in 0..1 and the request's head) to each request.
    pub async fn start(
        server: String,
        seed: u64,
        choose: impl Fn(f64, &str) -> Option<Mishap> + Send + Sync + 'static,
    ) -> Self {
        Self::launch(server, seed, move |random, head, _| choose(random, head)).await
    }

    /// Answers as `strict` does.
    pub async fn strict(server: String, strict: Arc<Strict>) -> Self {
        Self::with(server, 0, strict, |_, _, _| None).await
    }

    /// Lets happen `choose` (called with the request's body) to each request.
    pub async fn start_with_bodies(
        server: String,
        choose: impl Fn(&[u8]) -> Option<Mishap> + Send + Sync + 'static,
    ) -> Self {
        Self::launch(server, 0, move |_, _, body| choose(body)).await
    }

    /// Speaks TLS, with a certificate for `localhost` that only the authority in `tls/ca.pem` vouches for.
    pub async fn start_tls(server: String) -> Self {
        use rustls::pki_types::pem::PemObject;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer};
        let chain = vec![CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (server, acceptor) = (server.clone(), acceptor.clone());
                tokio::spawn(async move {
                    // A client that does not trust the certificate hangs up in the handshake.
                    let Ok(stream) = acceptor.accept(socket).await else { return };
                    let _ = pass(stream, &server, None, |_, _| None).await;
                });
            }
        });
        Self { url, seen: Arc::default(), task }
    }

    async fn launch(
        server: String,
        seed: u64,
        choose: impl Fn(f64, &str, &[u8]) -> Option<Mishap> + Send + Sync + 'static,
    ) -> Self {
        // On pouchdb-server every test meets its answers and, by way of this, those that CouchDB gives.
        let strict = if super::server::is_couchdb() { None } else { Some(Arc::default()) };
        Self::begin(server, seed, strict, choose).await
    }

    async fn with(
        server: String,
        seed: u64,
        strict: Arc<Strict>,
        choose: impl Fn(f64, &str, &[u8]) -> Option<Mishap> + Send + Sync + 'static,
    ) -> Self {
        Self::begin(server, seed, Some(strict), choose).await
    }

    async fn begin(
        server: String,
        seed: u64,
        strict: Option<Arc<Strict>>,
        choose: impl Fn(f64, &str, &[u8]) -> Option<Mishap> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(BTreeMap::new()));
        let random = Arc::new(Mutex::new(StdRng::seed_from_u64(seed)));
        let (choose, counts) = (Arc::new(choose), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (server, choose, strict) = (server.clone(), Arc::clone(&choose), strict.clone());
                let (random, counts) = (Arc::clone(&random), Arc::clone(&counts));
                tokio::spawn(async move {
                    let pick = |head: &str, body: &[u8]| {
                        let mishap = choose(random.lock().unwrap().random(), head, body);
                        if let Some(mishap) = mishap {
                            *counts.lock().unwrap().entry(mishap).or_insert(0) += 1;
                        }
                        mishap
                    };
                    // What goes wrong here is what the client has to live with.
                    let _ = pass(socket, &server, strict.as_deref(), pick).await;
                });
            }
        });
        Self { url, seen, task }
    }

    /// One request in ten fails, in some way; as many again take a second.
    pub fn one_in_ten(random: f64, _: &str) -> Option<Mishap> {
        const FAILURES: [Mishap; 7] = [
            Mishap::HangUp,
            Mishap::Unavailable,
            Mishap::TooMany,
            Mishap::ErrorAfterwards,
            Mishap::LoseAnswer,
            Mishap::CutAnswer,
            Mishap::BadJson,
        ];
        match random {
            r if r < 0.1 => Some(FAILURES[(r * 70.0) as usize]),
            r if r < 0.2 => Some(Mishap::Delay),
            _ => None,
        }
    }

    /// How often each mishap happened.
    pub fn seen(&self) -> BTreeMap<Mishap, u32> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests failed.
    pub fn failures(&self) -> u32 {
        self.seen().iter().filter(|(mishap, _)| **mishap != Mishap::Delay).map(|(_, count)| count).sum()
    }
}

/// Where a program finds the server: itself when it is a CouchDB, else by way of strict mode, one for all tests.
pub fn front() -> String {
    static FRONT: OnceLock<(tokio::runtime::Runtime, Proxy)> = OnceLock::new();
    if super::server::is_couchdb() {
        return super::server::server().url();
    }
    let start = || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let address = super::server::server().address();
        let proxy = runtime.block_on(Proxy::strict(address, Arc::default()));
        (runtime, proxy)
    };
    // In a thread of its own: the test that asks first may have a runtime already.
    FRONT.get_or_init(|| std::thread::spawn(start).join().unwrap()).1.url.clone()
}

/// One request and its answer; then the connection is closed.
async fn pass(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    server: &str,
    strict: Option<&Strict>,
    pick: impl Fn(&str, &[u8]) -> Option<Mishap>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    let split = loop {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        if let Some(split) = find_head_end(&request) {
            break split;
        }
    };
    let head = String::from_utf8_lossy(&request[..split]).into_owned();
    let length = header(&head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    while request.len() < split + length {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let mishap = pick(&head, &request[split..]);
    match mishap {
        Some(Mishap::HangUp) => return Ok(()),
        Some(Mishap::Unavailable) => return answer(&mut client, "503 Service Unavailable", "").await,
        Some(Mishap::ErrorBefore) => return answer(&mut client, "500 Internal Server Error", "").await,
        Some(Mishap::Unauthorized) => return answer(&mut client, "401 Unauthorized", "").await,
        Some(Mishap::TooMany) => {
            return answer(&mut client, "429 Too Many Requests", "Retry-After: 1\r\n").await;
        }
        Some(Mishap::Delay) => tokio::time::sleep(Duration::from_secs(1)).await,
        _ => {}
    }
    let mut request = Request { head, body: request[split..].to_vec() };
    let mut whole = match strict {
        None => forward(server, &request).await?,
        Some(strict) => match strict.request(&mut request, server).await {
            Some(answer) => answer.render(),
            None => {
                let answer = Answer::parse(&forward(server, &request).await?);
                strict.answer(&request, answer).render()
            }
        },
    };
    let body = find_head_end(&whole).unwrap_or(whole.len());
    match mishap {
        Some(Mishap::ErrorAfterwards) => return answer(&mut client, "500 Internal Server Error", "").await,
        Some(Mishap::LoseAnswer) => return Ok(()),
        Some(Mishap::CutAnswer) => whole.truncate(body + (whole.len() - body) / 2),
        Some(Mishap::BadJson) => {
            let half = whole[body..body + (whole.len() - body) / 2].to_vec();
            let status =
                String::from_utf8_lossy(&whole[..body]).lines().next().unwrap_or_default().to_owned();
            let head = format!("{status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", half.len());
            whole = [head.as_bytes(), &half].concat();
        }
        _ => {}
    }
    client.write_all(&whole).await?;
    client.shutdown().await
}

/// Sends `request` to `server`; the whole answer, as it came.
async fn forward(server: &str, request: &Request) -> std::io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(server).await?;
    let own = ["connection:", "content-length:"];
    let kept = request
        .head
        .trim_end()
        .lines()
        .filter(|line| !own.iter().any(|own| line.to_lowercase().starts_with(own)));
    let length = request.body.len();
    let head = kept.collect::<Vec<_>>().join("\r\n")
        + &format!("\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    upstream.write_all(head.as_bytes()).await?;
    upstream.write_all(&request.body).await?;
    let mut whole = Vec::new();
    upstream.read_to_end(&mut whole).await?;
    Ok(whole)
}

async fn answer(client: &mut (impl AsyncWrite + Unpin), status: &str, headers: &str) -> std::io::Result<()> {
    let text = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 2\r\nConnection: close\r\n\r\n{{}}");
    client.write_all(text.as_bytes()).await
}

fn find_head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) =
        head.lines().filter_map(|line| line.split_once(':')).find(|(n, _)| n.eq_ignore_ascii_case(name))?;
    Some(value.trim())
}
