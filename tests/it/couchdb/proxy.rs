//! A proxy that does to requests what bad days do: errors, hang-ups, delays, answers cut short.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
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
                    let _ = pass(stream, &server, |_, _| None).await;
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
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(BTreeMap::new()));
        let random = Arc::new(Mutex::new(StdRng::seed_from_u64(seed)));
        let (choose, counts) = (Arc::new(choose), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (server, choose) = (server.clone(), Arc::clone(&choose));
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
                    let _ = pass(socket, &server, pick).await;
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

/// One request and its answer; then the connection is closed.
async fn pass(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    server: &str,
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
    let mut upstream = TcpStream::connect(server).await?;
    let kept = head.trim_end().lines().filter(|line| !line.to_lowercase().starts_with("connection:"));
    let forwarded = kept.collect::<Vec<_>>().join("\r\n") + "\r\nConnection: close\r\n\r\n";
    upstream.write_all(forwarded.as_bytes()).await?;
    upstream.write_all(&request[split..]).await?;
    let mut whole = Vec::new();
    upstream.read_to_end(&mut whole).await?;
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
